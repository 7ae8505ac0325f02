// Which descriptors were open on purpose when this program started, as its environment tells.

/// Why what the environment says of descriptors is not believed.
public struct PassedDescriptorError: Error, Equatable, Sendable {
    /// The variable.
    public let variable: String
    /// What is wrong with it, as the end of a sentence without its full stop.
    public let reason: String
}

/// Descriptors that whoever started this process has passed to it; they follow each other from
/// `ChildProcess.firstDescriptor` on.
public enum PassedDescriptors {
    /// Names the process that an upgrade replaces and the number of its sockets, as `PID:COUNT`. The first descriptor
    /// is a `MessageSocket`, the sockets follow.
    public static let upgradeVariable = "AUDGATE_UPGRADE"
    /// The variables of socket activation (`sd_listen_fds(3)`).
    public static let activationVariables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"]
    /// Most sockets that are passed.
    public static let maximumCount = 100_000

    /// The sockets of a process that this one is to replace, nil if there is none.
    ///
    /// - Parameters:
    ///   - variable: Gives the value of a variable, nil if it is not set.
    ///   - parent: The process id of this process's parent: what is meant for another is an error.
    public static func ofUpgrade(
        _ variable: (String) -> String?,
        parent: Int32
    ) throws(PassedDescriptorError) -> Range<CInt>? {
        guard let text = variable(upgradeVariable) else { return nil }
        func error(_ reason: String) -> PassedDescriptorError {
            PassedDescriptorError(variable: upgradeVariable, reason: reason)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let process = number(parts[0]), let count = number(parts[1]) else {
            throw error("is not of the form PID:COUNT")
        }
        guard process == parent else { throw error("was not set by the process that started this one") }
        guard count <= maximumCount else { throw error("names more than \(maximumCount) sockets") }
        let first = ChildProcess.firstDescriptor + 1
        return first..<first + CInt(count)
    }

    /// The sockets of socket activation, nil if there are none for this process.
    ///
    /// - Parameters:
    ///   - variable: Gives the value of a variable, nil if it is not set.
    ///   - process: The id of this process: what was meant for another is left alone.
    public static func ofActivation(
        _ variable: (String) -> String?,
        process: Int32
    ) throws(PassedDescriptorError) -> Range<CInt>? {
        guard let meant = variable("LISTEN_PID") else { return nil }
        guard let id = number(meant) else {
            throw PassedDescriptorError(variable: "LISTEN_PID", reason: "is not a number")
        }
        guard id == process else { return nil }
        guard let count = number(variable("LISTEN_FDS") ?? ""), (1...maximumCount).contains(count) else {
            throw PassedDescriptorError(
                variable: "LISTEN_FDS",
                reason: "is not a number from 1 to \(maximumCount)"
            )
        }
        return ChildProcess.firstDescriptor..<ChildProcess.firstDescriptor + CInt(count)
    }

    /// A decimal number without sign and blanks.
    private static func number(_ text: some StringProtocol) -> Int? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        return Int(text)
    }
}
