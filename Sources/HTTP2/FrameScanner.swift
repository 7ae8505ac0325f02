// Reads the frame headers before nghttp2 does, so that what is too much costs nothing.

internal import Bytes
internal import HTTP

/// Cuts the input into portions of at most one frame, and refuses frames beyond the limits before they are handed on.
struct FrameScanner {
    /// What nghttp2 may read next.
    enum Portion: Equatable {
        /// Nothing: the input is used up.
        case nothing
        /// A frame header that came in pieces, and the octet behind it if that is the length of padding.
        case held([UInt8])
        /// These octets of the input.
        case input(ByteRange)
    }

    /// How many times `headerBytes` a header block may have on the wire: what is above `headerBytes` is answered with
    /// 431, what is above this ends the connection.
    private static let blockFactor = 2

    private let limits: HTTP2Limits
    private let role: HTTP2Role
    /// What is left of the current frame, or of a client's preface.
    private var rest: Int
    private var held: [UInt8] = []
    private var continuations = 0
    private var blockLength = 0
    private var isInBlock = false
    private var endsBlock = true

    init(role: HTTP2Role, limits: HTTP2Limits) {
        self.limits = limits
        self.role = role
        rest = role == .server ? HTTP2Preface.octets.utf8CodeUnitCount : 0
    }

    /// Whether the portions so far end where a frame does.
    var isAtFrameEnd: Bool { rest == 0 }

    /// Whether no header block is under way.
    var isBetweenBlocks: Bool { !isInBlock || (endsBlock && rest == 0) }

    /// Finds the next portion of `input` from `offset` on, and moves `offset` behind it.
    mutating func next(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int,
        budget: inout FrameBudget
    ) throws(HTTP2Failure) -> Portion {
        guard offset >= 0, offset < input.count else { return .nothing }
        if rest > 0 { return portion(of: input.count, at: &offset) }
        if held.isEmpty, let header = Self.wholeHeader(input, at: offset) {
            try admit(header, padding: header.hasPadding ? input[offset + FrameHeader.length] : 0, &budget)
            rest = FrameHeader.length + header.awaitedLength
            return portion(of: input.count, at: &offset)
        }
        while offset < input.count {
            held.append(input[offset])
            offset += 1
            let octets = held
            guard let header = Self.wholeHeader(octets.span, at: 0) else { continue }
            try admit(header, padding: header.hasPadding ? octets[FrameHeader.length] : 0, &budget)
            rest = FrameHeader.length + header.awaitedLength - octets.count
            held = []
            return .held(octets)
        }
        return .nothing
    }

    private mutating func portion(of end: Int, at offset: inout Int) -> Portion {
        let length = min(rest, end - offset)
        defer { offset += length }
        rest -= length
        return .input(ByteRange(offset, offset + length))
    }

    /// The frame header at `start`, nil if it is not whole or the length of its padding has not come.
    private static func wholeHeader(_ bytes: borrowing Span<UInt8>, at start: Int) -> FrameHeader? {
        let available = bytes.count - start
        guard available >= FrameHeader.length else { return nil }
        let header = FrameHeader(bytes, at: start)
        return header.hasPadding && available == FrameHeader.length ? nil : header
    }

    /// Counts the frame.
    ///
    /// - Throws: What it exceeds.
    private mutating func admit(
        _ header: FrameHeader,
        padding: UInt8,
        _ budget: inout FrameBudget
    ) throws(HTTP2Failure) {
        let length = header.contentLength(padding: padding)
        switch header.type {
        case .data:
            if length == 0, !header.endsData { try budget.spend(1, of: .empties) }
        case .headers:
            isInBlock = true
            endsBlock = header.endsBlock
            continuations = 0
            blockLength = 0
            try admitFragment(length, &budget)
        case .continuation:
            continuations += 1
            guard continuations <= limits.continuationFrames else { throw .limit(.continuationFrames) }
            endsBlock = header.endsBlock
            try admitFragment(length, &budget)
        case .resetStream:
            // A client opened the streams that a server resets, so these are bounded by its own requests.
            if role == .server { try budget.spend(1, of: .resets) }
        case .settings: try budget.spend(1 + length / (8 * 6 + 1), of: .settings)
        case .ping: try budget.spend(1, of: .pings)
        case .windowUpdate: try budget.spend(1, of: .windowUpdates)
        case .priority, .goAway, nil: try budget.spend(1, of: .priorities)
        // nghttp2 ends the connection: push is disabled both ways.
        case .pushPromise: break
        }
    }

    /// Counts a fragment of a header block with so many octets.
    private mutating func admitFragment(_ length: Int, _ budget: inout FrameBudget) throws(HTTP2Failure) {
        if length == 0 { try budget.spend(1, of: .empties) }
        blockLength += length
        guard blockLength <= Self.blockFactor * limits.messages.headerBytes else {
            throw .limit(.headerBytes)
        }
    }
}
