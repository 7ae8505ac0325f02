// Finds the one token of a request (RFC 6750 §2.1): in `Authorization`, and nowhere else.

internal import Bytes
internal import HTTP

/// What a request presents.
enum BearerCredentials: Equatable {
    /// A token at this place in the head.
    case token(ByteRange)
    /// Nothing usable, for this reason.
    case none(AccessReason)

    /// Looks for the token of `request`.
    init(_ request: borrowing RequestHead) {
        let bytes = request.bytes.span
        let isInQuery = Self.hasAccessToken(bytes.extracting(request.target.query))
        guard let field = request.fields.first(.authorization) else {
            self = .none(isInQuery ? .tokenInQuery : .noCredentials)
            return
        }
        guard !isInQuery, request.fields.count(of: .authorization) == 1 else {
            self = .none(.multipleCredentials)
            return
        }
        let value = bytes.extracting(field)
        guard value.startsIgnoringCase(with: "bearer"), value.count == 6 || value[6] == ASCII.space else {
            self = .none(.schemeUnsupported)
            return
        }
        var start = 6
        while start < value.count, value[start] == ASCII.space { start += 1 }
        let refusal = Self.refusal(of: value.extracting(start...))
        self = refusal.map { .none($0) } ?? .token(ByteRange(field.start + start, field.end))
    }

    /// Why `text`, which stands behind the scheme, is not one token; nil if it may be one.
    static func refusal(of text: Span<UInt8>) -> AccessReason? {
        guard !text.isEmpty else { return .noCredentials }
        // A list of credentials; anything else that is no token is for the verifier to refuse.
        return text.firstIndex(of: UInt8(ascii: ",")) != nil ? .multipleCredentials : nil
    }

    /// Whether a query has the parameter `access_token`, which RFC 6750 §2.3 once allowed, in any spelling that a
    /// lenient reader would take for it.
    private static func hasAccessToken(_ query: borrowing Span<UInt8>) -> Bool {
        var start = 0
        while start < query.count {
            let end = separator(in: query, from: start)
            let parameter = query.extracting(start..<end)
            let nameEnd = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.count
            if isAccessToken(parameter.extracting(0..<nameEnd)) { return true }
            start = end + 1
        }
        return false
    }

    /// Where the parameter that begins at `start` ends: some servers read a semicolon like an ampersand.
    private static func separator(in query: borrowing Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < query.count, query[end] != UInt8(ascii: "&"), query[end] != UInt8(ascii: ";") { end += 1 }
        return end
    }

    private static func isAccessToken(_ name: borrowing Span<UInt8>) -> Bool {
        // Each of the twelve characters takes one octet, or three when it is escaped.
        guard name.count >= 12, name.count <= 36 else { return false }
        var decoded: [UInt8] = []
        var index = 0
        while index < name.count {
            if name[index] == UInt8(ascii: "%"), index + 2 < name.count,
                let high = ASCII.hexValue(name[index + 1]), let low = ASCII.hexValue(name[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(name[index])
                index += 1
            }
        }
        return decoded.span.equalsIgnoringCase("access_token")
    }
}
