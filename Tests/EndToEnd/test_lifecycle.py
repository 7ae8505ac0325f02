"""Start, drain, end; listeners of every kind; and what a run leaves in the logs (case 172)."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.gateway import binary, free_port, run, wait_for_port

EVENTS = [b"data: %d\n\n" % number for number in range(6)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_exchange_is_finished_before_the_end(single, number):
    gateway = single.start()
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        head = connection.read_head()
        gateway.signal(number)
        gateway.wait_for_message("Draining.")
        time.sleep(0.3)
        assert gateway.process.poll() is None
        assert gateway.health() in (None, 503), "a draining process takes no new traffic"
        released.set()
        assert b"".join(connection.pieces(head)) == b"".join(EVENTS)
    assert gateway.process.wait(5) == 0


def test_an_exchange_that_outlasts_the_limit_is_cut_and_the_end_is_still_clean(single):
    gateway = single.start(single.configuration(limits={"drain_timeout": "1s"}))
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        head = connection.read_head()
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        assert gateway.process.wait(5) == 0
        assert 0.9 < time.monotonic() - started < 8
        released.set()


def test_a_draining_gateway_takes_no_connection_and_leaves_its_address_to_the_next(single):
    gateway = single.start()
    released = threading.Event()
    with single.recorder.answering(upstreams.held_stream(EVENTS, released)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        connection.read_head()
        gateway.signal(signal.SIGTERM)
        gateway.wait_until(lambda: gateway.health() is None, 5, "refusing connections")
        assert gateway.process.poll() is None
        with pytest.raises(ConnectionRefusedError):
            gateway.connect()
        with socket.create_server(("127.0.0.1", single.port)):
            pass
        released.set()
    assert gateway.process.wait(5) == 0


def test_a_request_that_arrived_before_the_signal_was_seen_is_answered(single):
    gateway = single.start()
    with gateway.connect() as idle:
        idle.send(mcp_requests.post(single.host, "/mcp", single.token()))
        gateway.signal(signal.SIGTERM)
        assert idle.read_head().status == 200
    assert gateway.process.wait(5) == 0


def test_an_idle_gateway_ends_at_once(single):
    gateway = single.start()
    with gateway.connect() as idle:
        idle.exchange(mcp_requests.post(single.host, "/mcp"))
        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 5


def test_a_listener_on_ipv6(single):
    port = free_port("::1")
    single.listen("::1", port)
    gateway = single.start()
    token = single.token()
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp", token)).status == 200
    assert single.recorder.the_request().one("X-Forwarded-For") == "::1"
    assert gateway.exchange(mcp_requests.post(f"[0:0:0:0:0:0:0:1]:{port}", "/mcp", token)).status in (
        400,
        421,
    )


def test_a_listener_on_a_unix_socket(single, tmp_path):
    path = str(tmp_path / "gate.sock")
    configuration = single.configuration()
    configuration["listeners"].append(single.listener(f"unix:{path}"))
    gateway = single.start(configuration)
    data = mcp_requests.post(single.host, "/mcp", single.token())
    assert gateway.exchange(data, address=path).status == 200
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp"), address=path).status == 401


def test_a_socket_that_a_dead_process_left_does_not_prevent_the_start(single, tmp_path):
    path = str(tmp_path / "gate.sock")
    configuration = single.configuration()
    configuration["listeners"].append(single.listener(f"unix:{path}"))
    single.start(configuration)
    single.gateway.process.kill()
    single.gateway.process.wait()
    gateway = single.start(configuration)
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp"), address=path).status == 401


def test_an_address_in_use_is_a_clear_error_and_not_a_crash(single):
    holder = upstreams.Recorder()
    configuration = single.configuration()
    configuration["listeners"] = [{"address": f"127.0.0.1:{holder.port}"}]
    path = single.directory / "gateway.json"
    path.write_text(json.dumps(configuration))
    result = run("serve", "--config", str(path), timeout=10)
    holder.stop()
    assert result.returncode in (1, 2)
    assert str(holder.port) in result.stderr


def test_the_health_path_is_configurable(single):
    configuration = single.configuration()
    configuration["listeners"][0]["health_path"] = "/alive"
    gateway = single.start(configuration, ready_within=None)
    alive = raw_http.request("GET", "/alive", "any.invalid")

    def is_ready():
        try:
            return gateway.exchange(alive).status == 200
        except OSError:
            return False

    gateway.wait_until(is_ready, 10, "ready")
    assert gateway.health() == 421


def test_every_worker_serves(single):
    gateway = single.start(single.configuration(workers=2))
    statuses = []

    def one():
        for _ in range(10):
            statuses.append(gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    names = len(list(Path(f"/proc/{gateway.process.pid}/task").iterdir()))
    assert names >= 3, "two workers and the main thread"


def test_every_request_leaves_one_line_in_the_access_log(single):
    gateway = single.start()
    requests = [
        (mcp_requests.post(single.host, "/mcp", single.token()), 200),
        (mcp_requests.post(single.host, "/mcp"), 401),
        (mcp_requests.post(single.host, "/elsewhere"), 404),
        (mcp_requests.post("evil.example", "/mcp"), 421),
        (raw_http.request("GET", "/.well-known/oauth-protected-resource/mcp", single.host), 200),
    ]
    if not single.uses_http2:
        requests.append((b"GARBAGE\r\n\r\n", 400))
    since = gateway.log_position()
    for data, status in requests:
        assert gateway.exchange(data).status == status
    entries = gateway.wait_for_access(since, len(requests))
    assert [each["status"] for each in entries] == [status for _, status in requests]
    good = entries[0]
    assert single.resource in good.values() and "POST" in good.values()
    assert single.issuer.identifier in json.dumps(good) and "client-1" in json.dumps(good)
    assert "alice" not in json.dumps(good), "the subject is logged as a keyed hash only"


def test_a_stream_that_was_aborted_is_logged_as_such(single):
    gateway = single.start()
    since = gateway.log_position()
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.02, then="reset")):
        for _ in range(2):
            try:
                gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
            except raw_http.ConnectionEnded:
                pass
    gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
    broken, _, whole = gateway.wait_for_access(since, 3)
    assert broken["reason"] != whole["reason"]


def test_case_172_no_log_holds_a_token_a_query_or_a_secret(single):
    gateway = single.start()
    good, replayed = (
        single.token(sub="secret-person"),
        single.issuer.mint("http://other.example", sub="secret-person"),
    )
    secret = [
        ("Mcp-Session-Id", "session-4711"),
        ("Mcp-Param-Region", "secret-region"),
        ("Cookie", "secret-cookie"),
        ("X-Api-Key", "secret-key"),
    ]
    for token in (good, replayed, "secret.garbage.token"):
        for target in ("/mcp", "/mcp?access_token=secret-query", "/mcp?api_key=secret-query"):
            gateway.exchange(mcp_requests.post(single.host, target, token, extra=secret))
    gateway.exchange(mcp_requests.post(single.host, "/mcp?token=secret-query"))
    if not single.uses_http2:
        gateway.exchange(b"BROKEN secret-line\r\nAuthorization: Bearer " + good.encode() + b"\r\n\r\n")
    with single.recorder.answering(upstreams.reset_at_once):
        gateway.exchange(mcp_requests.post(single.host, "/mcp?x=secret-query", good, extra=secret))
    count = 11 if single.uses_http2 else 12
    assert len(gateway.wait_for_access(0, count)) >= count
    gateway.stop()
    logs = gateway.stdout.read_text() + gateway.stderr.read_text()
    for part in good.split(".")[1:] + replayed.split(".")[1:]:
        assert part not in logs
    for word in ("secret-", "session-4711", "secret.garbage"):
        assert word not in logs, word


def test_operational_messages_are_json_lines_on_standard_error(single):
    single.issuer.server.stop()
    gateway = single.start()
    assert gateway.operational_log(), "an issuer that cannot be reached is worth a line"
    assert any(
        single.issuer.identifier in json.dumps(each) or "corp" in json.dumps(each)
        for each in gateway.operational_log()
    )
    gateway.stop()
    for line in (gateway.stdout.read_text() + gateway.stderr.read_text()).splitlines():
        assert isinstance(json.loads(line), dict)


def test_no_descriptor_is_left_after_a_crowd_of_good_and_bad_clients(single):
    gateway = single.start()

    def descriptors():
        return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))

    gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
    before = descriptors()
    for _ in range(20):
        gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
        if not single.uses_http2:
            gateway.exchange(b"BAD\r\n\r\n")
        with gateway.connect() as connection:
            connection.send(mcp_requests.post(single.host, "/mcp", single.token())[:100])
        with single.recorder.answering(upstreams.reset_at_once):
            gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
    gateway.wait_until(lambda: descriptors() <= before + 2, 5, "back to as many descriptors as before")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_descriptors_that_are_closed_do_not_become_those_of_sockets(over, closed):
    single = over("http1")
    path = single.directory / "closed.json"
    path.write_text(json.dumps(single.configuration()))
    process = subprocess.Popen(["sh", "-c", f'exec "$0" serve --config "$1" {closed}', binary(), str(path)])
    try:
        wait_for_port(single.address[1])
        request = mcp_requests.post(single.host, "/mcp")
        assert raw_http.exchange(single.address, request).status in (401, 503)
        places = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        assert not [each for each in places if each.startswith(("socket:", "anon_inode:"))]
        assert places.count("/dev/null") >= closed.count("&-")
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_clients_cannot_take_the_descriptors_that_servers_need(single):
    gateway = single.start(descriptors=96)
    used = [gateway.connect() for _ in range(3)]
    idle = [raw_http.dial(gateway.address) for _ in range(97)]
    try:
        statuses = []
        for connection in used:
            connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
            statuses.append(connection.read_head().status)
        assert statuses == [200, 200, 200]
    finally:
        for connection in used + idle:
            connection.close()


def test_no_request_of_a_busy_client_is_lost_when_the_gateway_drains(single):
    gateway = single.start()
    request = mcp_requests.post(single.host, "/mcp", single.token())
    ends: list[int | str] = []

    def client() -> None:
        try:
            with gateway.connect() as connection:
                while True:
                    response = connection.exchange(request)
                    if response.status != 200 or connection.is_last(response):
                        ends.append(response.status)
                        return
        except (OSError, raw_http.ConnectionEnded) as error:
            ends.append(repr(error))

    clients = [threading.Thread(target=client) for _ in range(8)]
    for each in clients:
        each.start()
    time.sleep(0.5)
    gateway.signal(signal.SIGTERM)
    for each in clients:
        each.join(10)
    assert ends == [200] * 8
    assert gateway.process.wait(5) == 0


@pytest.mark.http1("client", "what follows a request that closes is HTTP/1.1")
def test_an_answer_is_not_lost_when_more_was_sent_behind_a_closing_request(single):
    gateway = single.start()
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(10):
        with gateway.connect() as connection:
            connection.send_as_far_as_possible(last + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 8000)
            time.sleep(0.02)
            response = connection.read_response("GET")
            assert response.status == 200 and response.all("Connection") == ["close"]
            with pytest.raises(raw_http.ConnectionEnded, match="closed"):
                connection.read_head()
