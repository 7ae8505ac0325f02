"""Too much of something: connections and handshakes of an address, slow bodies, long requests, descriptors."""

import contextlib
import json
import signal
import socket
import statistics
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.admin import Admin
from harness.gateway import free_port
from harness.process import anonymous, descriptors
from harness.transports import CLIENTS, Client
from test_proxy_protocol import LOCAL, v1, v2

TRANSPORTS = ["http1", "tls2"]


def limited(single, listener=None, **limits):
    configuration = single.configuration(limits=limits)
    configuration["listeners"][0] |= listener or {}
    return single.start(configuration, ready_within=None if listener else 10)


def post(single, token=None, **changes):
    return mcp_requests.post(single.host, "/mcp", token or single.token(), **changes)


def is_closed_at_once(address, source=None, opening=b""):
    """Whether a connection ends before it could be used, without a byte from the gateway."""
    with raw_http.dial(address, 5, source) as dialled:
        try:
            dialled.sendall(opening)
            return dialled.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False


def warnings(gateway, limit):
    return [each for each in gateway.operational_log() if each.get("limit") == limit]


# -- Addresses


def test_an_address_has_so_many_connections_and_no_more(single):
    gateway = limited(single, connections_per_address=3)
    token = single.token()
    held = [gateway.connect() for _ in range(3)]
    try:
        assert [each.exchange(post(single, token)).status for each in held] == [200] * 3
        assert all(is_closed_at_once(gateway.address) for _ in range(20))
        # Another address, and those that were there before, notice nothing.
        with gateway.client.connect(gateway.address, source="127.0.0.2") as other:
            assert other.exchange(post(single, token)).status == 200
        assert [each.exchange(post(single, token)).status for each in held] == [200] * 3
        held.pop().close()
        gateway.wait_until(lambda: not closes(gateway, single), 5, "open to one more connection")
    finally:
        for each in held:
            each.close()
    (said,) = warnings(gateway, "connections_per_address")
    assert said["client"] == "127.0.0.1" and said["level"] == "warning"


def closes(gateway, single):
    try:
        return gateway.exchange(post(single)).status != 200
    except (OSError, raw_http.ConnectionEnded):
        return True


def test_however_a_connection_ends_its_place_is_free_again(over):
    single = over("http1")
    gateway = limited(single, connections_per_address=2, header_timeout="200ms")
    for _ in range(10):
        gateway.exchange(b"BAD\r\n\r\n")
        raw_http.dial(gateway.address).close()
        with gateway.connect() as connection:
            connection.send(post(single)[:50])
        with gateway.connect() as connection, single.recorder.answering(upstreams.never):
            connection.send(post(single))
            time.sleep(0.01)
        gateway.wait_until(lambda: not closes(gateway, single), 5, "open again")
    assert not closes(gateway, single)


def test_unix_sockets_have_no_addresses(over, tmp_path):
    single = over("http1")
    path = str(tmp_path / "gate.sock")
    configuration = single.configuration(
        limits={"connections_per_address": 1, "rates": {"handshakes": {"count": 1, "per": "1h"}}}
    )
    configuration["listeners"].append(single.listener(f"unix:{path}"))
    gateway = single.start(configuration)
    held = [gateway.connect(address=path) for _ in range(20)]
    assert {each.exchange(post(single)).status for each in held} == {200}
    for each in held:
        each.close()


@pytest.mark.parametrize("transport", ["http1", "tls1"])
def test_behind_a_proxy_the_clients_that_it_tells_count_and_not_the_proxy(over, transport):
    single = over(transport)
    gateway = limited(
        single,
        listener={"proxy_protocol": ["127.0.0.1"]},
        connections_per_address=2,
        rates={"handshakes": {"count": 1, "per": "1h", "burst": 4}},
    )
    gateway.wait_until(gateway.is_ready, 10, "ready")
    client = Client.trusting(single.certificates, CLIENTS[transport])
    token = single.token()

    def connect(opening):
        connection = client.connect(single.address, 5, opening=opening)
        assert connection.exchange(post(single, token)).status == 200
        return connection

    held = []
    for number in range(5):
        held += [connect(v1(f"203.0.113.{number}")) for _ in range(2)]
    # One /64 is one site.
    held += [connect(v2(f"2001:db8::{number}")) for number in (1, 2)]
    held.append(connect(v2("2001:db8:0:1::1")))
    held += [connect(LOCAL) for _ in range(5)]
    for opening in (v1("203.0.113.0"), v1("203.0.113.4"), v2("2001:db8::ffff")):
        assert is_closed_at_once(single.address, opening=opening)
    for each in held:
        assert each.exchange(post(single, token)).status == 200
        each.close()


@pytest.mark.parametrize("transport", ["tls1", "tls2"])
def test_an_address_begins_so_many_handshakes_and_its_next_connections_are_closed_unread(over, transport):
    single = over(transport)
    gateway = limited(single, rates={"handshakes": {"count": 1, "per": "5s", "burst": 6}})
    # The health checks of the start have taken some.
    time.sleep(5.1)
    held = []
    with pytest.raises((OSError, raw_http.ConnectionEnded)):
        for _ in range(20):
            held.append(gateway.connect())
    assert 1 <= len(held) <= 8
    assert all(is_closed_at_once(gateway.address) for _ in range(3))
    for each in held:
        assert each.exchange(post(single)).status == 200
        each.close()
    with gateway.client.connect(gateway.address, source="127.0.0.2") as other:
        assert other.exchange(post(single)).status == 200
    time.sleep(5.1)
    assert gateway.exchange(post(single)).status == 200
    (said,) = warnings(gateway, "rates.handshakes")
    assert said["client"] == "127.0.0.1"


def test_cleartext_connections_are_no_handshakes(over):
    single = over("http1")
    gateway = limited(single, rates={"handshakes": {"count": 1, "per": "1h"}})
    assert {gateway.exchange(post(single)).status for _ in range(20)} == {200}


# -- Slow bodies, long requests


def drip(connection, head, body, size, pause):
    """Sends a request whose body comes in drops; how long it took until an answer came, and the answer."""
    started = time.monotonic()
    connection.send(head)
    answered = threading.Event()
    got = []

    def read():
        try:
            got.append(connection.read_response())
        except (raw_http.ConnectionEnded, OSError) as error:
            got.append(error)
        answered.set()

    reader = threading.Thread(target=read)
    reader.start()
    for offset in range(0, len(body), size):
        if answered.is_set():
            break
        connection.send_as_far_as_possible(body[offset : offset + size])
        time.sleep(pause)
    reader.join(10)
    return time.monotonic() - started, got[0]


def parted(request):
    head, _, body = request.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def test_a_body_in_drops_is_given_up_however_often_they_come(over):
    single = over("http1")
    gateway = limited(single, body_timeout="1s", body_rate="10KiB")
    since = gateway.log_position()
    head, body = parted(post(single, body=mcp_requests.call_of_size(20_000)))
    with gateway.connect() as connection:
        # 1,000 bytes a second: each second buys a tenth of another.
        taken, answer = drip(connection, head, body, 20, 0.02)
    assert answer.status == 408
    assert 0.9 < taken < 6
    assert gateway.wait_for_access(since)[0]["reason"] == "client_timeout"
    single.recorder.assert_untouched()


def test_a_body_that_is_slow_but_not_too_slow_may_take_longer_than_any_silence(over):
    single = over("http1")
    gateway = limited(single, body_timeout="2500ms", body_rate="4KiB")
    head, body = parted(post(single, body=mcp_requests.call_of_size(60_000)))
    with gateway.connect() as connection:
        # 10,000 bytes a second.
        taken, answer = drip(connection, head, body, 500, 0.05)
    assert answer.status == 200 and taken > 5
    assert single.recorder.the_request().body == body


def test_a_body_in_drops_is_given_up_on_a_stream_too(over):
    single = over("h2c")
    gateway = limited(single, body_timeout="1s", body_rate="10KiB")
    since = gateway.log_position()
    head, body = parted(post(single, body=mcp_requests.call_of_size(20_000)))
    with gateway.connect() as connection:
        started = time.monotonic()
        connection.send(head)
        for offset in range(0, len(body), 20):
            if gateway.access_log(since):
                break
            connection.send_as_far_as_possible(body[offset : offset + 20])
            time.sleep(0.02)
        assert 0.9 < time.monotonic() - started < 6
        assert connection.read_response().status == 408
    assert gateway.wait_for_access(since)[0]["reason"] == "client_timeout"


def test_a_request_ends_when_its_time_is_up_whatever_its_server_does(single):
    gateway = limited(single, request_timeout="1s")
    since = gateway.log_position()
    with single.recorder.answering(upstreams.never):
        started = time.monotonic()
        answer = gateway.exchange(post(single))
        assert answer.status == 504 and answer.json()["id"] == 7
        assert 0.9 < time.monotonic() - started < 6
    assert gateway.wait_for_access(since)[0]["reason"] == "request_timeout"


def dripping(count, pause, kind="application/json"):
    """An answer that never stops for long."""

    def script(_, connection):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())
        try:
            for _ in range(count):
                connection.send(upstreams.chunk(b": x\n\n"))
                time.sleep(pause)
            connection.send(b"0\r\n\r\n")
        except OSError:
            pass

    return script


def test_an_answer_in_drops_is_cut_off_and_a_stream_of_events_is_not(single):
    gateway = limited(single, request_timeout="1s")
    since = gateway.log_position()
    with single.recorder.answering(dripping(100, 0.05)), gateway.connect() as connection:
        started = time.monotonic()
        connection.send(post(single))
        head = connection.read_head()
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        assert 0.9 < time.monotonic() - started < 6
    entry = gateway.wait_for_access(since)[0]
    assert (entry["reason"], entry["status"]) == ("request_timeout", 200)
    with (
        single.recorder.answering(dripping(40, 0.05, "text/event-stream")),
        gateway.connect() as connection,
    ):
        connection.send(post(single))
        head = connection.read_head()
        assert b"".join(connection.pieces(head)) == b": x\n\n" * 40


def test_an_answer_that_is_read_in_drops_is_cut_off(over):
    single = over("http1")
    gateway = limited(single, request_timeout="1s", body_timeout="20s")
    since = gateway.log_position()
    big = b"x" * (32 << 20)
    with single.recorder.answering(upstreams.canned(body=big)):
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(5)
        slow.connect(gateway.address)
        slow.sendall(post(single))
        started = time.monotonic()
        while not gateway.access_log(since) and time.monotonic() - started < 8:
            slow.recv(100)
            time.sleep(0.02)
        slow.close()
    assert gateway.wait_for_access(since)[0]["reason"] == "request_timeout"
    assert 0.9 < time.monotonic() - started < 6


# -- Requests at a time


def test_a_worker_has_so_many_requests_at_a_time_and_is_healthy_all_the_while(single):
    origin = "https://app.example"
    configuration = single.configuration(limits={"requests": 2})
    configuration["routes"][0]["origins"] = [origin]
    gateway = single.start(configuration)
    since = gateway.log_position()
    released = threading.Event()

    def wait(request, connection):
        released.wait(10)
        upstreams.canned()(request, connection)

    held = [gateway.connect() for _ in range(2)]
    with single.recorder.answering(wait):
        for each in held:
            each.send(post(single))
        single.recorder.wait_for(2)
        refused = gateway.exchange(post(single))
        assert refused.status == 503 and refused.one("Retry-After") == "5"
        # A page must be able to read why.
        from_page = gateway.exchange(post(single, extra=[("Origin", origin)]))
        assert from_page.status == 503 and from_page.one("Access-Control-Allow-Origin") == origin
        assert gateway.health() == 200
        assert gateway.exchange(mcp_requests.post(single.host, "/mcp")).status == 401
        released.set()
        assert [each.read_response().status for each in held] == [200, 200]
    for _ in range(5):
        assert gateway.exchange(post(single)).status == 200
    for each in held:
        each.close()
    reasons = [each["reason"] for each in gateway.wait_for_access(since, 10)]
    assert reasons.count("gateway_overloaded") == 2


# -- Turns


def test_who_sends_as_fast_as_possible_has_short_turns(over):
    """A flood of bad tokens on one connection, and somebody else who asks now and then: told by the order in the log."""
    single = over("http1")
    gateway = single.start(single.configuration(workers=1))
    bad = b"".join(
        mcp_requests.get(single.host, "/mcp", f"{single.token()[:-8]}{number:08}") for number in range(100)
    )
    since = gateway.log_position()
    is_over = threading.Event()
    with raw_http.dial(gateway.address, source="127.0.0.2") as flood:

        def send():
            with contextlib.suppress(OSError):
                while not is_over.is_set():
                    flood.sendall(bad)

        def read():
            with contextlib.suppress(OSError):
                while flood.recv(1 << 20):
                    pass

        threads = [threading.Thread(target=each) for each in (send, read)]
        for each in threads:
            each.start()
        try:
            gateway.wait_for_access(since, 1000)
            with gateway.connect() as other:
                for _ in range(20):
                    assert other.exchange(mcp_requests.post(single.host, "/mcp")).status == 401
        finally:
            is_over.set()
            flood.shutdown(socket.SHUT_RDWR)
            for each in threads:
                each.join()
    # What has ended is in the log.
    gateway.stop()
    clients = [each["client"] for each in gateway.access_log(since)]
    places = [place for place, client in enumerate(clients) if client == "127.0.0.1"]
    between = [later - earlier for earlier, later in zip(places, places[1:], strict=False)]
    print(f"requests of the flood between two of somebody else: {sorted(between)}")
    assert len(places) == 20
    # As many as 512 KiB hold are some 800.
    # Where nobody was interrupted: an interrupted one finds a whole flood before its next request.
    assert statistics.quantiles(between)[0] < 300


# -- Memory

KIB, MIB = 1 << 10, 1 << 20


@pytest.mark.parametrize("hides", [False, True], ids=["passed on", "held to be filtered"])
def test_memory_stays_within_what_the_limits_say_whoever_stalls(over, hides):
    """The formula of docs/limits.md, with clients that stop at the worst places."""
    single = over("http1")
    header, window, buffered, body = 16 * KIB, 32 * KIB, 16 * MIB, 8 * MIB
    connections, requests = 160, 40
    configuration = single.configuration(
        limits={
            "header_bytes": "16KiB",
            "window_bytes": "32KiB",
            "buffered_bytes": "16MiB",
            "body_bytes": "8MiB",
            "connections": connections,
            "requests": requests,
            "tokens": 100,
        }
    )
    if hides:
        configuration["routes"][0].update(hide_unauthorized_tools=True, tools={"secret": ["secret"]})
    bound = (
        connections * (2 * header + 2 * KIB)
        + requests * (10 * header + 5 * window + 384 * KIB)
        + 2 * buffered
        + 4 * body
        + 256 * (4 * header + 8 * KIB)
        + 1024 * KIB
    )
    gateway = single.start(configuration)
    token = single.token()
    gateway.exchange(post(single, token))
    before = anonymous(gateway.process)
    tools = b",".join(b'{"name":"tool-%d"}' % number for number in range(350_000))
    answer = b'{"jsonrpc":"2.0","id":7,"result":{"tools":[%s]}}' % tools[:-1000].rpartition(b",")[0]
    assert len(answer) < body
    large = answer if hides else b"x" * (32 * MIB)
    body_in_part = post(single, token, body=mcp_requests.call_of_size(body - 10))[:-100]
    head_in_part = b"GET /mcp HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (header - 1000)

    def stall(number):
        """A client that ends neither its head nor its body, or does not read its answers."""
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(0.1)
        slow.connect(gateway.address)
        try:
            slow.sendall([head_in_part, body_in_part, post(single, token) * 20][number % 3])
        except OSError:
            pass
        return slow

    # The second crowd finds what the first one has left.
    for _ in range(2):
        most = 0
        with single.recorder.answering(upstreams.canned(body=large)):
            held = [stall(number) for number in range(connections - 10)]
            end = time.monotonic() + 3
            while time.monotonic() < end:
                most = max(most, anonymous(gateway.process) - before)
                time.sleep(0.02)
        for each in held:
            each.close()
        print(f"{most / MIB:.1f} MiB of at most {bound / MIB:.1f}")
        assert 8 * MIB < most < bound
        gateway.wait_until(lambda: not closes(gateway, single), 5, "serving again")


# -- Descriptors


def test_a_crowd_takes_turns_where_descriptors_are_few_and_nobody_who_got_in_is_turned_out(over):
    single = over("http1")
    # What is left after its own: some 40 clients, and as many connections to servers.
    limit = 120
    configuration = single.configuration(limits={"idle_timeout": "5s"})
    gateway = single.start(configuration, descriptors=limit)
    token = single.token()
    outcomes, used = [], []
    over_now = threading.Event()

    def answer(request, connection):
        time.sleep(0.02)
        upstreams.canned()(request, connection)

    def client():
        try:
            with gateway.connect(timeout=60) as connection:
                for _ in range(5):
                    outcomes.append(connection.exchange(post(single, token)).status)
        except (OSError, raw_http.ConnectionEnded) as error:
            outcomes.append(repr(error))

    def watch():
        while not over_now.is_set():
            used.append(descriptors(gateway.process))
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    since = gateway.log_position()
    with single.recorder.answering(answer):
        crowd = [threading.Thread(target=client) for _ in range(200)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join(60)
    over_now.set()
    watcher.join()
    assert outcomes == [200] * 1000
    assert {each["reason"] for each in gateway.wait_for_access(since, 1000)} == {"allowed"}
    assert limit // 2 < max(used) < limit
    assert any(each["message"] == "Accepting pauses." for each in gateway.operational_log())
    # And afterwards all is as before.
    assert {gateway.exchange(post(single, token)).status for _ in range(50)} == {200}
    gateway.wait_until(lambda: descriptors(gateway.process) < limit // 2, 10, "rid of its connections")


@pytest.mark.parametrize("pair", ["http1/http1", "http1/h2c"])
def test_idle_connections_to_servers_give_way_to_those_that_are_needed(over, pair):
    single = over(pair)
    others = [upstreams.Recorder(http2=single.transports.upstream.uses_http2) for _ in range(100)]
    configuration = single.configuration()
    configuration["routes"] += [
        {
            "resource": single.at(f"/mcp{number}"),
            "issuer": "corp",
            "upstream": single.upstream(single.endpoint(other.authority)),
        }
        for number, other in enumerate(others)
    ]
    gateway = single.start(configuration, descriptors=96)
    since = gateway.log_position()
    with gateway.connect() as connection:
        for _ in range(2):
            for number in range(len(others)):
                token = single.issuer.mint(single.at(f"/mcp{number}"))
                request = mcp_requests.post(single.host, f"/mcp{number}", token)
                assert connection.exchange(request).status == 200
    assert {each["reason"] for each in gateway.wait_for_access(since, 200)} == {"allowed"}
    # Some had to be connected to again, as their connections had given way.
    assert sum(other.accepted for other in others) > len(others)
    assert descriptors(gateway.process) < 96
    for other in others:
        other.stop()


def test_streams_that_need_more_connections_than_there_are_descriptors_are_told_so(over):
    single = over("h2c/http1")
    gateway = single.start(descriptors=96)
    token = single.token()
    released = threading.Event()

    def wait(request, connection):
        released.wait(20)
        upstreams.canned()(request, connection)

    since = gateway.log_position()
    with single.recorder.answering(wait), gateway.connect(timeout=30) as connection:
        for _ in range(80):
            connection.send(post(single, token))
        # Those for which there is no connection are answered while the others wait.
        refused = gateway.wait_for_access(since, 30, within=10)
        assert {(each["status"], each["reason"]) for each in refused} == {(503, "gateway_overloaded")}
        released.set()
        statuses = [connection.read_response().status for _ in range(80)]
        assert statuses.count(200) >= 20 and statuses.count(200) + statuses.count(503) == 80
        assert connection.exchange(post(single, token)).status == 200


def test_a_reload_divides_the_descriptors_anew(over):
    """Checks that hang and an admin listener need their part; streams of clients get what is left."""
    single = over("http1")
    configuration = single.configuration(limits={"connections_per_address": 1000}, workers=2)
    gateway = single.start(configuration, descriptors=320)
    hanging = upstreams.Recorder()
    hanging.script = upstreams.never
    for number in range(64):
        upstream = {"endpoints": [f"{hanging.url}/mcp{number}"], "health": {"interval": "100ms"}}
        resource = single.at(f"/checked/{number}")
        configuration["routes"].append({"resource": resource, "issuer": "corp", "upstream": upstream})
    gateway.configuration.write_text(json.dumps({**configuration, "admin": Admin().member}))
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Reloaded.")
    streams = []
    with single.recorder.answering(upstreams.event_stream([b"data: 1\n\n"] * 20, 1)):
        for _ in range(160):
            streams.append(gateway.connect(30))
            streams[-1].send(post(single))
        gateway.wait_for_message("Accepting pauses.")
    gateway.log_position()
    pauses = [each for each in gateway.operational_log() if each["message"] == "Accepting pauses."]
    assert {each["reason"] for each in pauses} == {"limit reached"}
    for each in streams:
        each.close()
    gateway.log_position()
    assert {each["status"] for each in gateway.access_log()} <= {200, 499}
    hanging.stop()


@pytest.mark.parametrize("end", ["reload", "drain"])
def test_who_waits_for_room_when_the_listener_closes_is_served(over, end):
    single = over("http1")
    configuration = single.configuration(workers=1, limits={"connections": 2, "drain_timeout": "10s"})
    first = configuration["listeners"]
    other = ("127.0.0.1", free_port())
    configuration["listeners"] = [*first, single.listener(f"127.0.0.1:{other[1]}")]
    gateway = single.start(configuration)
    crowd = [gateway.connect() for _ in range(2)]
    for each in crowd:
        assert each.exchange(post(single)).status == 200
    with raw_http.dial(other, 10) as late:
        late.sendall(post(single))
        time.sleep(0.3)
        if end == "reload":
            gateway.configuration.write_text(json.dumps({**configuration, "listeners": first}))
            gateway.signal(signal.SIGHUP)
        else:
            gateway.signal(signal.SIGTERM)
        assert late.recv(12) == b"HTTP/1.1 200"
    for each in crowd:
        each.close()
