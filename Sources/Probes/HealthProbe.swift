// Asks a gateway on this machine whether it is healthy, as a load balancer would.

public import Configuration
internal import HTTP
internal import OpenSSL
internal import Policy
internal import Proxy
internal import Transport

/// What a gateway says of its health.
public struct Health: Sendable {
    /// Whether it takes traffic.
    public let isHealthy: Bool
    /// The listener that was asked, as it stands in the configuration.
    public let address: String
    /// The status of its answer, nil if there was none.
    public let status: Int?
    /// What was found, in a sentence.
    public let sentence: String
}

/// Health checks from the same machine.
public enum HealthProbe {
    /// Milliseconds for all of it.
    private static let patience = 5000

    /// Asks the first of `listeners` that takes connections without a client's certificate. Blocks for at most five
    /// seconds.
    ///
    /// The certificate of a listener is not verified: it is this machine's own process, which may still have the one
    /// that was on disk before. Nothing secret is sent, and nobody acts on the answer but this machine.
    ///
    /// - Parameter listeners: The listeners, at least one.
    public static func ask(_ listeners: [HealthListener]) -> Health {
        guard let listener = listeners.first(where: { !$0.demandsCertificate }) else {
            return Health(
                isHealthy: false,
                address: listeners.map { "\($0.address)" }.joined(separator: ", "),
                status: nil,
                sentence:
                    "Every listener demands a client's certificate. Add one on loopback for health checks."
            )
        }
        let address = "\(listener.address)"
        do throws(BackgroundFailure) {
            let status = try request(to: listener).send().status
            let sentence = "\(address) answered \(status) at \(listener.path)."
            return Health(isHealthy: status == 200, address: address, status: status, sentence: sentence)
        } catch {
            return Health(isHealthy: false, address: address, status: nil, sentence: error.problem)
        }
    }

    private static func request(to listener: HealthListener) throws(BackgroundFailure) -> BackgroundRequest {
        let address = reachable(listener.address)
        // The health path answers for any host.
        let origin = "\(listener.isSecure ? "https" : "http")://localhost"
        var request = try BackgroundRequest(to: origin + listener.path)
        request.addresses = [address]
        request.patience = patience
        request.maximumLength = 0
        // A connection to an address of this machine comes from that address.
        request.sendsProxyHeader = listener.proxyNetworks.contains { $0.contains(address) }
        if listener.isSecure {
            let context = try? ClientTLSContext(
                anchors: nil,
                identity: nil,
                verifies: false,
                offersHTTP2: false
            )
            request.tls = context.map { UpstreamTLS(context: $0) }
        }
        return request
    }

    /// Where this machine reaches what listens on `address`: "any address" is none to connect to.
    static func reachable(_ address: SocketAddress) -> SocketAddress {
        switch address.kind {
        case .ipv4(0, let port): SocketAddress(host: "127.0.0.1", port: port) ?? address
        case .ipv6(let octets, let port, _) where octets.allSatisfy { $0 == 0 }:
            SocketAddress(host: "::1", port: port) ?? address
        default: address
        }
    }
}
