// What one process writes to the next, besides its sockets.

internal import Bytes
internal import JSON

/// The note that a new process finds. It holds a secret, and goes through nothing but the connection of the two.
struct HandoverNote {
    /// Number of octets of a session key.
    static let sessionKeyLength = 32

    /// What seals session ids where the configuration names no keys.
    let sessionKey: [UInt8]
    /// The issuers whose keys the old process has, by `KeyedIssuers`: the new one is not ready without.
    let keyedIssuers: [String]

    init(sessionKey: [UInt8], keyedIssuers: [String]) {
        self.sessionKey = sessionKey
        self.keyedIssuers = keyedIssuers
    }

    /// Reads a note. Members that later versions may add are left alone.
    init?(_ text: [UInt8]) {
        guard let note = try? JSONReader.read(text.span).object,
            let key = note["session_key"]?.string.flatMap(Base64URL.decode),
            key.count == Self.sessionKeyLength,
            let issuers = note["keyed_issuers"]?.strings
        else { return nil }
        sessionKey = key
        keyedIssuers = issuers
    }

    /// The note as JSON.
    var text: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("session_key", Base64URL.encode(sessionKey.span))
            writer.member("keyed_issuers", keyedIssuers)
        }
        let text = writer.finish()
        return Array(copying: text.span)
    }
}
