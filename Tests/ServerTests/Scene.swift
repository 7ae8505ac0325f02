// Requests, workers and configurations for the tests of the admin listener.

import Bytes
import Configuration
import HTTP
import HTTP1
import JOSE
import OpenSSL
import Policy
import Testing
import Transport

@testable import Proxy
@testable import Server

/// Configurations with routes `https://gw.example/NAME`.
enum Scene {
    static func snapshot(_ names: [String], hash: String = "abc") throws -> Snapshot {
        let issuer = Issuer(
            name: "corp",
            rules: TokenRules(issuer: "https://as.example"),
            keySource: .discover,
            keyMaximumAge: 86_400,
            otherAudiences: []
        )
        let routes = try names.map { name in
            Route(
                resource: try ResourceURI("https://gw.example/\(name)"),
                issuers: [IssuerID(0)],
                issuerURIs: ["https://as.example"],
                scopes: ["\(name):read"],
                upstream: Upstream(
                    endpoints: [
                        Endpoint(
                            host: "\(name).internal",
                            port: 80,
                            authority: "\(name).internal:80",
                            path: "/mcp"
                        )
                    ],
                    credentials: .forward,
                    connectTimeout: 1000,
                    responseTimeout: 1000
                )
            )
        }
        return Snapshot(
            hash: hash,
            listeners: [Listener(address: "127.0.0.1:8080")],
            issuers: [issuer],
            routes: routes
        )
    }

    /// The resource of a route.
    static func resource(_ name: String) -> String { "https://gw.example/\(name)" }

    /// A process with these workers, at 2026-01-01T00:00:10Z.
    static func observation(
        _ publication: Publication?,
        _ reports: [WorkerReport?],
        lastReload: ReloadOutcome? = nil,
        issuers: [IssuerState] = [],
        health: [EndpointState] = []
    ) -> Observation {
        var facts = OperationalFacts()
        facts.publication = publication
        facts.loadedAt = 1_767_225_605
        facts.lastReload = lastReload
        return Observation(
            now: 1_767_225_610,
            startedAt: 1_767_225_600,
            processID: 7,
            isReady: true,
            facts: facts,
            workers: reports.map {
                ObservedWorker(isAlive: true, isFresh: $0 != nil, connections: 2, report: $0)
            },
            issuers: issuers,
            health: health,
            lost: ObservedLosses(accessLines: 3),
            maximumConnections: 100,
            usage: ProcessUsage()
        )
    }
}

/// A worker that counts what a test says.
struct CountingWorker {
    let counters = WorkerCounters()
    var publication: Publication
    let index: Int

    init(_ publication: Publication, index: Int = 0) {
        self.publication = publication
        self.index = index
    }

    /// The row of a route, or that of requests without one.
    func row(_ name: String?) -> Int {
        guard let name else { return 0 }
        return publication.routeRows.first { $0.name == Scene.resource(name) }?.row ?? -1
    }

    func count(_ name: String?, _ reason: Reason = .access(.allowed), times: Int = 1) {
        for _ in 0..<times {
            counters.totals.inFlight += 1
            counters.countEnd(row: row(name), reason)
        }
    }

    mutating func adopt(_ new: Publication) {
        publication = new
        counters.clear(routes: new.reusedRouteRows, endpoints: new.newPlaces)
    }

    var report: WorkerReport {
        WorkerReport(
            worker: index,
            generation: publication.generation,
            counts: counters.now,
            connections: 2,
            bufferedBytes: 0,
            tokens: 0,
            tokenCounts: TokenCacheCounts()
        )
    }
}

/// The head of a request for `target`, with these field lines.
func head(_ target: String, method: String = "GET", host: String = "localhost:9901", _ fields: [String] = [])
    throws -> RequestHead
{
    var request = RequestHead()
    let lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"] + fields + ["", ""]
    var parser = RequestParser(limits: MessageLimits())
    _ = try parser.parse(lines.joined(separator: "\r\n").octets.span, into: &request)
    return request
}

extension LocalResponse {
    /// The values of a field.
    func all(_ name: String) -> [String] { fields.filter { "\($0.name)" == name }.map(\.value) }

    /// The body as text.
    var text: String { String(lossy: body.span) }
}

extension CountingWorker {
    func replay(from: String, to: String, times: Int = 1) {
        let pair = ReplayPair(issuedFor: row(from), presentedAt: row(to))
        for _ in 0..<times { counters.countReplay(pair, now: 1_767_225_609) }
    }
}
