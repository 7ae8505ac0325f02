// Random bodies, well-formed and broken, and the corpus of the fuzz target, held against the invariants.

import MCP
import Testing

/// Writes random JSON-RPC bodies, with the names that matter and their look-alikes.
private struct BodyWriter {
    var random: SplitMix

    /// What reserved names and values are replaced by now and then.
    private static let names = [
        "jsonrpc", "id", "method", "params", "result", "error", "name", "uri", "taskId", "arguments", "_meta",
        "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities", "x", "y", "",
        "Method", "NAME", "taſkId", "tasKId", "é", "天気", "😀", "a\\b", "a\"b",
    ]

    private mutating func isRare(_ oneOf: Int = 20) -> Bool { Int.random(in: 0..<oneOf, using: &random) == 0 }

    mutating func body() -> String {
        guard isRare(6) else { return message() }
        return "[" + (0..<Int.random(in: 0..<4, using: &random)).map { _ in message() }.joined(separator: ",")
            + "]"
    }

    private mutating func message() -> String {
        guard !isRare() else { return value(3) }
        var members = [member("jsonrpc", isRare() ? value(2) : string("2.0"))]
        if !isRare(4) {
            members.append(member("id", isRare(8) ? value(1) : "\(Int.random(in: -9...99, using: &random))"))
        }
        if !isRare(8) { members.append(member("method", isRare() ? value(1) : string(anyName()))) }
        if isRare(8) { members.append(member(isRare(2) ? "result" : "error", value(2))) }
        if !isRare(3) { members.append(member("params", isRare() ? value(2) : params())) }
        if isRare(4) { members.append(member(anyName(), value(3))) }
        return object(members)
    }

    private mutating func params() -> String {
        var members = ["name", "uri", "taskId", "arguments"].filter { _ in isRare(2) }.map { name in
            member(name, isRare(3) ? value(3) : string(anyName()))
        }
        if isRare(2) { members.append(member("_meta", isRare(8) ? value(2) : meta())) }
        if isRare(4) { members.append(member(anyName(), value(4))) }
        return object(members)
    }

    private mutating func meta() -> String {
        let prefix = "io.modelcontextprotocol/"
        var members = [member(prefix + "clientCapabilities", isRare(4) ? value(2) : "{}")]
        if !isRare(4) {
            members.append(member(prefix + "protocolVersion", isRare(4) ? value(1) : string("2026-07-28")))
        }
        if isRare(4) { members.append(member(anyName(), value(2))) }
        return object(members)
    }

    private mutating func anyName() -> String { Self.names.randomElement(using: &random) ?? "" }

    private mutating func object(_ members: [String]) -> String {
        "{" + members.shuffled(using: &random).joined(separator: blank() + "," + blank()) + blank() + "}"
    }

    private mutating func member(_ name: String, _ value: String) -> String {
        string(name) + blank() + ":" + blank() + value
    }

    private mutating func blank() -> String {
        isRare(6) ? [" ", "\n", "\t\r", ""].randomElement(using: &random) ?? "" : ""
    }

    private mutating func value(_ depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: "null"
        case 1: isRare(2) ? "true" : "false"
        case 2:
            ["0", "-0", "1.5", "1e5", "-12E-3", "123456789012345678901234567890", "1e400"].randomElement(
                using: &random
            ) ?? ""
        case 3, 4: string(anyName())
        case 5: "{}"
        case 6:
            object(
                (0..<Int.random(in: 0..<4, using: &random)).map { _ in member(anyName(), value(depth - 1)) }
            )
        default:
            "["
                + (0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth - 1) }.joined(
                    separator: ","
                ) + "]"
        }
    }

    /// `text` as a JSON string, each character escaped now and then.
    private mutating func string(_ text: String) -> String {
        var json = "\""
        for unit in text.unicodeScalars {
            if unit == "\"" || unit == "\\" || isRare(12) {
                for half in String(unit).utf16 {
                    let digits = String(half, radix: 16, uppercase: isRare(2))
                    json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                json += String(unit)
            }
        }
        return json + "\""
    }

    /// `body` with some octets changed, put in or taken out.
    mutating func broken(_ body: [UInt8]) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 1...3, using: &random) where !body.isEmpty {
            let place = Int.random(in: 0..<body.count, using: &random)
            let octet =
                isRare(3)
                ? UInt8.random(in: 0...255, using: &random)
                : Array(#"{}[]",:\u09e.-tn "#.utf8).randomElement(using: &random) ?? 0
            switch Int.random(in: 0..<4, using: &random) {
            case 0: body[place] = octet
            case 1: body.insert(octet, at: place)
            case 2: body.remove(at: place)
            default: body.removeSubrange(place...)
            }
        }
        return body
    }
}

@Suite struct EnvelopePropertyTests {
    @Test(arguments: 0..<8)
    func `random messages are read as the other reader reads them, or refused`(seed: Int) {
        var writer = BodyWriter(random: SplitMix(seed: UInt64(seed)))
        var taken = 0
        var refused = 0
        for _ in 0..<2_000 {
            let body = Array(writer.body().utf8)
            if let invariant = EnvelopeInvariants.broken(by: body.span) {
                Issue.record("\(invariant): \(body)")
            }
            if Reading(octets: body).violation == nil { taken += 1 } else { refused += 1 }
            let broken = writer.broken(body)
            if let invariant = EnvelopeInvariants.broken(by: broken.span) {
                Issue.record("\(invariant): \(broken)")
            }
        }
        // Both kinds came up often enough to mean something.
        #expect(taken > 400)
        #expect(refused > 400)
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/envelope/*"))
    func `bodies of the corpus keep their invariants`(path: String) {
        #expect(EnvelopeInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }
}
