// Reads the head of a request, and refuses whatever another parser could read differently (RFC 9112).

public import HTTP
internal import Bytes

/// Parses one request head after another from the bytes of a connection.
public struct RequestParser: Sendable {
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
    ///   - head: Empty; holds the request when a length is returned.
    /// - Returns: The number of bytes that the head takes, nil if its end has not arrived yet.
    /// - Throws: The rule that the head breaks; the connection is of no use after that.
    public mutating func parse(
        _ input: borrowing Span<UInt8>,
        into head: inout RequestHead
    ) throws(MessageViolation) -> Int? {
        guard let length = try scanner.headLength(of: input, limits: limits) else { return nil }
        // Ranges in the input and in the head's own copy of it are the same.
        let text = input.extracting(0..<length)
        head.bytes.append(text)
        let fieldStart = try Self.parseRequestLine(text, &head)
        try FieldParser.parse(text, from: fieldStart, into: &head.fields, limits: limits)
        head.isPersistent = try FramingRules.applyConnection(
            &head.fields,
            in: text,
            version: head.version,
            limits: limits
        )
        try head.settleAuthority()
        try Self.resolveFraming(text, &head)
        return length
    }

    /// Reads `method SP request-target SP HTTP-version`, and returns where the fields begin.
    private static func parseRequestLine(
        _ text: borrowing Span<UInt8>,
        _ head: inout RequestHead
    ) throws(MessageViolation) -> Int {
        let line = try RequestLine(text)
        head.methodRange = line.method
        head.method = Method(text.extracting(line.method))
        head.version = line.version
        if head.method == .connect {
            guard case .authority = line.form else { throw .invalidTarget }
        }
        switch line.form {
        case .origin:
            head.target = try RequestTarget(line.target, in: text)
        case .absolute(let authority, let path):
            head.authority = authority
            head.target = path.isEmpty ? appendRoot(&head) : try RequestTarget(path, in: text)
        case .authority:
            guard head.method == .connect else { throw .invalidTarget }
            head.authority = line.target
        case .asterisk:
            guard head.method == .options else { throw .invalidTarget }
        }
        return line.end
    }

    /// Puts a slash behind the head's bytes, for an absolute-form target without a path (RFC 9112 §3.2.1).
    private static func appendRoot(_ head: inout RequestHead) -> RequestTarget {
        let end = head.bytes.count
        head.bytes.append(UInt8(ascii: "/"))
        return RequestTarget(rootAt: ByteRange(end, end + 1))
    }

    private static func resolveFraming(
        _ text: borrowing Span<UInt8>,
        _ head: inout RequestHead
    ) throws(MessageViolation) {
        switch try FramingRules.declared(head.fields, in: text, version: head.version) {
        case .nothing, .length(0): head.framing = .none
        case .length(let length): head.framing = .length(length)
        case .chunked: head.framing = .chunked
        }
        try head.settleExpectation()
    }
}
