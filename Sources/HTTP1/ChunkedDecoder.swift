// The chunked transfer coding, byte by byte between chunks and range by range within them (RFC 9112 §7.1).

internal import Bytes
internal import HTTP

/// Decodes a chunked body. Everything that the grammar does not allow ends it with an error.
struct ChunkedDecoder: Sendable {
    private enum State {
        case size(value: Int, digits: Int)
        case chunkExtension(size: Int, length: Int, ExtensionPart)
        case sizeLineFeed(size: Int)
        case data(left: Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailer
    }

    /// Where in `";" name [ "=" ( token / quoted-string ) ]` an octet stands (RFC 9112 §7.1.1).
    private enum ExtensionPart {
        case nameStart
        case name
        case valueStart
        case token
        case quoted
        case quotedEnd

        /// Whether another extension or the end of the line may follow.
        var mayEnd: Bool {
            switch self {
            case .name, .token, .quotedEnd: true
            case .nameStart, .valueStart, .quoted: false
            }
        }

        /// The place behind `byte`, nil if it cannot stand here.
        func after(_ byte: UInt8) -> ExtensionPart? {
            switch (self, byte) {
            case (.quoted, UInt8(ascii: "\"")): .quotedEnd
            // Quoted pairs are left out: a reader that does not know them would see another end of the string.
            case (.quoted, UInt8(ascii: "\\")): nil
            case (.quoted, _): ASCII.isFieldValueCharacter(byte) ? .quoted : nil
            case (_, UInt8(ascii: ";")): mayEnd ? .nameStart : nil
            case (.name, UInt8(ascii: "=")): .valueStart
            case (.valueStart, UInt8(ascii: "\"")): .quoted
            case (.nameStart, _), (.name, _): ASCII.isTokenCharacter(byte) ? .name : nil
            case (.valueStart, _), (.token, _): ASCII.isTokenCharacter(byte) ? .token : nil
            case (.quotedEnd, _): nil
            }
        }
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
        case .chunkExtension(let size, let length, let part):
            state = try afterExtension(of: size, length: length, part, byte)
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
        case UInt8(ascii: ";"): return .chunkExtension(size: value, length: 1, .nameStart)
        default: throw .invalidChunkSize
        }
    }

    private func afterExtension(
        of size: Int,
        length: Int,
        _ part: ExtensionPart,
        _ byte: UInt8
    ) throws(MessageViolation) -> State {
        if byte == ASCII.carriageReturn, part.mayEnd { return .sizeLineFeed(size: size) }
        guard length < limits.chunkExtensionBytes, let next = part.after(byte) else {
            throw .invalidChunkExtension
        }
        return .chunkExtension(size: size, length: length + 1, next)
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
        for line in fields.lines where !line.name.mayTrail { throw .invalidTrailer }
    }
}
