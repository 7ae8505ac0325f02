// Why the development setup does not come up.

/// A reason not to start.
public enum DevelopmentError: Error, Equatable, Sendable {
    /// The address is not `host:port` with a loopback host; others must not be able to reach these servers.
    case notLoopback(String)
    /// The issuer is not an http or https URL without query, fragment and trailing slash.
    case invalidIssuer(String)
    /// Nothing can listen at the address, for the system's reason.
    case cannotListen(String, reason: String)
    /// OpenSSL made no signing key.
    case noSigningKey

    /// One or two sentences for people: what is wrong, and what to do.
    public var sentence: String {
        switch self {
        case .notLoopback(let address):
            "\"\(address)\" is not on loopback. Use 127.0.0.1:port, [::1]:port or localhost:port."
        case .invalidIssuer(let issuer):
            "\"\(issuer)\" is not an issuer. Use a URL such as http://127.0.0.1:8081, without a slash at its end."
        case .cannotListen(let address, let reason):
            "Nothing can listen on \(address): \(reason). Is another program using the port?"
        case .noSigningKey: "OpenSSL could not make a P-256 key."
        }
    }
}
