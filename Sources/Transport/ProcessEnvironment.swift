// The variables of the environment: those of this process, and those of a program that it starts.

internal import CLinux
internal import Glibc

/// How the environment of a program differs from that of the process that starts it.
public struct EnvironmentChange: Sendable {
    /// Names of variables that are left out.
    let removed: [String]
    /// Variables that come instead or besides, as `NAME=value`.
    let added: [String]

    /// Names what is left out and what is added.
    public init(removing removed: [String], adding added: [String]) {
        self.removed = removed
        self.added = added
    }

    /// The variables of this process that stay, octet for octet: values need not be UTF-8. Nothing of this process
    /// changes its environment, so that they live as long as it does.
    var kept: [UnsafeMutablePointer<CChar>] {
        guard let variables = unsafe audgate_environment() else { return unsafe [] }
        let prefixes = removed.map { $0 + "=" }
        var kept: [UnsafeMutablePointer<CChar>] = unsafe []
        var index = 0
        while let variable = unsafe variables[index] {
            index += 1
            let isRemoved = prefixes.contains { unsafe strncmp(variable, $0, $0.utf8.count) == 0 }
            if !isRemoved { unsafe kept.append(variable) }
        }
        return unsafe kept
    }
}

/// What the one who started this process says by its environment.
public enum ProcessEnvironment {
    /// The value of a variable, nil if it is not set.
    public static func value(of name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
