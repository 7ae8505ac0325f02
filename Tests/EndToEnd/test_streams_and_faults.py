"""Streams that must flow, disconnects that must be seen, and upstreams that fail (cases 153 to 165)."""

import queue
import socket
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.challenge import expect_upstream_failure
from harness.timing import quickest

EVENTS = [b'event: message\ndata: {"n": %d}\n\n' % number for number in range(5)]


def post(house, name="notion"):
    place = house[name]
    return mcp_requests.post(place.host, place.path, house.token(name))


def test_case_153_each_event_arrives_as_it_is_sent(house):
    """The next one is sent when the one before has been received."""
    received, arrived = threading.Semaphore(0), []
    script = upstreams.stream_in_step(EVENTS, received)
    with house["notion"].recorder.answering(script), house.gateway.connect() as connection:
        connection.send(post(house))
        head = connection.read_head()
        assert head.one("Content-Type") == "text/event-stream" and not head.all("Content-Encoding")
        assert head.one("X-Accel-Buffering") == "no"
        for piece in connection.pieces(head):
            arrived.append(piece)
            received.release()
    assert arrived == EVENTS


def test_case_154_comments_that_keep_a_stream_alive_are_passed_on_beyond_the_idle_limit(single):
    gateway = single.start(single.configuration(limits={"idle_timeout": "1s"}))
    beats = [b": ping\n\n"] * 6
    with single.recorder.answering(upstreams.event_stream(beats, 0.5)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        head = connection.read_head()
        assert b"".join(connection.pieces(head)) == b"".join(beats)


def test_case_156_a_silent_stream_outlives_the_limit_for_answers(house):
    def script(_, connection):
        connection.send(upstreams.STREAM_HEAD + upstreams.chunk(EVENTS[0]))
        time.sleep(2)
        connection.send(upstreams.chunk(EVENTS[1]) + b"0\r\n\r\n")

    with house["slow"].recorder.answering(script), house.gateway.connect() as connection:
        connection.send(post(house, "slow"))
        assert connection.read_response().body == EVENTS[0] + EVENTS[1]


def test_the_head_of_a_stream_arrives_before_its_first_event(house):
    def script(_, connection):
        connection.send(upstreams.STREAM_HEAD)
        connection.wait_for_peer_to_close(5)

    with house["notion"].recorder.answering(script), house.gateway.connect(timeout=2) as connection:
        connection.send(post(house))
        assert connection.read_head().status == 200


def test_a_get_stream_of_the_2025_revisions_flows(house):
    with (
        house["notion"].recorder.answering(upstreams.event_stream(EVENTS, 0.05)),
        house.gateway.connect() as connection,
    ):
        connection.send(mcp_requests.get(house.authority, "/notion", house.token()))
        assert connection.read_response().body == b"".join(EVENTS)


@pytest.mark.parametrize("moment", ["before-the-head", "mid-stream"])
def test_case_155_a_client_that_goes_away_is_seen_upstream_within_a_second(house, moment):
    asked, gone = queue.Queue(), queue.Queue()

    def script(_, connection):
        asked.put(True)
        if moment == "mid-stream":
            connection.send(upstreams.STREAM_HEAD + upstreams.chunk(EVENTS[0]))
        gone.put(connection.wait_for_peer_to_close(5))

    def leave():
        with house.gateway.connect() as connection:
            connection.send(post(house))
            asked.get(timeout=5)
            if moment == "mid-stream":
                connection.read_head()
        assert gone.get(timeout=6), "the upstream connection stayed open"

    with house["notion"].recorder.answering(script):
        assert quickest(leave) < 1


@pytest.mark.parametrize("connection_is", ["fresh", "reused"])
def test_case_158_a_reset_after_the_request_is_502_after_one_attempt(house, connection_is):
    recorder = house["notion"].recorder
    for attempt in range(10):
        recorder.drop_connections()
        with house.gateway.connect() as connection:
            if connection_is == "reused":
                assert connection.exchange(post(house)).status == 200
            before = len(recorder.requests)
            with recorder.answering(upstreams.reset_at_once):
                expect_upstream_failure(connection.exchange(post(house)), 502)
        time.sleep(0.05)
        assert len(recorder.requests) - before == 1, f"a call was made twice, in attempt {attempt}"


def test_case_158_a_close_without_an_answer_on_a_reused_connection_is_not_tried_twice_once_it_was_read(house):
    place = house["notion"]
    with house.gateway.connect() as connection:
        assert connection.exchange(post(house)).status == 200
        with place.recorder.answering(upstreams.raw(b"", then="close")):
            assert connection.exchange(post(house)).status == 502
    assert len(place.recorder.requests) == 2


def test_an_idle_connection_that_the_upstream_closed_costs_no_request(house):
    place = house["notion"]
    for _ in range(5):
        assert house.post(token=house.token()).status == 200
        place.recorder.drop_connections()
        assert house.post(token=house.token()).status == 200
    assert len(place.recorder.requests) == 10


def test_upstream_connections_are_reused(house):
    place = house["notion"]
    place.recorder.drop_connections()
    before = place.recorder.accepted
    with house.gateway.connect() as connection:
        for _ in range(20):
            assert connection.exchange(post(house)).status == 200
    assert place.recorder.accepted - before == 1


def test_an_upstream_that_says_close_is_not_reused(house):
    place = house["notion"]
    with (
        place.recorder.answering(upstreams.canned(headers=[("Connection", "close")])),
        house.gateway.connect() as connection,
    ):
        for _ in range(3):
            assert connection.exchange(post(house)).status == 200
    assert len({each.connection for each in place.recorder.requests}) == 3


def test_case_159_a_closed_port_is_502_without_internal_names(house):
    response = house.post("dead", house.token("dead"))
    expect_upstream_failure(response, 502)
    assert str(house["dead"].recorder.port) not in response.body.decode()


def test_case_159_a_name_that_does_not_resolve_is_502_and_delays_nobody_else(single):
    configuration = single.configuration()
    nowhere = single.at("/nowhere")
    configuration["routes"].append(
        {
            "resource": nowhere,
            "issuer": "corp",
            "upstream": single.upstream(single.endpoint("nowhere.invalid")),
        }
    )
    gateway = single.start(configuration)
    statuses: list[int] = []
    token = single.issuer.mint(nowhere)
    lost = threading.Thread(
        target=lambda: statuses.append(
            gateway.exchange(mcp_requests.post(single.host, "/nowhere", token), timeout=30).status
        )
    )
    lost.start()
    started = time.monotonic()
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 200
    assert time.monotonic() - started < 2, "a resolver that nobody answers takes five seconds"
    lost.join()
    assert statuses == [502]


def test_case_160_an_upstream_that_never_answers_is_504_at_its_limit(house):
    with house["slow"].recorder.answering(upstreams.never):
        started = time.monotonic()
        expect_upstream_failure(house.post("slow", house.token("slow")), 504)
    assert 0.9 < time.monotonic() - started < 2.5
    assert len(house["slow"].recorder.requests) == 1


def test_case_160_an_upstream_that_never_accepts_is_504_at_the_limit_for_connecting(single):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = []
        for _ in range(4):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(full.getsockname())
            crowd.append(each)
        configuration = single.configuration()
        endpoint = single.endpoint(f"127.0.0.1:{full.getsockname()[1]}")
        configuration["routes"][0]["upstream"] = single.upstream(endpoint, connect_timeout="1s")
        gateway = single.start(configuration)
        started = time.monotonic()
        response = gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
        for each in crowd:
            each.close()
    assert response.status in (502, 504)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("end", ["close", "reset"])
def test_case_161_a_stream_whose_upstream_dies_is_aborted_and_not_ended(house, end):
    with (
        house["notion"].recorder.answering(upstreams.event_stream(EVENTS[:2], 0.05, then=end)),
        house.gateway.connect() as connection,
    ):
        connection.send(post(house))
        head = connection.read_head()
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))


@pytest.mark.http1("client", "it speaks HTTP/1.0")
def test_case_161_a_client_of_http_1_0_can_tell_an_aborted_stream_too(house):
    headers = mcp_requests.modern_headers(house.token())
    data = raw_http.request(
        "POST", "/notion", house.authority, headers, mcp_requests.call(), version="HTTP/1.0"
    )
    with (
        house["notion"].recorder.answering(upstreams.event_stream(EVENTS[:2], 0.05, then="reset")),
        house.gateway.connect() as connection,
    ):
        connection.send(data)
        head = connection.read_head()
        with pytest.raises(raw_http.ConnectionEnded) as ended:
            list(connection.pieces(head))
        assert ended.value.reset, "without a length only a reset says that something is missing"


def resident(process):
    pages = int(open(f"/proc/{process.pid}/statm").read().split()[1])
    return pages * 4096


def test_case_165_a_slow_client_slows_the_upstream_and_not_the_gateway(house):
    sent = [0]
    piece = b"x" * 65_536

    def script(_, connection):
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (4000 * len(piece))
        )
        connection.settimeout(2)
        try:
            while sent[0] < 4000 * len(piece):
                connection.send(piece)
                sent[0] += len(piece)
        except OSError:
            connection.close()

    before = resident(house.gateway.process)
    with house["notion"].recorder.answering(script), house.gateway.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.send(post(house))
        connection.read_head()
        time.sleep(1.5)
        assert sent[0] < 64 * 1024 * 1024, "the upstream was read although nobody took its bytes"
        assert resident(house.gateway.process) - before < 32 * 1024 * 1024
    assert house.post(token=house.token()).status == 200


def test_case_165_a_slow_upstream_slows_the_client(house):
    def stop_reading(_, connection):
        time.sleep(1)
        connection.close()

    headers = mcp_requests.modern_headers(house.token()) + [("Content-Length", str(4 * 1024 * 1024))]
    before = resident(house.gateway.process)
    with (
        house["notion"].recorder.answering(None, on_head=stop_reading),
        house.gateway.connect() as connection,
    ):
        connection.send(raw_http.request("POST", "/notion", house.authority, headers))
        connection.send_as_far_as_possible(mcp_requests.call_of_size(4 * 1024 * 1024))
        assert resident(house.gateway.process) - before < 32 * 1024 * 1024
        assert connection.read_response().status == 502


def test_streams_side_by_side_all_flow(house):
    bodies: list[bytes] = []

    def one():
        with house.gateway.connect() as connection:
            connection.send(post(house))
            bodies.append(connection.read_response().body)

    with house["notion"].recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
        threads = [threading.Thread(target=one) for _ in range(40)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bodies == [b"".join(EVENTS)] * 40
    assert time.monotonic() - started < 10, "one after another they would take twenty seconds"


def test_two_endpoints_are_tried_in_turn(single):
    configuration = single.configuration()
    configuration["routes"][0]["upstream"] = single.upstream(
        single.endpoint("127.0.0.1:9"), single.endpoint()
    )
    gateway = single.start(configuration)
    for _ in range(6):
        assert gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 200
    assert len(single.recorder.requests) == 6
