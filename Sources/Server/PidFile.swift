// The file that tells the process id: of the process that serves, also after an upgrade.

internal import Bytes
internal import Glibc
internal import Transport

/// A file with one number and a line end.
struct PidFile {
    /// Where it is.
    let path: String

    private var text: String { "\(getpid())\n" }

    /// Writes this process's id. Who reads meanwhile sees the old content or the new one.
    ///
    /// - Throws: Also if there is something at the path that is no file: it would be replaced.
    func write() throws(SystemError) {
        var status = stat()
        if unsafe lstat(path, &status) == 0, ![S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT) {
            throw SystemError("rename", EEXIST)
        }
        let draft = "\(path).\(getpid())"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let descriptor = unsafe open(draft, flags, 0o644)
        guard descriptor >= 0 else { throw SystemError("open") }
        let octets = Array(text.utf8)
        let count = unsafe octets.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let failure = count == octets.count ? nil : SystemError("write")
        close(descriptor)
        if failure == nil, unsafe rename(draft, path) == 0 { return }
        let error = failure ?? SystemError("rename")
        _ = unsafe unlink(draft)
        throw error
    }

    /// Removes the file, if it tells this process's id: another may have taken over since.
    func remove() {
        guard let content = try? FileContent.read(path, maximumBytes: 64),
            content.span.equals(text)
        else { return }
        _ = unsafe unlink(path)
    }
}
