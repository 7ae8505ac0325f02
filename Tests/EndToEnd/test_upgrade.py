"""SIGUSR2: another process takes the sockets over, and nobody notices; or it does not, and nobody notices either."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.admin import Admin, value
from harness.balancers import HAProxy
from harness.gateway import binary, free_port
from harness.load import Curl, H2loadOnce, Wrk
from harness.nginx import Nginx
from harness.process import descriptors
from harness.recorder import Recorder

EVENTS = [b"data: %d\n\n" % number for number in range(40)]


@pytest.fixture
def nginx(tmp_path):
    server = Nginx(tmp_path / "nginx")
    yield server
    server.stop()


@pytest.fixture
def program(tmp_path):
    """A path for the program, which a test may lead to something else."""
    path = tmp_path / "bin" / "audgate"
    path.parent.mkdir()
    path.symlink_to(binary())
    return path


def replace(program, text):
    """Put a script in the place of the program, as a package manager would: by a rename."""
    draft = program.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.rename(program)


class Stream:
    """An event stream that a client holds open, over whatever the gateway's listener speaks."""

    def __init__(self, single, recorder_path="/mcp"):
        token = single.issuer.mint(single.at(recorder_path))
        self.connection = single.gateway.connect(timeout=30)
        self.connection.send(mcp_requests.post(single.host, recorder_path, token))
        self.head = self.connection.read_head()
        assert self.head.status == 200

    def rest(self):
        with self.connection:
            return b"".join(self.connection.pieces(self.head))

    def close(self):
        self.connection.close()


def with_load(single, nginx, **members):
    """A second route, /load, in front of a server that can bear it."""
    configuration = single.configuration(**members)
    # All of the load comes from one address.
    limits = configuration.setdefault("limits", {})
    limits.setdefault("rates", {"handshakes": "off"})
    upstream = {"endpoints": [f"http://127.0.0.1:{nginx.port}/mcp"]}
    configuration["routes"].append({"resource": single.at("/load"), "issuer": "corp", "upstream": upstream})
    return configuration


def post(single, gateway=None):
    return (gateway or single.gateway).exchange(mcp_requests.post(single.host, "/mcp", single.token()))


def failures(gateway):
    """Lines of the access log that tell of anything but an answer that went well, or a client that went at its end."""
    gateway.log_position()  # The last lines follow their answers.
    return [
        each
        for each in gateway.access_log()
        if (each["status"], each["decision"]) != (200, "allow") and each["reason"] != "client_aborted"
    ]


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "one-request-each"])
@pytest.mark.parametrize("transport", ["http1", "tls1"])
def test_no_request_and_no_stream_is_lost_by_two_upgrades_in_a_row(over, nginx, tmp_path, transport, keeps):
    single = over(transport)
    gateway = single.start(with_load(single, nginx, workers=2))
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
        streams = [Stream(single) for _ in range(3)]
        load = Wrk(tmp_path, single.at("/load"), single.issuer.mint(single.at("/load")), keeps=keeps)
        old = []
        for _ in range(2):
            gateway.wait_for_load()
            old.append(gateway.upgrade())
            assert gateway.health() == 200
            streams.append(Stream(single))
        for stream in streams:
            assert stream.rest() == b"".join(EVENTS)
        load.outcome().assert_flawless()
    assert [each.wait(10) for each in old] == [0, 0]
    assert gateway.process.poll() is None and gateway.stop() == 0
    assert failures(gateway) == []


@pytest.mark.parametrize(
    ("transport", "how"),
    [("h2c", "proto h2 check-proto h2"), ("tls2", "ssl verify none alpn h2 check-alpn h2")],
)
def test_a_proxy_on_http2_loses_no_request_by_two_upgrades_in_a_row(over, nginx, tmp_path, transport, how):
    single = over(transport)
    front = free_port()
    resource = f"http://127.0.0.1:{front}/mcp"
    configuration = single.configuration(workers=2)
    upstream = {"endpoints": [f"http://127.0.0.1:{nginx.port}/mcp"]}
    configuration["routes"] = [{"resource": resource, "issuer": "corp", "upstream": upstream}]
    gateway = single.start(configuration)
    # HAProxy gives up what it has not sent when a server announces the end of a connection, unless it may try again.
    retries = "retry-on conn-failure empty-response"
    balancer = HAProxy(tmp_path / "haproxy", [single.port], how, retries, 1000, front)
    try:
        load = Wrk(tmp_path, resource, single.issuer.mint(resource))
        for _ in range(2):
            gateway.wait_for_load()
            gateway.upgrade()
        gateway.wait_for_load()
        load.outcome().assert_flawless()
        assert balancer.states() == {single.port: "UP"}
    finally:
        balancer.stop()
    assert failures(gateway) == []
    assert {each["protocol"] for each in gateway.access_log()} == {"HTTP/2"}


def test_a_client_on_http2_loses_no_request_by_three_upgrades_in_a_row(over, nginx, tmp_path):
    single = over("tls2")
    gateway = single.start(with_load(single, nginx, workers=2))
    token = single.issuer.mint(single.at("/load"))
    load = Curl(tmp_path, single.at("/load"), token, single.certificates.ca)
    for _ in range(3):
        gateway.wait_for_load()
        gateway.upgrade()
    gateway.wait_for_load()
    load.outcome().assert_flawless()
    assert failures(gateway) == []


@pytest.mark.parametrize("transport", ["h2c", "tls2"])
def test_every_request_that_arrives_on_http2_is_answered(over, nginx, tmp_path, transport):
    single = over(transport)
    gateway = single.start(with_load(single, nginx, workers=2))
    load = H2loadOnce(tmp_path, single.at("/load"), single.issuer.mint(single.at("/load")), 8)
    gateway.wait_for_load(100)
    old = gateway.upgrade()
    assert load.process.poll() is None, "that was no upgrade under load"
    outcome = load.outcome()
    # h2load sends nothing more when the end of a connection is announced, and connects to no other.
    assert old.wait(10) == 0
    assert outcome.good > 100, outcome.text
    assert failures(gateway) == []
    assert len(gateway.access_log()) == outcome.good, outcome.text


def test_the_old_process_serves_its_streams_until_drain_timeout(single):
    gateway = single.start(single.configuration(limits={"drain_timeout": "2s"}))
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)):
        stream = Stream(single)
    since = time.monotonic()
    old = gateway.upgrade()
    assert post(single).status == 200, "the new one serves"
    with pytest.raises(raw_http.ConnectionEnded):
        stream.rest()
    assert 2 <= time.monotonic() - since < 10
    released.set()
    assert old.wait(5) == 0
    reasons = [each["reason"] for each in gateway.access_log()]
    assert reasons.count("draining") == 1


def test_a_signal_to_end_leaves_the_streams_of_a_draining_process_alone_the_second_does_not(over):
    single = over("http1")
    gateway = single.start()
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)):
        stream = Stream(single)
    old = gateway.upgrade()
    since = len(gateway.messages())
    old.send_signal(signal.SIGTERM)
    gateway.wait_for_message("Draining already. A second signal ends this process at once.", since)
    assert old.poll() is None
    old.send_signal(signal.SIGTERM)
    assert old.wait(10) == 0
    with pytest.raises(raw_http.ConnectionEnded):
        stream.rest()
    released.set()
    assert post(single).status == 200


def test_health_stays_good_in_both_processes(over):
    single = over("http1")
    gateway = single.start()
    ask = raw_http.request("GET", "/healthz", "probe.invalid")
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as probe:
        assert probe.exchange(ask).status == 200
        stream = Stream(single)
        old = gateway.upgrade()
        # The connection belongs to the old process, which answers one last time.
        last = probe.exchange(ask)
        assert last.status == 200 and probe.is_last(last)
        assert gateway.health() == 200 and old.poll() is None
        released.set()
        assert stream.rest() == b"".join(EVENTS)
    assert old.wait(5) == 0


def test_an_idle_connection_may_send_its_next_request_long_after(over):
    single = over("http1")
    gateway = single.start()
    with gateway.connect() as idle:
        assert idle.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 200
        old = gateway.upgrade()
        # Longer than a drain by SIGTERM would leave it.
        time.sleep(2)
        assert old.poll() is None
        last = idle.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
        assert last.status == 200 and idle.is_last(last)
    assert old.wait(5) == 0


def test_connections_that_nobody_has_accepted_yet_are_served_by_the_new_process(over):
    single = over("http1")
    gateway = single.start(single.configuration(limits={"connections": 2, "drain_timeout": "5s"}))
    with single.recorder.answering(upstreams.event_stream(EVENTS * 3, 0.1)):
        streams = [Stream(single), Stream(single)]
        request = mcp_requests.post(single.host, "/elsewhere", extra=[("Connection", "close")])
        waiting = [gateway.connect() for _ in range(30)]
        for each in waiting:
            each.send(request)
        since = gateway.stdout.stat().st_size
        time.sleep(0.3)
        assert gateway.access_log(since) == [], "the old process has no room for them"
        gateway.upgrade()
        assert [each.read_response().status for each in waiting] == [404] * 30
        for each in streams + waiting:
            each.close()


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
def test_the_new_process_may_have_another_number_of_workers(over, nginx, tmp_path, before, after):
    single = over("http1")
    configuration = with_load(single, nginx, workers=before)
    gateway = single.start(configuration)
    load = Wrk(tmp_path, single.at("/load"), single.issuer.mint(single.at("/load")), keeps=False)
    for workers in (after, before):
        configuration["workers"] = workers
        gateway.configuration.write_text(json.dumps(configuration))
        gateway.wait_for_load()
        gateway.upgrade()
        names = [
            path.read_text().strip() for path in Path(f"/proc/{gateway.process.pid}/task").glob("*/comm")
        ]
        assert sum(name.removeprefix("audgate-").isdigit() for name in names) == workers
    load.outcome().assert_flawless()
    assert failures(gateway) == []


def test_the_configuration_is_read_anew_listeners_included(over, tmp_path):
    single = over("http1")
    leaving, coming, path = free_port(), free_port(), str(tmp_path / "gate.sock")
    configuration = single.configuration()
    listeners = configuration["listeners"]
    configuration["listeners"] = [*listeners, single.listener(f"127.0.0.1:{leaving}")]
    configuration["listeners"] += [single.listener(f"unix:{path}")]
    gateway = single.start(configuration)
    inode = os.stat(path).st_ino
    configuration["listeners"] = [*listeners, single.listener(f"127.0.0.1:{coming}")]
    configuration["listeners"] += [single.listener(f"unix:{path}")]
    gateway.configuration.write_text(json.dumps(configuration))
    old = gateway.upgrade()
    assert old.wait(5) == 0
    request = mcp_requests.post(single.host, "/mcp", single.token())
    assert [
        gateway.exchange(request, address=each).status for each in (None, ("127.0.0.1", coming), path)
    ] == [200] * 3
    assert os.stat(path).st_ino == inode, "the socket at the path is the one that was there"
    with pytest.raises(ConnectionRefusedError):
        raw_http.dial(("127.0.0.1", leaving))
    assert gateway.wait_for_message("No longer listening.")["address"] == f"127.0.0.1:{leaving}"


def test_sessions_go_on_although_no_session_keys_are_configured(over):
    single = over("http1")
    gateway = single.start()
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        }
    ).encode()
    fields = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Authorization", f"Bearer {single.token()}"),
    ]
    with single.recorder.answering(upstreams.canned(200, [("Mcp-Session-Id", "upstream-1")])):
        response = gateway.exchange(raw_http.request("POST", "/mcp", single.host, fields, body))
    session = response.one("Mcp-Session-Id")
    assert response.status == 200 and session != "upstream-1"
    use = mcp_requests.get(single.host, "/mcp", single.token(), [("Mcp-Session-Id", session)])
    for _ in range(2):
        gateway.upgrade()
        single.recorder.clear()
        assert gateway.exchange(use).status == 200
        assert single.recorder.the_request().one("Mcp-Session-Id") == "upstream-1"
    # The test can fail: a start of its own has another key.
    gateway.stop()
    gateway = single.start()
    assert gateway.exchange(use).status == 404


def test_the_new_process_gets_one_variable_more_and_no_secret(over):
    single = over("http1")
    gateway = single.start(environment={"LISTEN_PID": "1", "LISTEN_FDS": "7", "OCTETS": "kept"})
    before = Path(f"/proc/{gateway.process.pid}/environ").read_bytes().split(b"\0")
    arguments = Path(f"/proc/{gateway.process.pid}/cmdline").read_bytes()
    old = gateway.upgrade()
    after = Path(f"/proc/{gateway.process.pid}/environ").read_bytes().split(b"\0")
    assert set(after) - set(before) == {b"AUDGATE_UPGRADE=%d:1" % old.pid}
    assert set(before) - set(after) == {b"LISTEN_PID=1", b"LISTEN_FDS=7"}
    assert Path(f"/proc/{gateway.process.pid}/cmdline").read_bytes() == arguments


def test_descriptors_do_not_grow_from_upgrade_to_upgrade(over):
    single = over("http1")
    gateway = single.start(single.configuration(workers=2))
    counts = []
    for _ in range(4):
        assert post(single).status == 200
        counts.append(descriptors(gateway.process))
        assert gateway.upgrade().wait(5) == 0
    # Fetches that go on may have one or two open.
    assert max(counts) - min(counts) <= 2, counts


@pytest.mark.parametrize("how", ["link", "rename"])
def test_the_program_that_is_started_is_the_one_on_the_disk_now(over, program, tmp_path, how):
    single = over("http1")
    first, second = tmp_path / "first", tmp_path / "second"
    for each in (first, second):
        shutil.copy(binary(), each)
    program.unlink()
    if how == "link":
        program.symlink_to(first)
    else:
        first.rename(program)
    gateway = single.start(program=program)
    if how == "link":
        program.with_suffix(".new").symlink_to(second)
        program.with_suffix(".new").rename(program)
        expected = second
    else:
        second.rename(program)
        expected = program
        assert os.readlink(f"/proc/{gateway.process.pid}/exe").endswith(" (deleted)")
    assert gateway.upgrade().wait(5) == 0
    assert os.readlink(f"/proc/{gateway.process.pid}/exe") == str(expected)
    assert post(single).status == 200


BROKEN = {
    "exits": ("#!/bin/sh\nexit 3\n", "the new process ended with exit code 3."),
    "exits well": ("#!/bin/sh\nexit 0\n", "the new process ended with exit code 0."),
    "crashes": ("#!/bin/sh\nkill -SEGV $$\n", "the new process was ended by signal 11."),
    "hangs": ("#!/bin/sh\nexec sleep 1000\n", "the new process was not ready within 1 s."),
    "hangs up": (
        "#!/bin/sh\nexec 3>&-\nexec sleep 1000\n",
        "the new process has closed the connection to this one.",
    ),
    "is no program": ("\x7fELF nonsense", "cannot be started (posix_spawn: Exec format error)."),
    "needs what is not there": (
        "#!/no/such/shell\n",
        "cannot be started (posix_spawn: No such file or directory).",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_program_changes_nothing(over, nginx, program, tmp_path, name):
    text, reason = BROKEN[name]
    single = over("http1")
    configuration = with_load(
        single, nginx, workers=2, limits={"upgrade_timeout": "1s"} if name == "hangs" else {}
    )
    gateway = single.start(configuration, program=program)
    replace(program, text)
    load = Wrk(tmp_path, single.at("/load"), single.issuer.mint(single.at("/load")), keeps=False)
    gateway.wait_for_load(100)
    process = gateway.process
    gateway.signal(signal.SIGUSR2)
    message = gateway.wait_for_message("No upgrade: ", within=10)["message"]
    assert message.endswith(f"{reason[:-1]}. This process goes on."), message
    load.outcome().assert_flawless()
    assert gateway.health() == 200 and process.poll() is None
    assert not children(process), "nothing is left of it"
    # And the next one works.
    program.unlink()
    program.symlink_to(binary())
    with_patience(gateway)
    assert gateway.upgrade().wait(5) == 0
    assert post(single).status == 200


def with_patience(gateway):
    """Give the next upgrade its time, after one that was to be given up soon."""
    configuration = json.loads(gateway.configuration.read_text())
    configuration["limits"]["upgrade_timeout"] = "1m"
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Reloaded.")


def children(process):
    """Processes that it has started and that still run."""
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def test_a_configuration_with_errors_changes_nothing(over):
    single = over("http1")
    gateway = single.start()
    good = gateway.configuration.read_text()
    gateway.configuration.write_text(good.replace('"routes"', '"rutes"'))
    gateway.signal(signal.SIGUSR2)
    try:
        gateway.wait_until(lambda: "exit code 1" in gateway.stderr.read_text(), 5, "refused")
        assert '"rutes"' in gateway.stderr.read_text(), "the new process says what is wrong"
        assert post(single).status == 200
    finally:
        gateway.configuration.write_text(good)


def test_a_listener_that_cannot_be_opened_changes_nothing(over):
    single = over("http1")
    gateway = single.start()
    holder = Recorder()
    configuration = single.configuration()
    configuration["listeners"].append(single.listener(f"127.0.0.1:{holder.port}"))
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGUSR2)
    assert "exit code 2" in gateway.wait_for_message("No upgrade: ")["message"]
    assert str(holder.port) in gateway.wait_for_message("Cannot listen on ")["message"]
    holder.stop()
    assert post(single).status == 200


def test_a_program_that_is_gone_changes_nothing(over, program, tmp_path):
    single = over("http1")
    copy = tmp_path / "copy"
    shutil.copy(binary(), copy)
    program.unlink()
    copy.rename(program)
    gateway = single.start(program=program)
    program.unlink()
    gateway.signal(signal.SIGUSR2)
    assert str(program) in gateway.wait_for_message("No upgrade: there is no program at ")["message"]
    assert post(single).status == 200


def slow(single):
    """From now on nobody learns the issuer's keys, so that a new process is not ready."""
    single.issuer.server.mode = "hang"


def test_the_old_process_serves_until_the_new_one_has_its_keys(over):
    single = over("http1")
    gateway = single.start()
    since = len(gateway.messages())
    slow(single)
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("Upgrading.", since)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert gateway.health() == 200 and post(single).status == 200
    assert not any(each.startswith("Upgraded") for each in gateway.messages())
    single.issuer.server.mode = "ok"
    single.issuer.server.released.set()
    gateway.wait_for_message("Upgraded: ", since, within=20)
    assert post_of_orphan(single).status == 200


def test_a_new_process_without_the_keys_of_the_old_one_is_not_ready(over):
    single = over("http1")
    gateway = single.start(single.configuration(limits={"upgrade_timeout": "2s"}))
    single.issuer.server.mode = "fail"
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("No upgrade: the new process was not ready within 2 s.", within=10)
    assert gateway.wait_for_message("Not ready: ")["issuers"] == ["corp"]
    assert gateway.health() == 200 and post(single).status == 200
    # And the next one works.
    single.issuer.server.mode = "ok"
    with_patience(gateway)
    assert gateway.upgrade().wait(5) == 0
    assert post(single).status == 200


def test_nobody_is_sent_to_the_sockets_of_a_process_that_never_gets_ready(over, nginx, tmp_path):
    single = over("http1")
    configuration = with_load(single, nginx, workers=1, limits={"upgrade_timeout": "2s"})
    gateway = single.start(configuration)
    configuration["workers"] = 4
    gateway.configuration.write_text(json.dumps(configuration))
    single.issuer.server.mode = "fail"
    load = Wrk(tmp_path, single.at("/load"), single.issuer.mint(single.at("/load")), keeps=False)
    gateway.wait_for_load(100)
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("No upgrade: the new process was not ready within 2 s.", within=10)
    load.outcome().assert_flawless()
    assert failures(gateway) == []


def test_an_issuer_that_the_old_process_does_not_reach_either_is_no_hindrance(over):
    single = over("http1")
    configuration = single.configuration()
    dead = {"issuer": "https://dead.example", "keys": {"uri": f"http://127.0.0.1:{free_port()}/jwks"}}
    configuration["issuers"]["dead"] = dead
    configuration["routes"].append(
        {**configuration["routes"][0], "resource": single.at("/dead"), "issuer": "dead"}
    )
    gateway = single.start(configuration)
    assert gateway.upgrade().wait(5) == 0
    assert post(single).status == 200


def post_of_orphan(single):
    """A request to a process that the harness has not been told of; it is ended then."""
    gateway = single.gateway
    try:
        assert gateway.process.wait(10) in (0, -signal.SIGKILL)
        return raw_http.exchange(single.address, mcp_requests.post(single.host, "/mcp", single.token()))
    finally:
        for each in gateway.operational_log():
            if each["message"] == "Upgrading.":
                os.kill(int(each["process"]), signal.SIGKILL)


def test_the_new_process_serves_if_the_old_one_dies_meanwhile(over):
    single = over("http1")
    gateway = single.start()
    slow(single)
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("Upgrading.")
    gateway.process.kill()
    single.issuer.server.released.set()
    single.issuer.server.mode = "ok"
    deadline = time.monotonic() + 20
    while gateway.messages().count("The keys of an issuer have changed.") < 2:
        assert time.monotonic() < deadline, gateway.messages()
        time.sleep(0.05)
    assert post_of_orphan(single).status == 200


def test_a_second_request_for_an_upgrade_and_a_reload_wait_for_the_end_of_the_first(over):
    single = over("http1")
    gateway = single.start()
    slow(single)
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("Upgrading.")
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("No upgrade: one is under way.")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Nothing was reloaded: an upgrade is under way")
    assert len(children(gateway.process)) == 1
    assert gateway.stop() == 0


def test_a_reload_that_is_refused_meanwhile_is_on_the_status_page(over):
    single, admin = over("http1"), Admin()
    gateway = single.start(single.configuration(admin=admin.member, limits={"drain_delay": "10s"}))
    slow(single)
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("Upgrading.")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Nothing was reloaded: an upgrade is under way")
    assert admin.status()["configuration"]["last_reload"]["outcome"] == "refused"
    gateway.signal(signal.SIGTERM)
    gateway.wait_for_message("Draining.")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Nothing was reloaded: this process is draining.")
    assert value(admin.metrics(), "audgate_reloads_total", outcome="refused") == 2


def test_signals_that_come_before_the_new_process_can_take_them_do_not_end_it(over, program):
    single = over("http1")
    gateway = single.start(program=program)
    # Not by a shell, which unblocks all signals as it begins.
    late = f"import os, sys, time; time.sleep(1); os.execv({binary()!r}, sys.argv)"
    replace(program, f"#!{sys.executable}\n{late}\n")
    gateway.signal(signal.SIGUSR2)
    new = int(gateway.wait_for_message("Upgrading.")["process"])
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2):
        os.kill(new, number)
    gateway.wait_for_message("Upgraded: the new process serves.", within=20)
    assert gateway.process.wait(10) == 0
    assert post_of_orphan(single).status == 200


def test_an_upgrade_finds_descriptors_where_clients_have_all_of_theirs(over):
    single = over("http1")
    configuration = single.configuration(workers=4, limits={"connections_per_address": 1000})
    configuration["listeners"] += [single.listener(f"127.0.0.1:{free_port()}") for _ in range(7)]
    gateway = single.start(configuration, descriptors=256)
    may_end = threading.Event()
    streams = []
    with single.recorder.answering(upstreams.held_stream(EVENTS[:2], may_end)):
        for _ in range(160):
            streams.append(gateway.connect(30))
            streams[-1].send(mcp_requests.post(single.host, "/mcp", single.token()))
        gateway.wait_for_message("Accepting pauses.")
        old = gateway.upgrade()
        may_end.set()
    for each in streams:
        each.close()
    assert old.wait(15) == 0


def test_a_signal_to_end_ends_the_new_process_too(over):
    single = over("http1")
    gateway = single.start()
    slow(single)
    gateway.signal(signal.SIGUSR2)
    new = int(gateway.wait_for_message("Upgrading.")["process"])
    assert gateway.stop() == 0
    assert not Path(f"/proc/{new}").exists()
    with pytest.raises(ConnectionRefusedError):
        raw_http.dial(single.address)


def test_a_draining_process_starts_no_other(over):
    single = over("http1")
    gateway = single.start()
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)):
        stream = Stream(single)
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_message("Draining.")
        gateway.signal(signal.SIGUSR2)
        gateway.wait_for_message("No upgrade: this process is draining.")
        released.set()
        assert stream.rest() == b"".join(EVENTS)
    assert gateway.process.wait(5) == 0
    assert "Upgrading." not in gateway.messages()


def test_a_process_that_is_not_ready_itself_starts_no_other(over):
    single = over("http1")
    slow(single)
    gateway = single.start(ready_within=None)
    gateway.wait_for_message("Listening.")
    gateway.signal(signal.SIGUSR2)
    gateway.wait_for_message("No upgrade: this process is not ready itself.")
    single.issuer.server.released.set()
    gateway.stop()


def pid(path):
    return int(path.read_text())


def test_the_pid_file_tells_who_serves(over, tmp_path):
    single = over("http1")
    path = tmp_path / "audgate.pid"
    gateway = single.start(arguments=("--pid-file", str(path)))
    gateway.wait_until(path.exists, 5, "writing its id")
    assert pid(path) == gateway.process.pid
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
        stream = Stream(single)
        old = gateway.upgrade()
        assert pid(path) == gateway.process.pid != old.pid
        assert stream.rest() == b"".join(EVENTS)
    assert old.wait(5) == 0
    assert pid(path) == gateway.process.pid, "the old process leaves the file of the new one alone"
    assert gateway.stop() == 0
    assert [each.name for each in tmp_path.glob("audgate.pid*")] == []


def test_a_pid_file_that_cannot_be_written_is_said(over, tmp_path):
    single = over("http1")
    gateway = single.start(arguments=("--pid-file", str(tmp_path / "nowhere" / "audgate.pid")))
    gateway.wait_for_message("The file with the process id cannot be written.")
    assert post(single).status == 200


def test_what_is_no_file_is_not_replaced_by_the_pid_file(over, tmp_path):
    path = tmp_path / "node"
    os.mkfifo(path)
    gateway = over("http1").start(arguments=("--pid-file", str(path)))
    gateway.wait_for_message("The file with the process id cannot be written.")
    assert gateway.stop() == 0
    assert path.is_fifo()


def start_with(single, value, passed):
    """Start a process with that value of AUDGATE_UPGRADE and these descriptors from 3 on; its exit code and messages."""
    path = single.directory / "gateway.json"
    path.write_text(json.dumps(single.configuration()))
    above = [os.dup2(each, 500 + index) for index, each in enumerate(passed)]
    shell = " ".join(f"{3 + index}<&{each}" for index, each in enumerate(above))
    command = f"exec {binary()} serve --config {path} {shell} " + " ".join(f"{each}<&-" for each in above)
    errors = single.directory / "stderr.log"
    with errors.open("wb") as err:
        environment = {"AUDGATE_UPGRADE": value.format(parent=os.getpid()), "PATH": os.environ["PATH"]}
        process = os.posix_spawn(
            "/bin/bash",
            ["bash", "-c", command],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, err.fileno(), 2),
                *((os.POSIX_SPAWN_DUP2, each, each) for each in above),
            ],
        )
    for each in above:
        os.close(each)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), errors.read_text()


def listening():
    sock = socket.create_server(("127.0.0.1", 0))
    return sock


def note(text=None):
    """The end of a connection that a new process finds, with a note in it."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if text is not None:
        near.send(text)
    return near, far


GOOD_NOTE = json.dumps({"session_key": "A" * 43, "keyed_issuers": []}).encode()

LIES = {
    "not-a-pair": ("5", "AUDGATE_UPGRADE is not of the form PID:COUNT"),
    "negative": ("{parent}:-1", "is not of the form PID:COUNT"),
    "huge": ("{parent}:99999999999999999999", "is not of the form PID:COUNT"),
    "too-many": ("{parent}:100001", "names more than 100000 sockets"),
    "of-another": ("1:1", "was not set by the process that started this one"),
    "empty": ("", "is not of the form PID:COUNT"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_variable_that_is_not_what_it_should_be_ends_the_start(over, name):
    value, reason = LIES[name]
    code, said = start_with(over("http1"), value, [])
    assert code == 2 and reason in said, (code, said)


def test_what_is_passed_is_not_believed_unseen(over, tmp_path):
    single = over("http1")
    reader, writer = os.pipe()
    connected = socket.create_connection((keeper := listening()).getsockname())
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0audgate-test-{os.getpid()}")
    abstract.listen()
    ends = [note(GOOD_NOTE) for _ in range(6)]
    unread = [
        note(each)
        for each in (
            None,
            b"nonsense",
            b"\xff",
            b'{"session_key":"AAAA","keyed_issuers":[]}',
            b'{"session_key":7,"keyed_issuers":[]}',
            GOOD_NOTE.replace(b"[]", b"7"),
        )
    ]
    table = [
        ([], "Descriptor 3 is no connection"),
        ([reader], "Descriptor 3 is no connection"),
        *(([each[1].fileno()], "has left no note") for each in unread),
        ([ends[0][1].fileno()], "Descriptor 4, which was passed to this process, is not open"),
        ([ends[1][1].fileno(), reader], "is no stream socket"),
        ([ends[2][1].fileno(), datagram.fileno()], "is no stream socket"),
        ([ends[3][1].fileno(), connected.fileno()], "does not listen"),
        ([ends[4][1].fileno(), bound.fileno()], "does not listen"),
        ([ends[5][1].fileno(), abstract.fileno()], "listens on no IPv4 or IPv6 address and no Unix path"),
    ]
    for passed, reason in table:
        code, said = start_with(single, "{parent}:1", passed)
        assert code == 2 and reason in said, (reason, code, said)
    for each in (keeper, connected, bound, datagram, abstract):
        each.close()
    os.close(reader)
    os.close(writer)


def test_streams_of_many_clients_outlive_many_upgrades(over):
    single = over("tls2")
    gateway = single.start(single.configuration(workers=2))
    bodies, released = [], threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released, 0.1)):
        streams = [Stream(single) for _ in range(10)]
        threads = [threading.Thread(target=lambda each=each: bodies.append(each.rest())) for each in streams]
        for each in threads:
            each.start()
        old = [gateway.upgrade() for _ in range(3)]
        assert all(each.poll() is None for each in old[:1])
        released.set()
        for each in threads:
            each.join(30)
    assert bodies == [b"".join(EVENTS)] * 10
    assert [each.wait(5) for each in old] == [0, 0, 0]
