// Which fields go on, in each direction: one table for the whole gateway.

internal import Bytes
internal import HTTP
internal import Policy

/// What becomes of the fields of a message at this hop (RFC 9110 §7.6; RFC 9700 §4.13).
enum ForwardedFields {
    /// What the fate of some fields of a request depends on.
    struct RequestRules {
        /// Which credential goes on.
        let credentials: UpstreamCredentials
        /// Whether the request is of an era that knows sessions.
        let isLegacy: Bool
        /// Whether the response will be rewritten.
        let isRewritten: Bool
    }

    /// Whether a field of a request goes on to the server.
    static func goesToServer(_ name: FieldName, rules: RequestRules) -> Bool {
        switch name {
        // What the server may need to know, as the client said it.
        case .other, .contentType, .contentEncoding, .accept, .date, .cacheControl, .via, .mcpProtocolVersion,
            .mcpMethod, .mcpName, .mcpParameter, .xAccelBuffering, .location, .retryAfter, .vary, .originWide:
            true
        // They mean something before 2026-07-28 only.
        case .lastEventID: rules.isLegacy
        // What is rewritten must be readable.
        case .acceptEncoding: !rules.isRewritten
        // Written anew: the server's own id, not the client's.
        case .mcpSessionID: false
        case .authorization: rules.credentials == .forward
        // Framing and connection are this hop's own.
        case .host, .contentLength, .transferEncoding, .connection, .expect, .trailer, .te, .upgrade,
            .keepAlive,
            .proxyConnection, .http2Settings, .nominated:
            false
        // Other credentials than the one that was checked.
        case .proxyAuthorization, .proxyAuthenticate, .proxyAuthenticationInfo, .wwwAuthenticate, .cookie,
            .setCookie, .dpop, .clientCertificate, .identity, .ambiguous, .proxyCommand:
            false
        // The browser's business with the gateway: the server has its own guard against foreign origins.
        case .origin, .accessControl, .accessControlRequestMethod, .accessControlRequestHeaders: false
        // The gateway says these itself.
        case .forwarded, .xForwarded, .xRealIP, .traceparent, .tracestate: false
        }
    }

    /// Whether a field of a response goes on to the client.
    static func goesToClient(_ name: FieldName) -> Bool {
        switch name {
        case .host, .contentLength, .transferEncoding, .connection, .expect, .trailer, .te, .upgrade,
            .keepAlive,
            .proxyConnection, .http2Settings, .nominated:
            false
        // A challenge would send the client to another authorization server.
        case .wwwAuthenticate, .proxyAuthenticate, .proxyAuthenticationInfo, .proxyAuthorization: false
        // CORS is the gateway's; the rest would act on all routes of the origin.
        case .accessControl, .accessControlRequestMethod, .accessControlRequestHeaders, .setCookie,
            .originWide:
            false
        // A proxy in front would obey them, for a server that it does not trust.
        case .proxyCommand: false
        // Written anew for event streams, and for the client's session.
        case .xAccelBuffering, .mcpSessionID: false
        default: true
        }
    }
}
