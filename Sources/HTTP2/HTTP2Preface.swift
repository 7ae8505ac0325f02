// How HTTP/2 is told from HTTP/1.1 on a cleartext connection.

internal import Bytes

/// The octets with which a client begins an HTTP/2 connection (RFC 9113 §3.4).
public enum HTTP2Preface {
    /// The octets, which no request of HTTP/1.1 begins with.
    public static let octets: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    /// What the first octets of a connection are.
    public enum Match: Sendable, Equatable {
        /// They begin with the whole preface.
        case matches
        /// They are the beginning of the preface.
        case prefix
        /// They are something else.
        case differs
    }

    /// Compares `input`, all that has come on a connection, with the preface.
    public static func match(_ input: borrowing Span<UInt8>) -> Match {
        let length = octets.utf8CodeUnitCount
        if input.count >= length { return input.extracting(0..<length).equals(octets) ? .matches : .differs }
        var expected = ByteBuffer()
        expected.append(octets)
        return expected.span.extracting(0..<input.count).equals(input) ? .prefix : .differs
    }
}
