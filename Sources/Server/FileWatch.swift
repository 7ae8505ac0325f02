// Notices that the files of the configuration have changed.

internal import Configuration

/// Looks at files again and again, once a second, which sees atomic renames and the swapped links of mounted volumes on
/// every file system, those without notifications included.
struct FileWatch {
    private let files: ReadFiles
    /// What was found at the last look, if that was news.
    private var unsettled: ReadFiles.State?

    /// Watches the files that a configuration was read from.
    init(_ files: ReadFiles) {
        self.files = files
    }

    /// Whether the files have changed and have come to rest: the same news was found twice.
    mutating func haveChanged() -> Bool {
        let found = files.currentState
        guard found != files.state else {
            unsettled = nil
            return false
        }
        defer { unsettled = found }
        return found == unsettled
    }
}
