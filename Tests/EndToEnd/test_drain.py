"""SIGTERM with load balancers in front: first they notice, then accepting stops, then what runs ends."""

import json
import signal
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.balancers import HAProxy, NginxProxy
from harness.gateway import Gateway, free_port
from harness.load import H2loadOnce, Wrk
from harness.nginx import Nginx

EVENTS = [b"data: %d\n\n" % number for number in range(30)]
HEALTH = raw_http.request("GET", "/healthz", "probe.invalid")


def draining(single, **limits):
    return single.configuration(limits=limits)


def request(single, **more):
    return mcp_requests.post(single.host, "/mcp", single.token(), **more)


def test_health_fails_first_and_everything_else_works_until_the_delay_is_over(single):
    gateway = single.start(draining(single, drain_delay="4s", drain_timeout="5s"))
    with gateway.connect() as kept:
        assert kept.exchange(HEALTH).status == 200
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.wait_until(lambda: gateway.health() == 503, 4, "said to be leaving")
        count = 0
        while count < 6 or time.monotonic() - began < 1.5:
            # On a connection that was there, and on a new one.
            answer = kept.exchange(request(single))
            assert answer.status == 200 and not kept.is_last(answer)
            assert gateway.exchange(request(single)).status == 200
            count += 1
        assert kept.exchange(HEALTH).status == 503
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - began >= 4
    with pytest.raises(ConnectionRefusedError):
        gateway.connect()


def test_the_answer_of_the_health_path_says_why_it_fails(over):
    single = over("http1")
    gateway = single.start(draining(single, drain_delay="30s"))
    gateway.signal(signal.SIGTERM)
    gateway.wait_until(lambda: gateway.health() == 503, 5, "said to be leaving")
    answer = gateway.exchange(HEALTH)
    assert answer.json() == {"status": "unavailable"} and answer.one("Cache-Control") == "no-store"


def test_without_a_delay_accepting_stops_at_once(over):
    single = over("http1")
    gateway = single.start()
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as kept:
        kept.send(request(single))
        head = kept.read_head()
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_message("Draining.")
        gateway.wait_until(lambda: gateway.health() is None, 5, "refusing connections")
        released.set()
        assert b"".join(kept.pieces(head)) == b"".join(EVENTS)
    assert gateway.process.wait(5) == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stage", ["delay", "drain"])
def test_a_second_signal_ends_at_once(over, stage, second):
    single = over("http1")
    delay = "30s" if stage == "delay" else "0s"
    gateway = single.start(draining(single, drain_delay=delay, drain_timeout="30s"))
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(request(single))
        head = connection.read_head()
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_message("Draining.")
        time.sleep(0.2)
        assert gateway.process.poll() is None
        gateway.signal(second)
        assert gateway.process.wait(10) == 0
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        released.set()


def test_drain_timeout_begins_when_accepting_stops(over):
    single = over("http1")
    gateway = single.start(draining(single, drain_delay="1s", drain_timeout="1s"))
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(request(single))
        head = connection.read_head()
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        assert 1.9 < time.monotonic() - began < 8
        released.set()
    assert gateway.process.wait(5) == 0


def test_streams_that_end_in_time_end_well(single):
    gateway = single.start(draining(single, drain_delay="500ms", drain_timeout="20s"))
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)), gateway.connect() as connection:
        connection.send(request(single))
        head = connection.read_head()
        gateway.signal(signal.SIGTERM)
        assert b"".join(connection.pieces(head)) == b"".join(EVENTS)
    assert gateway.process.wait(5) == 0
    assert [each["reason"] for each in gateway.access_log()] == ["allowed"]


def test_other_signals_are_answered_while_it_drains(over, tmp_path):
    single = over("http1")
    log = tmp_path / "access.log"
    configuration = draining(single, drain_delay="30s")
    configuration["log"] = {"access": {"file": str(log)}}
    gateway = single.start(configuration)
    gateway.signal(signal.SIGTERM)
    gateway.wait_for_message("Draining.")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Nothing was reloaded: this process is draining.")
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("No upgrade: this process is draining.")
    log.rename(tmp_path / "access.1")
    gateway.signal(signal.SIGUSR1)
    gateway.wait_until(log.exists, 5, "opening its log anew")
    assert gateway.exchange(request(single)).status == 200


def test_a_connection_on_which_nothing_was_said_holds_nobody_up(over):
    single = over("http1")
    gateway = single.start(draining(single, drain_timeout="30s"))
    silent = [raw_http.dial(single.address) for _ in range(3)]
    gateway.exchange(HEALTH)
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 8
    for each in silent:
        each.close()


def test_everybody_who_waits_in_the_queue_is_answered(over):
    single = over("http1")
    gateway = single.start()
    sent, ends = [], []

    def client():
        try:
            with gateway.connect(timeout=20) as connection:
                connection.send(request(single))
                sent.append(True)
                ends.append(connection.read_response().status)
        except ConnectionRefusedError:
            ends.append("refused")
        except (OSError, raw_http.ConnectionEnded) as error:
            ends.append(repr(error))

    # While it stands still, more connect than it takes in one round.
    gateway.signal(signal.SIGSTOP)
    clients = [threading.Thread(target=client) for _ in range(300)]
    for each in clients:
        each.start()
    gateway.wait_until(lambda: len(sent) == 300, 20, "sent to by everybody")
    gateway.signal(signal.SIGTERM)
    gateway.signal(signal.SIGCONT)
    for each in clients:
        each.join(20)
    assert ends == [200] * 300
    assert gateway.process.wait(5) == 0


class Pair:
    """Two gateways of one configuration behind one balancer, each at a port of its own."""

    def __init__(self, single, folder, balancer, balanced=None, **limits):
        self.single, self.folder = single, folder
        self.nginx = Nginx(folder / "upstream")
        self.front, self.ports = free_port(), [free_port(), free_port()]
        self.resource = f"http://127.0.0.1:{self.front}/mcp"
        self.limits = limits
        self.gateways = [self.begin(each) for each in self.ports]
        self.balancer = balancer(folder / "balancer", self.ports, front=self.front, **(balanced or {}))

    def begin(self, port, attempt=0):
        directory = self.folder / f"gateway-{port}-{attempt}"
        directory.mkdir()
        configuration = self.single.configuration(limits=self.limits)
        configuration["listeners"] = [self.single.listener(f"127.0.0.1:{port}")]
        upstream = {"endpoints": [f"http://127.0.0.1:{self.nginx.port}/mcp"]}
        configuration["routes"] = [{"resource": self.resource, "issuer": "corp", "upstream": upstream}]
        gateway = Gateway(configuration, directory, ("127.0.0.1", port), client=self.single.client)
        return gateway.start()

    def token(self):
        return self.single.issuer.mint(self.resource)

    def stop(self):
        self.balancer.stop()
        for each in self.gateways:
            if each.process.poll() is None:
                each.process.kill()
                each.process.wait()
        self.nginx.stop()


@pytest.fixture
def pair(over, tmp_path):
    made = []

    def make(transport, balancer, *more, **limits):
        made.append(Pair(over(transport), tmp_path, balancer, *more, **limits))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def replace(pair, index):
    """End one of the gateways as an orchestrator would, and start another in its place."""
    assert pair.gateways[index].stop(within=20) == 0
    begun = pair.begin(pair.ports[index], attempt=pair.gateways[index].directory.name[-1] + "1")
    ended, pair.gateways[index] = pair.gateways[index], begun
    return ended


@pytest.mark.parametrize(
    ("transport", "how"),
    [
        ("http1", ""),
        ("tls1", "ssl verify none"),
        ("h2c", "proto h2 check-proto h2"),
        ("tls2", "ssl verify none alpn h2 check-alpn h2"),
    ],
)
def test_haproxy_loses_no_request_while_each_gateway_is_replaced(pair, tmp_path, transport, how):
    # HAProxy looks every second and believes the second failure; it repeats no request.
    balanced = {"how": how, "check": 1000}
    pair = pair(transport, HAProxy, balanced, drain_delay="4s", drain_timeout="10s")
    load = Wrk(tmp_path, pair.resource, pair.token())
    ended = []
    for index in (0, 1):
        pair.gateways[index].wait_for_load(100)
        began = time.monotonic()
        ended.append(replace(pair, index))
        assert time.monotonic() - began >= 4
        new = pair.gateways[index]
        new.wait_until(pair.balancer.are_all_up, 10, "taken into service")
        new.wait_for_access(0, 1, 10)
    load.outcome().assert_flawless()
    for each in ended + pair.gateways:
        served = [line for line in each.access_log() if line["reason"] != "client_aborted"]
        assert {line["status"] for line in served} == {200}


def test_haproxy_sees_the_gateway_go_before_it_goes(pair):
    pair = pair("http1", HAProxy, drain_delay="6s")
    port, gateway = pair.ports[0], pair.gateways[0]
    assert pair.balancer.states()[port] == "UP"
    gateway.signal(signal.SIGTERM)
    gateway.wait_until(lambda: pair.balancer.states()[port] == "DOWN", 5, "taken out of service")
    assert gateway.process.poll() is None and gateway.health() == 503, "it still accepts"
    assert gateway.process.wait(10) == 0


def test_nginx_loses_no_request_while_each_gateway_is_replaced(pair, tmp_path):
    # nginx asks nobody how he is: it goes to the next one when a connection is refused.
    pair = pair("http1", NginxProxy, drain_delay="500ms", drain_timeout="10s")
    load = Wrk(tmp_path, pair.resource, pair.token())
    for index in (0, 1):
        pair.gateways[index].wait_for_load(100)
        replace(pair, index)
        # It leaves a server alone for a second that has refused a connection.
        pair.gateways[index].wait_for_access(0, 1, 10)
    load.outcome().assert_flawless()


@pytest.mark.parametrize("balancer", [HAProxy, NginxProxy])
def test_a_balancer_loses_no_request_while_the_gateways_are_upgraded(pair, tmp_path, balancer):
    pair = pair("http1", balancer, drain_delay="30s", drain_timeout="10s")
    load = Wrk(tmp_path, pair.resource, pair.token())
    for gateway in pair.gateways * 2:
        gateway.wait_for_load()
        began = time.monotonic()
        gateway.upgrade()
        assert time.monotonic() - began < 20, "drain_delay is not for upgrades"
        if balancer is HAProxy:
            assert pair.balancer.are_all_up()
    for gateway in pair.gateways:
        gateway.wait_for_load()
    load.outcome().assert_flawless()


def test_streams_through_a_balancer_end_well_while_the_gateway_drains(over, pair, tmp_path):
    pair = pair("http1", HAProxy, drain_delay="1s", drain_timeout="20s")
    single = pair.single
    for gateway in pair.gateways:
        gateway.stop()
    configuration = json.loads(pair.gateways[0].configuration.read_text())
    configuration["routes"][0]["upstream"] = single.upstream()
    gateway = Gateway(configuration, tmp_path, ("127.0.0.1", pair.ports[0]))
    pair.gateways[0] = gateway.start()
    states = {pair.ports[0]: "UP", pair.ports[1]: "DOWN"}
    gateway.wait_until(lambda: pair.balancer.states() == states, 15, "the one in service")
    host = f"127.0.0.1:{pair.front}"
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
        with raw_http.Connection(("127.0.0.1", pair.front)) as connection:
            connection.send(mcp_requests.post(host, "/mcp", pair.token()))
            head = connection.read_head()
            gateway.signal(signal.SIGTERM)
            assert b"".join(connection.pieces(head)) == b"".join(EVENTS)
    assert gateway.process.wait(5) == 0


@pytest.mark.parametrize("transport", ["http1", "tls1"])
def test_no_connection_of_a_busy_client_is_reset_by_a_drain(over, tmp_path, transport):
    single = over(transport)
    nginx = Nginx(tmp_path / "nginx")
    configuration = draining(single, drain_delay="500ms")
    configuration["routes"][0]["upstream"] = f"http://127.0.0.1:{nginx.port}/mcp"
    gateway = single.start(configuration)
    load = Wrk(tmp_path, single.resource, single.token())
    gateway.wait_for_load(100)
    assert gateway.stop() == 0
    time.sleep(0.3)
    outcome = load.outcome()
    # What was answered was answered well; the rest could not connect, as nobody listens any more.
    assert outcome.good == outcome.answered > 100, outcome.text
    assert "read 0," in outcome.text and "timeout 0\n" in outcome.text, outcome.text
    nginx.stop()


@pytest.mark.parametrize("transport", ["h2c", "tls2"])
def test_every_request_that_arrived_on_http2_before_the_drain_is_answered(over, tmp_path, transport):
    single = over(transport)
    nginx = Nginx(tmp_path / "nginx")
    configuration = single.configuration()
    configuration["routes"][0]["upstream"] = f"http://127.0.0.1:{nginx.port}/mcp"
    gateway = single.start(configuration)
    load = H2loadOnce(tmp_path, single.resource, single.token(), 8)
    gateway.wait_for_load(100)
    assert gateway.stop() == 0
    assert load.process.poll() is None, "that was no drain under load"
    outcome = load.outcome()
    entries = gateway.access_log()
    assert {each["status"] for each in entries} == {200}
    assert len(entries) == outcome.good > 100, outcome.text
    nginx.stop()
