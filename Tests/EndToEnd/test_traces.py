"""Traces: what is continued, what is recorded, and of which requests."""

import asyncio
import subprocess
import time

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from harness import mcp_requests, messages, raw_http, sdk_client
from harness import recorder as upstreams
from harness.collector import CLIENT, SERVER, Collector
from harness.gateway import free_port
from harness.mcp_requests import META
from harness.mcp_servers import ServerProcess
from harness.tracing import OTHER_PARENT, OTHER_TRACE, PARENT, TRACE, ask, exported, start


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture
def single(over):
    return over("http1")


def pair(spans):
    """The server span and the client span of one exchange."""
    assert [each.kind for each in spans] == [SERVER, CLIENT]
    server, client = spans
    assert client.trace == server.trace and client.parent == server.id and client.id != server.id
    assert server.seconds[0] <= client.seconds[0] <= client.seconds[1] <= server.seconds[1]
    return server, client


def named(request):
    """The context that a request names in its head, as OpenTelemetry reads it."""
    carrier = {name.lower(): value for name, value in request.headers}
    assert len(request.all("traceparent")) == 1
    return get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()


# What is continued


def test_a_request_without_a_trace_begins_one(single, collector):
    start(single, collector)
    before = time.time()
    assert ask(single).status == 200
    (entry,) = single.gateway.wait_for_access(0)
    server, client = pair(exported(single, collector))
    assert server.parent is None and server.links == []
    assert entry["request_id"] == server.trace
    assert before - 1 < server.seconds[0] and server.seconds[1] < time.time() + 1
    context = named(single.recorder.the_request())
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (server.trace, client.id)
    assert context.trace_flags.sampled and not context.trace_state


def test_the_context_of_the_head_is_continued(single, collector):
    start(single, collector)
    extra = [
        ("traceparent", f"00-{TRACE}-{PARENT}-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    ]
    assert ask(single, extra=extra).status == 200
    (entry,) = single.gateway.wait_for_access(0)
    server, client = pair(exported(single, collector))
    assert (server.trace, server.parent, server.links) == (TRACE, PARENT, [])
    assert entry["request_id"] == TRACE
    seen = single.recorder.the_request()
    context = named(seen)
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE, client.id)
    assert seen.all("tracestate") == ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]
    assert dict(context.trace_state) == {"rojo": "00f067aa0ba902b7", "congo": "t61rcWkgMzE"}


def test_the_context_of_the_message_is_continued_and_the_body_stays_as_it_is(single, collector):
    start(single, collector)
    meta = {
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "tracestate": 'a/b="1"',
        "baggage": "secret=baggage",
    }
    assert ask(single, meta).status == 200
    (entry,) = single.gateway.wait_for_access(0)
    server, client = pair(exported(single, collector))
    assert (server.trace, server.parent, server.links) == (TRACE, PARENT, [])
    assert entry["request_id"] == TRACE
    seen = single.recorder.the_request()
    assert seen.body == messages.modern(meta={**META, **meta}).body
    context = named(seen)
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE, client.id)
    assert seen.all("tracestate") == ['a/b="1"'] and not seen.all("baggage")
    assert b"baggage" not in collector.text and b"baggage" not in single.gateway.stdout.read_bytes()


def test_the_message_wins_over_the_head_and_links_it(single, collector):
    """The message's context is that of the call (SEP-414); the head's may be that of a hop in between."""
    start(single, collector)
    extra = [("traceparent", f"00-{OTHER_TRACE}-{OTHER_PARENT}-01"), ("tracestate", "of=head")]
    assert ask(single, {"traceparent": f"00-{TRACE}-{PARENT}-01"}, extra).status == 200
    server, client = pair(exported(single, collector))
    assert (server.trace, server.parent) == (TRACE, PARENT)
    assert server.links == [(OTHER_TRACE, OTHER_PARENT)]
    seen = single.recorder.the_request()
    assert f"{named(seen).trace_id:032x}" == TRACE
    # A state without the context that it came with means nothing.
    assert not seen.all("tracestate")


def test_the_same_context_in_both_is_no_link(single, collector):
    start(single, collector)
    both = f"00-{TRACE}-{PARENT}-01"
    assert ask(single, {"traceparent": both}, [("traceparent", both)]).status == 200
    server, _ = pair(exported(single, collector))
    assert (server.trace, server.parent, server.links) == (TRACE, PARENT, [])


MALFORMED = [
    "",
    "x",
    f"00-{TRACE}-{PARENT}",
    f"01-{TRACE}-{PARENT}-01",
    f"ff-{TRACE}-{PARENT}-01",
    f"00-{TRACE.upper()}-{PARENT}-01",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}-{PARENT}-01-",
    f"00-{TRACE}-{PARENT}-01\r\nX-Evil: 1",
    f"00-{TRACE}-{PARENT}-0\u0000",
    f"00-{TRACE}-{PARENT}-0é",
    1,
    None,
    {"traceparent": f"00-{TRACE}-{PARENT}-01"},
    ["00"],
    "0" * 100_000,
]


def test_what_is_malformed_in_the_message_is_passed_over(single, collector):
    start(single, collector)
    head = ("traceparent", f"00-{OTHER_TRACE}-{OTHER_PARENT}-01")
    for value in MALFORMED:
        assert ask(single, {"traceparent": value, "tracestate": "a=b"}, [head]).status == 200, value
        assert ask(single, {"traceparent": value, "tracestate": "a=b"}).status == 200, value
    servers = [each for each in exported(single, collector) if each.kind == SERVER]
    assert len(servers) == 2 * len(MALFORMED)
    for continued, begun in zip(servers[::2], servers[1::2], strict=True):
        assert (continued.trace, continued.parent) == (OTHER_TRACE, OTHER_PARENT)
        assert begun.parent is None and begun.trace not in (TRACE, OTHER_TRACE)
    for request in single.recorder.requests:
        assert not request.all("tracestate") and not request.all("X-Evil")


@pytest.mark.parametrize(
    "value", [each for each in MALFORMED[:10] if isinstance(each, str) and "\r" not in each]
)
def test_what_is_malformed_in_the_head_is_passed_over(single, collector, value):
    start(single, collector)
    extra = [("traceparent", value), ("tracestate", "a=b")]
    assert ask(single, extra=extra).status == 200
    assert ask(single, {"traceparent": f"00-{TRACE}-{PARENT}-01"}, extra).status == 200
    begun, continued = [each for each in exported(single, collector) if each.kind == SERVER]
    assert begun.parent is None and begun.trace != TRACE
    assert (continued.trace, continued.parent, continued.links) == (TRACE, PARENT, [])
    assert not any(each.all("tracestate") for each in single.recorder.requests)


@pytest.mark.parametrize(
    "state", ["", "a", "A=b", "a=b,c", "a=\u00e9", ",".join(f"k{n}=v" for n in range(33))]
)
def test_a_malformed_state_goes_no_further(single, collector, state):
    start(single, collector)
    context = f"00-{TRACE}-{PARENT}-01"
    assert ask(single, {"traceparent": context, "tracestate": state}).status == 200
    assert ask(single, extra=[("traceparent", context), ("tracestate", state)]).status == 200
    for line in ("a=b\r\nX-Evil: 1", "a=b\n", "a=b\u0000"):
        assert ask(single, {"traceparent": context, "tracestate": line}).status == 200
    for request in single.recorder.requests:
        assert not request.all("tracestate") and not request.all("X-Evil")
        assert f"{named(request).trace_id:032x}" == TRACE
    assert len(exported(single, collector)) == 10


def test_messages_of_earlier_revisions_are_continued_and_batches_are_not(single, collector):
    start(single, collector)
    meta = {"_meta": {"traceparent": f"00-{TRACE}-{PARENT}-01"}}
    post = messages.legacy(params={"name": "echo", "arguments": {}, **meta})
    assert single.gateway.exchange(post.request(single.host, "/mcp", single.token()), "POST").status == 200
    batch = b"[" + messages.text("tools/call", {"name": "echo", **meta}) + b"]"
    post = messages.with_fields(batch, "2025-03-26")
    assert single.gateway.exchange(post.request(single.host, "/mcp", single.token()), "POST").status == 200
    continued, begun = [each for each in exported(single, collector) if each.kind == SERVER]
    assert (continued.trace, continued.parent) == (TRACE, PARENT)
    assert begun.parent is None and begun.name == "POST" and "mcp.method.name" not in begun.attributes


def test_the_official_clients_trace_is_continued(over, collector, tmp_path):
    """The SDK puts its own context into `_meta`; its span is the parent of the gateway's."""
    single = over("http1")
    server = ServerProcess("files", free_port(), tmp_path).start()
    try:
        routes = [{"resource": single.resource, "issuer": "corp", "upstream": server.url}]
        start(single, collector, {"routes": routes})
        context = SpanContext(int(TRACE, 16), int(PARENT, 16), is_remote=False, trace_flags=TraceFlags(1))

        async def talk():
            async with sdk_client.connected(single.resource, single.token()) as client:
                with use_span(NonRecordingSpan(context)):
                    return sdk_client.text(await client.call_tool("echo", {"text": "hello"}))

        assert asyncio.run(talk()) == "hello"
        spans = exported(single, collector)
    finally:
        server.stop()
    (call,) = [each for each in spans if each.name == "tools/call echo"]
    assert (call.trace, call.parent, call.kind) == (TRACE, PARENT, SERVER)


# What is recorded


def test_spans_follow_the_semantic_conventions(over, collector):
    single = over("tls2/https2")
    start(single, collector, service_name="edge")
    assert ask(single).status == 200
    server, client = pair(exported(single, collector))
    assert server.name == "tools/call echo" and client.name == "POST"
    assert server.attributes == {
        "audgate.route": single.resource,
        "audgate.decision": "allow",
        "audgate.reason": "allowed",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "network.protocol.version": "2",
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "echo",
    }
    assert client.attributes == {
        "audgate.route": single.resource,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "network.protocol.version": "2",
        "server.address": "127.0.0.1",
        "server.port": single.recorder.port,
    }
    version = subprocess.run(
        [single.gateway.process.args[0], "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    for span in (server, client):
        assert span.scope == ("audgate", version)
        assert span.resource == {
            "service.name": "edge",
            "service.version": version,
            "host.name": subprocess.run(["hostname"], capture_output=True, text=True).stdout.strip(),
            "process.pid": single.gateway.process.pid,
        }
        assert not span.is_error


def test_a_refusal_is_one_span_and_no_error(single, collector):
    start(single, collector)
    assert ask(single, token="x").status == 401
    assert ask(single, token=single.issuer.mint("https://other.example/")).status == 401
    assert ask(single, Mcp_Name="other").status == 400
    spans = exported(single, collector)
    assert [each.kind for each in spans] == [SERVER] * 3 and not any(each.is_error for each in spans)
    assert [each.attributes["audgate.reason"] for each in spans] == [
        "token_malformed",
        "aud_mismatch",
        "mcp_name_mismatch",
    ]
    assert {each.attributes["audgate.decision"] for each in spans} == {"refuse"}
    assert [each.attributes["http.response.status_code"] for each in spans] == [401, 401, 400]


def test_what_is_for_no_route_has_no_span(single, collector):
    start(single, collector)
    context = ("traceparent", f"00-{TRACE}-{PARENT}-01")
    for target, host in (("/elsewhere", single.host), ("/mcp", "evil.example"), ("/healthz", single.host)):
        single.gateway.exchange(mcp_requests.get(host, target, extra=[context]), "GET")
    single.gateway.exchange(b"broken\r\n\r\n")
    assert exported(single, collector) == []


def test_a_server_that_fails_is_an_error_of_both_spans(single, collector):
    port = free_port()
    routes = [{"resource": single.resource, "issuer": "corp", "upstream": f"http://127.0.0.1:{port}/mcp"}]
    start(single, collector, {"routes": routes})
    assert ask(single).status == 502
    server, client = pair(exported(single, collector))
    assert server.is_error and client.is_error
    assert server.attributes["error.type"] == client.attributes["error.type"] == "upstream_connect_failed"
    assert server.attributes["http.response.status_code"] == 502
    assert "http.response.status_code" not in client.attributes
    assert client.attributes["server.port"] == port


@pytest.mark.parametrize(
    "script, server_error, client_error, status",
    [
        (upstreams.canned(500), "500", "500", 500),
        (upstreams.canned(404), None, "404", 404),
        (upstreams.canned(401), "upstream_unauthorized", "upstream_unauthorized", 401),
        (upstreams.raw(b"nonsense\r\n\r\n", "close"), "upstream_malformed", "upstream_malformed", None),
        (
            upstreams.event_stream([b"data: 1\n\n"], 0.01, "reset"),
            "upstream_aborted",
            "upstream_aborted",
            200,
        ),
    ],
)
def test_answers_of_servers_are_told_apart(single, collector, script, server_error, client_error, status):
    start(single, collector)
    single.recorder.script = script
    try:
        ask(single)
    except raw_http.ConnectionEnded:
        pass
    single.gateway.wait_for_access(0)
    server, client = pair(exported(single, collector))
    assert server.attributes.get("error.type") == server_error and server.is_error == bool(server_error)
    assert client.attributes.get("error.type") == client_error and client.is_error == bool(client_error)
    assert client.attributes.get("http.response.status_code") == status


def test_spans_hold_nothing_secret(single, collector):
    """Neither of good requests nor of refused ones: no token, subject, session, query, argument or path below."""
    route = {"resource": single.resource, "issuer": "corp", "upstream": single.upstream(), "subpaths": True}
    start(single, collector, {"routes": [route]})
    single.recorder.script = upstreams.canned(headers=[("Mcp-Session-Id", "s3cret-session")])
    token = single.token(sub="s3cret-subject", client_id="s3cret-client")
    meta = {
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "tracestate": "s3cret=state",
        "baggage": "s3cret=baggage",
    }
    post = messages.legacy(params={"name": "echo", "arguments": {"x": "s3cret"}, "_meta": meta})
    post.set(Cookie="s3cret", Mcp_Param_X="s3cret", X_Api_Key="s3cret")
    for target in ("/mcp/s3cret-path?s3cret=query", "/mcp?access_token=s3cret"):
        single.gateway.exchange(post.request(single.host, target, token), "POST")
    single.gateway.exchange(mcp_requests.get(single.host, "/mcp/s3cret", token), "GET")
    assert len(exported(single, collector)) == 5
    text = collector.text
    assert b"s3cret" not in text and token.split(".")[1][:20].encode() not in text
    assert b"alice" not in text and b"eyJ" not in text


# Which traces


def test_what_the_parent_does_not_record_is_not_recorded(single, collector):
    start(single, collector, sample=1)
    off = f"00-{TRACE}-{PARENT}-00"
    assert ask(single, extra=[("traceparent", off)]).status == 200
    assert (
        ask(single, {"traceparent": off}, [("traceparent", f"00-{OTHER_TRACE}-{OTHER_PARENT}-01")]).status
        == 200
    )
    assert exported(single, collector) == [] and collector.deliveries == []
    for request in single.recorder.requests:
        context = named(request)
        assert f"{context.trace_id:032x}" == TRACE and not context.trace_flags.sampled


def test_a_share_of_none_records_what_others_record(single, collector):
    start(single, collector, sample=0)
    assert ask(single).status == 200
    assert not named(single.recorder.the_request()).trace_flags.sampled
    assert ask(single, {"traceparent": f"00-{TRACE}-{PARENT}-01"}).status == 200
    server, _ = pair(exported(single, collector))
    assert (server.trace, server.parent) == (TRACE, PARENT)


def test_the_share_is_chosen_by_the_trace_id(single, collector):
    start(single, collector, sample=0.3)
    count = 400
    for _ in range(count):
        assert ask(single, token="x").status == 401
    entries = single.gateway.wait_for_access(0, count)
    spans = {each.trace for each in exported(single, collector)}
    # The last 56 bits, as consistent sampling has it: the larger ones.
    chosen = {each["request_id"] for each in entries if int(each["request_id"][-14:], 16) >= 0.7 * 2**56}
    assert spans == chosen
    assert 0.15 * count < len(chosen) < 0.45 * count


def test_without_settings_nothing_is_traced(single, collector):
    single.start()
    head = [("traceparent", f"00-{OTHER_TRACE}-{OTHER_PARENT}-01"), ("tracestate", "not a state")]
    assert ask(single, {"traceparent": f"00-{TRACE}-{PARENT}-01"}, head).status == 200
    assert ask(single, {"traceparent": f"00-{TRACE}-{PARENT}-01"}).status == 200
    continued, begun = single.gateway.wait_for_access(0, 2)
    assert continued["request_id"] == OTHER_TRACE and begun["request_id"] != TRACE
    seen, other = single.recorder.requests
    assert [(name, value) for name, value in seen.headers if name.startswith("trace")] == head
    assert not named(other).trace_flags.sampled
    assert exported(single, collector) == []
