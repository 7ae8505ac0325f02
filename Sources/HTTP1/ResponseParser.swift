// Reads the head of a response as strictly as that of a request: upstream servers are not trusted either.

public import HTTP
internal import Bytes

/// Parses one response head after another from the bytes of a connection.
public struct ResponseParser: Sendable {
    /// Bounds of the heads that are still to come.
    public var limits: MessageLimits
    private var scanner = HeadScanner()

    /// Makes a parser that refuses heads beyond `limits`.
    public init(limits: MessageLimits) {
        self.limits = limits
    }

    /// Reads the head at the start of `input` into `head`.
    ///
    /// - Parameters:
    ///   - input: All bytes of the connection since the end of the message before.
    ///   - head: Empty; holds the response when a length is returned.
    ///   - method: Method of the request that is answered, on which the framing depends (RFC 9112 §6.3).
    /// - Returns: The number of bytes that the head takes, nil if its end has not arrived yet.
    /// - Throws: The rule that the head breaks; the connection is of no use after that.
    public mutating func parse(
        _ input: borrowing Span<UInt8>,
        into head: inout ResponseHead,
        answering method: Method
    ) throws(MessageViolation) -> Int? {
        guard let length = try scanner.headLength(of: input, limits: limits) else { return nil }
        // Ranges in the input and in the head's own copy of it are the same.
        let text = input.extracting(0..<length)
        head.bytes.append(text)
        let fieldStart = try Self.parseStatusLine(text, &head)
        try FieldParser.parse(text, from: fieldStart, into: &head.fields, limits: limits)
        head.isPersistent = try FramingRules.applyConnection(
            &head.fields,
            in: text,
            version: head.version,
            limits: limits
        )
        let declared = try FramingRules.declared(head.fields, in: text, version: head.version)
        head.framing = try declared.framing(status: head.status, answering: method)
        if head.framing == .untilClose { head.isPersistent = false }
        return length
    }

    /// Reads `HTTP-version SP status-code SP [reason-phrase]`, and returns where the fields begin.
    private static func parseStatusLine(
        _ bytes: borrowing Span<UInt8>,
        _ head: inout ResponseHead
    ) throws(MessageViolation) -> Int {
        guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed), lineFeed >= 13 else {
            throw .malformedStatusLine
        }
        guard let version = try HTTPVersion(protocolName: bytes.extracting(0..<8)) else {
            throw .malformedStatusLine
        }
        guard bytes[8] == ASCII.space, ASCII.isDigit(bytes[9]), ASCII.isDigit(bytes[10]),
            ASCII.isDigit(bytes[11])
        else { throw .malformedStatusLine }
        var status = 0
        for index in 9..<12 { status = status * 10 + Int(bytes[index] - UInt8(ascii: "0")) }
        // The space behind the code is demanded by the grammar, but many servers leave it out with the phrase.
        guard status >= 100, status <= 599, lineFeed == 13 || bytes[12] == ASCII.space,
            ASCII.isFieldValue(bytes.extracting(12..<lineFeed - 1))
        else { throw .malformedStatusLine }
        head.version = version
        head.status = status
        return lineFeed + 1
    }
}
