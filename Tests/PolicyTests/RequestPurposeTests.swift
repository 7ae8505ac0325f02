// What requests are for, and where tasks are.

import Bytes
import JOSE
import MCP
import OpenSSL
import Testing

@testable import Policy

@Suite struct RequestPurposeTests {
    private static func purpose(_ body: String) throws -> RequestPurpose {
        var envelope = Envelope()
        let octets = body.octets
        try envelope.read(octets.span)
        return RequestPurpose(of: envelope, in: octets.span)
    }

    private static func call(_ method: String, _ params: String = "{}") -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
    }

    @Test(arguments: [
        (call("tasks/get", #"{"taskId":"t"}"#), RequestPurpose.task("t".octets)),
        (call("tasks/update", #"{"taskId":"\u0074"}"#), .task("t".octets)),
        (call("tasks/cancel", #"{"taskId":"t"}"#), .task("t".octets)),
        (call("tasks/result", #"{"taskId":"t"}"#), .task("t".octets)),
        (call("subscriptions/listen"), .listening),
        (call("tools/call", #"{"name":"a","task":{"ttl":1}}"#), .mayCreateTask),
        (
            call("tools/call", #"{"_meta":{"x":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}"#),
            .mayCreateTask
        ),
        (call("tools/call", #"{"name":"a"}"#), .ordinary),
        (call("tasks/list"), .ordinary),
        (call("tasks/get", #"{"taskId":7}"#), .ordinary),
        (call("ping", #"{"taskId":"t"}"#), .ordinary),
        ("[" + call("tasks/get", #"{"taskId":"t"}"#) + "]", .ordinary),
        (#"{"jsonrpc":"2.0","id":1,"result":{"taskId":"t"}}"#, .ordinary),
    ])
    func `follow from method and task id`(body: String, expected: RequestPurpose) throws {
        #expect(try Self.purpose(body) == expected)
    }

    @Test func `leave out a task id that is longer than one that is remembered`() throws {
        let longest = String(repeating: "x", count: TaskTable.maximumIDLength)
        #expect(
            try Self.purpose(Self.call("tasks/get", #"{"taskId":"\#(longest)"}"#)) == .task(longest.octets)
        )
        #expect(try Self.purpose(Self.call("tasks/get", #"{"taskId":"\#(longest)x"}"#)) == .ordinary)
    }
}

@Suite struct TaskTableTests {
    private let gateway: Gateway

    init() throws {
        gateway = try Gateway()
    }

    private func principal(_ subject: String) throws -> Principal {
        let text = try gateway.token(claims: ["sub": "\"\(subject)\""]).octets
        let token = try TokenVerifier.verify(
            UnverifiedToken(text.span),
            keys: try Gateway.keySet([gateway.signer]),
            rules: gateway.snapshot.issuers[0].rules,
            now: Gateway.now
        )
        let secret: [UInt8] = [1]
        var key = HMACSHA256(key: secret.span)
        return Principal(token, key: &key)
    }

    private func place(_ name: String) -> PlaceTag { PlaceTag(endpoint: EndpointTag(ofEndpoint: name)) }

    @Test func `tells where a task is to whom the server has told of it, at its route alone`() throws {
        let table = TaskTable()
        let (alice, bob) = (try principal("alice"), try principal("bob"))
        let (notion, other) = (gateway.snapshot.routes[0], gateway.snapshot.routes[1])
        table.enter("t".octets, at: notion, for: alice, place: place("a"))
        #expect(table.place(of: "t".octets, at: notion, for: alice) == place("a"))
        #expect(table.place(of: "t".octets, at: notion, for: bob) == nil)
        #expect(table.place(of: "t".octets, at: other, for: alice) == nil)
        #expect(table.place(of: "u".octets, at: notion, for: alice) == nil)
        table.enter("t".octets, at: notion, for: bob, place: place("b"))
        table.enter("t".octets, at: notion, for: alice, place: place("c"))
        #expect(table.place(of: "t".octets, at: notion, for: alice) == place("c"))
        #expect(table.place(of: "t".octets, at: notion, for: bob) == place("b"))
    }

    @Test func `remembers no task whose id is too long`() throws {
        let table = TaskTable()
        let (alice, route) = (try principal("alice"), gateway.snapshot.routes[0])
        let id = [UInt8](repeating: 0x61, count: TaskTable.maximumIDLength + 1)
        table.enter(id, at: route, for: alice, place: place("a"))
        #expect(table.place(of: id, at: route, for: alice) == nil)
    }

    @Test func `a bounded table forgets the oldest, and nothing that came anew`() {
        var table = BoundedTable<Int, Int>(capacity: 3)
        for number in 0..<100 {
            table[number] = number
            #expect((0...number).filter { table[$0] == $0 } == Array(max(0, number - 2)...number))
        }
        table[98] = nil
        #expect(table[98] == nil)
        table[98] = 7
        table[100] = 100
        // 97 was the oldest; 98 came anew behind 99.
        #expect(table[97] == nil)
        #expect(table[98] == 7)
        table[99] = 9
        #expect(table[99] == 9)
    }
}
