// `audgate health`: whether the gateway on this machine is healthy, for containers that have no other program to ask.

internal import ArgumentParser
internal import Bytes
internal import Configuration
internal import JSON
internal import Probes

/// Asks for the health.
struct HealthCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask the gateway that runs on this machine whether it is healthy.",
        discussion: """
            Asks the health path of the first listener of the configuration, as a load balancer would, for at most five \
            seconds; one that demands certificates of clients is passed over. Of the configuration only the listeners are \
            read, so that a mistake in it does not end a gateway that runs. The listener's certificate is not verified: it \
            is this machine's own process, and is sent nothing.

            Example, for a container:
              HEALTHCHECK CMD ["audgate", "health", "--config", "/etc/audgate/gateway.json"]

            Exit codes: 0 it takes traffic, 1 it does not, or cannot be asked, 64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .long, help: "Print one JSON document, for programs.")
    var json = false

    func run() throws {
        let listeners: [HealthListener]
        do {
            listeners = try ConfigurationLoader.healthListeners(path: options.config)
        } catch {
            let problem = error.diagnostics.map(\.text).joined(separator: "\n")
            guard json else { throw Terminal.failure(problem, json: false) }
            Terminal.print(Self.document(isHealthy: false, found: problem))
            throw ExitCode(1)
        }
        let health = HealthProbe.ask(listeners)
        if json {
            let text = Self.document(
                isHealthy: health.isHealthy,
                address: health.address,
                status: health.status,
                found: health.sentence
            )
            Terminal.print(text)
        } else {
            Terminal.print("\(health.isHealthy ? "Healthy" : "Not healthy"): \(health.sentence)")
        }
        guard health.isHealthy else { throw ExitCode(1) }
    }

    private static func document(
        isHealthy: Bool,
        address: String? = nil,
        status: Int? = nil,
        found: String
    ) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("healthy")
            writer.bool(isHealthy)
            if let address { writer.member("address", address) }
            if let status { writer.member("status", status) }
            writer.member("found", found)
        }
        let text = writer.finish()
        return String(lossy: text.span)
    }
}
