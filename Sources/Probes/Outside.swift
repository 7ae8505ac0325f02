// The way to the outside world: names are looked up once, and who takes no connection is not asked again.

internal import HTTP
internal import Policy
internal import Proxy
internal import Synchronization
internal import Transport

/// Sends requests, and remembers what they cost.
///
/// A thousand routes may have one name: that it has no address, or that nothing listens there, is found out once.
final class Outside: Sendable {
    private let addresses = Mutex<[String: [SocketAddress]]>([:])
    private let failures = Mutex<[String: BackgroundFailure]>([:])
    private let publicTLS: UpstreamTLS?
    private let publicAddress: SocketAddress?

    /// - Parameters:
    ///   - publicTLS: How public names prove who they are.
    ///   - publicAddress: Where public names are, nil for where the resolver says.
    init(publicTLS: UpstreamTLS?, publicAddress: SocketAddress?) {
        self.publicTLS = publicTLS
        self.publicAddress = publicAddress
    }

    /// Asks at a public name of the gateway.
    func askPublicName(_ request: BackgroundRequest) throws(BackgroundFailure) -> BackgroundResponse {
        var request = request
        request.tls = publicTLS
        request.addresses = publicAddress.map { [$0] }
        return try ask(request)
    }

    /// Asks.
    func ask(_ request: BackgroundRequest) throws(BackgroundFailure) -> BackgroundResponse {
        let origin = "\(request.url.isSecure ? "https" : "http")://\(request.url.authority)"
        if let failure = failures.withLock({ $0[origin] }) { throw failure }
        do throws(BackgroundFailure) {
            var request = request
            if request.addresses == nil { request.addresses = try lookUp(request) }
            return try request.send()
        } catch {
            switch error.kind {
            case .unresolved, .unreachable, .insecure: failures.withLock { $0[origin] = error }
            case .silent, .malformed, .tooLarge: break
            }
            throw error
        }
    }

    private func lookUp(_ request: BackgroundRequest) throws(BackgroundFailure) -> [SocketAddress] {
        let (host, port) = (request.url.host, request.url.port)
        if let known = addresses.withLock({ $0[host] }) { return known.map { $0.with(port: port) } }
        let found = try request.lookUpAddresses()
        addresses.withLock { $0[host] = found }
        return found
    }
}
