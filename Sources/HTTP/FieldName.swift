// Field names as small numbers, given once while parsing: whatever happens to a field is a table lookup after that.

internal import Bytes

/// A field name that audgate treats in a way of its own, or a group of names that it treats alike.
public enum FieldName: UInt8, Sendable, CaseIterable {
    /// A name without special treatment: forwarded as it came.
    case other = 0

    // Message framing and routing
    case host, contentLength, transferEncoding, connection, expect, trailer, te, upgrade, keepAlive
    case proxyConnection, http2Settings

    // Representation and negotiation
    case contentType, contentEncoding, accept, acceptEncoding, date, location, retryAfter, cacheControl, vary

    // Credentials and challenges
    case authorization, proxyAuthorization, proxyAuthenticate, proxyAuthenticationInfo, wwwAuthenticate
    case cookie, setCookie, dpop

    // Origin and CORS
    case origin, accessControlRequestMethod, accessControlRequestHeaders
    /// Any other name that begins with `access-control-`.
    case accessControl

    // MCP
    case mcpProtocolVersion, mcpSessionID, mcpMethod, mcpName, lastEventID
    /// Any name that begins with `mcp-param-`.
    case mcpParameter

    // Intermediaries and tracing
    case via, forwarded, xRealIP, traceparent, tracestate, xAccelBuffering
    /// Any name that begins with `x-forwarded-`.
    case xForwarded
    /// Any name that begins with `client-cert`, `x-client-cert`, `x-ssl-` or `ssl-client`.
    case clientCertificate
    /// A name under which proxies tell servers who the user is.
    case identity
    /// A response field that a proxy in front may take for a command.
    case proxyCommand
    /// A name with anything but letters, digits and hyphens: servers of the CGI kind read such characters as a hyphen.
    case ambiguous
    /// A response field that acts on the whole origin, which other routes share.
    case originWide
    /// A field that `Connection` names: it ends at the next hop.
    case nominated

    /// Recognises `name`, ignoring case.
    public init(_ name: borrowing Span<UInt8>) {
        if let exact = FieldNameTable.exact.first(for: name, where: { name.equalsIgnoringCase($0) }) {
            self = exact
        } else if let group = FieldNameTable.prefixes.first(
            for: name,
            where: { name.startsIgnoringCase(with: $0) }
        ) {
            self = group
        } else {
            self = Self.isPlain(name) ? .other : .ambiguous
        }
    }
}

extension FieldName {
    /// Whether a field of this name may stand in a trailer: framing, routing, credentials and content fields may not
    /// (RFC 9110 §6.5.1).
    public var mayTrail: Bool {
        switch self {
        case .other, .date, .originWide, .identity, .via, .traceparent, .tracestate, .cacheControl, .vary,
            .retryAfter:
            true
        default: false
        }
    }

    /// Whether the field belongs to one connection of HTTP/1.1 and has no place in HTTP/2 (RFC 9113 §8.2.2).
    public var isConnectionSpecific: Bool {
        switch self {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings: true
        default: false
        }
    }

    private static func isPlain(_ name: borrowing Span<UInt8>) -> Bool {
        for index in name.indices {
            let letter = ASCII.lowercased(name[index])
            let isLetter = letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z")
            guard isLetter || ASCII.isDigit(letter) || letter == UInt8(ascii: "-") else { return false }
        }
        return true
    }
}

/// The spellings of the names, ordered by the low five bits of their first letter.
private struct FieldNameTable {
    private struct Entry {
        let text: StaticString
        let name: FieldName
    }

    /// One row of trivial values, so that a look-up counts no references.
    private let entries: [Entry]
    /// Where the entries of each first letter begin, and behind the last where they all end.
    private let starts: [Int]

    private init(_ spellings: [(StaticString, FieldName)]) {
        var entries: [Entry] = []
        var starts: [Int] = []
        for letter in 0..<32 {
            starts.append(entries.count)
            for (text, name) in spellings where Self.bucket(unsafe text.utf8Start.pointee) == letter {
                entries.append(Entry(text: text, name: name))
            }
        }
        self.entries = entries
        self.starts = starts + [entries.count]
    }

    /// The first entry of the letter that `name` begins with whose text fits.
    func first(for name: borrowing Span<UInt8>, where fits: (StaticString) -> Bool) -> FieldName? {
        guard !name.isEmpty else { return nil }
        let bucket = Self.bucket(name[0])
        for index in starts[bucket]..<starts[bucket + 1] where fits(entries[index].text) {
            return entries[index].name
        }
        return nil
    }

    private static func bucket(_ first: UInt8) -> Int { Int(first & 0x1F) }

    static let exact = FieldNameTable([
        ("host", .host), ("content-length", .contentLength), ("transfer-encoding", .transferEncoding),
        ("connection", .connection), ("expect", .expect), ("trailer", .trailer), ("te", .te),
        ("upgrade", .upgrade), ("keep-alive", .keepAlive), ("proxy-connection", .proxyConnection),
        ("http2-settings", .http2Settings),
        ("content-type", .contentType), ("content-encoding", .contentEncoding), ("accept", .accept),
        ("accept-encoding", .acceptEncoding),
        ("date", .date), ("location", .location), ("retry-after", .retryAfter),
        ("cache-control", .cacheControl), ("vary", .vary),
        ("authorization", .authorization), ("proxy-authorization", .proxyAuthorization),
        ("proxy-authenticate", .proxyAuthenticate), ("proxy-authentication-info", .proxyAuthenticationInfo),
        ("www-authenticate", .wwwAuthenticate), ("cookie", .cookie), ("set-cookie", .setCookie),
        ("dpop", .dpop),
        ("origin", .origin), ("access-control-request-method", .accessControlRequestMethod),
        ("access-control-request-headers", .accessControlRequestHeaders),
        ("mcp-protocol-version", .mcpProtocolVersion), ("mcp-session-id", .mcpSessionID),
        ("mcp-method", .mcpMethod), ("mcp-name", .mcpName), ("last-event-id", .lastEventID),
        ("via", .via), ("forwarded", .forwarded), ("x-real-ip", .xRealIP), ("traceparent", .traceparent),
        ("tracestate", .tracestate), ("x-accel-buffering", .xAccelBuffering),
        ("proxy", .identity), ("true-client-ip", .identity), ("cf-connecting-ip", .identity),
        ("fastly-client-ip", .identity), ("front-end-https", .identity), ("identity", .identity),
        ("x-forwarded", .xForwarded), ("x-host", .identity), ("x-email", .identity), ("x-groups", .identity),
        ("x-roles", .identity), ("x-userinfo", .identity), ("x-id-token", .identity),
        ("x-access-token", .identity), ("x-http-method", .identity), ("x-method-override", .identity),
        ("x-client-ip", .identity), ("x-cluster-client-ip", .identity), ("x-client-dn", .identity),
        ("x-sendfile", .proxyCommand), ("x-lighttpd-send-file", .proxyCommand),
        ("x-reproxy-url", .proxyCommand), ("refresh", .proxyCommand),
        ("alt-svc", .originWide), ("clear-site-data", .originWide),
        ("strict-transport-security", .originWide),
        ("public-key-pins", .originWide), ("service-worker-allowed", .originWide), ("nel", .originWide),
        ("report-to", .originWide), ("reporting-endpoints", .originWide),
        ("origin-agent-cluster", .originWide),
    ])

    static let prefixes = FieldNameTable([
        ("access-control-", .accessControl), ("mcp-param-", .mcpParameter), ("x-forwarded-", .xForwarded),
        ("client-cert", .clientCertificate), ("x-client-cert", .clientCertificate),
        ("x-ssl-", .clientCertificate), ("ssl-client", .clientCertificate),
        ("x-accel-", .proxyCommand),
        ("remote-", .identity), ("impersonate-", .identity), ("cf-access-", .identity),
        ("x-user", .identity), ("x-remote-", .identity), ("x-auth-", .identity),
        ("x-authenticated-", .identity), ("x-authentik-", .identity), ("x-audgate-", .identity),
        ("x-gateway-", .identity), ("x-goog-authenticated-", .identity), ("x-goog-iap-", .identity),
        ("x-ms-client-principal", .identity), ("x-ms-token-", .identity), ("x-zumo-", .identity),
        ("x-azure-", .identity), ("x-amzn-oidc-", .identity), ("x-appengine-", .identity),
        ("x-apigateway-", .identity), ("x-endpoint-api-", .identity), ("x-webauth-", .identity),
        ("x-consumer-", .identity), ("x-credential-", .identity), ("x-anonymous-consumer", .identity),
        ("x-pomerium-", .identity), ("x-vouch-", .identity), ("x-jwt-", .identity), ("x-envoy-", .identity),
        ("x-impersonate-", .identity), ("x-principal", .identity), ("x-subject", .identity),
        ("x-identity", .identity), ("x-scope", .identity), ("x-original-", .identity),
        ("x-rewrite-", .identity), ("x-http-method-", .identity), ("x-http-host-", .identity),
    ])
}
