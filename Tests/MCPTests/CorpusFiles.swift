// Files that tests read from beside their sources, without Foundation.

import Bytes
import Glibc

/// Finds and reads files in the folder of a test.
enum CorpusFiles {
    /// The files that `pattern` names in the folder of `file`, in alphabetical order.
    static func paths(matching pattern: String, beside file: StaticString = #filePath) -> [String] {
        let folder = "\(file)".split(separator: "/", omittingEmptySubsequences: false).dropLast()
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(folder.joined(separator: "/") + "/" + pattern, 0, nil, &found) == 0 else {
            return []
        }
        return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
            unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
        }
    }

    /// The octets of the file at `path`; none if it cannot be read.
    static func octets(of path: String) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var buffer = ByteBuffer()
        var count = 1
        while count > 0 {
            count = unsafe buffer.write(room: 65536) { unsafe read(descriptor, $0.baseAddress, $0.count) }
        }
        return Array(copying: buffer.span)
    }
}
