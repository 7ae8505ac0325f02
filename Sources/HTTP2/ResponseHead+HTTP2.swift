// Response heads of HTTP/2, read as strictly as those of HTTP/1.1.

internal import Bytes
internal import HTTP

extension ResponseHead {
    /// Takes the head out of `section`, whose memory it swaps with its own.
    ///
    /// - Throws: The rule that the head breaks.
    mutating func take(
        _ section: inout FieldSection,
        endsStream: Bool,
        answering method: Method
    ) throws(MessageViolation) {
        removeAll()
        swap(&bytes, &section.bytes)
        swap(&fields, &section.fields)
        version = .http2
        if let violation = section.violation { throw violation }
        guard let range = section.pseudo.status else { throw .malformedStatusLine }
        let status = try Self.status(bytes.span.extracting(range))
        self.status = status
        let declared = try DeclaredBody(fields, in: bytes.span)
        let framing = try declared.framing(status: status, answering: method)
        self.framing = endsStream ? .none : framing
    }

    private static func status(_ text: borrowing Span<UInt8>) throws(MessageViolation) -> Int {
        guard text.count == 3 else { throw .malformedStatusLine }
        var status = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { throw .malformedStatusLine }
            status = status * 10 + Int(text[index] - UInt8(ascii: "0"))
        }
        // 101 has no meaning in HTTP/2 (RFC 9113 §8.6).
        guard status >= 100, status <= 599, status != 101 else { throw .malformedStatusLine }
        return status
    }
}
