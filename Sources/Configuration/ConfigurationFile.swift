// Reads configuration files: blocking, bounded, before any worker runs.

internal import Bytes
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
        do throws(FileError) {
            let content = try FileContent.read(path, maximumBytes: maximumBytes)
            return .success(ConfigurationSource(name: path, text: Array(copying: content.span)))
        } catch {
            return .failure(ConfigurationFileError(path: path, reason: error.reason))
        }
    }

    /// The value of an environment variable, nil if it is not set.
    static func variable(_ name: String) -> String? {
        guard !name.utf8.contains(0), let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// The texts of the files that `pattern` matches (`glob(3)`), in the order of their names.
    static func matching(
        _ pattern: String,
        noting files: ReadFiles
    ) -> [Result<ConfigurationSource, ConfigurationFileError>] {
        guard let paths = paths(matching: pattern) else {
            let reason = "This is not a pattern, or its folder cannot be searched"
            return [.failure(ConfigurationFileError(path: pattern, reason: reason))]
        }
        files.note(pattern: pattern, matching: paths)
        return paths.map { path in
            files.note(path: path)
            return read(path)
        }
    }

    /// The files that `pattern` matches, in the order of their names; nil if it is no pattern or cannot be followed.
    static func paths(matching pattern: String) -> [String]? {
        guard !pattern.isEmpty, !pattern.utf8.contains(0) else { return nil }
        var matches = unsafe glob_t()
        // `glob` fills the structure with strings that live until `globfree`.
        defer { unsafe globfree(&matches) }
        // A folder that is not there holds nothing; one that cannot be read may hold everything.
        switch unsafe glob(pattern, 0, { _, error in error == ENOENT ? 0 : 1 }, &matches) {
        case 0: break
        case GLOB_NOMATCH: return []
        default: return nil
        }
        var paths: [String] = []
        for index in unsafe 0..<Int(matches.gl_pathc) {
            guard let path = unsafe matches.gl_pathv[index] else { continue }
            paths.append(unsafe String(cString: path))
        }
        return Array(paths.sorted().prefix(ConfigurationLoader.maximumIncludedFiles + 1))
    }
}
