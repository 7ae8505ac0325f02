// Who may send how much: principals, clients, tools, and addresses that are refused.

import Testing

@testable import Policy

@Suite struct `Requests that come too often` {
    static let second = 1_000_000_000
    static let start = 1_000_000 * second

    /// A gateway with rates, and all that its decisions remember.
    final class World {
        let gateway: Gateway
        let tables = RateTables(entries: 64)
        var now = start
        var address: HashedKey? = HashedKey([192, 0, 2, 1])
        /// Each worker has a cache of its own.
        var isNewWorker = false
        private var cache = TokenCache(capacity: 64, subjectKey: [1].span)

        init(_ adjust: (inout RateLimits) -> Void) throws {
            var limits = Limits()
            adjust(&limits.rates)
            gateway = try Gateway(limits: limits)
        }

        func decide(_ text: String) -> Outcome {
            let meter = RateMeter(tables: tables, address: address, now: now)
            guard !isNewWorker else {
                var empty = TokenCache(capacity: 64, subjectKey: [1].span)
                return gateway.decide(text, tokens: &empty, meter: meter)
            }
            return gateway.decide(text, tokens: &cache, meter: meter)
        }

        /// A POST of a message, or of `n` in a batch.
        func post(_ body: String, token: String, target: String = "/notion", version: String = "2025-03-26")
            -> Outcome
        {
            let fields = ["MCP-Protocol-Version: \(version)"]
            return decide(Gateway.post(target, token: token, fields: fields) + body)
        }

        func call(_ tool: String?, token: String, target: String = "/notion") -> Outcome {
            post(Self.call(tool), token: token, target: target)
        }

        static func call(_ tool: String?) -> String {
            let params = tool.map { #"{"name":"\#($0)"}"# } ?? "{}"
            return #"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":\#(params)}"#
        }
    }

    private let ping = #"{"jsonrpc":"2.0","id":7,"method":"ping"}"#

    @Test func `of one principal are answered with 429, the id and Retry-After, until a turn has come back`()
        throws
    {
        let world = try World { $0.principal = Rate(count: 2, period: 60_000) }
        let token = try world.gateway.token()
        for _ in 0..<2 { #expect(world.post(ping, token: token).permitted == 0) }
        let refused = world.post(ping, token: token)
        #expect(refused.status == 429 && refused.code == "rate_principal")
        #expect(refused.fields["Retry-After"] == ["30"])
        #expect(
            refused.body
                == #"{"jsonrpc":"2.0","id":7,"error":{"code":429,"message":"There were too many requests"}}"#
        )
        #expect(refused.challenges.isEmpty)
        world.now += 29 * Self.second + 1
        #expect(world.post(ping, token: token).fields["Retry-After"] == ["1"])
        world.now += Self.second
        #expect(world.post(ping, token: token).permitted == 0)
        #expect(world.post(ping, token: token).status == 429)
    }

    @Test func `of another principal, or by another token of the same, are theirs`() throws {
        let world = try World { $0.principal = Rate(count: 1, period: 60_000) }
        let alice = try world.gateway.token()
        let again = try world.gateway.token(claims: ["jti": "\"2\"", "client_id": "\"other\""])
        let bob = try world.gateway.token(claims: ["sub": "\"bob\""])
        let elsewhere = try world.gateway.token(claims: ["aud": "\"https://gw.example/sub\""])
        #expect(world.post(ping, token: alice).permitted == 0)
        #expect(world.post(ping, token: again).status == 429)
        #expect(world.post(ping, token: elsewhere, target: "/sub").status == 429)
        #expect(world.post(ping, token: bob).permitted == 0)
        // The same subject of another issuer is somebody else.
        let partner = try world.gateway.token(
            header: ["typ": "\"JWT\""],
            claims: ["iss": "\"https://partner.example\"", "aud": "\"https://gw.example/partner\""],
            by: world.gateway.partner
        )
        #expect(world.post(ping, token: partner, target: "/partner").permitted == 5)
    }

    @Test func `of the principals of one client count together`() throws {
        let world = try World { $0.client = Rate(count: 2, period: 60_000) }
        func token(_ subject: String, _ client: String) throws -> String {
            try world.gateway.token(claims: ["sub": "\"\(subject)\"", "client_id": "\"\(client)\""])
        }
        #expect(world.post(ping, token: try token("a", "c")).permitted == 0)
        #expect(world.post(ping, token: try token("b", "c")).permitted == 0)
        let refused = world.post(ping, token: try token("d", "c"))
        #expect(refused.status == 429 && refused.code == "rate_client")
        #expect(world.post(ping, token: try token("d", "other")).permitted == 0)
    }

    @Test func `with tokens without subject or client are counted all the same`() throws {
        let world = try World {
            $0.principal = Rate(count: 1, period: 60_000)
            $0.client = Rate(count: 3, period: 60_000)
        }
        func status(_ subject: String?, _ client: String?) throws -> Int {
            let token = try world.gateway.token(
                claims: [
                    "iss": "\"https://partner.example\"", "aud": "\"https://gw.example/partner\"",
                    "sub": subject, "client_id": client,
                ],
                by: world.gateway.partner
            )
            return world.post(ping, token: token, target: "/partner").status
        }
        // Without a subject it is the client that acts.
        #expect(try status(nil, "\"one\"") == 200)
        #expect(try status(nil, "\"one\"") == 429)
        #expect(try status(nil, "\"two\"") == 200)
        // Without a client all are of one.
        for subject in ["\"a\"", "\"b\"", "\"c\""] { #expect(try status(subject, nil) == 200) }
        #expect(try status("\"d\"", nil) == 429)
        #expect(try status("\"d\"", "\"three\"") == 200)
    }

    @Test func `and have no message get an error as JSON`() throws {
        let world = try World { $0.principal = Rate(count: 1, period: 1000) }
        let get = Gateway.post(method: "GET", token: try world.gateway.token(), type: nil)
        #expect(world.decide(get).permitted == 0)
        let refused = world.decide(get)
        #expect(refused.status == 429 && refused.fields["Retry-After"] == ["1"])
        #expect(
            refused.body
                == #"{"error":"too_many_requests","error_description":"There were too many requests"}"#
        )
    }

    @Test func `take no turn when they are refused for another reason`() throws {
        let world = try World {
            $0.principal = Rate(count: 1, period: 60_000)
            $0.client = Rate(count: 1, period: 60_000)
        }
        let token = try world.gateway.token()
        #expect(world.post("{", token: token).status == 400)
        #expect(world.post(ping, token: token, target: "/sub").status == 401)
        #expect(world.post(ping, token: token, version: "1900-01-01").status == 400)
        #expect(world.decide(Gateway.post(token: token, type: "text/plain")).status == 415)
        #expect(world.post(ping, token: token).permitted == 0)
        #expect(world.post(ping, token: token).status == 429)
    }

    @Test func `take all of their turns or none`() throws {
        let minute = 60_000
        let world = try World {
            $0.principal = Rate(count: 1, period: minute, burst: 3)
            $0.client = Rate(count: 1, period: minute, burst: 2)
            $0.tools = ["a": Rate(count: 1, period: minute), "b": Rate(count: 2, period: minute)]
        }
        let alice = try world.gateway.token()
        let bob = try world.gateway.token(claims: ["sub": "\"bob\""])
        #expect(world.call("a", token: alice).permitted == 0)
        // The third bucket refuses: principal and client have lost nothing, and b neither.
        for _ in 0..<5 {
            #expect(world.call("a", token: alice).code == "rate_tool")
            let batch = "[\(World.call("b")),\(World.call("b")),\(World.call("a"))]"
            #expect(world.post(batch, token: alice).code == "rate_tool")
        }
        #expect(world.call("b", token: alice).permitted == 0)
        // Now the client's is empty, and the principal has one left.
        for _ in 0..<5 { #expect(world.call("b", token: alice).code == "rate_client") }
        world.now += minute / 1000 * Self.second
        #expect(world.call("b", token: bob).permitted == 0)
        #expect(world.call("b", token: alice).code == "rate_client")
        world.now += minute / 1000 * Self.second
        #expect(world.post("[\(World.call("b")),\(World.call("b"))]", token: alice).permitted == 0)
    }

    @Test func `call tools by their exact names, and all others share a bucket`() throws {
        let world = try World {
            $0.tools = [
                "delete": Rate(count: 1, period: 60_000), "list": nil, "*": Rate(count: 2, period: 60_000),
            ]
        }
        let token = try world.gateway.token()
        for _ in 0..<9 { #expect(world.call("list", token: token).permitted == 0) }
        #expect(world.call("delete", token: token).permitted == 0)
        #expect(world.call("del\\u0065te", token: token).code == "rate_tool")
        #expect(world.call("Delete", token: token).permitted == 0)
        #expect(world.call(nil, token: token).permitted == 0)
        #expect(world.call("invented", token: token).code == "rate_tool")
        // What is no call of a tool has no bucket.
        for _ in 0..<9 { #expect(world.post(ping, token: token).permitted == 0) }
        // Another route and another principal have buckets of their own.
        let elsewhere = try world.gateway.token(claims: ["aud": "\"https://gw.example/sub\""])
        #expect(world.call("delete", token: elsewhere, target: "/sub").permitted == 3)
        let bob = try world.gateway.token(claims: ["sub": "\"bob\""])
        #expect(world.call("delete", token: bob).permitted == 0)
    }

    @Test func `count each call of a batch, and a batch beyond the burst never passes`() throws {
        let world = try World { $0.tools = ["a": Rate(count: 3, period: 60_000)] }
        let token = try world.gateway.token()
        let batch = { (count: Int) in
            "[" + Array(repeating: World.call("a"), count: count).joined(separator: ",") + "]"
        }
        #expect(world.post(batch(4), token: token).code == "rate_tool")
        #expect(world.post(batch(2), token: token).permitted == 0)
        let refused = world.post(batch(2), token: token)
        #expect(refused.fields["Retry-After"] == ["20"])
        #expect(!refused.body.contains("\"id\""))
        #expect(world.post(batch(1), token: token).permitted == 0)
    }

    @Test func `leave nothing behind where there is no rate`() throws {
        let world = try World { _ in }
        let token = try world.gateway.token()
        for _ in 0..<50 { #expect(world.call("a", token: token).permitted == 0) }
        let (issuer, subject) = ("https://as.example", "alice")
        #expect(world.tables.principals.moment(of: HashedKey([issuer, "subject", subject])) == 0)
        #expect(world.tables.clients.moment(of: HashedKey([issuer, "client", "c"])) == 0)
    }
}

@Suite struct `An address that is refused too often` {
    typealias World = `Requests that come too often`.World
    private let rate = Rate(count: 1, period: 1000, burst: 10)
    private let second = 1_000_000_000

    private func bad(_ world: World, _ number: Int) throws -> String {
        let token = try world.gateway.token(claims: ["jti": "\"\(number)\""])
        return Gateway.post(token: token.dropLast(8) + "AAAAAAAA")
    }

    private func world(after count: Int = 10) throws -> World {
        let world = try World { $0.refusals = rate }
        for number in 0..<count {
            #expect(world.decide(try bad(world, number)).code == "signature_invalid")
        }
        return world
    }

    @Test func `has none of its new tokens verified, good or bad`() throws {
        let world = try world()
        let refused = world.decide(try bad(world, 99))
        #expect(refused.status == 429 && refused.code == "rate_refusals")
        #expect(refused.fields["Retry-After"] == ["1"])
        #expect(refused.challenges.isEmpty)
        #expect(
            refused.body
                == #"{"error":"too_many_requests","error_description":"Too many requests of this address were refused"}"#
        )
        #expect(world.decide(Gateway.post(token: "no.token.")).code == "rate_refusals")
        #expect(world.decide(Gateway.post(token: try world.gateway.token())).code == "rate_refusals")
        // Refusing for this is no reason to refuse longer.
        world.now += second
        #expect(world.decide(Gateway.post(token: try world.gateway.token())).permitted == 0)
        #expect(world.decide(try bad(world, 100)).code == "signature_invalid")
        #expect(world.decide(try bad(world, 101)).code == "rate_refusals")
    }

    @Test func `goes on with tokens that were verified before, by any worker`() throws {
        let world = try World { $0.refusals = rate }
        let good = Gateway.post(token: try world.gateway.token())
        #expect(world.decide(good).permitted == 0)
        for number in 0..<10 { #expect(world.decide(try bad(world, number)).status == 401) }
        #expect(world.decide(try bad(world, 99)).status == 429)
        for _ in 0..<20 { #expect(world.decide(good).permitted == 0) }
        world.isNewWorker = true
        #expect(world.decide(good).permitted == 0)
        #expect(world.decide(try bad(world, 99)).status == 429)
    }

    @Test func `is told where to get a token, as ever`() throws {
        let world = try world()
        let outcome = world.decide(Gateway.post())
        #expect(outcome.status == 401 && outcome.challenges.count == 1)
        let metadata = Gateway.post(
            "/.well-known/oauth-protected-resource/notion",
            method: "GET",
            type: nil
        )
        #expect(world.decide(metadata).status == 200)
    }

    @Test func `does not harm another, nor one that is not told apart`() throws {
        let world = try world()
        for address in [HashedKey([192, 0, 2, 2]), nil] {
            world.address = address
            world.isNewWorker = true
            #expect(world.decide(Gateway.post(token: try world.gateway.token())).permitted == 0)
        }
        for number in 0..<30 { #expect(world.decide(try bad(world, number)).code == "signature_invalid") }
    }

    @Test func `is counted by 401 and 403 alone`() throws {
        let world = try World { $0.refusals = rate }
        let token = try world.gateway.token()
        for _ in 0..<20 {
            #expect(world.decide(Gateway.post("/nowhere", token: token)).status == 404)
            #expect(world.decide(Gateway.post(token: token) + "{").status == 400)
        }
        for _ in 0..<5 {
            #expect(world.decide(Gateway.post("/sub", token: token)).status == 401)
            let weak = try world.gateway.token(claims: ["scope": nil])
            #expect(world.decide(Gateway.post(token: weak)).status == 403)
        }
        #expect(world.decide(try bad(world, 0)).code == "rate_refusals")
    }

    @Test func `is not counted where that is off`() throws {
        let world = try World { $0.refusals = nil }
        for number in 0..<30 { #expect(world.decide(try bad(world, number)).status == 401) }
    }
}
