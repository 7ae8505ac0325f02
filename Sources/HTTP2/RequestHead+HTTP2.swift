// Request heads of HTTP/2: the rules of RFC 9113 §8.3.1, and those that all versions share.

internal import Bytes
internal import HTTP

extension RequestHead {
    /// Takes the head out of `section`, whose memory it swaps with its own.
    ///
    /// - Throws: The rule that the head breaks. What was read of it stands here all the same.
    mutating func take(
        _ section: inout FieldSection,
        endsStream: Bool,
        limits: MessageLimits
    ) throws(MessageViolation) {
        removeAll()
        swap(&bytes, &section.bytes)
        swap(&fields, &section.fields)
        version = .http2
        let pseudo = section.pseudo
        methodRange = pseudo.method ?? .empty
        method = Method(bytes.span.extracting(methodRange))
        if let violation = section.violation { throw violation }
        guard Method.isToken(bytes.span.extracting(methodRange)) else { throw .malformedRequestLine }
        try settleTarget(pseudo, limits)
        if let authority = pseudo.authority {
            guard Authority.isValid(bytes.span.extracting(authority)) else { throw .invalidHost }
            self.authority = authority
        }
        try settleAuthority()
        switch try DeclaredBody(fields, in: bytes.span) {
        case _ where endsStream: framing = .none
        case .length(0): framing = .none
        case .length(let length): framing = .length(length)
        case .nothing, .chunked: framing = .chunked
        }
        try settleExpectation()
    }

    private mutating func settleTarget(
        _ pseudo: FieldSection.PseudoFields,
        _ limits: MessageLimits
    ) throws(MessageViolation) {
        // CONNECT would make a tunnel of the gateway; it is the only method without a path.
        guard method != .connect, let path = pseudo.path, let scheme = pseudo.scheme else {
            throw .invalidTarget
        }
        guard bytes.span.extracting(scheme).equals("https") || bytes.span.extracting(scheme).equals("http")
        else { throw .invalidTarget }
        guard methodRange.count + path.count < limits.startLineBytes else { throw .startLineTooLong }
        if bytes.span.extracting(path).equals("*") {
            guard method == .options else { throw .invalidTarget }
            return
        }
        let target = try RequestTarget(path, in: bytes.span)
        self.target = target
    }
}

extension DeclaredBody {
    /// Reads `Content-Length`, which is all that HTTP/2 has.
    init(_ fields: FieldTable, in bytes: borrowing Span<UInt8>) throws(MessageViolation) {
        guard let length = fields.first(.contentLength) else {
            self = .nothing
            return
        }
        guard fields.count(of: .contentLength) == 1 else { throw .repeatedContentLength }
        self = .length(try ContentLength.value(of: bytes.extracting(length)))
    }
}
