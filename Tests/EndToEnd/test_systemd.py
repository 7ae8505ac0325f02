"""What systemd is told of the gateway, and the sockets that it opens for it."""

import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.gateway import binary, free_port
from harness.load import Wrk
from harness.nginx import Nginx
from harness.systemd import Receiver, StoppedThread, thread

EVENTS = [b"data: %d\n\n" % number for number in range(20)]


@pytest.fixture
def single(over):
    """What carries the requests makes no difference here."""
    return over("http1")


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(tmp_path / "notify")
    yield receiver
    receiver.stop()


def start(single, receiver, configuration=None, ready_within=10.0, **variables):
    environment = {"NOTIFY_SOCKET": receiver.address, **variables}
    return single.start(configuration, environment=environment, ready_within=ready_within)


def post(single):
    return single.gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))


def test_ready_is_said_when_it_is_true(single, receiver):
    single.issuer.server.mode = "hang"
    gateway = start(single, receiver, ready_within=None)
    gateway.wait_for_message("Listening.")
    assert gateway.health() == 503
    assert not receiver.has("READY=1")
    single.issuer.server.mode = "ok"
    single.issuer.server.released.set()
    notice = receiver.wait_for("READY=1")
    assert notice.process == gateway.process.pid and "STATUS=Serving." in notice
    assert gateway.health() == 200


def test_a_reload_before_it_is_ready_does_not_say_that_it_is(single, receiver):
    single.issuer.server.mode = "hang"
    gateway = start(single, receiver, ready_within=None)
    gateway.wait_for_message("Listening.")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Reloaded.")
    assert gateway.health() == 503 and not receiver.has("READY=1")
    single.issuer.server.mode = "ok"
    single.issuer.server.released.set()
    receiver.wait_for("READY=1")
    assert gateway.health() == 200


def test_a_name_in_the_abstract_space_is_an_address_too(single):
    receiver = Receiver(f"@audgate-test-{os.getpid()}")
    try:
        start(single, receiver)
        receiver.wait_for("READY=1")
    finally:
        receiver.stop()


@pytest.mark.parametrize("address", ["nonsense", "vsock:2:1234", "/" + "x" * 200, "@", "/no/such/socket"])
def test_an_address_that_does_not_exist_keeps_nobody_from_serving(single, address):
    gateway = single.start(environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000"})
    assert post(single).status == 200

    def said():
        return [each for each in gateway.messages() if "NOTIFY_SOCKET" in each or "service manager" in each]

    gateway.wait_until(said, 5, "said so")
    time.sleep(0.5)
    assert len(said()) == 1, "once, not with each sign of life"


def test_a_reload_is_said_before_and_after(single, receiver):
    gateway = start(single, receiver)
    receiver.wait_for("READY=1")
    since = len(receiver.notices)
    before = time.monotonic_ns() // 1000
    gateway.signal(signal.SIGHUP)
    begun = receiver.wait_for("RELOADING=1", since)
    assert before <= int(begun.lines["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert receiver.wait_for("READY=1", since).arrived >= begun.arrived


def test_the_end_is_said_when_it_begins(single, receiver):
    gateway = start(
        single, receiver, single.configuration(limits={"drain_timeout": "7s", "drain_delay": "10s"})
    )
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        head = connection.read_head()
        gateway.signal(signal.SIGTERM)
        notice = receiver.wait_for("STOPPING=1")
        assert int(notice.lines["EXTEND_TIMEOUT_USEC"]) > 17_000_000
        assert gateway.process.poll() is None
        assert b"".join(connection.pieces(head)) == b"".join(EVENTS)


def test_after_an_upgrade_the_new_process_is_the_service(single, receiver):
    gateway = start(single, receiver, WATCHDOG_USEC="400000")
    receiver.wait_for("WATCHDOG=1")
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        head = connection.read_head()
        since = len(receiver.notices)
        old = gateway.upgrade()
        told = receiver.wait_for(f"MAINPID={gateway.process.pid}", since)
        assert told.process == old.pid, "only the service may say who is next"
        ready = receiver.wait_for("READY=1", since)
        assert ready.process == gateway.process.pid and ready.arrived >= told.arrived
        for _ in range(3):
            receiver.wait_for("WATCHDOG=1", len(receiver.notices))
        released.set()
        assert b"".join(connection.pieces(head)) == b"".join(EVENTS)
    assert old.wait(5) == 0
    behind = receiver.notices[receiver.notices.index(told) + 1 :]
    assert {each.process for each in behind} == {gateway.process.pid}
    assert not any("STOPPING=1" in each for each in behind)


def test_an_upgrade_that_fails_stands_in_the_status(single, receiver):
    gateway = start(single, receiver)
    gateway.configuration.write_text("{}")
    gateway.signal(signal.SIGUSR2)
    expected = "STATUS=Serving. The last upgrade failed: the new process ended with exit code 1."
    assert receiver.wait_for(expected).process == gateway.process.pid
    assert not any("MAINPID" in each.lines for each in receiver.notices)
    gateway.configuration.write_text(json.dumps(single.configuration()))


def test_signs_of_life_are_given_while_every_worker_turns(single, receiver):
    gateway = start(single, receiver, single.configuration(workers=2), WATCHDOG_USEC="600000")
    receiver.wait_for("READY=1")
    for _ in range(12):
        receiver.wait_for("WATCHDOG=1", len(receiver.notices))
    signs = [each.arrived for each in receiver.notices if "WATCHDOG=1" in each]
    gaps = [later - earlier for earlier, later in itertools.pairwise(signs)]
    # A pause of the machine lengthens single ones.
    assert statistics.median(gaps) < 0.6, gaps
    with StoppedThread(thread(gateway.process.pid, "audgate-1")):
        # The main thread lives, and so does the other worker.
        quiet = 0.0
        deadline = time.monotonic() + 20
        while quiet < 2.5:
            assert time.monotonic() < deadline, "it goes on saying that it lives"
            last = max(each.arrived for each in receiver.notices if "WATCHDOG=1" in each)
            quiet = time.monotonic() - last
            time.sleep(0.05)
        assert gateway.process.poll() is None
    receiver.wait_for("WATCHDOG=1", len(receiver.notices))


@pytest.mark.parametrize(
    "variables",
    [{"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {}],
)
def test_no_sign_of_life_is_given_that_nobody_asked_this_process_for(single, receiver, variables):
    start(single, receiver, **variables)
    receiver.wait_for("READY=1")
    time.sleep(0.5)
    assert not receiver.has("WATCHDOG=1")


def activate(*addresses, options=()):
    """The command by which systemd opens sockets and starts a service with the first connection."""
    return ("systemd-socket-activate", *options, *(part for each in addresses for part in ("-l", each)))


def test_the_sockets_of_systemd_are_matched_by_their_address(single, tmp_path):
    path = str(tmp_path / "gate.sock")
    own, second = free_port(), free_port()
    configuration = single.configuration(workers=3)
    configuration["listeners"] += [single.listener(f"127.0.0.1:{second}"), single.listener(f"unix:{path}")]
    configuration["listeners"] += [single.listener(f"127.0.0.1:{own}")]
    # In another order than the listeners are in.
    command = activate(path, f"127.0.0.1:{second}", single.host)
    gateway = single.start(configuration, by=command)
    request = mcp_requests.post(single.host, "/mcp", single.token())
    for address in (None, ("127.0.0.1", second), path, ("127.0.0.1", own)):
        for _ in range(10):
            assert gateway.exchange(request, address=address).status == 200
    assert not any(each.startswith("A socket was passed") for each in gateway.messages())


def test_the_connection_that_wakes_the_service_is_served(single):
    gateway = single.start(by=activate(single.host), ready_within=None)
    time.sleep(0.3)
    assert gateway.stderr.read_text().count("Ready.") == 0, "nothing runs yet"
    assert gateway.exchange(raw_http.request("GET", "/healthz", "x")).status in (200, 503)
    gateway.wait_until(lambda: gateway.health() == 200, 5, "ready")
    assert post(single).status == 200


def test_a_socket_without_a_listener_is_warned_of(single):
    other = free_port()
    gateway = single.start(by=activate(single.host, f"127.0.0.1:{other}"))
    message = gateway.wait_for_message("A socket was passed for which there is no listener")
    assert message["address"] == f"127.0.0.1:{other}" and message["level"] == "warning"
    assert post(single).status == 200


def test_a_socket_that_takes_no_streams_ends_the_start(single):
    gateway = single.start(by=activate(single.host, options=("--datagram",)), ready_within=None)
    knock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end = time.monotonic() + 10
    while gateway.process.poll() is None and time.monotonic() < end:
        knock.sendto(b"x", single.address)
        time.sleep(0.05)
    knock.close()
    assert gateway.process.wait(5) == 2
    assert "is no stream socket" in gateway.stderr.read_text()


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "1 ", "99999999999"])
def test_a_count_that_is_none_ends_the_start(single, count):
    path = single.directory / "gateway.json"
    path.write_text(json.dumps(single.configuration()))
    shell = f"LISTEN_PID=$$ exec {binary()} serve --config {path}"
    environment = {**os.environ, "LISTEN_FDS": count}
    result = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, timeout=10)
    assert result.returncode == 2 and "LISTEN_FDS is not a number" in result.stderr


def test_sockets_that_were_meant_for_another_process_are_left_alone(single):
    single.start(environment={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
    assert post(single).status == 200


class Service:
    """A unit with a socket of its own, which stays open while the service is restarted."""

    def __init__(self, single):
        self.single = single
        self.socket = socket.create_server(single.address, backlog=4096)
        self.listening = os.dup2(self.socket.fileno(), 700)

    def start(self, configuration):
        # As systemd does it: descriptor 3, and the process id that only the process itself knows before.
        shell = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&{self.listening} {self.listening}<&-'
        command = ("bash", "-c", shell, "start")
        return self.single.start(configuration, by=command, passed=(self.listening,))

    def stop(self):
        self.socket.close()
        os.close(self.listening)


@pytest.fixture
def service(single):
    service = Service(single)
    yield service
    service.stop()


def test_a_restart_under_socket_activation_refuses_nobody(single, service, tmp_path):
    nginx = Nginx(tmp_path / "nginx")
    configuration = single.configuration(workers=2)
    configuration["routes"][0]["upstream"] = f"http://127.0.0.1:{nginx.port}/mcp"
    gateway = service.start(configuration)
    load = Wrk(tmp_path, single.resource, single.token(), keeps=False)
    for _ in range(2):
        gateway.wait_for_load(100)
        assert gateway.stop() == 0
        gateway = service.start(configuration)
    gateway.wait_for_load(100)
    load.outcome().assert_flawless()
    nginx.stop()


def test_an_upgrade_hands_the_sockets_of_systemd_on(single, service):
    gateway = service.start(single.configuration(workers=2))
    for _ in range(2):
        assert gateway.upgrade().wait(5) == 0
        assert post(single).status == 200
    # It is still the socket that was passed first.
    assert gateway.stop() == 0
    with socket.create_connection(single.address):
        connection, _ = service.socket.accept()
        connection.close()
