"""HTTP/2 towards clients: others' clients, streams side by side, cancellation, flow control, drain, and strict heads."""

import json
import queue
import re
import signal
import subprocess
import threading
import time

import pytest
from h2.errors import ErrorCodes

from harness import frames, mcp_requests, raw_http
from harness import recorder as upstreams
from harness.challenge import expect_no_credentials
from harness.frames import FrameConnection
from harness.process import descriptors
from harness.timing import quickest
from harness.transports import HTTP1, TLS1, Client

EVENTS = [b"data: %d\n\n" % number for number in range(5)]
MIB = 1024 * 1024


@pytest.fixture(scope="module", params=["tls2/http1", "h2c/http1", "tls2/https2", "h2c/h2c"])
def standing_gateway(request, standing):
    return standing(request.param, limits={"body_bytes": "64MiB"})


@pytest.fixture
def gate(standing_gateway):
    """A gateway of this module with its recorder emptied."""
    standing_gateway.recorder.clear()
    return standing_gateway


def post(gate, **changes):
    return mcp_requests.post(gate.host, "/mcp", gate.token(), **changes)


def fields(gate, token=True, **changes):
    """The head of a good tools/call as HTTP/2 writes it; None removes a field."""
    head = {
        ":method": "POST",
        ":scheme": gate.client.scheme,
        ":authority": gate.host,
        ":path": "/mcp",
        **{
            name.lower(): value
            for name, value in mcp_requests.modern_headers(gate.token() if token else None)
        },
    }
    head |= {name.replace("__", ":").replace("_", "-"): value for name, value in changes.items()}
    return [(name, value) for name, value in head.items() if value is not None]


def open_connection(gate):
    return FrameConnection(gate.address, tls=gate.client.tls)


# Clients that others wrote


def curl(gate, *options, path="/mcp", token=None, data=None):
    how = (
        ["--http2", "--cacert", str(gate.certificates.ca)] if gate.client.tls else ["--http2-prior-knowledge"]
    )
    head = [each for name, value in mcp_requests.modern_headers(token) for each in ("-H", f"{name}: {value}")]
    body = ["--data-binary", "@-"] if data is not None else []
    command = ["curl", "-sS", "-i", "-m", "20", *how, *head, *body, *options, gate.at(path)]
    return subprocess.run(command, input=data, capture_output=True, timeout=30)


def test_curl_calls_a_tool(gate):
    answer = curl(gate, token=gate.token(), data=mcp_requests.call()).stdout
    assert answer.startswith(b"HTTP/2 200 ") and answer.endswith(upstreams.JSON_RESULT)
    assert gate.recorder.the_request().body == mcp_requests.call()


def test_curl_is_sent_away_without_a_token_just_as_over_http_1_1(gate):
    answer = curl(gate, data=mcp_requests.call()).stdout
    assert answer.startswith(b"HTTP/2 401 ") and b"www-authenticate: Bearer " in answer
    gate.recorder.assert_untouched()


def test_curl_uploads_and_downloads_mebibytes(gate, tmp_path):
    body = b" " * (3 * MIB) + mcp_requests.call()
    answer = bytes(range(256)) * (32 * 1024)
    with gate.recorder.answering(upstreams.canned(body=answer)):
        assert curl(gate, token=gate.token(), data=body).stdout.endswith(answer)
    assert gate.recorder.the_request().body == body


def nghttp(gate, *options, data=None, tmp_path=None):
    head = [f"-H{name}: {value}" for name, value in mcp_requests.modern_headers(gate.token())]
    if data is not None:
        (tmp_path / "body").write_bytes(data)
        head += ["-d", str(tmp_path / "body")]
    command = ["nghttp", "-v", "--no-dep", *options, *head, gate.at("/mcp")]
    return subprocess.run(command, capture_output=True, timeout=30).stdout


def test_nghttp_calls_a_tool_many_times_on_one_connection(gate, tmp_path):
    report = nghttp(gate, "-m", "30", data=mcp_requests.call(), tmp_path=tmp_path)
    assert report.count(b":status: 200") == 30 and report.count(upstreams.JSON_RESULT) == 30
    assert len(gate.recorder.requests) == 30


def test_nghttp_with_padding_continuations_and_trailers_is_understood(gate, tmp_path):
    report = nghttp(
        gate,
        "-b",
        "200",
        "--continuation",
        "--trailer",
        "x-late: 1",
        data=mcp_requests.call(),
        tmp_path=tmp_path,
    )
    assert b":status: 200" in report
    seen = gate.recorder.the_request()
    assert seen.body == mcp_requests.call() and "x-late" not in seen.names and seen.trailers == []


def test_h2load_fails_no_request(gate, tmp_path):
    (tmp_path / "body").write_bytes(mcp_requests.call())
    head = [f"-H{name}: {value}" for name, value in mcp_requests.modern_headers(gate.token())]
    command = [
        "h2load",
        "-n",
        "3000",
        "-c",
        "6",
        "-m",
        "20",
        "-d",
        str(tmp_path / "body"),
        *head,
        gate.at("/mcp"),
    ]
    report = subprocess.run(command, capture_output=True, text=True, timeout=50).stdout
    assert "status codes: 3000 2xx, 0 3xx, 0 4xx, 0 5xx" in report, report
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in report, report


# The same answers as over HTTP/1.1


@pytest.mark.parametrize(
    "change, status",
    [
        (dict(), 200),
        (dict(token=None), 401),
        (dict(token="bad"), 401),
        (dict(target="/elsewhere"), 404),
        (dict(host="evil.example"), 421),
        (dict(Content_Type="text/plain"), 415),
        (dict(Accept="text/html"), 406),
        (dict(target="/mcp?access_token=x"), 400),
    ],
)
def test_an_answer_is_the_one_of_http_1_1(gate, change, status):
    arguments = {"host": gate.host, "target": "/mcp", "token": gate.token(), **change}
    first = Client(TLS1 if gate.client.tls else HTTP1, gate.client.tls and http1_context(gate))
    over_1 = first.exchange(gate.address, mcp_requests.post(**arguments))
    over_2 = gate.gateway.exchange(mcp_requests.post(**arguments))
    assert (over_1.status, over_2.status) == (status, status)
    assert over_1.body == over_2.body

    def comparable(response):
        found = sorted((name.lower(), value) for name, value in response.headers)
        return [
            each for each in found if each[0] not in ("date", "connection", "transfer-encoding", "keep-alive")
        ]

    assert comparable(over_1) == comparable(over_2)
    assert all(name == name.lower() for name, _ in over_2.headers)
    assert not {name for name, _ in over_2.headers} & {"connection", "transfer-encoding", "keep-alive"}


def http1_context(gate):
    return Client.trusting(gate.certificates, TLS1).tls


def test_the_access_log_names_the_protocol(gate):
    since = gate.gateway.log_position()
    gate.gateway.exchange(post(gate))
    assert gate.gateway.wait_for_access(since)[0]["protocol"] in ("HTTP/2", "HTTP/2.0")


def test_head_has_the_fields_of_get_and_no_body(gate):
    address = "/.well-known/oauth-protected-resource/mcp"
    with gate.gateway.connect() as connection:
        got = connection.exchange(raw_http.request("GET", address, gate.host))
        head = connection.exchange(raw_http.request("HEAD", address, gate.host), "HEAD")
    assert head.status == 200 and head.body == b"" and int(head.one("content-length")) == len(got.body)


def test_a_refusal_ends_the_stream_and_the_body_that_follows_is_not_waited_for(gate):
    with gate.gateway.connect() as connection:
        stream = connection.open(fields(gate, token=False), ends=False)
        expect_no_credentials(connection.read_response(), gate.resource)
        connection.send_body(b" " * (2 * MIB))
        assert connection.refuses_the_rest(2), "a request that nobody wants is told so"
        assert connection.answers[stream].reset in (None, ErrorCodes.NO_ERROR)
        assert connection.exchange(post(gate)).status == 200


def test_a_client_that_waits_for_100_is_told_to_go_on(gate):
    with gate.gateway.connect() as connection:
        connection.open(fields(gate, expect="100-continue"), ends=False)
        assert connection.read_head().status == 100
        connection.send_body(mcp_requests.call())
        connection.end()
        assert connection.read_response().status == 200


def test_interim_answers_of_the_upstream_do_not_end_the_exchange(gate):
    head = b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with gate.recorder.answering(upstreams.raw(head)):
        response = gate.gateway.exchange(post(gate))
    assert (response.status, response.body) == (200, b"{}") and set(response.interim) <= {103}


def test_trailers_pass_in_neither_direction(gate):
    chunks = raw_http.chunked(mcp_requests.call())[:-2] + b"X-Late: 1\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer += b"2\r\n{}\r\n0\r\nX-Later: 1\r\n\r\n"
    with gate.recorder.answering(upstreams.raw(answer)), gate.gateway.connect() as connection:
        response = connection.exchange(post(gate, body=chunks, extra=[("Transfer-Encoding", "chunked")]))
        assert (response.status, response.body) == (200, b"{}") and connection.trailers(response) == []
    seen = gate.recorder.the_request()
    assert seen.body == mcp_requests.call() and seen.trailers == [] and "x-late" not in seen.names


def test_crumbs_of_a_cookie_are_no_second_field(gate):
    with gate.gateway.connect() as connection:
        connection.open([*fields(gate), ("cookie", "a=b"), ("cookie", "c=d")], mcp_requests.call())
        assert connection.read_response().status == 200
    assert not gate.recorder.the_request().all("cookie")


# Streams side by side


def test_a_slow_answer_does_not_hold_up_those_behind_it(gate):
    others_are_answered, in_time = threading.Event(), []

    def script(request, connection):
        is_slow = b"slow" in request.body
        if is_slow:
            in_time.append(others_are_answered.wait(5))
        body = b'{"for": "slow"}' if is_slow else b'{"for": "fast"}'
        upstreams.canned(body=body)(request, connection)

    slow = post(gate, body=mcp_requests.call("slow"), Mcp_Name="slow")
    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        connection.send(slow)
        first = connection.unread.popleft()
        for _ in range(5):
            assert connection.exchange(post(gate)).json() == {"for": "fast"}
        others_are_answered.set()
        connection.unread.append(first)
        assert connection.read_response().json() == {"for": "slow"}
    assert in_time == [True]


def test_a_hundred_streams_at_once_each_get_their_own_answer(gate):
    def script(request, connection):
        time.sleep(0.05)
        upstreams.canned(body=json.dumps(json.loads(request.body)["id"]).encode())(request, connection)

    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        for number in range(100):
            connection.send(post(gate, body=mcp_requests.call(identifier=number)))
        assert [connection.read_response().json() for _ in range(100)] == list(range(100))


def test_each_event_is_there_when_it_was_sent_on_many_streams_of_one_connection(gate):
    """No stream sends anything more before the client has got what all of them have sent."""
    received, in_step = threading.Barrier(21), []

    def script(_, connection):
        connection.send(upstreams.STREAM_HEAD)
        for event in EVENTS:
            received.wait(5)
            connection.send(upstreams.chunk(event))
        received.wait(5)
        in_step.append(True)
        connection.send(b"0\r\n\r\n")

    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        for _ in range(20):
            connection.send(post(gate))
        bodies = [connection.pieces(connection.read_head()) for _ in range(20)]
        for event in EVENTS:
            received.wait(5)
            assert [next(body) for body in bodies] == [event] * 20
        received.wait(5)
        assert [list(body) for body in bodies] == [[]] * 20
    assert in_step == [True] * 20


# Cancellation


def test_a_stream_that_the_client_cancels_is_cancelled_upstream_within_a_second_and_no_other(gate):
    gone, may_end = queue.Queue(), threading.Event()

    def script(request, connection):
        connection.send(upstreams.STREAM_HEAD + upstreams.chunk(EVENTS[0]))
        if b"doomed" in request.body:
            gone.put(connection.wait_for_peer_to_close(5))
        else:
            may_end.wait(20)
            connection.send(upstreams.chunk(EVENTS[1]) + b"0\r\n\r\n")

    doomed = post(gate, body=mcp_requests.call("doomed"), Mcp_Name="doomed")
    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        connection.send(post(gate))
        other = connection.read_head()

        def cancel():
            connection.send(doomed)
            connection.read_head()
            connection.cancel(connection.stream)
            assert gone.get(timeout=6)

        assert quickest(cancel) < 1
        may_end.set()
        assert b"".join(connection.pieces(other)) == EVENTS[0] + EVENTS[1]
        assert (
            connection.exchange(post(gate, body=mcp_requests.call("after"), Mcp_Name="after")).status == 200
        )


def test_a_request_that_is_cancelled_before_its_answer_is_cancelled_upstream(gate):
    asked, gone = queue.Queue(), queue.Queue()

    def script(_, connection):
        asked.put(True)
        gone.put(connection.wait_for_peer_to_close(5))

    with gate.recorder.answering(script), gate.gateway.connect() as connection:

        def cancel():
            connection.send(post(gate))
            asked.get(timeout=5)
            connection.cancel(connection.stream)
            assert gone.get(timeout=6)

        assert quickest(cancel) < 1


def test_a_request_that_is_cancelled_within_its_body_is_never_a_complete_one(gate):
    with gate.gateway.connect() as connection:
        connection.open(fields(gate), b'{"half":', ends=False)
        time.sleep(0.1)
        connection.cancel(connection.stream)
        time.sleep(0.3)
    assert gate.recorder.requests == []


def test_a_client_that_goes_away_ends_all_its_streams_upstream(gate):
    gone = queue.Queue()

    def script(_, connection):
        connection.send(upstreams.STREAM_HEAD)
        gone.put(connection.wait_for_peer_to_close(5))

    def leave():
        with gate.gateway.connect() as connection:
            for _ in range(10):
                connection.send(post(gate))
            for _ in range(10):
                connection.read_head()
        assert [gone.get(timeout=6) for _ in range(10)] == [True] * 10

    with gate.recorder.answering(script):
        assert quickest(leave) < 1


@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_upstream_that_dies_resets_its_stream_and_no_other(gate, end):
    def script(request, connection):
        if b"doomed" in request.body:
            # With HTTP/2 behind, `close` would take the other streams of the connection along.
            then = "reset" if gate.recorder.http2 else end
            upstreams.event_stream(EVENTS[:2], 0.05, then=then)(request, connection)
        else:
            upstreams.event_stream(EVENTS, 0.1)(request, connection)

    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        connection.send(post(gate, body=mcp_requests.call("doomed"), Mcp_Name="doomed"))
        doomed = connection.stream
        connection.send(post(gate))
        head = connection.read_head()
        with pytest.raises(raw_http.ConnectionEnded) as ended:
            list(connection.pieces(head))
        assert ended.value.reset and connection.answers[doomed].reset not in (None, ErrorCodes.NO_ERROR)
        assert connection.read_response().body == b"".join(EVENTS)
        assert connection.exchange(post(gate)).status == 200


# Flow control


def test_large_bodies_pass_both_ways_at_once(gate):
    up, down = mcp_requests.call_of_size(3_072_000), bytes(reversed(range(256))) * 40_000
    results = []

    def one():
        with gate.gateway.connect() as connection:
            for _ in range(2):
                results.append(connection.exchange(post(gate, body=up)).body == down)

    with gate.recorder.answering(upstreams.canned(body=down)):
        crowd = [threading.Thread(target=one) for _ in range(3)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()
    assert results == [True] * 6
    assert all(each.body == up for each in gate.recorder.requests)


def test_a_stream_that_nobody_reads_does_not_block_the_others(gate):
    large = b"x" * 5_000_000

    def script(request, connection):
        upstreams.canned(body=large if b"large" in request.body else b"{}")(request, connection)

    with gate.recorder.answering(script), gate.gateway.connect() as connection:
        for _ in range(4):
            connection.send(post(gate, body=mcp_requests.call("large"), Mcp_Name="large"))
        waiting = [connection.unread.popleft() for _ in range(4)]
        for _ in range(10):
            assert connection.exchange(post(gate)).body == b"{}"
        connection.unread.extend(waiting)
        for _ in range(4):
            assert connection.read_response().body == large


def test_an_upstream_that_does_not_read_holds_up_no_other_stream(gate):
    release = threading.Event()

    def stop_reading(request, connection):
        if "stalled" in request.all("mcp-name"):
            release.wait(20)
            connection.close()
            return
        last = b"" if gate.recorder.http2 else b"Connection: close\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        connection.send(head + last + b"\r\n{}")
        if last:
            # The body of the request is still on this connection.
            connection.close()

    with gate.recorder.answering(None, on_head=stop_reading), gate.gateway.connect() as connection:
        body = b" " * (8 * MIB) + mcp_requests.call("stalled")
        connection.open(fields(gate, mcp_name="stalled"), body)
        connection.unread.popleft()
        gate.recorder.wait_for(1)
        for _ in range(5):
            assert connection.exchange(post(gate)).status == 200
        release.set()


def test_a_body_without_memory_for_it_waits_behind_a_closed_window_and_holds_up_no_other(over):
    single = over("h2c")
    limits = {"body_bytes": "1MiB", "buffered_bytes": "3MiB"}
    gateway = single.start(single.configuration(limits=limits))
    head, whole = fields(single, content_length=str(MIB)), mcp_requests.call().ljust(MIB)
    with gateway.connect(timeout=1) as connection:
        first, second = (connection.open(head, whole[: MIB // 2], ends=False) for _ in range(2))
        third = connection.open(head, ends=False)
        with pytest.raises(TimeoutError):
            connection.send_body(whole)
        connection.socket.settimeout(10)
        assert connection.http2.local_flow_control_window(third) == 0
        waiting = [connection.unread.popleft() for _ in range(3)]
        assert connection.exchange(post(single)).status == 200, "there is memory for a small one"
        connection.unread.extend(waiting)
        for stream in (first, second):
            connection.stream, connection.has_sent_all = stream, False
            connection.send_body(whole[MIB // 2 :])
            connection.end()
            assert connection.read_response().status == 200
        connection.stream, connection.has_sent_all = third, False
        connection.send_body(whole[connection.sent_octets[third] :])
        connection.end()
        assert connection.read_response().status == 200
    assert [each.body == whole for each in single.recorder.requests].count(True) == 3


def test_a_body_that_finds_no_memory_in_time_is_503(over):
    single = over("h2c")
    gateway = single.start(single.configuration(limits={"body_bytes": "1MiB", "buffered_bytes": "1MiB"}))
    with gateway.connect() as connection:
        connection.open(fields(single, content_length=str(MIB)), b"{" * (MIB // 2), ends=False)
        connection.unread.popleft()
        since = gateway.log_position()
        assert connection.exchange(post(single)).status == 503
        assert gateway.wait_for_access(since)[0]["reason"] == "gateway_overloaded"
    assert single.recorder.requests == []


def test_large_bodies_that_do_not_come_do_not_hold_up_ordinary_calls(over):
    single = over("h2c")
    gateway = single.start(single.configuration(limits={"body_bytes": "1MiB", "buffered_bytes": "4MiB"}))
    with gateway.connect() as connection:
        for _ in range(6):
            connection.open(fields(single, content_length=str(MIB)), b"{", ends=False)
            connection.unread.popleft()
        assert [connection.exchange(post(single)).status for _ in range(20)] == [200] * 20


def test_windows_that_change_in_the_middle_are_followed(gate):
    body = b"x" * 300_000
    opening = frames.PREFACE + frames.settings((frames.INITIAL_WINDOW_SIZE, 10))
    with gate.recorder.answering(upstreams.canned(body=body)):
        with FrameConnection(gate.address, tls=gate.client.tls, opening=opening) as connection:
            connection.send(frames.headers(1, fields(gate), ends=False))
            connection.send(frames.frame(frames.DATA, frames.END_STREAM, 1, mcp_requests.call()))
            first = connection.wait_for(frames.DATA)
            assert len(first.payload) == 10
            # A smaller initial window makes what is left negative; only then it grows.
            connection.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
            connection.send(frames.window_update(1, 15), frames.window_update(0, 1_000_000))
            second = connection.wait_for(frames.DATA)
            assert len(second.payload) == 5
            connection.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 1_000_000)))
            received = 15
            while received < len(body):
                received += len(connection.wait_for(frames.DATA).payload)
            assert received == len(body)


# Drain


def goodbye(gate, connection, head):
    """Read the rest of the stream; then the connection must end, with GOAWAY announced."""
    body = b"".join(connection.pieces(head))
    assert connection.is_closed_by_peer(3)
    assert connection.going_away == ErrorCodes.NO_ERROR
    return body


@pytest.mark.parametrize("named", ["tls2", "h2c"])
def test_a_drain_is_announced_and_running_streams_are_finished(over, named):
    single = over(named)
    gateway = single.start()
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.2)), gateway.connect() as connection:
        connection.send(post(single) * 3)
        heads = [connection.read_head() for _ in range(3)]
        gateway.signal(signal.SIGTERM)
        bodies = [b"".join(connection.pieces(each)) for each in heads[:2]]
        bodies.append(goodbye(single, connection, heads[2]))
        assert bodies == [b"".join(EVENTS)] * 3
    assert gateway.process.wait(5) == 0


@pytest.mark.parametrize("named", ["tls2", "h2c"])
def test_goodbye_is_said_at_once_and_a_stream_opened_since_is_surely_unprocessed_or_answered(over, named):
    single = over(named)
    gateway = single.start()
    may_end = threading.Event()

    def script(_, connection):
        connection.send(upstreams.STREAM_HEAD + upstreams.chunk(EVENTS[0]))
        may_end.wait(10)
        connection.send(upstreams.chunk(EVENTS[1]) + b"0\r\n\r\n")

    with single.recorder.answering(script):
        with FrameConnection(gateway.address, tls=single.client.tls) as connection:
            connection.send(frames.headers(1, fields(single), ends=False))
            connection.send(frames.frame(frames.DATA, frames.END_STREAM, 1, mcp_requests.call()))
            connection.wait_for(frames.HEADERS, stream=1)
            gateway.signal(signal.SIGTERM)
            first = connection.wait_for(frames.GOAWAY)
            assert first is not None and first.code == frames.NO_ERROR
            may_end.set()
            connection.send(frames.headers(3, frames.request(single.host, "/healthz")))
            ended, answered, last = False, False, first
            while (read := connection.read(5)) is not None:
                ended |= (
                    read.stream == 1 and read.type == frames.DATA and bool(read.flags & frames.END_STREAM)
                )
                answered |= read.stream == 3 and read.type in (frames.HEADERS, frames.RST_STREAM)
                last = read if read.type == frames.GOAWAY else last
            assert ended, "the running stream was finished"
            assert answered or int.from_bytes(last.payload[:4], "big") < 3, "a stream was lost without a word"
    assert gateway.process.wait(5) == 0


def test_a_stream_that_outlasts_the_drain_is_cut(over):
    single = over("h2c")
    gateway = single.start(single.configuration(limits={"drain_timeout": "1s"}))
    with single.recorder.answering(upstreams.event_stream(EVENTS * 20, 0.2)), gateway.connect() as connection:
        connection.send(post(single))
        head = connection.read_head()
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        assert gateway.process.wait(5) == 0
        assert 0.5 < time.monotonic() - started < 4


def test_idle_connections_are_told_before_they_are_closed(over):
    single = over("h2c")
    gateway = single.start(single.configuration(limits={"idle_timeout": "1s"}))
    with gateway.connect() as connection:
        connection.exchange(post(single))
        assert connection.is_closed_by_peer(4) and connection.going_away == ErrorCodes.NO_ERROR


def test_a_long_stream_outlives_the_idle_limit(over):
    single = over("h2c")
    gateway = single.start(single.configuration(limits={"idle_timeout": "1s"}))
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.6)), gateway.connect() as connection:
        connection.send(post(single))
        assert b"".join(connection.pieces(connection.read_head())) == b"".join(EVENTS)


def test_crowds_of_connections_and_streams_leave_nothing_behind(over):
    single = over("h2c")
    gateway = single.start()

    def crowd():
        for _ in range(20):
            with gateway.connect() as connection:
                connection.send(post(single) * 5)
                connection.read_head()
                connection.cancel(connection.stream)

    gateway.exchange(post(single))
    before = descriptors(gateway.process)
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
        crowd()
    gateway.wait_until(
        lambda: descriptors(gateway.process) <= before + 2, 5, "back to as many descriptors as before"
    )


# Strict heads


def without(name):
    return lambda head: [each for each in head if each[0] != name]


def changed(name, value):
    return lambda head: [(each, value if each == name else old) for each, old in head]


def added(*more):
    return lambda head: [*head, *more]


def first(*more):
    return lambda head: [*more, *head]


MALFORMED = {
    "no-method": without(":method"),
    "no-scheme": without(":scheme"),
    "no-path": without(":path"),
    "empty-path": changed(":path", ""),
    "method-twice": first((":method", "POST")),
    "path-twice": first((":path", "/mcp")),
    "scheme-twice": first((":scheme", "http")),
    "authority-twice": first((":authority", "evil.example")),
    "status-in-a-request": first((":status", "200")),
    "unknown-pseudo-field": first((":protocol-x", "1")),
    "extended-connect": first((":protocol", "websocket")),
    "pseudo-field-behind-others": lambda head: [
        *(each for each in head if each[0] != ":path"),
        (":path", "/mcp"),
    ],
    "name-in-upper-case": added(("X-Upper", "1")),
    "name-empty": added(("", "1")),
    "name-with-blank": added(("x y", "1")),
    "name-with-colon": added(("x:y", "1")),
    "name-with-nul": added(("x\0y", "1")),
    "name-with-high-byte": added(("x\xe9", "1")),
    "value-with-nul": added(("x", "a\0b")),
    "value-with-cr": added(("x", "a\rb")),
    "value-with-lf": added(("x", "a\nb")),
    "value-with-crlf-and-a-field": added(("x", "a\r\nauthorization: Bearer x")),
    "value-with-leading-blank": added(("x", " a")),
    "value-with-trailing-blank": added(("x", "a ")),
    "connection": added(("connection", "close")),
    "keep-alive": added(("keep-alive", "timeout=5")),
    "proxy-connection": added(("proxy-connection", "close")),
    "transfer-encoding": added(("transfer-encoding", "chunked")),
    "upgrade": added(("upgrade", "h2c")),
    "te-of-anything-but-trailers": added(("te", "gzip")),
    "host-that-disagrees": added(("host", "evil.example")),
    "two-hosts": added(("host", "evil.example"), ("host", "evil.example")),
    "authority-with-userinfo": lambda head: [(n, f"evil@{v}" if n == ":authority" else v) for n, v in head],
    "authority-with-path": lambda head: [(n, f"{v}/x" if n == ":authority" else v) for n, v in head],
    "authority-with-blank": lambda head: [(n, f"{v} x" if n == ":authority" else v) for n, v in head],
    "authority-empty": changed(":authority", ""),
    "no-authority-and-no-host": without(":authority"),
    "path-absolute": changed(":path", "http://127.0.0.1/mcp"),
    "path-star": changed(":path", "*"),
    "path-with-blank": changed(":path", "/mcp x"),
    "path-with-nul": changed(":path", "/mcp\0"),
    "path-with-fragment": changed(":path", "/mcp#x"),
    "path-without-slash": changed(":path", "mcp"),
    "path-with-crlf": changed(":path", "/mcp HTTP/1.1\r\nX: y"),
    "method-with-blank": changed(":method", "POST /x"),
    "method-empty": changed(":method", ""),
    "connect": changed(":method", "CONNECT"),
    "connect-as-it-should-be": lambda head: [(":method", "CONNECT"), (":authority", "evil.example:443")],
    "scheme-of-another-protocol": changed(":scheme", "ftp"),
    "scheme-with-crlf": changed(":scheme", "http\r\nx: y"),
    "two-lengths": added(("content-length", "5"), ("content-length", "6")),
    "length-negative": added(("content-length", "-1")),
    "length-not-a-number": added(("content-length", "ten")),
    "length-beyond-64-bits": added(("content-length", "18446744073709551617")),
}


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_head_is_refused_on_its_stream_alone_and_not_forwarded(gate, spoil):
    with gate.gateway.connect() as connection:
        connection.open(spoil(fields(gate)), ends=True)
        try:
            response = connection.read_response()
            assert 400 <= response.status < 600, response
        except raw_http.ConnectionEnded as ended:
            assert ended.reset, "the whole connection was given up"
        gate.recorder.assert_untouched()
        assert connection.exchange(post(gate)).status == 200, "the connection is usable"


CALL = mcp_requests.call()
SIZE = len(CALL)


@pytest.mark.parametrize(
    "length, body, ends_well",
    [
        (SIZE, CALL, True),
        (SIZE - 1, CALL, False),
        (SIZE + 1, CALL, False),
        (0, CALL, False),
        (SIZE, b"", False),
    ],
)
def test_the_length_that_was_announced_is_the_length_that_comes(gate, length, body, ends_well):
    with gate.gateway.connect() as connection:
        connection.open(fields(gate, content_length=str(length)), body)
        try:
            status = connection.read_response().status
        except raw_http.ConnectionEnded:
            status = 400
        assert (status == 200) == ends_well, status
        if not ends_well:
            assert gate.recorder.requests == []
        assert connection.exchange(post(gate)).status == 200


@pytest.mark.parametrize(
    "more", [[("te", "trailers")], [("host", "{host}")], [("cookie", "a=b")], [("priority", "u=1")]]
)
def test_what_http_2_allows_is_allowed(gate, more):
    more = [(name, value.replace("{host}", gate.host)) for name, value in more]
    with gate.gateway.connect() as connection:
        connection.open([*fields(gate), *more], mcp_requests.call())
        assert connection.read_response().status == 200
    assert not gate.recorder.the_request().all("te")


def test_the_host_field_stands_in_for_an_absent_authority(gate):
    head = [("host", gate.host) if name == ":authority" else (name, value) for name, value in fields(gate)]
    head.sort(key=lambda each: not each[0].startswith(":"))
    with gate.gateway.connect() as connection:
        connection.open(head, mcp_requests.call())
        assert connection.read_response().status == 200


def test_repeated_heads_use_the_table_and_stay_what_they_are(gate):
    with gate.gateway.connect() as connection:
        for number in range(50):
            extra = [("X-Number", str(number)), ("X-Same", "same")]
            assert connection.exchange(post(gate, extra=extra)).status == 200
    assert [each.one("x-number") for each in gate.recorder.requests] == [str(number) for number in range(50)]
    assert {each.one("x-same") for each in gate.recorder.requests} == {"same"}


def test_no_secret_enters_the_table_towards_the_upstream_of_another_client(gate):
    """Tokens are sent as never-indexed literals, or the tables of two connections are not shared: values never mix."""
    tokens = [gate.token(sub=f"person-{number}") for number in range(10)]
    statuses = []

    def one(token):
        with gate.gateway.connect() as connection:
            for _ in range(5):
                statuses.append(connection.exchange(mcp_requests.post(gate.host, "/mcp", token)).status)

    crowd = [threading.Thread(target=one, args=(token,)) for token in tokens]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert statuses == [200] * 50
    seen = sorted(re.sub("^Bearer ", "", each.one("authorization")) for each in gate.recorder.requests)
    assert seen == sorted(tokens * 5)
