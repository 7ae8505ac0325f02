// Reads whole files: blocking and bounded, before any worker runs or beside them.

public import Bytes
internal import Glibc

/// Why a file could not be read.
public enum FileError: Error, Sendable {
    /// The system refused it.
    case system(SystemError)
    /// It is a folder, a pipe or a device, which might block for ever.
    case notRegular
    /// It has more than this many bytes.
    case tooLarge(Int)

    /// What went wrong, without a full stop.
    public var reason: String {
        switch self {
        case .system(let error): error.reason
        case .notRegular: "It is not a regular file"
        case .tooLarge(let bytes) where bytes >= 1 << 20: "It is larger than \(bytes >> 20) MiB"
        case .tooLarge(let bytes): "It is larger than \(bytes >> 10) KiB"
        }
    }
}

/// Files of the operating system.
public enum FileContent {
    /// The bytes of the file at `path`, `maximumBytes` at most.
    public static func read(_ path: String, maximumBytes: Int) throws(FileError) -> ByteBuffer {
        // A path with a NUL would be cut there, and name another file.
        guard !path.utf8.contains(0) else { throw .system(SystemError("open", EINVAL)) }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(SystemError("open")) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system(SystemError("fstat")) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        var content = ByteBuffer()
        while true {
            // The kernel writes at most the `room` that the buffer lends.
            let count = unsafe content.write(room: 64 * 1024) { memory in
                unsafe Glibc.read(descriptor, memory.baseAddress, memory.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(SystemError("read")) }
            guard count > 0 else { return content }
            guard content.count <= maximumBytes else { throw .tooLarge(maximumBytes) }
        }
    }
}
