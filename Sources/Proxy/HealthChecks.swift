// Active checks: each on a thread of its own, no more than a few at a time.

internal import Policy
internal import Synchronization
internal import Transport

/// The checks that run.
final class HealthChecks: Sendable {
    /// Most checks at a time; others are late.
    static let maximum = 64

    private let running = Atomic<Int>(0)

    /// Whether another one can run.
    var haveRoom: Bool { running.load(ordering: .relaxed) < Self.maximum }

    /// Runs a check, and tells `report` what was wrong, or nil.
    func start(
        _ endpoint: PublishedEndpoint,
        _ address: SocketAddress,
        _ rules: HealthCheckRules,
        _ report: @escaping @Sendable (String?) -> Void
    ) {
        running.add(1, ordering: .relaxed)
        do throws(SystemError) {
            try Thread.start("audgate-check") {
                report(HealthCheck.problem(of: endpoint, at: address, rules))
                self.running.subtract(1, ordering: .relaxed)
            }
        } catch {
            running.subtract(1, ordering: .relaxed)
            report("no thread for the check: \(error)")
        }
    }
}

/// One check: a GET without a token, of which any answer but a 5xx proves life. Blocks; never called on a worker.
enum HealthCheck {
    /// What is wrong with an endpoint at one address, nil if nothing is.
    static func problem(
        of endpoint: PublishedEndpoint,
        at address: SocketAddress,
        _ rules: HealthCheckRules
    ) -> String? {
        let scheme = endpoint.endpoint.isSecure ? "https" : "http"
        let path = rules.path ?? endpoint.endpoint.path
        do throws(BackgroundFailure) {
            var request = try BackgroundRequest(to: "\(scheme)://\(endpoint.endpoint.authority)\(path)")
            request.fields = [("Accept", "application/json")]
            request.tls = endpoint.tls
            request.speaksHTTP2 = endpoint.speaksHTTP2
            request.addresses = [address]
            request.patience = rules.timeout
            request.maximumLength = 0
            let status = try request.send().status
            return status >= 500 ? "check: status \(status)" : nil
        } catch {
            return "check: \(error.problem)"
        }
    }
}
