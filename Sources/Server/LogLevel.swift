// How important a message must be: one setting that all loggers follow at once.

public import Configuration
public import Logging
internal import Synchronization

/// The least important messages that are written; a reload can change it.
public final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    /// Begins with `level`.
    public init(_ level: Logger.Level) {
        self.level = Mutex(level)
    }

    /// The level of now.
    public var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

extension LogSettings.Level {
    /// The same level, as the interface of loggers calls it.
    public var loggerLevel: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
