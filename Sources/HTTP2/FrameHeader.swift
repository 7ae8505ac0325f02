// The nine octets before each frame.

/// The types of frames that RFC 9113 §6 defines.
enum FrameType: UInt8 {
    case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
}

/// A frame header (RFC 9113 §4.1).
struct FrameHeader {
    /// Number of octets of a frame header.
    static let length = 9
    /// Most octets of a payload: audgate never raises SETTINGS_MAX_FRAME_SIZE.
    private static let maximumPayload = 16384

    static let endStream: UInt8 = 0x1
    static let acknowledgement: UInt8 = 0x1
    private static let endHeaders: UInt8 = 0x4
    private static let padded: UInt8 = 0x8
    private static let hasPriority: UInt8 = 0x20

    /// Number of octets behind the header.
    let payloadLength: Int
    /// The type, nil for one that RFC 9113 does not define.
    let type: FrameType?
    private let flags: UInt8

    /// Reads the header at `start` of `bytes`, which holds all of it.
    init(_ bytes: borrowing Span<UInt8>, at start: Int) {
        payloadLength = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        type = FrameType(rawValue: bytes[start + 3])
        flags = bytes[start + 4]
    }

    /// Octets that nghttp2 waits for behind the header: an oversized frame ends the connection at its header, or
    /// behind the length of its padding, which is the octet before.
    var awaitedLength: Int {
        payloadLength <= Self.maximumPayload ? payloadLength : hasPadding ? 1 : 0
    }

    /// Whether the frame is DATA with END_STREAM.
    var endsData: Bool { type == .data && flags & Self.endStream != 0 }

    /// Whether the frame ends its header block.
    var endsBlock: Bool { flags & Self.endHeaders != 0 }

    /// Whether the payload begins with the length of its padding.
    var hasPadding: Bool {
        (type == .data || type == .headers) && flags & Self.padded != 0 && payloadLength > 0
    }

    /// Octets of the payload that are neither padding nor what describes it, nor a priority.
    func contentLength(padding: UInt8) -> Int {
        var length = payloadLength
        if hasPadding { length -= 1 + Int(padding) }
        if type == .headers, flags & Self.hasPriority != 0 { length -= 5 }
        return max(length, 0)
    }
}
