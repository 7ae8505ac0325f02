// The first line of a request, taken apart (RFC 9112 §3).

internal import Bytes
internal import HTTP

/// The places of method and target in a request line.
struct RequestLine {
    /// The forms of a request target (RFC 9112 §3.2).
    enum Form {
        case origin
        case absolute(authority: ByteRange, path: ByteRange)
        case authority
        case asterisk
    }

    let method: ByteRange
    let target: ByteRange
    let form: Form
    let version: HTTPVersion
    /// Offset of the byte behind the line.
    let end: Int

    /// Reads the line at the start of `bytes`, which has a line feed behind a carriage return.
    init(_ bytes: borrowing Span<UInt8>) throws(MessageViolation) {
        guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed), lineFeed > 0 else {
            throw .malformedRequestLine
        }
        let line = bytes.extracting(0..<lineFeed - 1)
        guard let methodEnd = line.firstIndex(of: ASCII.space),
            Method.isToken(line.extracting(0..<methodEnd)),
            let targetEnd = line.firstIndex(of: ASCII.space, from: methodEnd + 1), targetEnd > methodEnd + 1
        else { throw .malformedRequestLine }
        method = ByteRange(0, methodEnd)
        target = ByteRange(methodEnd + 1, targetEnd)
        guard let version = try HTTPVersion(protocolName: line.extracting((targetEnd + 1)...)) else {
            throw .malformedRequestLine
        }
        self.version = version
        form = try Self.form(of: line, target)
        end = lineFeed + 1
    }

    private static func form(
        of line: borrowing Span<UInt8>,
        _ range: ByteRange
    ) throws(MessageViolation) -> Form {
        let target = line.extracting(range)
        if target[0] == UInt8(ascii: "/") { return .origin }
        if target.equals("*") { return .asterisk }
        guard let schemeLength = schemeLength(of: target) else {
            // Authority form has a port (RFC 9112 §3.2.3).
            guard Authority.isValid(target), Authority.hostEnd(of: target) < target.count else {
                throw .invalidTarget
            }
            return .authority
        }
        let afterScheme = target.extracting(schemeLength...)
        let authorityEnd = afterScheme.firstIndex(of: UInt8(ascii: "/")) ?? afterScheme.count
        guard Authority.isValid(afterScheme.extracting(0..<authorityEnd)) else { throw .invalidTarget }
        let authorityStart = range.start + schemeLength
        return .absolute(
            authority: ByteRange(authorityStart, authorityStart + authorityEnd),
            path: ByteRange(authorityStart + authorityEnd, range.end)
        )
    }

    private static func schemeLength(of target: borrowing Span<UInt8>) -> Int? {
        if target.startsIgnoringCase(with: "http://") { return 7 }
        return target.startsIgnoringCase(with: "https://") ? 8 : nil
    }
}

extension HTTPVersion {
    /// Reads `HTTP-version`; nil if `name` is no version at all.
    ///
    /// - Throws: `unsupportedVersion` for a version that audgate does not speak.
    init?(protocolName name: borrowing Span<UInt8>) throws(MessageViolation) {
        if name.equals("HTTP/1.1") {
            self = .http11
        } else if name.equals("HTTP/1.0") {
            self = .http10
        } else {
            let isVersion =
                name.count == 8 && name.extracting(0..<5).equals("HTTP/") && ASCII.isDigit(name[5])
                && name[6] == UInt8(ascii: ".") && ASCII.isDigit(name[7])
            guard isVersion else { return nil }
            throw .unsupportedVersion
        }
    }
}
