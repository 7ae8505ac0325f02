// Why a connection is of no use any more.

/// A limit that a peer exceeded. The raw value is the limit's name in the configuration.
public enum HTTP2Limit: String, Sendable, CaseIterable {
    /// Octets of one header block, on the wire or decoded.
    case headerBytes = "header_bytes"
    /// CONTINUATION frames of one header block.
    case continuationFrames = "continuation_frames"
    /// Resets, by the peer or because of it.
    case resetStreams = "reset_streams"
    /// PING frames.
    case pingFrames = "ping_frames"
    /// SETTINGS frames.
    case settingsFrames = "settings_frames"
    /// Frames without octets.
    case emptyFrames = "empty_frames"
    /// Frames that mean nothing here.
    case priorityFrames = "priority_frames"
    /// WINDOW_UPDATE frames.
    case windowUpdates = "window_updates"
}

/// What ends a connection; its streams end with it.
public enum HTTP2Failure: Error, Equatable, Sendable {
    /// The peer exceeded a limit: ENHANCE_YOUR_CALM.
    case limit(HTTP2Limit)
    /// The peer broke a rule of RFC 9113 or RFC 7541; the text says which, and holds nothing of the peer's.
    case protocolError(String)
}

/// The error codes of RFC 9113 §7 that audgate names.
public enum HTTP2ErrorCode {
    /// Nothing is wrong.
    public static let noError: UInt32 = 0x0
    /// A rule was broken that has no code of its own.
    public static let protocolError: UInt32 = 0x1
    /// Something of our own went wrong.
    public static let internalError: UInt32 = 0x2
    /// A flow-control window was overrun.
    public static let flowControl: UInt32 = 0x3
    /// A frame came for a stream that was half-closed or closed.
    public static let streamClosed: UInt32 = 0x5
    /// A frame has a wrong size.
    public static let frameSize: UInt32 = 0x6
    /// The stream was not processed at all.
    public static let refusedStream: UInt32 = 0x7
    /// The stream is not needed any more.
    public static let cancel: UInt32 = 0x8
    /// The peer asks too much.
    public static let enhanceYourCalm: UInt32 = 0xB
    /// The connection is not safe enough.
    public static let inadequateSecurity: UInt32 = 0xC
    /// HTTP/1.1 is asked for.
    public static let http11Required: UInt32 = 0xD
}
