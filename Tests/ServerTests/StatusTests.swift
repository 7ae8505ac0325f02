// The status document: its shape, its pages of routes, and what it does with odd questions.

import Bytes
import JSON
import Policy
import Proxy
import Testing

@testable import Server

@Suite struct `A question for the status` {
    @Test(arguments: [
        ("", 200, 0, "traffic", ""), ("routes=5&offset=7&sort=name&filter=Abc", 5, 7, "name", "abc"),
        ("sort=refused", 200, 0, "refused", ""), ("routes=1000000&offset=-3", 1000, 0, "traffic", ""),
        ("routes=-1", 0, 0, "traffic", ""), ("routes=abc&sort=worst&offset=1e3", 200, 0, "traffic", ""),
        ("routes", 200, 0, "traffic", ""), ("&&==&=&x=y", 200, 0, "traffic", ""),
        ("filter=a%2Fb+c", 200, 0, "traffic", "a/b c"), ("filter=%zz", 200, 0, "traffic", ""),
        ("filter=%ff", 200, 0, "traffic", ""), ("filter=%", 200, 0, "traffic", ""),
        ("routes=99999999999999999999", 200, 0, "traffic", ""), ("routes=1&routes=2", 2, 0, "traffic", ""),
    ])
    func `is read, and what is not understood counts as not said`(
        _ text: String,
        _ routes: Int,
        _ offset: Int,
        _ order: String,
        _ filter: String
    ) {
        let query = StatusQuery(text)
        #expect(query.routes == routes)
        #expect(query.offset == offset)
        #expect(query.order.rawValue == order)
        #expect(query.filter == filter)
    }

    @Test func `a long filter is none`() {
        #expect(StatusQuery("filter=" + String(repeating: "a", count: 257)).filter == "")
    }
}

@Suite struct `The status` {
    private static func document(_ observation: Observation, _ query: String = "") throws -> JSONObject {
        let text = StatusDocument(of: observation, StatusQuery(query)).text
        return try #require(try JSONReader.read(text.span).object)
    }

    private static func routes(_ document: JSONObject) -> [JSONObject] {
        (document["routes"]?.array ?? []).compactMap(\.object)
    }

    private static func names(_ document: JSONObject) -> [String] {
        routes(document).compactMap { $0["resource"]?.string?.split(separator: "/").last.map(String.init) }
    }

    @Test func `sums up what all workers have counted`() throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a", "b"]))
        let workers = [CountingWorker(publication), CountingWorker(publication, index: 1)]
        for index in 0..<2 {
            workers[index].count("a", times: 3)
            workers[index].count("b", .access(.audienceOtherRoute), times: 2)
            workers[index].count("a", .failure(.upstreamTimeout))
            workers[index].count("a", .access(.metadata))
            workers[index].count(nil, .access(.hostUnknown))
            workers[index].replay(from: "a", to: "b", times: 4)
        }
        let issuer = IssuerState(
            name: "corp",
            issuer: "https://as.example",
            condition: .stale,
            keys: 2,
            fetchedAt: 1_767_225_600,
            problem: "no \"way\""
        )
        let reload = ReloadOutcome(
            time: 1_767_225_609,
            problems: [ReloadRefusal.Problem(place: "gateway.json:1:2", problem: "Bad.", remedy: "Do.")]
        )
        let document = try Self.document(
            Scene.observation(publication, workers.map(\.report), lastReload: reload, issuers: [issuer])
        )
        #expect(document["product"]?.string == "audgate")
        #expect(document["time"]?.string == "2026-01-01T00:00:10Z")
        #expect(document["started"]?.string == "2026-01-01T00:00:00Z")
        #expect(document["pid"]?.number?.integer == 7)
        #expect(document["ready"]?.bool == true)
        #expect(document["draining"]?.bool == false)
        let configuration = document["configuration"]?.object
        #expect(configuration?["hash"]?.string == "abc")
        #expect(configuration?["loaded"]?.string == "2026-01-01T00:00:05Z")
        #expect(configuration?["last_reload"]?.object?["outcome"]?.string == "refused")
        let problem = configuration?["last_reload"]?.object?["problems"]?.array?.first?.object
        #expect(problem?["at"]?.string == "gateway.json:1:2")
        let first = try #require(Self.routes(document).first)
        #expect(first["resource"]?.string == Scene.resource("a"))
        #expect(first["issuers"]?.strings == ["corp"])
        #expect(first["audiences"]?.strings == [Scene.resource("a")])
        #expect(first["scopes"]?.strings == ["a:read"])
        #expect(first["endpoints"]?.strings == ["a.internal:80"])
        let requests = first["requests"]?.object
        #expect(["allow", "local", "refuse", "fail"].map { requests?[$0]?.number?.integer } == [6, 2, 0, 2])
        #expect(first["reasons"]?.object?["upstream_timeout"]?.number?.integer == 2)
        #expect(first["reasons"]?.object?["allowed"] == nil)
        let replay = document["replays"]?.array?.first?.object
        #expect(replay?["issued_for"]?.string == Scene.resource("a"))
        #expect(replay?["presented_at"]?.string == Scene.resource("b"))
        #expect(replay?["count"]?.number?.integer == 8)
        #expect(replay?["last"]?.string == "2026-01-01T00:00:09Z")
        let keys = document["issuers"]?.array?.first?.object
        #expect(keys?["state"]?.string == "stale")
        #expect(keys?["age_seconds"]?.number?.integer == 10)
        #expect(keys?["problem"]?.string == "no \"way\"")
        #expect(document["workers"]?.array?.count == 2)
        #expect(document["logs"]?.object?["access_dropped"]?.number?.integer == 3)
        #expect(document["limits"]?.object?["connections"]?.number?.integer == 100)
    }

    @Test func `has null where there was no reload, and no worker's counters yet`() throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a"]))
        let document = try Self.document(Scene.observation(publication, [nil]))
        #expect(document["configuration"]?.object?["last_reload"] != nil)
        #expect(document["configuration"]?.object?["last_reload"]?.object == nil)
        #expect(Self.names(document) == ["a"])
        #expect(document["endpoints"]?.array?.first?.object?["state"]?.string == "unknown")
        #expect(try Self.document(Scene.observation(nil, []))["routes"]?.array?.isEmpty == true)
    }

    @Test func `shows routes by pages, in the order that is asked for, filtered`() throws {
        let names = (0..<300).map { "route-\($0)" }
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(names))
        let worker = CountingWorker(publication)
        worker.count("route-7", times: 9)
        worker.count("route-8", .access(.noCredentials), times: 5)
        worker.count("route-299", times: 2)
        let observation = Scene.observation(publication, [worker.report])
        let whole = try Self.document(observation)
        #expect(whole["route_total"]?.number?.integer == 300)
        #expect(Self.routes(whole).count == 200)
        #expect(Self.names(whole).prefix(3) == ["route-7", "route-8", "route-299"])
        #expect(Self.names(try Self.document(observation, "sort=refused&routes=1")) == ["route-8"])
        let byName = try Self.document(observation, "sort=name&routes=2&offset=1")
        #expect(Self.names(byName) == ["route-1", "route-10"])
        let filtered = try Self.document(observation, "filter=ROUTE-29&sort=name")
        #expect(filtered["route_total"]?.number?.integer == 11)
        #expect(Self.names(filtered).first == "route-29")
        let beyond = try Self.document(observation, "offset=300")
        #expect(Self.routes(beyond).isEmpty)
        #expect(beyond["route_total"]?.number?.integer == 300)
        #expect(whole["endpoint_total"]?.number?.integer == 300)
        #expect(whole["endpoints"]?.array?.count == 200, "those of the routes that are shown")
    }

    @Test func `counts nothing of the route that had a row before`() throws {
        var publisher = Publisher()
        var worker = CountingWorker(publisher.publish(try Scene.snapshot(["a", "b"])))
        worker.count("b", times: 100)
        worker.count("b", .access(.noCredentials), times: 50)
        _ = publisher.publish(try Scene.snapshot(["a"]))
        publisher.forget(before: 2)
        let third = publisher.publish(try Scene.snapshot(["a", "c"]))
        #expect(third.routeRows[1].row == worker.row("b"))
        let late = try Self.document(Scene.observation(third, [worker.report]), "filter=/c")
        #expect(Self.routes(late).first?["requests"]?.object?["allow"]?.number?.integer == 0)
        #expect(Self.routes(late).first?["reasons"]?.object?.members.isEmpty == true)
        worker.adopt(third)
        worker.count("c")
        let after = try Self.document(Scene.observation(third, [worker.report]), "filter=/c")
        #expect(Self.routes(after).first?["requests"]?.object?["allow"]?.number?.integer == 1)
        #expect(Self.routes(after).first?["requests"]?.object?["refuse"]?.number?.integer == 0)
    }
}
