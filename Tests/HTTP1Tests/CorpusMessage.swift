// The form of a corpus file: what it is, what to expect, and the message with its control octets made visible.

import Bytes
import HTTP

/// A corpus file taken apart.
///
/// `# code: what it is` comes first, then `# answering: METHOD` for some responses, then a line `> summary "body"`
/// for each message that is read before the violation. All that follows is the message: line ends of the file mean
/// nothing; `\r`, `\n`, `\t`, `\\`, `\xHH` stand for octets and `\(N*text)` for N times the text.
struct CorpusMessage {
    /// Raw value of the expected violation, or `ok`.
    let expectation: String
    /// Method of the request that responses answer.
    let answering: HTTP.Method
    /// The messages to be read.
    let lines: [String]
    /// The octets on the wire.
    let octets: [UInt8]

    init(path: String) {
        let text = CorpusFiles.octets(of: path)
        var expectation = ""
        var answering = HTTP.Method.post
        var lines: [String] = []
        var rest = text[...]
        while let first = rest.first, first == UInt8(ascii: "#") || first == UInt8(ascii: ">") {
            let line = rest.prefix { $0 != ASCII.lineFeed }
            rest = rest.dropFirst(line.count + 1)
            let content = String(decoding: line.dropFirst(2), as: UTF8.self)
            if first == UInt8(ascii: ">") {
                lines.append(String(lossy: Self.unescaped(Array(content.utf8)).span))
            } else if content.hasPrefix("answering: ") {
                answering = HTTP.Method(content.utf8Span.span.extracting(11...))
            } else {
                expectation = String(content.prefix { $0 != ":" })
            }
        }
        self.expectation = expectation
        self.answering = answering
        self.lines = lines
        octets = Self.unescaped(Array(rest.filter { $0 != ASCII.lineFeed }))
    }

    private static func unescaped(_ text: [UInt8]) -> [UInt8] {
        var rest = text[...]
        return unescaped(&rest, until: nil)
    }

    /// Consumes `text` up to the octet `end` that is not part of an escape.
    private static func unescaped(_ text: inout ArraySlice<UInt8>, until end: UInt8?) -> [UInt8] {
        var octets: [UInt8] = []
        while let byte = text.popFirst(), byte != end {
            guard byte == UInt8(ascii: "\\"), let escape = text.popFirst() else {
                octets.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "r"): octets.append(ASCII.carriageReturn)
            case UInt8(ascii: "n"): octets.append(ASCII.lineFeed)
            case UInt8(ascii: "t"): octets.append(ASCII.tab)
            case UInt8(ascii: "x"):
                octets.append(text.prefix(2).reduce(0) { $0 << 4 | (ASCII.hexValue($1) ?? 0) })
                text = text.dropFirst(2)
            case UInt8(ascii: "("):
                let digits = text.prefix { $0 != UInt8(ascii: "*") }
                text = text.dropFirst(digits.count + 1)
                let times = Int(String(decoding: digits, as: UTF8.self)) ?? 0
                let repeated = unescaped(&text, until: UInt8(ascii: ")"))
                for _ in 0..<times { octets += repeated }
            default: octets.append(escape)
            }
        }
        return octets
    }
}
