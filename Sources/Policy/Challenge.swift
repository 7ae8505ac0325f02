// `WWW-Authenticate`: what tells a client where to get a token that will be accepted (RFC 6750 §3, RFC 9728 §5.1).

/// The Bearer challenge of a route.
enum Challenge {
    /// Writes the challenge; parameters stand in the order that both official SDKs read.
    ///
    /// - Parameters:
    ///   - route: The route that was asked for.
    ///   - answer: The refusal, nil when there were no credentials at all (RFC 6750 §3.1).
    ///   - scopes: The scopes that the request needs, or that it lacks.
    /// - Returns: The field value.
    static func bearer(_ route: Route, answer: Answer?, scopes: [String]) -> String {
        var value = "Bearer "
        if let answer { value += "error=\"\(answer.error)\", " }
        if !scopes.isEmpty { value += "scope=\"\(scopes.joined(separator: " "))\", " }
        value += "resource_metadata=\"\(route.resource.metadataURL)\""
        if let answer { value += ", error_description=\"\(answer.sentence)\"" }
        return value
    }
}
