// Everything that somebody needs who tries audgate without any other software.

internal import OpenSSL
internal import Synchronization
internal import Transport

/// A running authorization server and sample MCP servers.
///
/// All of it listens on loopback only, and forgets everything when the process ends.
public final class DevelopmentSetup: Sendable {
    private let servers: [DevelopmentServer]

    /// Checks the configuration and binds all addresses; nothing is answered before `start()`.
    ///
    /// - Throws: The first thing that is wrong.
    public init(configuration: DevelopmentConfiguration) throws(DevelopmentError) {
        try Self.check(issuer: configuration.issuer)
        let authorization = try AuthorizationService(configuration)
        var servers = [
            try DevelopmentServer(address: configuration.authorizationServer) {
                authorization.respond(to: $0)
            }
        ]
        for server in configuration.servers {
            let sample = SampleService(SampleServer(server.name, path: server.path))
            servers.append(try DevelopmentServer(address: server.address) { sample.respond(to: $0) })
        }
        self.servers = servers
    }

    /// Where the servers listen: the authorization server, then the sample servers in their order.
    var addresses: [String] { servers.map(\.address) }

    /// Begins to answer.
    ///
    /// - Throws: `cannotListen` if the system has no threads to give.
    public func start() throws(DevelopmentError) {
        for server in servers { try server.start() }
    }

    /// Ends all listeners and connections.
    public func stop() {
        for server in servers { server.stop() }
    }

    private static func check(issuer: String) throws(DevelopmentError) {
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: issuer.hasPrefix), issuer.utf8.count > scheme.utf8.count,
            !issuer.hasSuffix("/"), issuer.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !issuer.contains("?"), !issuer.contains("#")
        else { throw .invalidIssuer(issuer) }
    }
}

/// The authorization server with its lock, its clock and its randomness.
private final class AuthorizationService: Sendable {
    private let server: Mutex<AuthorizationServer>

    init(_ configuration: DevelopmentConfiguration) throws(DevelopmentError) {
        guard let key = try? SigningKey(generating: .ellipticCurve(.p256)),
            let tokens = TokenIssuer(issuer: configuration.issuer, key: key)
        else { throw .noSigningKey }
        server = Mutex(
            AuthorizationServer(
                issuer: configuration.issuer,
                resources: configuration.resources,
                tokens: tokens
            )
        )
    }

    /// Answers `request`; a client's metadata document is fetched before, while nobody else has to wait.
    func respond(to request: ExchangeRequest) -> ExchangeResponse {
        let now = Clock.unixMicroseconds / 1_000_000
        if let address = server.withLock({ $0.documentNeeded(for: request, at: now) }) {
            do throws(OAuthError) {
                let document = try ClientDocumentFetch.document(at: address)
                try server.withLock { (server) throws(OAuthError) in
                    try server.admit(document, from: address, at: now)
                }
            } catch {
                return error.response(to: request)
            }
        }
        var random = RandomTokens(SecureRandom.bytes(count: RandomTokens.byteCount))
        return server.withLock { $0.respond(to: request, at: now, random: &random) }
    }
}

/// A sample server with its lock.
private final class SampleService: Sendable {
    private let server: Mutex<SampleServer>

    init(_ server: SampleServer) {
        self.server = Mutex(server)
    }

    func respond(to request: ExchangeRequest) -> ExchangeResponse {
        server.withLock { $0.respond(to: request) }
    }
}
