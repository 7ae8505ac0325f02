// Tasks in answers on their way through.

import Bytes
import MCP
import Testing

/// What a finder makes of a response that comes in portions.
private func found(_ response: String, isEventStream: Bool, cuts: [Int] = [], length: Int? = nil) -> String? {
    let octets = response.octets
    var finder = isEventStream ? TaskFinder(eventStream: ()) : TaskFinder(jsonOfLength: length)
    var start = 0
    for end in cuts + [octets.count] {
        if let id = finder.read(octets.span.extracting(start..<end)) { return String(lossy: id.span) }
        start = end
    }
    let id = finder.read(Span(), isEnd: true)
    let isOver = finder.isOver
    #expect(isOver)
    return id.map { String(lossy: $0.span) }
}

@Suite struct TaskFinderTests {
    private static let core =
        #"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t-1","status":"working","ttl":60000}}}"#
    private static let extended =
        #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t-1","status":"working","ttlMs":null}}"#

    @Test(arguments: [core, extended, core.replacingTask("t\\u002D1")])
    func `are found in JSON, however it is split`(body: String) {
        #expect(found(body, isEventStream: false) == "t-1")
        for cut in 1..<body.utf8.count {
            #expect(found(body, isEventStream: false, cuts: [cut]) == "t-1")
        }
    }

    @Test func `are known with the last octet of a body whose length is known`() {
        var finder = TaskFinder(jsonOfLength: Self.core.utf8.count)
        let octets = Self.core.octets
        let early = finder.read(octets.span.extracting(..<(octets.count - 1)))
        #expect(early == nil)
        let id = finder.read(octets.span.extracting((octets.count - 1)...))
        #expect(id == "t-1".octets)
        let isOver = finder.isOver
        #expect(isOver)
    }

    @Test(arguments: [core, extended], ["\n", "\r\n", "\r"])
    func `are found in an event stream, however it is split`(message: String, end: String) {
        let stream = [
            ": priming", "id: 0", "data:", "",
            #"data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#, "",
            "event: message", "data: \(message)", "", ": after", "",
        ].joined(separator: end)
        #expect(found(stream, isEventStream: true) == "t-1")
        for cut in 1..<stream.utf8.count {
            #expect(found(stream, isEventStream: true, cuts: [cut]) == "t-1")
        }
    }

    @Test(arguments: [
        "", "{", "[]", "null", "\"taskId\"", core + "x",
        #"{"jsonrpc":"2.0","id":1,"result":{"taskId":"t-1","status":"working"}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","taskId":"t-1"}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":7}}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"task":"t-1","taskId":"t-1"}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"text":"{\"task\":{\"taskId\":\"t-1\"}}"}]}}"#,
        #"{"jsonrpc":"2.0","id":1,"error":{"task":{"taskId":"t-1"}}}"#,
        #"{"jsonrpc":"2.0","id":1,"params":{"task":{"taskId":"t-1"}}}"#,
    ])
    func `are not found where there are none`(body: String) {
        #expect(found(body, isEventStream: false) == nil)
        #expect(found("data: \(body)\n\n", isEventStream: true) == nil)
    }

    @Test(arguments: ["event: endpoint\ndata: \(core)\n\n", "event: x\ndata: \(core)\n\n", ": \(core)\n\n"])
    func `are not found in events that are no messages`(stream: String) {
        #expect(found(stream, isEventStream: true) == nil)
    }

    @Test func `are not looked for in what is longer than such an answer can be`() {
        let padding = String(repeating: " ", count: TaskFinder.maximumLength)
        #expect(found(padding + Self.core, isEventStream: false) == nil)
        #expect(found(Self.core + padding, isEventStream: false, length: TaskFinder.maximumLength + 1) == nil)
        #expect(found("data: \(padding)\n\ndata: \(Self.core)\n\n", isEventStream: true) == nil)
        var finder = TaskFinder(jsonOfLength: nil)
        let octets = padding.octets + [0x20]
        let id = finder.read(octets.span)
        let isOver = finder.isOver
        #expect(id == nil && isOver)
    }
}

extension String {
    fileprivate func replacingTask(_ id: String) -> String {
        split(separator: "t-1").joined(separator: id)
    }
}
