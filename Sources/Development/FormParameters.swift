// Parameters of a query or of a form (application/x-www-form-urlencoded), read strictly.

internal import Bytes

/// Names and values in their order; a parameter without a value counts as absent (RFC 6749 §3.1).
struct FormParameters: Sendable {
    /// Most parameters in one request.
    static let maximumCount = 64

    private var pairs: [(name: String, value: String)] = []

    /// Reads `text`, nil if an escape is broken, the text is not UTF-8 or there are too many parameters.
    init?(_ text: String) {
        for part in text.split(separator: "&") {
            guard pairs.count < Self.maximumCount else { return nil }
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(halves[0]),
                let value = Self.decode(halves.count > 1 ? halves[1] : "")
            else { return nil }
            if !value.isEmpty { pairs.append((name, value)) }
        }
    }

    /// All values of `name`.
    func all(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    /// The value of `name`, nil if it is absent.
    ///
    /// - Throws: `invalid_request` if it is there twice, which RFC 6749 §3.1 forbids.
    func optional(_ name: String) throws(OAuthError) -> String? {
        let values = all(name)
        guard values.count <= 1 else { throw OAuthError(.invalidRequest, "\(name) appears twice") }
        return values.first
    }

    /// The value of `name`.
    ///
    /// - Throws: `invalid_request` if it is absent or there twice.
    func required(_ name: String) throws(OAuthError) -> String {
        guard let value = try optional(name) else { throw OAuthError(.invalidRequest, "\(name) is missing") }
        return value
    }

    /// `text` with `+` and escapes resolved, nil if it does not come out as UTF-8.
    static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(ASCII.space)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                    let low = rest.popFirst().flatMap(ASCII.hexValue)
                else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes.span)
    }

    /// `text` as it may stand in a query: everything but unreserved characters escaped (RFC 3986 §2.3).
    static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(ASCII.hexDigit(byte >> 4))
                bytes.append(ASCII.hexDigit(byte))
            }
        }
        return String(lossy: bytes.span)
    }

    /// Whether `byte` is a letter, a digit or one of `-._~`.
    static func isUnreserved(_ byte: UInt8) -> Bool {
        let letter = ASCII.lowercased(byte)
        return ASCII.isDigit(byte) || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
            || "-._~".utf8.contains(byte)
    }
}
