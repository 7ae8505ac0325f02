// Frames as the tests put them on the wire, good and bad ones, with HPACK literals that are never indexed.

import Bytes
import HTTP2

/// Writes frames octet by octet; nothing here knows a rule of RFC 9113.
enum Frames {
    static let preface = Array("\(HTTP2Preface.octets)".utf8)
    static let endStream: UInt8 = 0x1
    static let acknowledgement: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20

    static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt32 = 0,
        _ payload: [UInt8] = [],
        length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
            + word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }

    static func data(_ stream: UInt32, _ octets: [UInt8], ends: Bool = false) -> [UInt8] {
        frame(0, flags: ends ? endStream : 0, stream: stream, octets)
    }

    static func headers(
        _ stream: UInt32,
        _ fields: [(String, String)],
        ends: Bool = false,
        endsBlock: Bool = true
    ) -> [UInt8] {
        frame(1, flags: (ends ? endStream : 0) | (endsBlock ? endHeaders : 0), stream: stream, block(fields))
    }

    static func continuation(_ stream: UInt32, _ block: [UInt8], endsBlock: Bool) -> [UInt8] {
        frame(9, flags: endsBlock ? endHeaders : 0, stream: stream, block)
    }

    static func priority(_ stream: UInt32, on other: UInt32) -> [UInt8] {
        frame(2, stream: stream, word(other) + [15])
    }

    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] {
        frame(3, stream: stream, word(code))
    }

    static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
        frame(4, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + word($0.1) })
    }

    static var settingsAcknowledgement: [UInt8] { frame(4, flags: acknowledgement) }

    static func ping() -> [UInt8] { frame(6, Array(repeating: 7, count: 8)) }

    static func goAway(last: UInt32, code: UInt32 = 0) -> [UInt8] { frame(7, word(last) + word(code)) }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(8, stream: stream, word(increment))
    }

    // MARK: HPACK (RFC 7541)

    static func block(_ fields: [(String, String)]) -> [UInt8] { fields.flatMap { literal($0.0, $0.1) } }

    /// A literal without indexing, new name.
    static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0x00] + text(name) + text(value)
    }

    /// A literal with incremental indexing, new name.
    static func indexed(_ name: String, _ value: String) -> [UInt8] {
        [0x40] + text(name) + text(value)
    }

    static func text(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8)
        return integer(octets.count, prefix: 7, first: 0) + octets
    }

    static func integer(_ value: Int, prefix: Int, first: UInt8) -> [UInt8] {
        let most = 1 << prefix - 1
        guard value >= most else { return [first | UInt8(value)] }
        var octets = [first | UInt8(most)]
        var rest = value - most
        while rest >= 128 {
            octets.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return octets + [UInt8(rest)]
    }

    // MARK: Messages

    /// The fields of a request as most tests send it.
    static func request(
        _ method: String = "POST",
        path: String = "/mcp",
        authority: String? = "mcp.example.com",
        and more: [(String, String)] = []
    ) -> [(String, String)] {
        var fields = [(":method", method), (":scheme", "https"), (":path", path)]
        if let authority { fields.append((":authority", authority)) }
        return fields + more
    }
}

/// A frame that a session has written.
struct SentFrame: Equatable, CustomStringConvertible {
    let type: UInt8
    let flags: UInt8
    let stream: UInt32
    let payload: [UInt8]

    /// Cuts `octets` into frames; a client's preface is left out.
    static func all(in octets: [UInt8]) -> [SentFrame] {
        var rest = octets[...]
        if rest.starts(with: Frames.preface) { rest = rest.dropFirst(Frames.preface.count) }
        var frames: [SentFrame] = []
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            let length = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
            rest = rest.dropFirst(9)
            frames.append(
                SentFrame(
                    type: header[3],
                    flags: header[4],
                    stream: header[5..<9].reduce(0) { $0 << 8 | UInt32($1) },
                    payload: Array(rest.prefix(length))
                )
            )
            rest = rest.dropFirst(length)
        }
        return frames
    }

    /// The error code of RST_STREAM or GOAWAY.
    var code: UInt32? {
        guard type == 3 || type == 7 else { return nil }
        return payload.dropFirst(type == 7 ? 4 : 0).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    var description: String { "type \(type) flags \(flags) stream \(stream) length \(payload.count)" }
}
