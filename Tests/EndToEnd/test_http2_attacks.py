"""HTTP/2 against those who abuse it: each limit, each broken rule, and what they cost everybody else."""

import json
import threading
import time

import pytest
from hpack import Decoder

from harness import frames, mcp_requests
from harness import recorder as upstreams
from harness.frames import FrameConnection, frame, headers, request
from harness.process import descriptors, processor_time, resident
from harness.timing import quickest
from harness.transports import HTTP1, Client

MIB = 1024 * 1024
FLOOD = 300_000


@pytest.fixture
def attacked(over):
    """Starts a gateway that takes cleartext HTTP/2, with these limits; gives the Single."""

    def start(**limits):
        single = over("h2c")
        single.start(single.configuration(limits=limits))
        return known(single)

    return start


@pytest.fixture(scope="module")
def strict(standing):
    """One such gateway for the tests of single broken rules."""
    return known(standing("h2c"))


def known(single):
    """With a token that the gateway has verified: it is good while new ones of this address are not looked at."""
    single.known = single.token()
    is_served(single)
    single.recorder.clear()
    return single


def limits_in_log(single):
    """The limits that the operational log has named."""
    return [each["limit"] for each in single.gateway.operational_log() if "limit" in each]


def is_served(single):
    """Somebody else's request over HTTP/1.1 on the same listener, and how long it took at best."""
    data = mcp_requests.post(single.host, "/mcp", single.known)

    def ask():
        assert Client(HTTP1).exchange(single.address, data).status == 200

    return quickest(ask)


def expect_calm_down(single, connection, limit, flood):
    """The flood ends the connection with ENHANCE_YOUR_CALM; others are served meanwhile, and memory stays bounded."""
    before = resident(single.gateway.process)
    attacker = threading.Thread(target=connection.send_as_far_as_possible, args=(flood,))
    attacker.start()
    assert is_served(single) < 1
    code = None
    try:
        code = connection.goodbye(10)
    except TimeoutError:
        pytest.fail("the connection of the attacker lives on")
    attacker.join()
    # A reset may overtake the GOAWAY while the attacker still sends; the log knows.
    assert code in (frames.ENHANCE_YOUR_CALM, None), code
    single.gateway.wait_until(
        lambda: limit in limits_in_log(single), 3, f"{limit} named: {single.gateway.stderr.read_text()}"
    )
    assert resident(single.gateway.process) - before < 16 * MIB
    assert is_served(single) < 1


def opened(single, number, ends=False, *more):
    """A request that waits for its body."""
    return headers(number, request(single.host, "/mcp", "POST", "http", *more), ends=ends)


def odd(count):
    return range(1, 2 * count, 2)


# Limits with a name


def test_limit_ping_frames(attacked):
    single = attacked(ping_frames=20)
    with FrameConnection(single.address) as connection:
        expect_calm_down(single, connection, "ping_frames", frames.ping() * FLOOD)


def test_limit_settings_frames(attacked):
    single = attacked(settings_frames=10)
    with FrameConnection(single.address) as connection:
        flood = frames.settings((frames.INITIAL_WINDOW_SIZE, 65_535)) * FLOOD
        expect_calm_down(single, connection, "settings_frames", flood)


def test_limit_settings_frames_that_say_nothing(attacked):
    single = attacked(settings_frames=10)
    with FrameConnection(single.address) as connection:
        expect_calm_down(single, connection, "settings_frames", frames.settings() * FLOOD)


def test_limit_reset_streams_by_the_client(attacked):
    single = attacked(reset_streams=20)
    with FrameConnection(single.address) as connection:
        flood = b"".join(opened(single, number) + frames.reset(number) for number in odd(20_000))
        expect_calm_down(single, connection, "reset_streams", flood)
    assert len(single.recorder.requests) <= 2, "those of others"


PROVOCATIONS = {
    "window-of-a-stream-overflows": lambda single, n: (
        opened(single, n) + frames.window_update(n, 0x7FFF_FFFF)
    ),
    "more-data-than-announced": lambda single, n: (
        opened(single, n, False, ("content-length", "1")) + frame(frames.DATA, frames.END_STREAM, n, b"xx")
    ),
    "less-data-than-announced": lambda single, n: (
        opened(single, n, False, ("content-length", "9")) + frame(frames.DATA, frames.END_STREAM, n, b"xx")
    ),
    "name-in-upper-case": lambda single, n: opened(single, n, True, ("X-Upper", "1")),
    "field-of-a-connection": lambda single, n: opened(single, n, True, ("connection", "close")),
    "no-path": lambda single, n: headers(n, [each for each in request(single.host) if each[0] != ":path"]),
    "trailers-without-an-end": lambda single, n: opened(single, n) + headers(n, [("x", "y")], ends=False),
    "pseudo-field-in-trailers": lambda single, n: opened(single, n) + headers(n, [(":path", "/")]),
}


@pytest.mark.parametrize("provoke", PROVOCATIONS.values(), ids=PROVOCATIONS.keys())
def test_limit_reset_streams_that_the_gateway_is_provoked_to(attacked, provoke):
    single = attacked(reset_streams=20)
    with FrameConnection(single.address) as connection:
        flood = b"".join(provoke(single, number) for number in odd(20_000))
        expect_calm_down(single, connection, "reset_streams", flood)


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_limit_continuation_frames(attacked, size):
    single = attacked(continuation_frames=4)
    with FrameConnection(single.address) as connection:
        fragment = frames.block([("x", "y" * size)]) if size else b""
        flood = (
            headers(1, request(single.host), last=False) + frame(frames.CONTINUATION, 0, 1, fragment) * FLOOD
        )
        expect_calm_down(single, connection, "continuation_frames", flood[: 64 * MIB])


def test_a_header_block_within_the_limit_of_continuation_frames_is_a_request(attacked):
    single = attacked(continuation_frames=4)
    whole = frames.block(request(single.host, "/healthz"))
    pieces = [whole[:3], whole[3:9], b"", whole[9:20], whole[20:]]
    sent = headers(1, pieces[0], last=False)
    sent += b"".join(frame(frames.CONTINUATION, 0, 1, each) for each in pieces[1:-1])
    sent += frame(frames.CONTINUATION, frames.END_HEADERS, 1, pieces[-1])
    with FrameConnection(single.address) as connection:
        connection.send(sent)
        answer = connection.wait_for(frames.HEADERS, frames.GOAWAY)
        assert answer.type == frames.HEADERS and answer.payload[:1] == b"\x88", "200"


EMPTY = {
    "data": lambda single: opened(single, 1) + frame(frames.DATA, 0, 1) * FLOOD,
    "padded-data": lambda single: (
        opened(single, 1) + frame(frames.DATA, frames.PADDED, 1, b"\x0a" + b"\0" * 10) * FLOOD
    ),
}


@pytest.mark.parametrize("flood", EMPTY.values(), ids=EMPTY.keys())
def test_limit_empty_frames(attacked, flood):
    single = attacked(empty_frames=20, window_updates=1_000_000)
    # With a token the gateway wants the body, and so keeps reading it.
    authorized = single.token()

    with FrameConnection(single.address) as connection:
        more = [*mcp_requests.modern_headers(authorized)]
        head = opened(single, 1, False, *((name.lower(), value) for name, value in more))
        data = flood(single)
        expect_calm_down(single, connection, "empty_frames", head + data[len(opened(single, 1)) :])


def test_limit_priority_frames(attacked):
    single = attacked(priority_frames=50)
    with FrameConnection(single.address) as connection:
        flood = b"".join(frames.priority(number, (number * 7) % 9999 * 2 + 1) for number in odd(100_000))
        expect_calm_down(single, connection, "priority_frames", flood)


def test_limit_window_updates(attacked):
    single = attacked(window_updates=50)
    with FrameConnection(single.address) as connection:
        expect_calm_down(single, connection, "window_updates", frames.window_update(0, 1) * FLOOD)


def test_window_updates_that_answer_data_are_no_flood(attacked):
    single = attacked(window_updates=10)
    body = b"x" * 3_000_000
    with single.recorder.answering(upstreams.canned(body=body)), single.gateway.connect() as connection:
        assert connection.exchange(mcp_requests.post(single.host, "/mcp", single.token())).body == body
    assert limits_in_log(single) == []


def test_limits_count_over_ten_seconds_and_not_for_ever(attacked):
    single = attacked(ping_frames=20)
    with FrameConnection(single.address, timeout=15) as connection:
        for _ in range(2):
            connection.send(frames.ping() * 15)
            time.sleep(11)
        connection.send(frames.ping(b"the last"))
        while (read := connection.wait_for(frames.PING, frames.GOAWAY)).payload != b"the last":
            assert read.type == frames.PING
    assert limits_in_log(single) == []


def announced_streams(connection):
    payload = connection.wait_for(frames.SETTINGS).payload
    pairs = (payload[at : at + 6] for at in range(0, len(payload), 6))
    return {int.from_bytes(each[:2], "big"): int.from_bytes(each[2:], "big") for each in pairs}[
        frames.MAX_CONCURRENT_STREAMS
    ]


def wanted(single, number):
    """A request with a token that waits for its body."""
    return opened(
        single,
        number,
        False,
        *((name.lower(), value) for name, value in mcp_requests.modern_headers(single.token())),
    )


def test_limit_streams_per_connection_before_it_was_acknowledged(attacked):
    single = attacked(streams_per_connection=5)
    with FrameConnection(single.address) as connection:
        assert announced_streams(connection) == 5
        connection.send(*(wanted(single, number) for number in odd(8)))
        refused = [connection.wait_for(frames.RST_STREAM, frames.GOAWAY) for _ in range(3)]
        assert [(each.stream, each.code) for each in refused] == [
            (n, frames.REFUSED_STREAM) for n in (11, 13, 15)
        ]
        assert is_served(single) < 1
        body = frame(frames.DATA, frames.END_STREAM, 1, mcp_requests.call())
        connection.send(body)
        assert connection.wait_for(frames.HEADERS, stream=1).payload[:1] == b"\x88", "the others go on"


def test_limit_streams_per_connection_once_it_was_acknowledged(attacked):
    single = attacked(streams_per_connection=5)
    with FrameConnection(single.address) as connection:
        assert announced_streams(connection) == 5
        connection.send(frame(frames.SETTINGS, frames.ACK), *(wanted(single, number) for number in odd(8)))
        ended = connection.wait_for(frames.RST_STREAM, frames.GOAWAY)
        assert ended.code in (frames.REFUSED_STREAM, frames.PROTOCOL_ERROR, frames.ENHANCE_YOUR_CALM)
        assert is_served(single) < 1


def test_streams_over_the_limit_by_the_hundred_thousand_end_the_connection(attacked):
    single = attacked(streams_per_connection=5, reset_streams=50)
    one = wanted(single, 1)
    with FrameConnection(single.address) as connection:
        flood = b"".join(one[:5] + number.to_bytes(4, "big") + one[9:] for number in odd(30_000))
        expect_calm_down(single, connection, "reset_streams", flood)


def status(connection, stream=1):
    """The indexed or literal status of the answer on a stream, or its reset."""
    read = connection.wait_for(frames.HEADERS, frames.RST_STREAM, frames.GOAWAY)
    assert read is not None and read.stream in (0, stream)
    return read


def expect_refused_head(single, connection, statuses=(431,)):
    """431 on the stream, or the end of stream or connection; and no forwarding."""
    read = status(connection)
    assert read is not None
    if read.type == frames.HEADERS:
        found = dict(Decoder().decode(read.payload))
        assert int(found.get(":status", found.get(b":status"))) in statuses, found
    else:
        assert read.code in (frames.ENHANCE_YOUR_CALM, frames.PROTOCOL_ERROR, frames.COMPRESSION_ERROR), read
    assert is_served(single) < 1


def test_limit_header_bytes(attacked):
    single = attacked(header_bytes="4KiB")
    with FrameConnection(single.address) as connection:
        connection.send(headers(1, request(single.host, "/mcp", "GET", "http", ("x-long", "y" * 5000))))
        expect_refused_head(single, connection)


def test_limit_header_bytes_against_a_small_block_that_grows(attacked):
    # One field of 4000 octets enters the table, and then a single octet each names it again.
    single = attacked(header_bytes="32KiB")
    before = resident(single.gateway.process)
    bomb = frames.block(request(single.host)) + b"\x40\x01x\x7f" + bytes([0xA0 + 1, 0x1E]) + b"y" * 4000
    bomb += b"\xbe" * 12_000
    with FrameConnection(single.address) as connection:
        connection.send(headers(1, bomb))
        expect_refused_head(single, connection)
    assert resident(single.gateway.process) - before < 16 * MIB


def test_limit_header_fields(attacked):
    single = attacked(header_fields=20)
    with FrameConnection(single.address) as connection:
        connection.send(
            headers(1, request(single.host, "/mcp", "GET", "http", *((f"x-{n}", "y") for n in range(30))))
        )
        expect_refused_head(single, connection)


def test_limit_header_table_bytes(attacked):
    single = attacked(header_table_bytes="1KiB")
    with FrameConnection(single.address) as connection:
        connection.acknowledge()
        # An update of the table to 2 KiB, beyond what was allowed.
        connection.send(headers(1, b"\x3f\xe1\x0f" + frames.block(request(single.host, "/healthz"))))
        assert connection.goodbye() == frames.COMPRESSION_ERROR
    assert is_served(single) < 1


def test_a_client_that_allows_an_endless_table_makes_the_gateway_keep_none(attacked):
    single = attacked()
    before = resident(single.gateway.process)
    crowd = []
    for _ in range(50):
        crowd.append(
            FrameConnection(single.address, opening=frames.PREFACE + frames.settings((1, 0xFFFF_FFFF)))
        )
        crowd[-1].send(*(headers(number, request(single.host, f"/{number}" * 200)) for number in odd(20)))
    for each in crowd:
        each.wait_for(frames.HEADERS)
    assert resident(single.gateway.process) - before < 32 * MIB
    for each in crowd:
        each.socket.close()


def test_tables_that_are_resized_again_and_again_cost_nothing(attacked):
    single = attacked(settings_frames=1_000_000)
    before = processor_time(single.gateway.process)
    with FrameConnection(single.address) as connection:
        for _ in range(200):
            connection.send(frames.settings((1, 0)) + frames.settings((1, 65536)))
        assert is_served(single) < 1
    assert processor_time(single.gateway.process) - before < 1


# Memory when the limits are high and nobody reads


@pytest.mark.parametrize("kind", ["ping", "settings", "reset", "headers"])
def test_a_flood_whose_answers_nobody_reads_is_bounded_whatever_the_limits(attacked, kind):
    most = 1_000_000
    single = attacked(ping_frames=most, settings_frames=most, reset_streams=most, empty_frames=most)
    before = resident(single.gateway.process)
    if kind == "ping":
        flood = frames.ping() * FLOOD
    elif kind == "settings":
        flood = frames.settings() * FLOOD
    elif kind == "reset":
        flood = b"".join(opened(single, number) + frames.reset(number) for number in odd(100_000))
    else:
        flood = b"".join(headers(number, request(single.host, "/nothing")) for number in odd(100_000))
    with FrameConnection(single.address, timeout=2) as connection:
        connection.send_as_far_as_possible(flood)
        assert is_served(single) < 1
        # What 100,000 streams or 300,000 frames could leave behind would be several times that.
        assert resident(single.gateway.process) - before < 64 * MIB
    assert is_served(single) < 1


# Those who do not read


def authorized(single, number=1, **more):
    fields = [(name.lower(), value) for name, value in mcp_requests.modern_headers(single.token())]
    body = mcp_requests.call()
    return opened(single, number, False, *fields) + frame(frames.DATA, frames.END_STREAM, number, body)


def large_answer(recorder):
    return recorder.answering(upstreams.canned(body=b"x" * 20_000_000))


def test_a_window_that_never_opens_holds_little_and_not_for_ever(attacked):
    single = attacked(body_timeout="2s")
    before = resident(single.gateway.process)
    opening = frames.PREFACE + frames.settings((frames.INITIAL_WINDOW_SIZE, 0))
    with large_answer(single.recorder), FrameConnection(single.address, opening=opening) as connection:
        connection.send(*(authorized(single, number) for number in odd(40)))
        time.sleep(1)
        assert is_served(single) < 5
        # 40 streams, each with no more than its mark of 64 KiB twice.
        assert resident(single.gateway.process) - before < 40 * MIB
        ended = connection.wait_for(frames.RST_STREAM, frames.GOAWAY, within=8)
        assert ended is None or ended.code != frames.NO_ERROR


def test_a_client_that_opens_its_window_octet_by_octet_holds_nobody_up(attacked):
    single = attacked()
    opening = frames.PREFACE + frames.settings((frames.INITIAL_WINDOW_SIZE, 1))
    with large_answer(single.recorder), FrameConnection(single.address, opening=opening) as connection:
        connection.send(authorized(single))
        for _ in range(50):
            connection.send(frames.window_update(1, 1))
            time.sleep(0.01)
        assert is_served(single) < 5


def test_a_client_that_does_not_read_its_socket_holds_little(attacked):
    single = attacked()
    before = resident(single.gateway.process)
    opening = frames.PREFACE + frames.settings((frames.INITIAL_WINDOW_SIZE, 0x7FFF_FFFF))
    with large_answer(single.recorder), FrameConnection(single.address, opening=opening) as connection:
        connection.send(frames.window_update(0, 0x7FFF_0000 - 65_535))
        connection.send(*(authorized(single, number) for number in odd(40)))
        time.sleep(1.5)
        assert resident(single.gateway.process) - before < 40 * MIB
        assert is_served(single) < 5


def test_a_client_that_never_acknowledges_settings_is_served_or_told(attacked):
    single = attacked()
    with FrameConnection(single.address) as connection:
        connection.send(headers(1, request(single.host, "/healthz")))
        assert connection.wait_for(frames.HEADERS, frames.GOAWAY) is not None
    assert is_served(single) < 1


# Broken rules


def fragment_of(single):
    return frames.block(request(single.host, "/healthz"))


BROKEN = {
    "data-on-stream-0": lambda _: frame(frames.DATA, 0, 0, b"x"),
    "data-on-an-idle-stream": lambda _: frame(frames.DATA, 0, 5, b"x"),
    "headers-on-stream-0": lambda single: headers(0, request(single.host)),
    "headers-on-an-even-stream": lambda single: headers(2, request(single.host)),
    "reset-of-an-idle-stream": lambda _: frames.reset(7),
    "reset-of-stream-0": lambda _: frames.reset(0),
    "window-update-of-an-idle-stream": lambda _: frames.window_update(9, 1),
    "window-update-of-zero": lambda _: frames.window_update(0, 0),
    "window-of-the-connection-overflows": lambda _: frames.window_update(0, 0x7FFF_FFFF),
    "window-update-too-short": lambda _: frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0"),
    "ping-too-short": lambda _: frame(frames.PING, payload=b"1234567"),
    "ping-on-a-stream": lambda _: frame(frames.PING, 0, 1, b"12345678"),
    "settings-on-a-stream": lambda _: frame(frames.SETTINGS, 0, 1),
    "settings-of-odd-size": lambda _: frame(frames.SETTINGS, payload=b"12345"),
    "settings-ack-with-payload": lambda _: frame(frames.SETTINGS, frames.ACK, 0, b"123456"),
    "settings-push-of-two": lambda _: frames.settings((frames.ENABLE_PUSH, 2)),
    "settings-window-too-large": lambda _: frames.settings((frames.INITIAL_WINDOW_SIZE, 0x8000_0000)),
    "settings-frame-size-too-small": lambda _: frames.settings((frames.MAX_FRAME_SIZE, 100)),
    "settings-frame-size-too-large": lambda _: frames.settings((frames.MAX_FRAME_SIZE, 0x0100_0000)),
    "push-promise-of-a-client": lambda single: (
        opened(single, 1)
        + frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, b"\0\0\0\2" + fragment_of(single))
    ),
    "continuation-without-headers": lambda _: frame(frames.CONTINUATION, frames.END_HEADERS, 1, b""),
    "another-frame-inside-a-header-block": lambda single: (
        headers(1, fragment_of(single), last=False) + frames.ping()
    ),
    "continuation-of-another-stream": lambda single: (
        headers(1, fragment_of(single), last=False) + frame(frames.CONTINUATION, frames.END_HEADERS, 3, b"")
    ),
    "padding-longer-than-the-frame": lambda single: (
        opened(single, 1) + frame(frames.DATA, frames.PADDED, 1, b"\xff1")
    ),
    "frame-over-its-largest-size": lambda single: opened(single, 1) + frame(frames.DATA, 0, 1, b"x" * 20_000),
    "frame-of-16-MiB": lambda _: frame(frames.DATA, 0, 1, b"x" * 100, length=0xFF_FFFF),
    "index-beyond-the-tables": lambda _: headers(1, b"\xff\xff\xff\x0f"),
    "index-zero": lambda _: headers(1, b"\x80"),
    "integer-without-end": lambda _: headers(1, b"\xff" + b"\xff" * 100),
    "huffman-of-its-end-alone": lambda _: headers(1, b"\x40\x84\xff\xff\xff\xff\x01x"),
    "string-beyond-the-block": lambda _: headers(1, b"\x40\x7f\x00x"),
    "data-behind-the-end-of-a-stream": lambda single: (
        opened(single, 1, True) + frame(frames.DATA, 0, 1, b"x")
    ),
    "preface-damaged": lambda _: None,
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_of_the_connection_ends_it_with_an_error(strict, make):
    data = make(strict)
    opening = None if data is not None else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX" + frames.settings()
    with FrameConnection(strict.address, opening=opening) as connection:
        if data is not None:
            connection.send_as_far_as_possible(data)
        if data is not None and data[3] != frames.DATA and data[:3] != b"\xff\xff\xff":
            connection.send_as_far_as_possible(frames.ping(b"are you "))
        try:
            code = connection.goodbye(3)
        except TimeoutError:
            # Only the stream was to blame: then it was reset, and the connection goes on.
            resets = [each for each in connection.frames if each.type == frames.RST_STREAM]
            assert resets and resets[0].code != frames.NO_ERROR, connection.frames
            code = resets[0].code
        answered = any(each.type == frames.HEADERS for each in connection.frames)
    assert code not in (None, frames.NO_ERROR) or data is None and not answered
    assert is_served(strict) < 1


IGNORED = {
    "priority-on-stream-0": lambda _: frames.priority(0),
    "a-stream-below-the-newest": lambda single: opened(single, 5) + opened(single, 3),
    "unknown-frame": lambda _: frame(0x42, 0xFF, 0, b"whatever") + frame(0x42, 0, 1, b""),
    "unknown-setting": lambda _: frames.settings((0x9999, 1)),
    "unknown-flags": lambda _: frame(frames.PING, 0xFE, 0, b"12345678"),
    "reserved-bit": lambda _: frame(frames.PING, 0, 0x8000_0000, b"12345678"),
    "priority-of-an-idle-stream": lambda _: frames.priority(99),
    "reset-of-an-unknown-code": lambda single: opened(single, 1) + frames.reset(1, 0xDEAD),
    "altsvc": lambda _: frame(0xA, 0, 0, b"\0\0x"),
    "priority-update": lambda _: frame(0x10, 0, 0, b"\0\0\0\1u=1"),
}


@pytest.mark.parametrize("make", IGNORED.values(), ids=IGNORED.keys())
def test_what_must_be_ignored_is_ignored(strict, make):
    with FrameConnection(strict.address) as connection:
        connection.send(make(strict), headers(51, request(strict.host, "/healthz")))
        answer = connection.wait_for(frames.HEADERS, frames.GOAWAY, stream=51)
        assert answer is not None and answer.type == frames.HEADERS and answer.payload[:1] == b"\x88"


@pytest.mark.parametrize("cut", [1, 10, 24, 30, 40, 60])
def test_a_connection_that_ends_in_the_middle_leaves_nothing_behind(strict, cut):
    data = frames.PREFACE + frames.settings() + opened(strict, 1)
    before = descriptors(strict.gateway.process)
    for _ in range(20):
        FrameConnection(strict.address, opening=data[:cut]).socket.close()
    strict.gateway.wait_until(
        lambda: descriptors(strict.gateway.process) <= before + 2, 5, "as many descriptors as before"
    )


def test_a_preface_that_stands_still_is_cut_off(attacked):
    single = attacked(header_timeout="1s", idle_timeout="1s")
    for opening in (frames.PREFACE[:10], frames.PREFACE, frames.PREFACE + frames.settings()[:5]):
        started = time.monotonic()
        with FrameConnection(single.address, opening=opening) as connection:
            connection.goodbye(5)
        assert time.monotonic() - started < 4


def test_a_header_block_that_stands_still_is_cut_off(attacked):
    single = attacked(header_timeout="1s", idle_timeout="30s")
    with FrameConnection(single.address) as connection:
        connection.send(headers(1, request(single.host), last=False))
        started = time.monotonic()
        connection.goodbye(6)
        assert time.monotonic() - started < 4


def test_pings_do_not_keep_an_idle_connection_open_for_ever(attacked):
    single = attacked(idle_timeout="1s")
    started = time.monotonic()
    with FrameConnection(single.address, timeout=1) as connection:
        try:
            while time.monotonic() - started < 6:
                connection.send(frames.ping())
                if connection.read() is None:
                    break
                time.sleep(0.2)
        except OSError:
            pass
        assert time.monotonic() - started < 5


def test_a_hundred_attackers_at_once_do_not_silence_the_rest(attacked):
    single = attacked()
    flood = b"".join(opened(single, number) + frames.reset(number) for number in odd(2000))
    before = resident(single.gateway.process)

    def attack():
        for _ in range(3):
            try:
                with FrameConnection(single.address, timeout=2) as connection:
                    connection.send_as_far_as_possible(flood, 3)
            except OSError:
                pass

    crowd = [threading.Thread(target=attack) for _ in range(100)]
    for each in crowd:
        each.start()
    slowest = max(is_served(single) for _ in range(10))
    for each in crowd:
        each.join()
    assert slowest < 2, slowest
    assert resident(single.gateway.process) - before < 64 * MIB
    assert json.dumps(limits_in_log(single)).count("reset_streams") > 0
