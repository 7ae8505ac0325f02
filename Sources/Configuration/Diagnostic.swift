// One problem of a configuration: where it is, what is wrong and what to do.

internal import Bytes

/// A problem found while a configuration was read.
public struct Diagnostic: Sendable, Equatable {
    /// Whether a problem keeps the configuration from being used.
    public enum Severity: Sendable {
        /// The configuration cannot be used.
        case error
        /// The configuration can be used, and the operator should know.
        case warning
    }

    /// Name of the file, as it was asked for.
    public let file: String
    /// Number of the line, from 1.
    public let line: Int
    /// Number of the byte within the line, from 1.
    public let column: Int
    /// JSON pointer of the member or element (RFC 6901); empty for the whole file.
    public let pointer: String
    /// What is wrong, one sentence.
    public let problem: String
    /// What to do, one sentence.
    public let remedy: String
    /// Whether the configuration can be used all the same.
    public let severity: Severity

    /// The whole in one line: `file:line:column: /json/pointer: what is wrong. What to do.`
    public var text: String {
        "\(file):\(line):\(column): \(pointer.isEmpty ? "/" : pointer): \(problem) \(remedy)".showingInvisible
    }
}

/// Why no configuration came of a file.
public struct ConfigurationError: Error, Equatable, Sendable {
    /// Every error and every warning, in the order of the text; at least one is an error.
    public let diagnostics: [Diagnostic]
}
