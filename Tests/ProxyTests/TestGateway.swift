// A worker on a thread, with keys and addresses in the hands of the test.

import Bytes
import Glibc
import JOSE
import JSON
import Logging
import OpenSSL
import Policy
import Testing
import Transport

@testable import Proxy

/// One running worker in front of `https://gw.example/notion`.
final class TestGateway: Sendable {
    let port: UInt16
    let sink = LogSink()
    let auditLog = LogSink()
    let status = WorkerStatus()
    let signer: TokenSigner
    private let mailbox: Mailbox<WorkerMessage>
    private let keySet: KeySet
    let health: EndpointHealth
    /// Makes the worker, for tests that turn its loop by hand.
    let makeWorker: @Sendable () throws(SystemError) -> Worker

    struct WrongKey: Error {}

    init(
        servers: [UInt16],
        host: String = "127.0.0.1",
        hasKeys: Bool = true,
        responseTimeout: Int = 5000,
        connectTimeout: Int = 2000,
        isByHand: Bool = false,
        rules: EndpointRules = EndpointRules(),
        isWaiting: Bool = false,
        limits adjust: (inout Limits) -> Void = { _ in }
    ) throws {
        let key = try SigningKey(generating: .ellipticCurve(.p256))
        guard let signer = TokenSigner(key: key, algorithm: .es256, keyID: "k1") else { throw WrongKey() }
        self.signer = signer
        keySet = try KeySet("{\"keys\":[\(signer.publicJWK)]}".octets.span)
        var limits = Limits()
        adjust(&limits)
        let snapshot = try Self.snapshot(servers, host, responseTimeout, connectTimeout, rules, limits)
        guard let any = SocketAddress("127.0.0.1:0") else { throw WrongKey() }
        let sockets = try ListeningSocket.open(any, count: 1)
        guard case .ipv4(_, let port) = sockets[0].socket.address.kind else { throw WrongKey() }
        self.port = port
        let mailbox = try Mailbox<WorkerMessage>()
        self.mailbox = mailbox
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        health = EndpointHealth(logger: quiet) { mailbox.send($0) }
        let services = WorkerServices(
            keys: try KeyRefresher(issuers: snapshot.issuers, logger: quiet, auditLog: LogSink()) { _ in },
            rates: RateTables(entries: 64),
            addresses: AddressTable(entries: 64),
            names: NameRefresher(hosts: [host], logger: quiet) { _ in },
            health: health,
            accessLog: sink,
            auditLog: auditLog,
            logger: quiet,
            subjectKey: [1, 2, 3]
        )
        let status = status
        var publisher = Publisher()
        let listeners = snapshot.listeners.map { PublishedListener($0, sockets: [sockets]) }
        let publication = publisher.publish(snapshot)
        health.adopt(publication)
        makeWorker = { () throws(SystemError) in
            try Worker(
                publication: publication,
                listeners: listeners,
                index: 0,
                isWaiting: isWaiting,
                mailbox: mailbox,
                services: services,
                status: status
            )
        }
        if hasKeys { publishKeys() }
        guard !isByHand else { return }
        let makeWorker = makeWorker
        try Thread.start("worker") {
            (try? makeWorker())?.run()
            status.end()
        }
    }

    static func snapshot(
        _ servers: [UInt16],
        _ host: String = "127.0.0.1",
        _ responseTimeout: Int = 5000,
        _ connectTimeout: Int = 2000,
        _ rules: EndpointRules = EndpointRules(),
        _ limits: Limits = Limits()
    ) throws -> Snapshot {
        let issuer = Issuer(
            name: "corp",
            rules: TokenRules(issuer: "https://as.example"),
            keySource: .discover,
            keyMaximumAge: 86_400,
            otherAudiences: []
        )
        let upstream = Upstream(
            endpoints: servers.map {
                Endpoint(host: host, port: $0, authority: "server.internal:\($0)", path: "/mcp")
            },
            credentials: .forward,
            connectTimeout: connectTimeout,
            responseTimeout: responseTimeout,
            rules: rules
        )
        let route = Route(
            resource: try ResourceURI("https://gw.example/notion"),
            issuers: [IssuerID(0)],
            issuerURIs: ["https://as.example"],
            origins: ["https://app.example"],
            upstream: upstream
        )
        return Snapshot(
            hash: "0",
            listeners: [Listener(address: "127.0.0.1:0")],
            issuers: [issuer],
            routes: [route],
            limits: limits
        )
    }

    /// The issuer's keys.
    var keys: IssuerKeys { IssuerKeys(keySet: keySet, isPending: false) }

    /// Gives the worker the issuer's keys.
    func publishKeys() { send(.keys(IssuerID(0), keys)) }

    func send(_ message: WorkerMessage) { mailbox.send(message) }

    /// Ends the worker, and waits until it is gone.
    func stop() {
        mailbox.send(.stop)
        eventually { self.status.hasEnded }
    }

    /// The access log since the last call.
    func logged() -> String { String(decoding: sink.takeAll().lines, as: UTF8.self) }

    /// A good token, but for the audience.
    func token(audience: String = "https://gw.example/notion", signer other: TokenSigner? = nil) throws
        -> String
    {
        let now = Clock.unixMicroseconds / 1_000_000
        let claims =
            "{\"iss\":\"https://as.example\",\"sub\":\"alice\",\"aud\":\"\(audience)\",\"client_id\":\"c\","
            + "\"iat\":\(now),\"exp\":\(now + 300)}"
        return try (other ?? signer).sign(claims.octets.span, type: "at+jwt")
    }

    /// The text of a request with a good token; `fields` end with a line end each.
    func request(_ method: String = "GET", fields: String = "", body: String = "") throws -> String {
        let content = method == "POST" ? "Content-Type: application/json\r\n" : ""
        return "\(method) /notion HTTP/1.1\r\nHost: gw.example\r\nAuthorization: Bearer \(try token())\r\n"
            + content + fields + "\r\n" + body
    }

    /// A notification with `padding` octets of padding.
    func post(padding: Int) throws -> String {
        let padding = String(repeating: "x", count: padding)
        return try post(#"{"jsonrpc":"2.0","method":"notifications/x","params":{"x":"\#(padding)"}}"#)
    }

    /// A request with this id.
    func post(id: Int) throws -> String {
        try post(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
    }

    /// A POST with a body of known length.
    func post(_ body: String) throws -> String {
        try request("POST", fields: "Content-Length: \(body.utf8.count)\r\n", body: body)
    }
}

/// Waits until `condition` holds, for ten seconds at most.
@discardableResult
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
        if condition() { return true }
        Clock.sleep(milliseconds: 5)
    }
    return condition()
}

/// Number of descriptors that the process has open.
func openDescriptors() -> Int {
    (0..<1024).count { fcntl(CInt($0), F_GETFD) >= 0 }
}

extension ConnectionTable {
    /// The streams of clients that are there.
    var clientStreams: [ClientStream] {
        all.compactMap { if case .client(let client) = $0 { client } else { nil } }
    }

    /// The streams to servers that are there.
    var upstreamStreams: [UpstreamStream] {
        all.compactMap { if case .upstream(let upstream) = $0 { upstream } else { nil } }
    }
}

/// Waits until one of these events of poll(2) is there for a descriptor that somebody else reads.
func wait(for events: CInt, at descriptor: CInt?) -> Bool {
    var entry = pollfd(fd: descriptor ?? -1, events: CShort(events), revents: 0)
    return unsafe poll(&entry, 1, 10_000) == 1
}

extension Worker {
    /// Turns until `condition` holds, for ten seconds at most.
    @discardableResult
    func turn(until condition: () -> Bool) -> Bool {
        let end = Clock.monotonicMilliseconds + 10_000
        while !condition() {
            guard Clock.monotonicMilliseconds < end else { return false }
            turn(milliseconds: 5)
        }
        return true
    }

    /// The stream of a peer that has just connected, after its health check: what it carries is known then.
    func idleStream(of peer: Peer) throws -> ClientStream {
        peer.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        turn { peer.holds("{\"status\":\"ready\"}") }
        #expect(peer.receive(through: "\r\n\r\n{\"status\":\"ready\"}").end == .found)
        return try #require(connections.clientStreams.last)
    }

    /// Ends all connections of clients.
    func closeAll() {
        for occupant in connections.all {
            switch occupant {
            case .client(let client): close(client)
            case .arrival(let arrival): discard(arrival)
            case .vacant, .opening, .upstream, .http2: break
            }
        }
    }
}
