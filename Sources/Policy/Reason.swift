// The closed list of reasons: logs, answers, `explain` and the documentation speak of the same codes.

public import HTTP
public import JOSE
public import MCP

/// Why a request was answered as it was.
public enum Reason: Sendable, Equatable {
    /// Policy decided it.
    case access(AccessReason)
    /// The token was refused.
    case token(TokenRefusal.Reason)
    /// The message broke a rule of HTTP or a limit.
    case message(MessageViolation)
    /// The body is no JSON-RPC message.
    case envelope(EnvelopeViolation)
    /// The message broke a rule of its revision of MCP.
    case protocolRule(ProtocolViolation)
    /// The session is not one of this client.
    case session(SessionViolation)
    /// The gateway or the server behind failed.
    case failure(FailureReason)

    /// The stable code of logs and metrics.
    public var code: String {
        switch self {
        case .access(let reason): reason.rawValue
        case .token(let reason): reason.rawValue
        case .message(let violation): violation.rawValue
        case .envelope(let violation): violation.rawValue
        case .protocolRule(let violation): violation.rawValue
        case .session(let violation): violation.rawValue
        case .failure(let reason): reason.rawValue
        }
    }

    /// Every code there is, for the documentation.
    public static var allCodes: [String] { all.map(\.code) }
}

/// What policy says of a request. The raw value is the reason code.
public enum AccessReason: String, Sendable, CaseIterable {
    /// The request went on to the server.
    case allowed
    /// The answer is the route's metadata document.
    case metadata
    /// The answer permits a browser to ask.
    case preflight
    /// The answer to a load balancer.
    case health
    /// The answer names the methods of a resource.
    case options
    /// The answer of the admin listener.
    case admin

    /// No route has this host.
    case hostUnknown = "host_unknown"
    /// No route has this path.
    case routeUnknown = "route_unknown"
    /// The path is the gateway's own, and there is nothing at it.
    case pathReserved = "path_reserved"
    /// The browser origin is not allowed.
    case originNotAllowed = "origin_not_allowed"
    /// The method is not one of the resource's.
    case methodNotAllowed = "method_not_allowed"
    /// There is no token.
    case noCredentials = "no_credentials"
    /// `Authorization` has another scheme than Bearer.
    case schemeUnsupported = "scheme_unsupported"
    /// The token is in the query, where it is not looked for.
    case tokenInQuery = "token_in_query"
    /// There are two tokens.
    case multipleCredentials = "multiple_credentials"
    /// The token's issuer is none of the route's.
    case issuerUnknown = "issuer_unknown"
    /// The token is for something that this gateway does not know.
    case audienceMismatch = "aud_mismatch"
    /// The token is for a spelling of the resource that is not the resource.
    case audienceNearMiss = "aud_near_miss"
    /// The token is for another route of this gateway.
    case audienceOtherRoute = "aud_other_route"
    /// The token is for this resource and for another one.
    case audienceNotExclusive = "aud_not_exclusive"
    /// The token is bound to a key, of which the request gives no proof.
    case senderConstrained = "sender_constrained"
    /// The token lacks a scope.
    case insufficientScope = "insufficient_scope"
    /// The address was refused so often that its new tokens are not looked at.
    case rateRefusals = "rate_refusals"
    /// The principal has sent too many requests.
    case ratePrincipal = "rate_principal"
    /// The principals of an OAuth client together have sent too many requests.
    case rateClient = "rate_client"
    /// The principal has called a tool too often.
    case rateTool = "rate_tool"
    /// The keys of the issuer are not to be had.
    case keysUnavailable = "keys_unavailable"
    /// The content is not JSON.
    case contentTypeUnsupported = "content_type_unsupported"
    /// The content is encoded, and could not be checked.
    case contentEncodingUnsupported = "content_encoding_unsupported"
    /// The client does not take the answers that MCP gives.
    case notAcceptable = "not_acceptable"
    /// The content is larger than `limits.body_bytes`.
    case contentTooLarge = "content_too_large"
    /// The method has no content.
    case contentNotAllowed = "content_not_allowed"
    /// The request to the admin listener has no token, or a wrong one.
    case adminUnauthorized = "admin_unauthorized"
}

/// What went wrong behind the policy. The raw value is the reason code.
public enum FailureReason: String, Sendable, CaseIterable {
    /// The server has as many requests or connections as it may have, and so many wait already.
    case queueFull = "upstream_queue_full"
    /// The server had as many requests or connections as it may have, for too long.
    case queueTimeout = "upstream_queue_timeout"
    /// The name of the server has no address.
    case nameUnresolved = "upstream_name_unresolved"
    /// No connection to the server could be made.
    case connectFailed = "upstream_connect_failed"
    /// Connecting to the server took too long.
    case connectTimeout = "upstream_connect_timeout"
    /// No TLS connection to the server could be established: its certificate, or the handshake.
    case upstreamTLS = "upstream_tls_failed"
    /// The server closed the connection before it answered.
    case upstreamClosed = "upstream_closed"
    /// The server's answer is not HTTP as it must be.
    case upstreamMalformed = "upstream_malformed"
    /// The server asked for another token than the one that it names.
    case upstreamUnauthorized = "upstream_unauthorized"
    /// The server answered with a redirect.
    case upstreamRedirect = "upstream_redirect"
    /// The token of an open event stream has expired.
    case streamTokenExpired = "stream_token_expired"
    /// The request with its answer took longer than any may.
    case requestTimeout = "request_timeout"
    /// The server did not answer in time.
    case upstreamTimeout = "upstream_timeout"
    /// The server died in the middle of its answer.
    case upstreamAborted = "upstream_aborted"
    /// The client left before the answer was complete.
    case clientAborted = "client_aborted"
    /// The client did not send its request in time.
    case clientTimeout = "client_timeout"
    /// The client did not read its answer in time.
    case clientStalled = "client_stalled"
    /// The gateway holds so many bodies that there was no room for this one in time.
    case overloaded = "gateway_overloaded"
    /// So many configurations have followed the one that the request began with that it is given up.
    case superseded = "configuration_superseded"
    /// The gateway is going down.
    case draining
}
