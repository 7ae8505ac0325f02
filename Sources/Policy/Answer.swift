// What each reason looks like on the wire: one table.

internal import HTTP
internal import JOSE
internal import MCP

/// Status, OAuth error code and public sentence of a refusal.
public struct Answer: Sendable, Equatable {
    /// The status code.
    public let status: Int
    /// `error` of the body, and of the challenge where there is one (RFC 6750 §3.1).
    public let error: String
    /// `error_description`: a short sentence without quotes, claims or internals.
    public let sentence: String

    private init(_ status: Int, _ error: String, _ sentence: String) {
        self.status = status
        self.error = error
        self.sentence = sentence
    }

    /// The answer to a request that is refused for `reason`.
    public init(_ reason: Reason) {
        self =
            switch reason {
            case .access(let reason): Answer(reason)
            case .token(let reason): Answer(reason)
            case .message(let violation): Answer(violation)
            case .envelope(let violation): Answer(violation.status, "invalid_request", violation.sentence)
            case .protocolRule(let violation):
                Answer(violation.status, "invalid_request", violation.sentence)
            case .session(let violation): Answer(violation)
            case .failure(let reason): Answer(reason)
            }
    }

    private init(_ reason: TokenRefusal.Reason) {
        // A token beyond its limit is a header field beyond its limit; everything else is a bad token.
        let status = reason == .tokenTooLarge ? 431 : 401
        self.init(status, "invalid_token", TokenRefusal(reason).sentence)
    }

    private init(_ violation: SessionViolation) {
        self =
            switch violation.status {
            case 400: Answer(400, "invalid_request", "The session id is malformed")
            // A foreign session looks like one that has ended.
            case 404: Answer(404, "not_found", "Session not found")
            default: Answer(502, "bad_gateway", "The server behind the gateway gave no usable answer")
            }
    }

    private init(_ violation: MessageViolation) {
        let sentence =
            switch violation.status {
            case 414: "The request target is too long"
            case 417: "The expectation is not supported"
            case 431: "The request header is too large"
            case 505: "The HTTP version is not supported"
            default: "The request is malformed"
            }
        self.init(violation.status, "invalid_request", sentence)
    }

    private init(_ reason: AccessReason) {
        self =
            switch reason {
            case .allowed, .metadata, .health, .admin: Answer(200, "", "")
            case .preflight, .options: Answer(204, "", "")
            case .hostUnknown: Answer(421, "misdirected_request", "No resource of this gateway has this host")
            case .routeUnknown, .pathReserved: Answer(404, "not_found", "There is no resource here")
            case .originNotAllowed: Answer(403, "origin_not_allowed", "This origin may not use the resource")
            case .methodNotAllowed:
                Answer(405, "method_not_allowed", "The resource does not have this method")
            case .noCredentials, .schemeUnsupported, .tokenInQuery:
                Answer(401, "unauthorized", "The request needs an access token for this resource")
            case .multipleCredentials:
                Answer(400, "invalid_request", "The request has more than one credential")
            case .issuerUnknown:
                Answer(401, "invalid_token", "The token is from an issuer that is not trusted here")
            case .audienceMismatch, .audienceNearMiss, .audienceOtherRoute:
                Answer(401, "invalid_token", "The token is for another resource")
            case .audienceNotExclusive:
                Answer(401, "invalid_token", "The token is not for this resource alone")
            case .senderConstrained:
                Answer(
                    401,
                    "invalid_token",
                    "The token is bound to a key and cannot be used as a bearer token"
                )
            case .insufficientScope:
                Answer(403, "insufficient_scope", "The request needs an additional scope")
            case .rateRefusals:
                Answer(429, "too_many_requests", "Too many requests of this address were refused")
            case .ratePrincipal, .rateClient, .rateTool:
                Answer(429, "too_many_requests", "There were too many requests")
            case .keysUnavailable:
                Answer(503, "temporarily_unavailable", "Tokens cannot be checked at the moment")
            case .contentTypeUnsupported:
                Answer(415, "unsupported_media_type", "The content must be application/json")
            case .contentEncodingUnsupported:
                Answer(415, "unsupported_media_type", "The content must not be encoded")
            case .notAcceptable:
                Answer(406, "not_acceptable", "Accept must allow application/json and text/event-stream")
            case .contentTooLarge: Answer(413, "content_too_large", "The content is too large")
            case .contentNotAllowed: Answer(400, "invalid_request", "This method has no content")
            case .adminUnauthorized:
                Answer(401, "unauthorized", "The request needs the token of this listener")
            }
    }

    private init(_ reason: FailureReason) {
        self =
            switch reason {
            case .nameUnresolved, .connectFailed, .upstreamTLS, .upstreamClosed, .upstreamAborted:
                Answer(502, "bad_gateway", "The server behind the gateway cannot be reached")
            case .upstreamMalformed, .upstreamUnauthorized, .upstreamRedirect:
                Answer(502, "bad_gateway", "The server behind the gateway gave no usable answer")
            case .queueFull, .queueTimeout:
                Answer(503, "temporarily_unavailable", "The server behind the gateway has too much to do")
            case .requestTimeout: Answer(504, "gateway_timeout", "The request took too long")
            case .connectTimeout, .upstreamTimeout:
                Answer(504, "gateway_timeout", "The server behind the gateway did not answer in time")
            case .streamTokenExpired: Answer(401, "invalid_token", "The token has expired")
            case .clientTimeout: Answer(408, "request_timeout", "The request did not arrive in time")
            // Nobody is left to read it: the status is for the log, as other proxies write it.
            case .clientAborted, .clientStalled: Answer(499, "client_closed_request", "The client has left")
            case .overloaded, .superseded, .draining:
                Answer(503, "temporarily_unavailable", "The gateway cannot take the request at the moment")
            }
    }
}
