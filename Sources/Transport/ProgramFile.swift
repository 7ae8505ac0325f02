// Which file a command stands for now: an upgrade has replaced the one that runs.

internal import Glibc

/// Finds the file of this program anew.
public enum ProgramFile {
    /// What Linux puts behind the path of a running program whose file was removed or replaced.
    private static let removed = " (deleted)"

    /// The file that the command of this process would start if it were given again.
    ///
    /// The name of the command comes first, as it leads through symbolic links to what is meant now; then the path of
    /// what runs. Nil if there is no such file, or if it cannot be executed.
    public static func current(command: String) -> String? {
        find(
            command: command,
            searchPath: ProcessEnvironment.value(of: "PATH") ?? "",
            running: running
        ) { unsafe access($0, X_OK) == 0 && !isFolder($0) }
    }

    /// The same with everything outside named.
    ///
    /// - Parameters:
    ///   - command: Argument 0: a path, or a name to be looked for.
    ///   - searchPath: Folders with colons between.
    ///   - running: The path of what runs, as `/proc/self/exe` tells it.
    ///   - isExecutable: Whether there is a file that can be started.
    static func find(
        command: String,
        searchPath: String,
        running: String?,
        isExecutable: (String) -> Bool
    ) -> String? {
        var candidates: [String] = []
        if command.utf8.contains(UInt8(ascii: "/")) {
            candidates.append(command)
        } else if !command.isEmpty {
            candidates += searchPath.split(separator: ":").map { "\($0)/\(command)" }
        }
        if let running {
            candidates.append(running)
            if running.hasSuffix(removed) { candidates.append(String(running.dropLast(removed.count))) }
        }
        return candidates.first(where: isExecutable)
    }

    private static var running: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
