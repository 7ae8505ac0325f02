// The chunked transfer coding, byte by byte between chunks and range by range within them (RFC 9112 §7.1).

internal import Bytes
internal import HTTP

/// Decodes a chunked body. Everything that the grammar does not allow ends it with an error.
struct ChunkedDecoder: Sendable {
    private enum State {
        case size(value: Int, digits: Int)
        case chunkExtension(size: Int, length: Int, isQuoted: Bool)
        case sizeLineFeed(size: Int)
        case data(left: Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailer
    }

    /// Digits that hold every size up to 2^60 - 1.
    private static let maximumDigits = 15

    private let limits: MessageLimits
    private var state = State.size(value: 0, digits: 0)
    private var trailer: [UInt8] = []

    init(limits: MessageLimits) {
        self.limits = limits
    }

    /// Decodes the next piece of `input` from `offset` on; see `BodyDecoder.next`.
    mutating func next(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int
    ) throws(MessageViolation) -> BodyPiece {
        while offset < input.count {
            if case .data(let left) = state {
                let end = offset + min(left, input.count - offset)
                defer { offset = end }
                state = end - offset == left ? .dataCarriageReturn : .data(left: left - (end - offset))
                return .data(ByteRange(offset, end))
            }
            let byte = input[offset]
            offset += 1
            if try accept(byte) { return .end }
        }
        return .more
    }

    /// Takes one byte outside of chunk data, and tells whether it was the last of the body.
    private mutating func accept(_ byte: UInt8) throws(MessageViolation) -> Bool {
        switch state {
        case .size(let value, let digits):
            state = try afterSize(value, digits: digits, byte)
        case .chunkExtension(let size, let length, let isQuoted):
            state = try afterExtension(of: size, length: length, isQuoted: isQuoted, byte)
        case .sizeLineFeed(let size):
            guard byte == ASCII.lineFeed else { throw .invalidChunkSize }
            state = size == 0 ? .trailer : .data(left: size)
        case .data, .dataCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .invalidChunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ASCII.lineFeed else { throw .invalidChunkEnd }
            state = .size(value: 0, digits: 0)
        case .trailer:
            return try endsTrailer(byte)
        }
        return false
    }

    private func afterSize(_ value: Int, digits: Int, _ byte: UInt8) throws(MessageViolation) -> State {
        if let digit = ASCII.hexValue(byte) {
            guard digits < Self.maximumDigits else { throw .invalidChunkSize }
            return .size(value: value << 4 | Int(digit), digits: digits + 1)
        }
        guard digits > 0 else { throw .invalidChunkSize }
        switch byte {
        case ASCII.carriageReturn: return .sizeLineFeed(size: value)
        case UInt8(ascii: ";"): return .chunkExtension(size: value, length: 1, isQuoted: false)
        default: throw .invalidChunkSize
        }
    }

    private func afterExtension(
        of size: Int,
        length: Int,
        isQuoted: Bool,
        _ byte: UInt8
    ) throws(MessageViolation) -> State {
        guard length < limits.chunkExtensionBytes else { throw .invalidChunkExtension }
        if byte == UInt8(ascii: "\"") {
            return .chunkExtension(size: size, length: length + 1, isQuoted: !isQuoted)
        }
        if isQuoted {
            // Quoted pairs are left out: a reader that does not know them would see another end of the string.
            guard ASCII.isFieldValueCharacter(byte), byte != UInt8(ascii: "\\") else {
                throw .invalidChunkExtension
            }
        } else {
            if byte == ASCII.carriageReturn { return .sizeLineFeed(size: size) }
            guard ASCII.isTokenCharacter(byte) || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ";")
            else { throw .invalidChunkExtension }
        }
        return .chunkExtension(size: size, length: length + 1, isQuoted: isQuoted)
    }

    /// Gathers the trailer section; at its end checks it and forgets it, as audgate forwards no trailers.
    private mutating func endsTrailer(_ byte: UInt8) throws(MessageViolation) -> Bool {
        guard trailer.count < limits.trailerBytes else { throw .invalidTrailer }
        trailer.append(byte)
        guard byte == ASCII.lineFeed else { return false }
        let count = trailer.count
        guard count >= 2, trailer[count - 2] == ASCII.carriageReturn else { throw .invalidTrailer }
        guard count == 2 || (count >= 4 && trailer[count - 3] == ASCII.lineFeed) else { return false }
        try checkTrailer()
        trailer = []
        return true
    }

    private func checkTrailer() throws(MessageViolation) {
        var fields = FieldTable()
        do {
            try FieldParser.parse(trailer.span, from: 0, into: &fields, limits: limits)
        } catch {
            throw .invalidTrailer
        }
        for line in fields.lines where !Self.mayTrail(line.name) { throw .invalidTrailer }
    }

    /// Whether a field may stand in a trailer: framing, routing, credentials and content fields may not
    /// (RFC 9110 §6.5.1).
    private static func mayTrail(_ name: FieldName) -> Bool {
        switch name {
        case .other, .date, .originWide: true
        default: false
        }
    }
}
