// What a configuration means, once it has been checked.

public import Policy

/// A checked configuration.
public struct GatewayConfiguration: Sendable {
    /// What the data path works from.
    public let snapshot: Snapshot
    /// What it leaves to the configuration that follows it.
    public let legacy: ConfigurationLegacy
    /// Number of event-loop threads, 0 to 1024; 0 is one for each core.
    public let workers: Int
    /// Whether a change of the files that it was read from is a reason to load it anew.
    public let watches: Bool
    /// Where logs go.
    public var log: LogSettings
    /// Where operators and their programs ask the process how it is, nil if nowhere.
    public let admin: AdminSettings?
    /// The embedded servers, nil if there are none.
    public let development: DevelopmentSettings?
    /// What the operator should know, in the order of the text.
    public let warnings: [Diagnostic]
}

/// Where logs go, and what they hold.
public struct LogSettings: Sendable, Equatable {
    /// How important an operational message must be.
    public enum Level: String, Sendable, CaseIterable {
        /// Every step.
        case trace
        /// What helps to find a fault.
        case debug
        /// What happens in the normal course.
        case info
        /// What is normal and remarkable.
        case notice
        /// What may need attention.
        case warning
        /// What is broken.
        case error
    }

    /// Where a log goes.
    public enum Destination: Sendable, Equatable {
        /// To standard output.
        case stdout
        /// To the file at this path.
        case file(String)
        /// Nowhere.
        case off
    }

    /// Least important operational messages that are written.
    public var level = Level.info
    /// Where the access log goes.
    public var access = Destination.stdout
    /// Where the audit log goes: refusals, replays, reloads and changes of keys.
    public var audit = Destination.off

    /// Makes the default settings.
    public init() {}
}

/// The embedded authorization server and sample MCP servers, all on loopback.
public struct DevelopmentSettings: Sendable, Equatable {
    /// Address of the authorization server, `host:port` or `[v6]:port`.
    public let authorizationServer: String
    /// Address of each sample server that runs, by its name: `files` or `calendar`.
    public let servers: [String: String]
}
