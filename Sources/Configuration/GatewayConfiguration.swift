// What a configuration means, once it has been checked.

public import Policy

/// A checked configuration.
public struct GatewayConfiguration: Sendable {
    /// What the data path works from.
    public let snapshot: Snapshot
    /// Number of event-loop threads, 0 to 1024; 0 is one for each core.
    public let workers: Int
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

    /// Where the access log goes.
    public enum Access: Sendable, Equatable {
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
    public var access = Access.stdout

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
