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
        let isList =
            text.firstIndex(of: ASCII.space) != nil || text.firstIndex(of: UInt8(ascii: ",")) != nil
        return isList ? .multipleCredentials : nil
    }

    /// Whether a query has the parameter `access_token`, which RFC 6750 §2.3 once allowed.
    private static func hasAccessToken(_ query: borrowing Span<UInt8>) -> Bool {
        guard !query.isEmpty else { return false }
        var start = 0
        while start < query.count {
            if query.extracting(start...).startsIgnoringCase(with: "access_token=") { return true }
            guard let separator = query.firstIndex(of: UInt8(ascii: "&"), from: start) else { return false }
            start = separator + 1
        }
        return false
    }
}
