// What the admin listener answers, and how long it waits for workers.

import Bytes
import Configuration
import HTTP
import Logging
import Policy
import Testing
import Transport

@testable import Proxy
@testable import Server

@Suite struct `The site of the admin listener` {
    let mailboxes: [Mailbox<WorkerMessage>]
    let statuses = [WorkerStatus(), WorkerStatus()]
    let state = OperationalState()
    let site: AdminSite
    let desk: ReportDesk

    init() throws {
        mailboxes = [try Mailbox(), try Mailbox()]
        desk = try ReportDesk(workers: mailboxes)
        site = AdminSite(
            AdminSources(
                state: state,
                desk: desk,
                statuses: statuses,
                issuers: IssuerStates(),
                health: EndpointHealth(logger: Logger(label: "test")) { _ in },
                accessLog: LogSink(),
                auditLog: LogSink(),
                traces: TraceExporter(version: "1", logger: Logger(label: "test")),
                descriptors: DescriptorShare(connections: 20)
            )
        )
        site.adopt(
            AdminSettings(
                listener: Listener(address: "127.0.0.1:9901", purpose: .admin),
                hosts: ["localhost"]
            )
        )
    }

    private func turn(_ index: Int, isReady: Bool = true, at round: Int = Clock.monotonicMilliseconds) {
        statuses[index].update(
            clients: 1,
            isReady: isReady,
            isDraining: false,
            oldestGeneration: 1,
            round: round
        )
    }

    @Test func `says to anybody whether it lives and is ready, and nothing more`() throws {
        #expect(site.answer(try head("/livez", host: "evil.example")).status == 200, "it has just begun")
        #expect(site.answer(try head("/readyz", host: "evil.example")).status == 503)
        turn(0)
        turn(1)
        let ready = site.answer(try head("/readyz", host: "evil.example"))
        #expect(ready.status == 200)
        #expect(ready.text == "ok\n")
        turn(1, isReady: false)
        #expect(site.answer(try head("/readyz")).status == 503)
        #expect(site.answer(try head("/livez")).status == 200)
        turn(1, at: Clock.monotonicMilliseconds - 6000)
        #expect(site.answer(try head("/livez")).status == 503, "its loop stands still")
        turn(1)
        statuses[0].end()
        #expect(site.answer(try head("/livez")).status == 503, "its thread has ended")
        #expect(site.answer(try head("/livez", method: "POST")).status == 405)
    }

    @Test(arguments: [
        "/livez", "/readyz", "/metrics", "/status.json", "/", "/status.css", "/status.js", "/nothing",
    ])
    func `no answer is kept, guessed at, framed or told to others`(_ path: String) throws {
        let answer = site.answer(try head(path))
        #expect(answer.all("Cache-Control") == ["no-store"])
        #expect(answer.all("X-Content-Type-Options") == ["nosniff"])
        #expect(answer.all("Referrer-Policy") == ["no-referrer"])
        let policy = try #require(answer.all("Content-Security-Policy").first)
        #expect(
            policy.hasPrefix("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; ")
        )
        #expect(policy.hasSuffix("base-uri 'none'; form-action 'none'; frame-ancestors 'none'"))
        #expect(answer.all("Access-Control-Allow-Origin") == [])
    }

    @Test(arguments: [
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"), ("/status.json", "application/json"),
        ("/status.json?routes=1", "application/json"), ("/", "text/html; charset=utf-8"),
        ("/status.css", "text/css; charset=utf-8"), ("/status.js", "text/javascript; charset=utf-8"),
    ])
    func `has six documents`(_ path: String, _ type: String) throws {
        let answer = site.answer(try head(path))
        #expect(answer.status == 200)
        #expect(answer.reason == .access(.admin))
        #expect(answer.all("Content-Type") == [type])
        #expect(!answer.body.isEmpty)
    }

    @Test(arguments: [
        "/status", "/metrics/", "/livez/", "/index.html", "/Metrics", "/healthz", "/.well-known/x",
    ])
    func `has nothing else`(_ path: String) throws {
        #expect(site.answer(try head(path)).status == 404)
    }

    @Test func `answers nothing but health without settings, and for no other host`() throws {
        #expect(site.answer(try head("/metrics", host: "evil.example")).status == 421)
        site.adopt(nil)
        #expect(site.answer(try head("/metrics")).status == 404)
        #expect(site.answer(try head("/livez")).status == 200)
    }

    @Test func `a worker that does not answer is waited for once, and not again until it has answered`()
        throws
    {
        let started = Clock.monotonicMilliseconds
        #expect(desk.collect().allSatisfy { !$0.isFresh && $0.report == nil })
        #expect(Clock.monotonicMilliseconds - started >= ReportDesk.patience)
        // The shortest of three: any one may be interrupted for longer.
        let times = (0..<3).map { _ in
            let again = Clock.monotonicMilliseconds
            _ = desk.collect()
            return Clock.monotonicMilliseconds - again
        }
        #expect(times.contains { $0 < ReportDesk.patience })
        for mailbox in mailboxes { #expect(mailbox.takeAll().count == 1, "asked once") }
    }

    @Test func `the last report of a worker stands in for one that does not come`() throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a"]))
        let worker = CountingWorker(publication, index: 0)
        worker.count("a", times: 5)
        // The first worker answers until it is stopped, the second never.
        let (mailbox, report) = (mailboxes[0], worker.report)
        try Thread.start("worker") {
            while true {
                for message in mailbox.takeAll() {
                    switch message {
                    case .report(let answers): answers.send(report)
                    default: return
                    }
                }
                Clock.sleep(milliseconds: 1)
            }
        }
        // An answer may come late on a slow machine, but not each of twenty.
        let first = (0..<20).lazy.map { _ in desk.collect().map(\.isFresh) }.first { $0[0] }
        #expect(first == [true, false])
        mailbox.send(.stop)
        let second = desk.collect()
        #expect(second.map(\.isFresh) == [false, false])
        #expect(second[0].report?.counts.totals.requests == 5)
        #expect(second[1].report == nil)
    }
}
