// Paths that belong to the gateway.

/// Paths that no route and no health path may take.
enum ReservedPath {
    /// They and everything below belong to the gateway, or to authorization servers that clients mistake it for.
    static let all = ["/.well-known", "/authorize", "/token", "/register", "/revoke", "/oauth"]
}
