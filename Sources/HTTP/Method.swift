// The request methods that audgate tells apart.

internal import Bytes

/// A request method (RFC 9110 §9); everything that no route accepts is `other`.
public enum Method: UInt8, Sendable, Equatable {
    /// GET
    case get
    /// HEAD
    case head
    /// POST
    case post
    /// DELETE
    case delete
    /// OPTIONS
    case options
    /// CONNECT
    case connect
    /// TRACE
    case trace
    /// Any other token, PUT and PATCH among them.
    case other

    private static let names: [(StaticString, Method)] = [
        ("POST", .post), ("GET", .get), ("DELETE", .delete), ("OPTIONS", .options), ("HEAD", .head),
        ("CONNECT", .connect), ("TRACE", .trace),
    ]

    /// Whether `text` can be a method: 1 to 32 token characters.
    public static func isToken(_ text: borrowing Span<UInt8>) -> Bool {
        guard !text.isEmpty, text.count <= 32 else { return false }
        for index in text.indices where !ASCII.isTokenCharacter(text[index]) { return false }
        return true
    }

    /// Recognises a method token, which is case-sensitive.
    public init(_ token: borrowing Span<UInt8>) {
        for (name, method) in Self.names where token.equals(name) {
            self = method
            return
        }
        self = .other
    }

    /// The token, nil for `other`.
    public var name: StaticString? {
        Self.names.first { $0.1 == self }?.0
    }
}
