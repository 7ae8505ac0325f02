// Which files a configuration was read from, and whether they have changed since.

internal import Synchronization
internal import Transport

/// Notes the files that are read and the patterns by which files are looked for, as they are at that time; also those
/// that cannot be read.
public final class ReadFiles: Sendable {
    /// Files as they were found, by path, and what patterns matched.
    public struct State: Sendable, Equatable {
        fileprivate var files: [String: FileState?] = [:]
        fileprivate var matches: [String: [String]] = [:]
    }

    private let noted = Mutex(State())

    /// Nothing was read so far.
    public init() {}

    /// What was found when it was read.
    public var state: State { noted.withLock { $0 } }

    /// What is found now. Blocks while it looks.
    public var currentState: State {
        var state = state
        for path in state.files.keys { state.files[path] = .some(FileState(of: path)) }
        for pattern in state.matches.keys {
            state.matches[pattern] = ConfigurationFile.paths(matching: pattern) ?? []
        }
        return state
    }

    func note(path: String) {
        let state = FileState(of: path)
        noted.withLock { noted in
            // The first look counts: what changes behind it is news.
            if noted.files[path] == nil { noted.files[path] = .some(state) }
        }
    }

    func note(pattern: String, matching paths: [String]) {
        noted.withLock { $0.matches[pattern] = paths }
    }
}
