// Which trace an exchange belongs to, and what is recorded of it when it ends.

internal import Bytes
internal import HTTP
internal import MCP
internal import Policy

extension Worker {
    /// Gives an exchange its id: that of the trace that its head continues, or a new one.
    func identify(_ exchange: Exchange) {
        exchange.trace.parent = TraceContext(of: exchange.request)
        exchange.record.requestID =
            exchange.trace.parent?.trace ?? RequestID(identifiers.next(), identifiers.next())
    }

    /// Takes over the context that the message names: it is that of the call, while the head may be that of a hop in
    /// between (SEP-414). A batch is no one call. The message is in `envelope`.
    func noteTrace(of exchange: Exchange) {
        guard exchange.snapshot.traces != nil, !envelope.isBatch, let message = envelope.messages.first,
            let text = message.traceParent,
            let context = envelope.withOctets(of: text, in: exchange.body.span, { TraceContext($0) })
        else { return }
        if exchange.trace.parent != context { exchange.trace.link = exchange.trace.parent }
        exchange.trace.parent = context
        exchange.trace.isOfMessage = true
        exchange.record.requestID = context.trace
        guard let state = message.traceState else { return }
        exchange.trace.messageState = envelope.withOctets(of: state, in: exchange.body.span) {
            TraceState.isValid($0) ? Array(copying: $0) : nil
        }
    }

    /// What the server of an exchange is told of its trace.
    func forwardedTrace(of exchange: Exchange) -> ForwardedTrace {
        let trace = exchange.record.requestID
        guard let traces = exchange.snapshot.traces else {
            guard exchange.trace.parent == nil else { return .unchanged }
            let context = TraceContext(trace: trace, span: identifiers.next() | 1, isSampled: false)
            return .own(context, .none)
        }
        // The same for another try: it is one span, however often the request was sent.
        if exchange.trace.clientSpan == 0 { exchange.trace.clientSpan = identifiers.next() | 1 }
        let context = TraceContext(
            trace: trace,
            span: exchange.trace.clientSpan,
            isSampled: isSampled(exchange, traces)
        )
        return .own(context, state(of: exchange))
    }

    private func state(of exchange: Exchange) -> ForwardedTrace.State {
        guard exchange.trace.parent != nil else { return .none }
        guard !exchange.trace.isOfMessage else {
            return exchange.trace.messageState.map { .message($0) } ?? .none
        }
        return TraceState.isValid(of: exchange.request) ? .fields : .none
    }

    /// Whether spans of the exchange are recorded: as whoever asked decided, else by the share of traces.
    private func isSampled(_ exchange: Exchange, _ traces: TraceSettings) -> Bool {
        exchange.trace.parent?.isSampled ?? traces.sample.chooses(exchange.record.requestID.low)
    }

    /// Records what the gateway did for an exchange of a route, at its end.
    func recordSpans(of exchange: Exchange) {
        guard let traces = exchange.snapshot.traces, let route = exchange.route,
            isSampled(exchange, traces)
        else { return }
        let spans = ExchangeSpans(
            record: exchange.record,
            trace: exchange.trace,
            resource: route.resource.text,
            endpoint: (exchange.lease?.place ?? exchange.triedPlaces.last)?.endpoint,
            upstreamStatus: exchange.response.status,
            upstreamVersion: exchange.response.version,
            serverSpan: identifiers.next() | 1,
            spareSpan: identifiers.next() | 1,
            now: clock.microseconds,
            epoch: clock.unixMicroseconds - clock.microseconds
        )
        spans.append(to: &self.spans)
        if self.spans.count >= SpanSink.maximumShare { handOverSpans() }
    }

    /// Leaves the spans of this round to the exporter.
    func handOverSpans() {
        services.spans.take(&spans, now: clock.milliseconds)
    }
}
