// What lets a page of an allowed origin read an answer (WHATWG Fetch, CORS protocol).

/// The CORS fields of every answer to an allowed browser page, refusals and failures included.
public enum CrossOrigin {
    /// The fields for a page of `origin`.
    public static func fields(for origin: String) -> [LocalResponse.Field] {
        [
            .init("Access-Control-Allow-Origin", origin),
            .init("Access-Control-Expose-Headers", exposedHeaders),
            .init("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
    }

    // Without `WWW-Authenticate` a page could not see where to get a token.
    private static let exposedHeaders =
        "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, DPoP-Nonce, Retry-After"
}
