// Where a body ends and whether the connection lives on: the rules that request smuggling turns on (RFC 9112 §6, §9).

internal import Bytes
internal import HTTP

/// Reads the framing fields of a head; requests and responses share them.
enum FramingRules {
    /// Reads `Content-Length` and `Transfer-Encoding`, refusing both together and either one twice.
    static func declared(
        _ fields: borrowing FieldTable,
        in bytes: borrowing Span<UInt8>,
        version: HTTPVersion
    ) throws(MessageViolation) -> DeclaredBody {
        let lengths = fields.count(of: .contentLength)
        let codings = fields.count(of: .transferEncoding)
        guard codings == 0 || lengths == 0 else { throw .conflictingFraming }
        if let coding = fields.first(.transferEncoding) {
            guard codings == 1, version == .http11, bytes.extracting(coding).equalsIgnoringCase("chunked")
            else { throw .unsupportedTransferCoding }
            return .chunked
        }
        guard let length = fields.first(.contentLength) else { return .nothing }
        guard lengths == 1 else { throw .repeatedContentLength }
        return .length(try ContentLength.value(of: bytes.extracting(length)))
    }

    /// Applies the `Connection` fields: marks the fields that they name, and tells whether the connection persists.
    ///
    /// - Returns: Whether another message may follow on this connection (RFC 9112 §9.3).
    static func applyConnection(
        _ fields: inout FieldTable,
        in bytes: borrowing Span<UInt8>,
        version: HTTPVersion,
        limits: MessageLimits
    ) throws(MessageViolation) -> Bool {
        var closes = false
        var keepsAlive = false
        var namesLeft = limits.connectionOptionCount
        for line in fields.lines where line.name == .connection {
            var start = line.valueRange.start
            while start <= line.valueRange.end {
                let rest = bytes.extracting(start..<line.valueRange.end)
                let length = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
                let option = rest.extracting(0..<length).trimmingBlanks
                start += length + 1
                if option.equalsIgnoringCase("close") {
                    closes = true
                } else if option.equalsIgnoringCase("keep-alive") {
                    keepsAlive = true
                } else if !option.isEmpty {
                    guard namesLeft > 0 else { throw .forbiddenConnectionOption }
                    namesLeft -= 1
                    try nominate(option, in: &fields, bytes)
                }
            }
        }
        return !closes && (version == .http11 || keepsAlive)
    }

    /// Marks the fields called `option` as ending at this hop.
    private static func nominate(
        _ option: borrowing Span<UInt8>,
        in fields: inout FieldTable,
        _ bytes: borrowing Span<UInt8>
    ) throws(MessageViolation) {
        for index in option.indices where !ASCII.isTokenCharacter(option[index]) {
            throw .forbiddenConnectionOption
        }
        guard isHopByHop(FieldName(option)) else { throw .forbiddenConnectionOption }
        for index in fields.lines.indices where fields.lines[index].name == .other {
            if equalsIgnoringCase(bytes.extracting(fields.lines[index].nameRange), option) {
                fields.nominate(at: index)
            }
        }
    }

    /// Whether `Connection` may name a field: one that steers routing, framing, credentials or policy may not,
    /// as its removal would show the next server another request than the one that was checked (RFC 9110 §7.6.1).
    private static func isHopByHop(_ name: FieldName) -> Bool {
        switch name {
        case .other, .te, .trailer, .upgrade, .keepAlive, .proxyConnection, .http2Settings, .ambiguous,
            .identity:
            true
        case .xForwarded, .forwarded, .via, .xRealIP, .clientCertificate: true
        default: false
        }
    }

    private static func equalsIgnoringCase(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where ASCII.lowercased(a[index]) != ASCII.lowercased(b[index]) { return false }
        return true
    }
}
