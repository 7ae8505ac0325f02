// Where the lines of one log end up: standard output or a file.

internal import Bytes
internal import Configuration
internal import Glibc
internal import Transport

/// An open log. Lines go into it whole, as far as the file system allows.
struct LogFile: ~Copyable {
    /// Largest piece that a pipe takes at once without making the writer wait (`pipe(7)`).
    private static let pipePiece = 4096

    private let path: String?
    private let descriptor: CInt
    private let isRegular: Bool
    private var lastByte = UInt8(ascii: "\n")
    /// Whether a line was cut off, so that the next one must not be glued to it.
    private var needsLineEnd = false

    /// Opens what the settings name; nil if the log is off.
    init?(_ destination: LogSettings.Destination) throws(StartError) {
        switch destination {
        case .off: return nil
        case .stdout:
            path = nil
            descriptor = STDOUT_FILENO
        case .file(let path):
            self.path = path
            // A named pipe that nobody reads is an error, and no reason to wait.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
            descriptor = unsafe open(path, flags, 0o640)
            guard descriptor >= 0 else { throw .cannotLog(path: path, SystemError("open")) }
        }
        var status = stat()
        isRegular = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    deinit {
        if path != nil { close(descriptor) }
    }

    /// Writes what the file takes without making other logs wait, and returns how many bytes that were.
    ///
    /// - Throws: What the system says against the rest, which is to be given up.
    mutating func write(_ lines: ArraySlice<UInt8>) throws(SystemError) -> Int {
        if needsLineEnd {
            guard try writeSome([UInt8(ascii: "\n")]) == 1 else { return 0 }
            needsLineEnd = false
        }
        var rest = lines
        while !rest.isEmpty {
            let count: Int
            do throws(SystemError) {
                count = try writeSome(isRegular ? rest : rest.prefix(Self.pipePiece))
            } catch {
                needsLineEnd = lastByte != UInt8(ascii: "\n")
                throw error
            }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
            lastByte = lines[rest.startIndex - 1]
        }
        return lines.count - rest.count
    }

    /// Writes once; 0 if a pipe or a terminal has no room now.
    private func writeSome(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if !isRegular, unsafe poll(&entry, 1, 0) == 0 { return 0 }
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count >= 0 { return count }
            if errno == EAGAIN { return 0 }
            guard errno == EINTR else { throw SystemError("write") }
        }
    }
}
