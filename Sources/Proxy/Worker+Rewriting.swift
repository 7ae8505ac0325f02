// What of a response concerns its MCP session, its token, or tools that the token may not call.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import JOSE
internal import MCP
internal import Policy
internal import Transport

extension Worker {
    /// Finds out what is to be done to a response before its head goes on; nil if that can be done.
    func prepare(_ exchange: Exchange, at place: UpstreamPlace) -> GatewayFailure? {
        exchange.isEventStream = exchange.response.isEventStream
        if exchange.isEventStream { exchange.endsBy = nil }
        guard let route = exchange.route, let principal = exchange.record.principal else { return nil }
        if let failure = sealSession(of: exchange, at: place, route, principal) { return failure }
        startFindingTask(of: exchange)
        return startRewriting(exchange, route)
    }

    /// Makes the session id that the client gets, and forgets a session that its server has ended.
    private func sealSession(
        of exchange: Exchange,
        at place: UpstreamPlace,
        _ route: Route,
        _ principal: Principal
    ) -> GatewayFailure? {
        guard exchange.lease?.permit.era == .legacy else { return nil }
        if exchange.record.method == .delete, (200..<300).contains(exchange.response.status),
            let session = exchange.lease?.permit.session
        {
            SessionRule.forget(session, at: route, services.sessions)
        }
        guard let range = exchange.response.fields.first(.mcpSessionID) else { return nil }
        let id = exchange.response.octets(of: range)
        do throws(SessionViolation) {
            exchange.clientSessionID = try SessionRule.clientID(
                for: id,
                from: place.tag,
                at: route,
                for: principal,
                exchange.snapshot,
                services.sessions
            )
            return nil
        } catch {
            return GatewayFailure(.upstreamMalformed, error.rawValue)
        }
    }

    private func startRewriting(_ exchange: Exchange, _ route: Route) -> GatewayFailure? {
        let hidesTools = route.hidesUnauthorizedTools
        guard hidesTools || route.upstream.usesLegacySSE, exchange.response.framing != .none else {
            return nil
        }
        // What cannot be read cannot be judged.
        guard !exchange.response.isEncoded else {
            return GatewayFailure(.upstreamMalformed, "an encoded response cannot be rewritten")
        }
        let isJSON = exchange.response.isJSON
        let limit = exchange.snapshot.limits.bodyBytes
        if exchange.isEventStream {
            let isAddressed = route.upstream.usesLegacySSE && exchange.record.method == .get
            exchange.rewriting = .stream(
                isAddressed ? EndpointRewriter(maximumEventLength: limit) : nil,
                hidesTools ? ToolListStreamFilter(maximumEventLength: limit) : nil
            )
            exchange.isRewritten = isAddressed || hidesTools
        } else if hidesTools {
            guard isJSON || exchange.response.status != 200 else {
                return GatewayFailure(.upstreamMalformed, "neither JSON nor an event stream")
            }
            exchange.rewriting = .tools(ByteBuffer())
            exchange.isRewritten = isJSON
        }
        return nil
    }

    /// Passes octets of a body on as the client may see them; false if they may not go on, which ends the exchange.
    func rewrite(
        _ octets: borrowing Span<UInt8>,
        isEnd: Bool = false,
        _ exchange: Exchange,
        _ client: ClientStream
    ) -> Bool {
        guard var rewriting = exchange.rewriting.take(), let route = exchange.route,
            let principal = exchange.record.principal, let place = exchange.lease?.place
        else { return false }
        let snapshot = exchange.snapshot
        var output = ByteBuffer()
        let held: Int
        do throws(ResponseRewriting.Violation) {
            held = try rewriting.rewrite(
                octets,
                isEnd: isEnd,
                maximumLength: snapshot.limits.bodyBytes,
                into: &output,
                isVisible: { tool in
                    OperationRule.mayCall(
                        tool,
                        at: route,
                        as: principal,
                        implications: snapshot.scopeImplications
                    )
                },
                place: { publicPlace(of: $0, at: place, route, principal, snapshot) }
            )
        } catch {
            fail(exchange, GatewayFailure(.upstreamMalformed, error.detail))
            return false
        }
        exchange.rewriting = consume rewriting
        release(exchange, downTo: held)
        guard hold(held, for: exchange) else {
            fail(exchange, GatewayFailure(.overloaded, "no room for what is filtered"))
            return false
        }
        client.writeBody(output.span, framing: exchange.responseFraming)
        exchange.record.bytesOut += output.count
        return true
    }

    /// Passes on what is held of a body that has ended; false if that ends the exchange by a failure.
    func finishRewriting(_ exchange: Exchange, _ client: ClientStream) -> Bool {
        rewrite(Span(), isEnd: true, exchange, client)
    }

    /// Where clients of a 2024-11-05 server post to: the route itself, with the server's place under seal.
    private func publicPlace(
        of reference: borrowing Span<UInt8>,
        at place: UpstreamPlace,
        _ route: Route,
        _ principal: Principal,
        _ snapshot: Snapshot
    ) -> [UInt8]? {
        let endpoint = place.endpoint
        let scheme = endpoint.isSecure ? "https" : "http"
        guard let stream = try? HTTPURL("\(scheme)://\(endpoint.authority)\(endpoint.path)"),
            let target = EndpointURI.target(of: reference, against: stream),
            let sealed = try? SessionRule.seal(
                target,
                as: .place,
                from: place.tag,
                at: route,
                for: principal,
                snapshot
            )
        else { return nil }
        return EndpointURI.reference(path: route.resource.path, session: sealed)
    }

    /// Lets an open stream end when its token does; it may be silent until then.
    func awaitExpiry(of exchange: Exchange, _ upstream: UpstreamStream) {
        guard let token = exchange.record.principal?.token, exchange.route?.endsStreamsWithToken == true
        else { return upstream.deadline.clear() }
        let seconds = max(token.end - clock.unixSeconds, 0)
        upstream.deadline.set(
            clock.milliseconds + Int(min(seconds, 10_000_000)) * 1000,
            for: upstream.id,
            in: timers
        )
    }
}
