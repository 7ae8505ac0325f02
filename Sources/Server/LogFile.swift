// Where the lines of one log end up: a standard descriptor or a file.

internal import Bytes
internal import Configuration
internal import Glibc
internal import Transport

/// An open log. Lines go into it whole, as far as the system allows.
struct LogFile: ~Copyable {
    /// Largest piece that a pipe takes at once without making the writer wait (`pipe(7)`).
    private static let pipePiece = 4096
    /// Milliseconds for which a line that is longer than a piece waits for room, once a part of it is written.
    private static let patience: CInt = 100
    private static let lineEnd = UInt8(ascii: "\n")

    /// Where it is open, for whoever waits for room.
    let descriptor: CInt
    private let isOwn: Bool
    private let isRegular: Bool
    /// Whether only a part of a line is written.
    private var isMidLine = false
    /// Whether a line was cut off, so that the next one must not be glued to it.
    private var needsLineEnd = false

    /// Opens what the settings name; nil if the log is off.
    init?(_ destination: LogSettings.Destination) throws(StartError) {
        switch destination {
        case .off: return nil
        case .stdout: self.init(standard: STDOUT_FILENO)
        case .file(let path):
            // A named pipe that nobody reads is an error, and no reason to wait.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
            let descriptor = unsafe open(path, flags, 0o640)
            guard descriptor >= 0 else { throw .cannotLog(path: path, SystemError("open")) }
            self.init(descriptor, isOwn: true)
        }
    }

    /// What is open under this number since before the process began.
    init(standard descriptor: CInt) {
        self.init(descriptor, isOwn: false)
    }

    private init(_ descriptor: CInt, isOwn: Bool) {
        self.descriptor = descriptor
        self.isOwn = isOwn
        var status = stat()
        isRegular = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    deinit {
        if isOwn { close(descriptor) }
    }

    /// Writes the lines that the file takes now, and drops them from `lines`: what is left begins with a whole line.
    ///
    /// - Returns: Number of lines that are dropped though only a part of them could be written.
    /// - Throws: What the system says against the first of `lines` that is left.
    mutating func write(_ lines: inout ArraySlice<UInt8>) throws(SystemError) -> Int {
        var lost = 0
        while !lines.isEmpty {
            do throws(SystemError) {
                if needsLineEnd {
                    guard try writeSome([Self.lineEnd]) == 1 else { return lost }
                    needsLineEnd = false
                }
                let count = try writeSome(isRegular ? lines : Self.piece(of: lines))
                if count > 0 {
                    let last = lines[lines.startIndex + count - 1]
                    lines = lines.dropFirst(count)
                    isMidLine = last != Self.lineEnd
                    continue
                }
            } catch {
                needsLineEnd = needsLineEnd || isMidLine
                isMidLine = false
                throw error
            }
            guard isMidLine else { break }
            guard !hasRoom(within: Self.patience) else { continue }
            lines = lines.drop { $0 != Self.lineEnd }.dropFirst()
            needsLineEnd = true
            isMidLine = false
            lost += 1
        }
        return lost
    }

    /// What can be written at once so that other writers come between lines only: whole lines, or the part of a long one.
    private static func piece(of lines: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let most = lines.prefix(pipePiece)
        guard most.count < lines.count, let end = most.lastIndex(of: lineEnd) else { return most }
        return most[...end]
    }

    /// Waits until one of the descriptors has room, or the time is over.
    static func awaitRoom(in full: [CInt], milliseconds: Int) {
        var entries = full.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        unsafe poll(&entries, nfds_t(entries.count), CInt(milliseconds))
    }

    /// Whether something can be written, at once or within so many milliseconds.
    func hasRoom(within milliseconds: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, milliseconds) != 0
    }

    /// Writes once; 0 if a pipe or a terminal has no room now.
    private func writeSome(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
        while true {
            if !isRegular, !hasRoom(within: 0) { return 0 }
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count >= 0 { return count }
            if errno == EAGAIN { return 0 }
            guard errno == EINTR else { throw SystemError("write") }
        }
    }
}
