// Measures how long the scan of a body takes; `Benchmarks/envelope` compiles it with the release objects.

import Bytes
import Glibc
import HTTP
import HTTP1
import MCP

/// A body with a name.
struct Sample {
    let name: String
    let body: [UInt8]

    /// A call of revision 2026-07-28 that carries `arguments` and is filled up to `size` octets by repeating `unit`.
    init(_ name: String, size: Int, opening: String, unit: String, closing: String) {
        let front =
            #"{"jsonrpc":"2.0","id":"6f1c5e0a","method":"tools/call","params":{"name":"write_file","arguments":"#
            + opening
        let back =
            closing
            + #","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#
            + #""io.modelcontextprotocol/clientInfo":{"name":"example-client","version":"1.4.2"},"#
            + #""io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{}},"progressToken":7}}}"#
        var text = front
        while text.utf8.count + unit.utf8.count + back.utf8.count <= size { text += unit }
        self.name = name
        body = Array((text + back).utf8)
    }

    init(name: String, body: [UInt8]) {
        self.name = name
        self.body = body
    }

    static let all = [
        Sample(
            "1 KiB, prose",
            size: 1 << 10,
            opening: #"{"text":""#,
            unit: "It is a plain sentence. ",
            closing: #""}"#
        ),
        Sample(
            "1 KiB, small members",
            size: 1 << 10,
            opening: #"{"path":"a""#,
            unit: #","count":42,"name":"value""#,
            closing: "}"
        ),
        Sample(
            "1 MiB, base64",
            size: 1 << 20,
            opening: #"{"blob":""#,
            unit: "iVBORw0KGgoAAAANSUhEUgAA",
            closing: #""}"#
        ),
        Sample(
            "1 MiB, source code",
            size: 1 << 20,
            opening: #"{"text":""#,
            unit: #"    guard let value = table[\"key\"] else { return nil }\n"#,
            closing: #""}"#
        ),
        Sample(
            "1 MiB, Chinese",
            size: 1 << 20,
            opening: #"{"text":""#,
            unit: "今天天气很好，我们去公园。",
            closing: #""}"#
        ),
        Sample(
            "1 MiB, records",
            size: 1 << 20,
            opening: "[0",
            unit: #",{"id":1042,"name":"a name of some length","tags":["red","green"],"ok":true}"#,
            closing: "]"
        ),
        Sample("1 MiB, numbers", size: 1 << 20, opening: "[0", unit: ",3.14159", closing: "]"),
        Sample("1 MiB, brackets", size: 1 << 20, opening: "[0", unit: ",[[]]", closing: "]"),
    ]
}

func nanoseconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Processor time of one call of `work`, as the median of seven runs, with the smallest and the largest.
func measure(_ name: String, octets: Int, _ work: () throws -> Void) rethrows {
    let repeats = max(20, (64 << 20) / octets)
    var runs: [Double] = []
    for _ in 0..<7 {
        let start = nanoseconds()
        for _ in 0..<repeats { try work() }
        runs.append(Double(nanoseconds() - start) / Double(repeats))
    }
    runs.sort()
    let rate = Double(octets) / Double(1 << 30) / (runs[3] / 1e9)
    print(
        "\(name): \(Int(runs[3])) ns (\(Int(runs[0]))-\(Int(runs[6]))), \((rate * 100).rounded() / 100) GiB/s"
    )
}

@main
struct Measurement {
    static func main() throws {
        var envelope = Envelope()
        for sample in Sample.all + [manyMembers] {
            let body = sample.body
            try measure(sample.name, octets: body.count) { try envelope.read(body.span) }
        }
        try measureRules()
    }

    /// A batch with as many members, at all levels, as are allowed: what a body can cost at most.
    static var manyMembers: Sample {
        func members(_ count: Int) -> String { (0..<count).map { #""m\#($0)":0"# }.joined(separator: ",") }
        let message =
            #"{"jsonrpc":"2.0","method":"m",\#(members(100)),"params":{\#(members(120)),"_meta":{\#(members(128))}}}"#
        let batch = "[" + Array(repeating: message, count: 256).joined(separator: ",") + "]"
        return Sample(name: "\(batch.utf8.count >> 10) KiB, batch of members", body: Array(batch.utf8))
    }

    /// The scan of a body of 1 KiB, and the comparison with its head.
    static func measureRules() throws {
        let text =
            "POST /mcp HTTP/1.1\r\nHost: gw.example\r\nMCP-Protocol-Version: 2026-07-28\r\n"
            + "Mcp-Method: tools/call\r\nMcp-Name: write_file\r\nMcp-Param-Path: a\r\n\r\n"
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        let octets = Array(text.utf8)
        _ = try parser.parse(octets.span, into: &head)
        var envelope = Envelope()
        let body = Sample.all[0].body
        try measure("1 KiB, prose, with the rules", octets: body.count) {
            try envelope.read(body.span)
            _ = try ProtocolRules.era(of: envelope, body: body.span, head: head)
        }
    }
}
