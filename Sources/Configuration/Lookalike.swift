// Which URIs a tolerant reader would take for the same.

internal import Bytes

/// Folds what must never tell two resources apart. For refusing configurations only: requests are compared byte by byte.
enum Lookalike {
    /// `uri` without scheme, default port, case, escapes and slash at the end.
    static func key(_ uri: String) -> String {
        var text = decoded(uri).lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] where text.hasPrefix(scheme) {
            text.removeFirst(scheme.count)
            let end = text.firstIndex(of: "/") ?? text.endIndex
            let authority = text[..<end]
            text = String(
                (authority.hasSuffix(port) ? authority.dropLast(port.count) : authority) + text[end...]
            )
            break
        }
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    /// `text` with every escape resolved that gives ASCII.
    private static func decoded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = ASCII.hexValue(bytes[index + 1]),
                let low = ASCII.hexValue(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(lossy: result.span)
    }
}
