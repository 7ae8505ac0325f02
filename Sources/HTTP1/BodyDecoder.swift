// Finds the octets of a body among the octets on the wire.

public import Bytes
public import HTTP

/// A piece of a body.
public enum BodyPiece: Equatable, Sendable {
    /// These octets of the input belong to the body.
    case data(ByteRange)
    /// The input is used up, the body goes on.
    case more
    /// The body has ended; what follows in the input is another message.
    case end
}

/// Decodes one body (RFC 9112 §6 and §7).
public struct BodyDecoder: Sendable {
    private enum State: Sendable {
        case fixed(left: Int)
        case chunked(ChunkedDecoder)
        case untilClose
        case ended
    }

    private var state: State

    /// Makes a decoder for a body with this framing.
    public init(framing: BodyFraming, limits: MessageLimits) {
        state =
            switch framing {
            case .none: .ended
            case .length(let length): .fixed(left: length)
            case .chunked: .chunked(ChunkedDecoder(limits: limits))
            case .untilClose: .untilClose
            }
    }

    /// The decoder of a body of which nothing more comes.
    public static var ended: BodyDecoder { BodyDecoder(framing: .none, limits: MessageLimits()) }

    /// Ends a body whose end stands outside of its octets.
    public mutating func end() {
        state = .ended
    }

    /// Whether the whole body was seen.
    public var hasEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// Whether the body may end where the connection does.
    public var endsWithConnection: Bool {
        switch state {
        case .untilClose, .ended: true
        case .fixed, .chunked: false
        }
    }

    /// Number of octets that are still to come, nil if only the body itself tells.
    public var remaining: Int? {
        switch state {
        case .fixed(let left): left
        case .ended: 0
        case .chunked, .untilClose: nil
        }
    }

    /// Notes that the next `count` octets were taken without this decoder, no more than remain.
    public mutating func advance(_ count: Int) {
        guard case .fixed(let left) = state else { return }
        state = left <= count ? .ended : .fixed(left: left - count)
    }

    /// Decodes the next piece of `input` from `offset` on, and moves `offset` behind it.
    ///
    /// - Throws: The rule of the chunked coding that the bytes break.
    public mutating func next(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int
    ) throws(MessageViolation) -> BodyPiece {
        switch state {
        case .ended:
            return .end
        case .untilClose:
            return take(input.count - offset, of: input, at: &offset)
        case .fixed(let left):
            let taken = min(left, input.count - offset)
            state = taken == left ? .ended : .fixed(left: left - taken)
            return take(taken, of: input, at: &offset)
        case .chunked(var decoder):
            let piece = try decoder.next(input, at: &offset)
            state = piece == .end ? .ended : .chunked(decoder)
            return piece
        }
    }

    private func take(_ count: Int, of input: borrowing Span<UInt8>, at offset: inout Int) -> BodyPiece {
        guard count > 0 else { return .more }
        defer { offset += count }
        return .data(ByteRange(offset, offset + count))
    }
}
