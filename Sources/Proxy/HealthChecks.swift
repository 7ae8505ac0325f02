// Active checks: each on a thread of its own, no more than a few at a time.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import Policy
internal import Synchronization
internal import Transport

/// The checks that run.
final class HealthChecks: Sendable {
    /// Most checks at a time; others are late.
    private static let maximum = 64

    private let running = Atomic<Int>(0)

    /// Whether another one can run.
    var haveRoom: Bool { running.load(ordering: .relaxed) < Self.maximum }

    /// Runs a check, and tells `report` what was wrong, or nil.
    func start(
        _ endpoint: PublishedEndpoint,
        _ address: SocketAddress,
        _ rules: HealthCheckRules,
        _ report: @escaping @Sendable (String?) -> Void
    ) {
        running.add(1, ordering: .relaxed)
        do throws(SystemError) {
            try Thread.start("audgate-check") {
                report(HealthCheck.problem(of: endpoint, at: address, rules))
                self.running.subtract(1, ordering: .relaxed)
            }
        } catch {
            running.subtract(1, ordering: .relaxed)
            report("no thread for the check: \(error)")
        }
    }
}

/// One check: a GET without a token, of which any answer but a 5xx proves life. Blocks; never called on a worker.
enum HealthCheck {
    /// What is wrong with an endpoint at one address, nil if nothing is.
    static func problem(
        of endpoint: PublishedEndpoint,
        at address: SocketAddress,
        _ rules: HealthCheckRules
    ) -> String? {
        do throws(FetchError) {
            let status = try status(of: endpoint, at: address, rules)
            return status >= 500 ? "check: status \(status)" : nil
        } catch {
            return "check: \(error.problem)"
        }
    }

    private static func status(
        of endpoint: PublishedEndpoint,
        at address: SocketAddress,
        _ rules: HealthCheckRules
    ) throws(FetchError) -> Int {
        let scheme = endpoint.endpoint.isSecure ? "https" : "http"
        let path = rules.path ?? endpoint.endpoint.path
        let text = "\(scheme)://\(endpoint.endpoint.authority)\(path)"
        guard let url = try? HTTPURL(text, allowsQuery: true) else {
            throw FetchError(problem: "\(text) is no place to ask.")
        }
        let connection = try DocumentConnection(
            to: address,
            for: url,
            tls: endpoint.tls,
            until: Clock.monotonicMilliseconds + rules.timeout
        )
        let isHTTP2 = connection.speaksHTTP2 || (!url.isSecure && endpoint.speaksHTTP2)
        return isHTTP2 ? try statusByHTTP2(url, connection) : try statusByHTTP1(url, connection)
    }

    private static func statusByHTTP1(
        _ url: HTTPURL,
        _ connection: DocumentConnection
    ) throws(FetchError) -> Int {
        try connection.send(
            "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nAccept: application/json\r\n"
                + "User-Agent: audgate\r\nConnection: close\r\n\r\n"
        )
        var parser = ResponseParser(limits: MessageLimits())
        var head = ResponseHead()
        var input = ByteBuffer()
        while true {
            let hasEnded = try connection.receive(into: &input)
            do throws(MessageViolation) {
                while let length = try parser.parse(input.span, into: &head, answering: .get) {
                    guard head.isInformational else { return head.status }
                    input.consume(length)
                    head.removeAll()
                }
            } catch {
                throw FetchError(problem: "No HTTP: \(error.rawValue).")
            }
            guard !hasEnded else { throw FetchError(problem: "Closed before an answer.") }
        }
    }

    private static func statusByHTTP2(
        _ url: HTTPURL,
        _ connection: DocumentConnection
    ) throws(FetchError) -> Int {
        let session = HTTP2Session(role: .client, limits: HTTP2Limits())
        var fields = FieldBlock()
        fields.appendField(":method", "GET")
        fields.appendField(":scheme", url.isSecure ? "https" : "http")
        fields.appendField(":authority", url.authority)
        fields.appendField(":path", url.target)
        fields.appendField("accept", "application/json")
        fields.appendField("user-agent", "audgate")
        guard session.request(fields, endsStream: true) != nil else {
            throw FetchError(problem: "No stream could be opened.")
        }
        var input = ByteBuffer()
        while true {
            var output = ByteBuffer()
            session.write(into: &output, upTo: 64 * 1024)
            try connection.send(&output)
            let hasEnded = try connection.receive(into: &input)
            if let status = try status(in: input, of: session) { return status }
            input.removeAll()
            guard !hasEnded else { throw FetchError(problem: "Closed before an answer.") }
        }
    }

    /// The status of the response among what has come, nil if that is still on its way.
    private static func status(
        in input: borrowing ByteBuffer,
        of session: HTTP2Session
    ) throws(FetchError) -> Int? {
        var offset = 0
        var head = ResponseHead()
        do throws(HTTP2Failure) {
            while let event = try session.next(input.span, at: &offset, now: Clock.monotonicMilliseconds) {
                switch event {
                case .response:
                    session.takeResponse(into: &head)
                    if !head.isInformational { return head.status }
                case .refusedResponse(_, let violation): throw .protocolError(violation.rawValue)
                case .closed(_, let code): throw .protocolError("reset with code \(code)")
                case .request, .refusedRequest, .data, .end, .malformed, .goAway: break
                }
            }
        } catch {
            throw FetchError(problem: "No HTTP/2: \(error).")
        }
        return nil
    }
}
