// Reads configuration files: blocking, bounded, before any worker runs.

internal import Glibc
internal import Transport

/// Why a file could not be read.
public struct ConfigurationFileError: Error, Sendable {
    /// The file or pattern.
    public let path: String
    /// What went wrong, without a full stop.
    public let reason: String

    /// Says why the file at `path` could not be read.
    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    /// The whole as a sentence.
    var sentence: String { "\"\(path)\" cannot be read: \(reason)." }
}

/// Files of the operating system.
enum ConfigurationFile {
    /// Largest file in bytes.
    static let maximumBytes = 16 << 20

    /// The text of the file at `path`.
    static func read(_ path: String) -> Result<ConfigurationSource, ConfigurationFileError> {
        func failure(_ reason: String) -> Result<ConfigurationSource, ConfigurationFileError> {
            .failure(ConfigurationFileError(path: path, reason: reason))
        }
        guard !path.isEmpty, !path.utf8.contains(0) else { return failure("This is not a path") }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return failure(SystemError("open").reason) }
        defer { close(file) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // The kernel writes at most `chunk.count` bytes into the array, which lives through the call.
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return failure(SystemError("read").reason) }
            guard count > 0 else { return .success(ConfigurationSource(name: path, text: text)) }
            guard text.count + count <= maximumBytes else { return failure("It is larger than 16 MiB") }
            text += chunk[..<count]
        }
    }

    /// The texts of the files that `pattern` matches (`glob(3)`), in the order of their names.
    static func matching(_ pattern: String) -> [Result<ConfigurationSource, ConfigurationFileError>] {
        func failure(_ reason: String) -> [Result<ConfigurationSource, ConfigurationFileError>] {
            [.failure(ConfigurationFileError(path: pattern, reason: reason))]
        }
        guard !pattern.isEmpty, !pattern.utf8.contains(0) else { return failure("This is not a pattern") }
        var matches = unsafe glob_t()
        // `glob` fills the structure with strings that live until `globfree`.
        defer { unsafe globfree(&matches) }
        switch unsafe glob(pattern, 0, nil, &matches) {
        case 0: break
        case GLOB_NOMATCH: return []
        default: return failure("The folder cannot be searched")
        }
        var paths: [String] = []
        for index in unsafe 0..<Int(matches.gl_pathc) {
            guard let path = unsafe matches.gl_pathv[index] else { continue }
            paths.append(unsafe String(cString: path))
        }
        return paths.sorted().prefix(ConfigurationLoader.maximumIncludedFiles + 1).map(read)
    }
}
