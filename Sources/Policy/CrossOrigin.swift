// What lets a page of an allowed origin read an answer (WHATWG Fetch, CORS protocol).

/// The CORS fields of every answer to an allowed browser page, refusals and failures included.
public enum CrossOrigin {
    /// The fields of an answer of `route` to a page of `origin`, or to a program if that is nil.
    ///
    /// Where some origin is allowed every answer says that it depends on `Origin`, so that no cache gives a page what
    /// was meant for a program.
    public static func fields(for origin: String?, at route: Route) -> [LocalResponse.Field] {
        guard !route.origins.isEmpty else { return [] }
        guard let origin else { return [vary] }
        return [
            .init("Access-Control-Allow-Origin", origin),
            .init("Access-Control-Expose-Headers", exposedHeaders),
            vary,
        ]
    }

    private static let vary = LocalResponse.Field(
        "Vary",
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    )

    // Without `WWW-Authenticate` a page could not see where to get a token.
    private static let exposedHeaders =
        "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, DPoP-Nonce, Retry-After"
}
