// Whether a file is still the one that was read.

internal import Glibc

/// What changes when a file is written, replaced by a rename, or when a link on its path leads elsewhere.
public struct FileState: Sendable, Equatable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let modified: [Int]
    private let changed: [Int]

    /// Looks at the file at `path`, through all links; nil if there is none, or it may not be seen.
    public init?(of path: String) {
        var status = stat()
        guard !path.utf8.contains(0), unsafe stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = status.st_size
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        // Permissions that were wrong and are right now.
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}
