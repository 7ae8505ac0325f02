// What stands between one configuration and the next.

internal import Configuration
internal import Logging

/// Why nothing was reloaded.
struct ReloadRefusal: Error {
    /// One of the reasons.
    struct Problem: Sendable {
        /// `file:line:column`, empty if no file is to blame.
        let place: String
        /// What is wrong.
        let problem: String
        /// What to do; empty if the problem says it.
        let remedy: String

        /// Both.
        var sentence: String { remedy.isEmpty ? problem : "\(problem) \(remedy)" }

        /// For the operational log.
        var metadata: Logger.Metadata { place.isEmpty ? [:] : ["at": "\(place)"] }
    }

    /// All of them.
    let problems: [Problem]

    /// A configuration that cannot be used.
    init(_ error: ConfigurationError) {
        problems = error.diagnostics.filter { $0.severity == .error }.map {
            Problem(
                place: "\($0.file):\($0.line):\($0.column)",
                problem: $0.problem,
                remedy: $0.remedy
            )
        }
    }

    /// A configuration that this process cannot go over to.
    init(_ sentence: String) {
        problems = [Problem(place: "", problem: sentence, remedy: "")]
    }
}

extension GatewayConfiguration {
    /// Why a running process cannot go over to `new`, as sentences; nil if it can.
    func obstacle(to new: GatewayConfiguration) -> String? {
        if workers != new.workers {
            return
                "\"workers\" has changed, and threads stay as they are. Upgrade the process (SIGUSR2) or restart it."
        }
        if development != new.development {
            return "\"development\" has changed. Restart the process."
        }
        return nil
    }

    /// Tells the operator what should be known of a configuration that is in force.
    func tellWarnings(to logger: Logger) {
        for warning in warnings {
            logger.warning(
                "Configuration: \(warning.problem) \(warning.remedy)",
                metadata: ["at": "\(warning.file):\(warning.line):\(warning.column)"]
            )
        }
    }
}
