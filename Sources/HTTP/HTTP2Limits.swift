// How much one HTTP/2 connection may ask of audgate.

/// Bounds on one connection; what stands under "a connection and ten seconds" is counted by `FrameBudget` of `HTTP2`.
public struct HTTP2Limits: Sendable, Equatable {
    /// Bounds on heads: `headerBytes` bounds the sum of name, value and 32 for each field (RFC 9113 §6.5.2).
    public var messages = MessageLimits()
    /// Most streams that are open at once.
    public var streams = 100
    /// Flow-control window of a stream in bytes: so much of a body is held for a reader that is slow.
    public var streamWindow = 64 * 1024
    /// Flow-control window of a server's connection in bytes. A client's is as large as can be, so that one slow
    /// reader cannot hold up the others.
    public var connectionWindow = 1024 * 1024
    /// Size of each of the two HPACK tables in bytes.
    public var headerTableBytes = 4096
    /// Most CONTINUATION frames of one header block.
    public var continuationFrames = 8

    // A connection and ten seconds:

    /// Most streams that are reset by the peer, or by audgate because the peer broke a rule on them.
    public var resetStreams = 500
    /// Most PING frames.
    public var pingFrames = 200
    /// Most SETTINGS frames; one with more than eight entries counts for each eight of them.
    public var settingsFrames = 50
    /// Most DATA frames without octets and header fragments without octets.
    public var emptyFrames = 200
    /// Most frames that mean nothing here: PRIORITY, PRIORITY_UPDATE, repeated GOAWAY and unknown types.
    public var priorityFrames = 1000
    /// Most WINDOW_UPDATE frames beyond two for each DATA frame that was sent.
    public var windowUpdates = 1000

    /// Makes the default limits.
    public init() {}
}
