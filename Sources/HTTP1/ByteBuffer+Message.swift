// Writes heads and chunks: the only place that puts HTTP/1.1 syntax on the wire.

public import Bytes
public import HTTP

extension ByteBuffer: FieldWriter {
    /// Appends a request line, always for HTTP/1.1; the caller has checked the method, and `target` appends the target.
    public mutating func appendRequestLine(
        method: borrowing Span<UInt8>,
        target: (inout ByteBuffer) -> Void
    ) {
        append(method)
        append(ASCII.space)
        target(&self)
        append(" HTTP/1.1\r\n")
    }

    /// Appends the status line of a response, always in HTTP/1.1 as RFC 9110 §2.5 asks.
    public mutating func appendStatusLine(_ status: Int) {
        append("HTTP/1.1 ")
        append(decimal: status)
        append(ASCII.space)
        append(Status.phrase(status))
        append("\r\n")
    }

    /// Appends a field line; the caller vouches that name and value are free of line ends.
    public mutating func appendField(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) {
        reserve(name.count + value.count + 4)
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a field line; the caller vouches that the value is free of line ends.
    public mutating func appendField(_ name: StaticString, _ value: borrowing Span<UInt8>) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a field line.
    public mutating func appendField(_ name: StaticString, _ value: String) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a field line whose value `write` appends; it is free of line ends.
    public mutating func appendField(_ name: StaticString, value write: (inout ByteBuffer) -> Void) {
        append(name)
        append(": ")
        write(&self)
        append("\r\n")
    }

    /// Appends the field that says where the body ends, if one is needed.
    public mutating func appendFraming(_ framing: BodyFraming) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            append("Content-Length: ")
            append(decimal: length)
            append("\r\n")
        case .chunked: append("Transfer-Encoding: chunked\r\n")
        }
    }

    /// Appends the empty line behind the fields.
    public mutating func appendHeadEnd() {
        append("\r\n")
    }

    /// Appends body octets in the given framing; no octets append nothing.
    public mutating func appendBody(_ bytes: borrowing Span<UInt8>, framing: BodyFraming) {
        guard framing == .chunked else { return append(bytes) }
        guard !bytes.isEmpty else { return }
        reserve(bytes.count + 20)
        append(hexadecimal: bytes.count)
        append("\r\n")
        append(bytes)
        append("\r\n")
    }

    /// Appends what ends a body in the given framing.
    public mutating func appendBodyEnd(framing: BodyFraming) {
        if framing == .chunked { append("0\r\n\r\n") }
    }
}
