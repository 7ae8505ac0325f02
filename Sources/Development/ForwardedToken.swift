// A look at the token that the gateway passed on: decoded, not verified, as a sample may.

internal import Bytes
internal import JSON

/// The bearer token of a request.
enum ForwardedToken {
    /// The claims as JSON text, nil if the request has no readable token.
    static func claims(of request: ExchangeRequest) -> String? {
        guard let field = request.value(of: "authorization") else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let segments = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        guard segments.count == 3, let payload = Base64URL.decode(String(segments[1])),
            let claims = try? JSONReader.read(payload.span), claims.object != nil
        else { return nil }
        let text = jsonBytes { writer in writer.value(claims) }
        return String(lossy: text.span)
    }
}
