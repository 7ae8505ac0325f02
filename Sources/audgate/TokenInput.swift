// A token as people hand it over.

internal import Bytes
internal import JOSE

/// Reads tokens.
enum TokenInput {
    /// Most bytes that are read: more than any token may have, so that one that is too long is told so.
    static let maximumLength = 4 * CompactJWS.maximumLength

    /// The token on standard input.
    static func standardInput() -> [UInt8] {
        if StandardInput.isTerminal { Terminal.error("Paste the token, then press Return and Ctrl-D.") }
        var input = StandardInput()
        return token(in: input.rest(maximumLength: maximumLength))
    }

    /// The token in `bytes`, without blanks and line ends around it, and without the scheme that is copied along from a
    /// field.
    static func token(in bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes[...]
        while let last = bytes.last, last <= ASCII.space { bytes.removeLast() }
        bytes = bytes.drop { $0 <= ASCII.space }
        let scheme: StaticString = "bearer "
        guard Array(bytes).span.startsIgnoringCase(with: scheme) else { return Array(bytes) }
        return Array(bytes.dropFirst(scheme.utf8CodeUnitCount).drop { $0 <= ASCII.space })
    }
}
