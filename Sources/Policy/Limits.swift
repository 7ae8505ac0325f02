// Every bound that an operator can move, with its safe default.

public import HTTP

/// Limits of one process. Durations are in milliseconds, sizes in bytes.
public struct Limits: Sendable, Equatable {
    /// Bounds of heads.
    public var messages = MessageLimits()
    /// Bounds of one HTTP/2 connection; its heads and windows follow the limits beside it.
    public var http2 = HTTP2Limits()
    /// Largest request body.
    public var bodyBytes = 4 * 1024 * 1024
    /// Most client connections of one worker.
    public var connections = 16_384
    /// Bytes held for a slow reader before the faster side is paused; reading resumes at half. It is the flow-control
    /// window of an HTTP/2 stream, too.
    public var windowBytes = 64 * 1024
    /// Bytes of request bodies that one worker holds at a time; what comes beyond waits, and is refused if that takes
    /// too long.
    public var bufferedBytes = 64 * 1024 * 1024
    /// How often principals, clients and addresses may do what.
    public var rates = RateLimits()
    /// Buckets of each kind of rate that the process remembers, at least.
    public var rateEntries = 65_536
    /// Most client connections of one address, in the whole process.
    public var connectionsPerAddress = 4096
    /// Most requests of one worker at a time.
    public var requests = 16_384
    /// Most verified tokens remembered by one worker.
    public var tokens = 16_384
    /// Most idle connections to one endpoint that one worker keeps.
    public var idleUpstreamConnections = 256
    /// From accepting a connection until TLS is established on it, a PROXY header included.
    public var handshakeTimeout = 10_000
    /// From the first byte of a head to its last.
    public var headerTimeout = 10_000
    /// Without a byte in either direction while a body is on its way.
    public var bodyTimeout = 60_000
    /// Bytes a second that keep a body alive beyond `bodyTimeout`.
    public var bodyRate = 8 * 1024
    /// From the head of a request to the end of its answer, unless that is a stream of events.
    public var requestTimeout = 900_000
    /// Between two requests on a connection.
    public var idleTimeout = 75_000
    /// How long an idle connection to a server is kept.
    public var upstreamIdleTimeout = 60_000
    /// From SIGTERM, when health checks begin to fail, until accepting stops.
    public var drainDelay = 0
    /// From the end of accepting until connections that are still busy are closed.
    public var drainTimeout = 30_000
    /// From SIGUSR2 until the new process has to be ready.
    public var upgradeTimeout = 60_000

    /// Makes the default limits.
    public init() {}
}
