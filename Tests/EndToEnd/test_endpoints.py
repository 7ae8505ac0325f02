"""Several endpoints for one server: killed, stalled, broken and returned; sessions, tasks, limits, names."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest

from harness import mcp_requests, sdk_client
from harness.admin import Admin, value
from harness.gateway import Gateway, free_port, wait_for_port
from harness.load import H2load, Wrk
from harness.mcp1 import PYTHON
from harness.mcp_servers import ServerProcess
from harness.messages import initialize, legacy, modern
from harness.nginx import Nginx
from harness.recorder import STREAM_HEAD, Recorder, canned, chunk, event_stream, held_stream, never
from harness.transports import acceptor

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to the choice.
TRANSPORTS = ("http1", "tls2/https2")

SECRET = "4f" * 32
TASKS_SERVER = Path(__file__).parent / "harness/mcp1_tasks_server.py"


def recorders(single, count):
    """Further recorders like the one that `single` has, which is the first."""
    transport = single.transports.upstream
    tls = acceptor(transport, single.certificates)
    return [single.recorder, *(Recorder(tls=tls, http2=transport.uses_http2) for _ in range(count - 1))]


def start(single, endpoints, route=None, admin=None, **upstream):
    """A gateway with these endpoints, recorders or URLs, and a constant key for session ids."""
    key = single.directory / "session.key"
    key.write_text(SECRET)
    urls = [each if isinstance(each, str) else single.endpoint(each.authority) for each in endpoints]
    behind = single.upstream(*urls, **upstream)
    routes = [{"resource": single.resource, "issuer": "corp", "upstream": behind, **(route or {})}]
    members = {"admin": admin.member} if admin else {}
    return single.start(single.configuration(routes=routes, session_keys=[{"file": str(key)}], **members))


def ask(single, token=None, post=None, **options):
    """One call, on a connection of its own."""
    post = post or modern()
    data = post.request(single.host, "/mcp", token or single.token())
    return single.gateway.exchange(data, "POST", **options)


def statuses(single, count, token=None):
    return Counter(ask(single, token).status for _ in range(count))


def said(gateway, message):
    """The log's lines with this message."""
    return [each for each in gateway.operational_log() if each["message"] == message]


EJECTED = "An endpoint is ejected: requests fail there."
DOWN = "An endpoint is down: its checks fail."
BACK = "An endpoint takes requests again."


class Stream(threading.Thread):
    """A request whose answer takes its time, on a thread; `response` is there after `join`."""

    def __init__(self, single, post=None):
        super().__init__(daemon=True)
        self.single, self.post, self.token = single, post, single.token()
        self.response = None
        self.start()

    def run(self):
        self.response = ask(self.single, self.token, self.post, timeout=30)


# Which place takes a request


def test_requests_are_spread_over_all_endpoints(single):
    servers = recorders(single, 3)
    start(single, servers)
    assert statuses(single, 90, single.token()) == {200: 90}
    # Each is one of three equals: fewer than eight of ninety have a chance of one in 10 million.
    assert all(len(each.requests) >= 8 for each in servers), [len(each.requests) for each in servers]


def test_concurrent_requests_go_where_fewer_are_under_way(single):
    # With two endpoints the two that are drawn are always both: nothing is left to chance but who is first of equals.
    servers = recorders(single, 2)
    gateway = start(single, servers)
    released = threading.Event()
    for each in servers:
        each.script = held_stream([b"data: 1\n\n"] * 4, released)
    streams = [Stream(single) for _ in range(12)]
    gateway.wait_until(lambda: sum(len(each.requests) for each in servers) == 12, 10, "busy with all of them")
    released.set()
    for each in streams:
        each.join()
    assert {each.response.status for each in streams} == {200}
    assert [len(each.requests) for each in servers] == [6, 6]


def test_idle_listeners_keep_no_request_away(single):
    servers = recorders(single, 2)
    start(single, servers)
    token = single.token()
    for each in servers:
        each.script = event_stream([b": \n\n"] * 40, 0.25)
    opened = []
    try:
        for _ in range(6):
            connection = single.gateway.connect()
            connection.send(mcp_requests.get(single.host, "/mcp", token))
            assert connection.read_head().status == 200
            opened.append(connection)
        listening = [len(each.requests) for each in servers]
        assert listening == [3, 3], "streams are weighed against each other"
        for each in servers:
            each.clear()
        assert statuses(single, 30, token) == {200: 30}
        assert all(len(each.requests) >= 5 for each in servers)
    finally:
        for each in opened:
            each.close()


def test_a_legacy_session_stays_with_its_server_and_modern_requests_go_anywhere(over, tmp_path):
    """Servers and client of the official SDK."""
    single = over("http1")
    servers = [ServerProcess(f"server-{number}", free_port(), tmp_path).start() for number in range(3)]

    async def names(mode, calls):
        with anyio.fail_after(60):
            async with sdk_client.connected(single.resource, single.token(), mode=mode) as client:
                assert client.protocol_version == sdk_client.MODES[mode]
                return {sdk_client.text(await client.call_tool("whoami", {})) for _ in range(calls)}

    try:
        start(single, [each.url for each in servers])
        seen = [asyncio.run(names("legacy", 12)) for _ in range(8)]
        assert all(len(each) == 1 for each in seen), "each session has one server"
        assert len(set.union(*seen)) > 1, "sessions are spread"
        assert len(asyncio.run(names("auto", 40))) == 3
    finally:
        for each in servers:
            each.stop()


# Tasks


def created(identifier, form):
    """How a server begins a task: as of 2025-11-25 or of the extension, as JSON or in an event stream."""
    era, kind = form
    task = {"taskId": identifier, "status": "working"}
    result = {"task": task} if era == "core" else {"resultType": "task", **task, "ttlMs": 60000}
    message = json.dumps({"jsonrpc": "2.0", "id": 7, "result": result}).encode()
    if kind == "json":
        return canned(body=message)
    progress = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
    return event_stream([progress, b"event: message\ndata: " + message + b"\n\n"], 0.05)


def begin(form):
    """A call whose client takes a task for an answer."""
    if form[0] == "core":
        return legacy("tools/call", {"name": "slow", "arguments": {}, "task": {"ttl": 60000}})
    capabilities = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    meta = {**mcp_requests.META, "io.modelcontextprotocol/clientCapabilities": capabilities}
    return modern("tools/call", {"name": "slow", "arguments": {}}, meta=meta)


def about(form, method, identifier):
    return (legacy if form[0] == "core" else modern)(method, {"taskId": identifier})


def homes(servers, method):
    """At which servers such requests have arrived."""
    quoted = f'"{method}"'.encode()
    return {number for number, each in enumerate(servers) if any(quoted in one.body for one in each.requests)}


@pytest.mark.parametrize(
    "form",
    [("core", "json"), ("core", "stream"), ("extension", "json"), ("extension", "stream")],
    ids="-".join,
)
def test_requests_about_a_task_go_where_it_began(single, form):
    servers = recorders(single, 4)
    start(single, servers)
    token, seen = single.token(), set()
    for number in range(8):
        identifier = f"task-{number}"
        for each in servers:
            each.clear()
            each.script = created(identifier, form)
        answer = ask(single, token, begin(form))
        assert answer.status == 200 and identifier.encode() in answer.body
        (home,) = homes(servers, "tools/call")
        seen.add(home)
        for each in servers:
            each.script = None
        for method in ("tasks/get", "tasks/cancel", "tasks/update", "tasks/result"):
            for _ in range(3):
                assert ask(single, token, about(form, method, identifier)).status == 200
            assert homes(servers, method) == {home}, (method, identifier)
    assert len(seen) > 1, "tasks begin at several endpoints"


def test_tasks_of_sdk_servers_are_found_again(over, tmp_path):
    """Servers that keep tasks in their own memory: another one would not know them."""
    single = over("http1")
    ports = [free_port() for _ in range(3)]
    log = (tmp_path / "servers.log").open("wb")
    command = [str(PYTHON), str(TASKS_SERVER)]
    servers = [subprocess.Popen([*command, str(each)], stdout=log, stderr=log) for each in ports]
    try:
        for port in ports:
            wait_for_port(port, within=20)
        start(single, [f"http://127.0.0.1:{port}/mcp" for port in ports])
        token, seen = single.token(), set()
        for _ in range(10):
            call = legacy("tools/call", {"name": "whoami", "arguments": {}, "task": {"ttl": 60000}})
            identifier = result_of(ask(single, token, call))["task"]["taskId"]
            names = set()
            for _ in range(4):
                task = result_of(ask(single, token, legacy("tasks/get", {"taskId": identifier})))
                assert task["status"] == "completed"
                result = result_of(ask(single, token, legacy("tasks/result", {"taskId": identifier})))
                names.add(result["content"][0]["text"])
            assert len(names) == 1
            seen |= names
        assert len(seen) > 1, "tasks begin at several servers"
    finally:
        for each in servers:
            each.kill()
            each.wait()


def result_of(response):
    """The result in an answer of an SDK server, which is an event stream."""
    assert response.status == 200, (response.status, response.body)
    lines = [each for each in response.body.decode().splitlines() if each.startswith("data: {")]
    message = json.loads(lines[-1].removeprefix("data: "))
    assert "result" in message, message
    return message["result"]


def test_an_unknown_task_goes_to_the_same_endpoint_in_every_replica(single):
    servers = recorders(single, 4)
    gateway = start(single, servers)
    other_port = free_port()
    configuration = json.loads(gateway.configuration.read_text())
    # The same routes; only the listener has another address, at which clients name the same host.
    configuration["listeners"][0]["address"] = f"127.0.0.1:{other_port}"
    (single.directory / "other").mkdir()
    other = Gateway(
        configuration, single.directory / "other", ("127.0.0.1", other_port), client=single.client
    )
    other.start()
    try:
        places = set()
        for number in range(12):
            for each in servers:
                each.clear()
            data = modern("tasks/get", {"taskId": f"unknown-{number}"}).request(
                single.host, "/mcp", single.token()
            )
            for replica in (gateway, other, gateway, other):
                assert replica.exchange(data, "POST").status == 200
            assert len(homes(servers, "tasks/get")) == 1
            places |= homes(servers, "tasks/get")
        assert len(places) > 1
    finally:
        other.stop()


def test_a_task_of_somebody_else_is_not_looked_up(single):
    """The server is asked in any case: it judges. But what one client was told moves no request of another."""
    servers = recorders(single, 4)
    start(single, servers)
    bob = single.token(sub="bob")
    before = {}
    for number in range(8):
        for each in servers:
            each.clear()
        ask(single, bob, modern("tasks/get", {"taskId": f"shared-{number}"}))
        (before[number],) = homes(servers, "tasks/get")
    for number in range(8):
        for each in servers:
            each.clear()
            each.script = created(f"shared-{number}", ("extension", "json"))
        ask(single, single.token(), begin(("extension", "json")))
        for each in servers:
            each.clear()
        ask(single, bob, modern("tasks/get", {"taskId": f"shared-{number}"}))
        assert homes(servers, "tasks/get") == {before[number]}


def test_an_answer_that_tells_of_a_task_goes_on_unchanged_and_at_once(single):
    servers = recorders(single, 2)
    start(single, servers)
    message = b'data: {"jsonrpc":"2.0","id":7,"result":{"resultType":"task",\ndata: "taskId":"t"}}\r\r: x\n\n'
    may_end = threading.Event()

    def script(_, connection):
        connection.send(STREAM_HEAD)
        for start_of_piece in range(0, len(message), 7):
            connection.send(chunk(message[start_of_piece : start_of_piece + 7]))
            time.sleep(0.01)
        may_end.wait(10)
        connection.send(b"0\r\n\r\n")

    for each in servers:
        each.script = script
    with single.gateway.connect() as connection:
        connection.send(begin(("extension", "json")).request(single.host, "/mcp", single.token()))
        pieces = connection.pieces(connection.read_head())
        received = b""
        while len(received) < len(message):
            received += next(pieces)
        assert received == message, "nothing is held back until the end"
        may_end.set()
        assert b"".join(pieces) == b""


# Endpoints that fail


def test_when_an_endpoint_dies_exactly_those_requests_fail_of_which_it_had_taken_a_byte(single):
    dying, healthy = recorders(single, 2)
    gateway = start(single, [dying, healthy])
    token = single.token()
    assert statuses(single, 20, token) == {200: 20}, "both have idle connections"
    dying.clear()
    healthy.clear()
    released = threading.Event()
    dying.script = never
    healthy.script = held_stream([b"data: 1\n\n"] * 4, released)
    streams = [Stream(single) for _ in range(10)]
    gateway.wait_until(lambda: len(dying.requests + healthy.requests) == 10, 10, "busy with all of them")
    taken = len(dying.requests)
    assert 3 <= taken <= 7
    dying.stop()
    healthy.script = None
    during = statuses(single, 50, token)
    released.set()
    for each in streams:
        each.join()
    assert Counter(each.response.status for each in streams) == {502: taken, 200: 10 - taken}
    assert during == {200: 50}


@pytest.mark.parametrize("program", [Wrk, H2load])
def test_under_load_only_requests_fail_that_were_at_the_endpoint_that_was_killed(over, tmp_path, program):
    """nginx behind, wrk or h2load in front: one of three servers is killed, and comes back."""
    single = over("http1" if program is Wrk else "h2c")
    servers = [Nginx(tmp_path / f"nginx-{number}") for number in range(3)]
    victim = servers[0]
    gateway = start(
        single,
        [f"http://127.0.0.1:{each.port}/mcp" for each in servers],
        ejection={"time": "1s"},
        slow_start="500ms",
    )
    # Each has as many requests under way as it has connections or streams.
    connections = 24 if program is Wrk else 6
    at_once = connections if program is Wrk else 4 * connections
    load = program(tmp_path, single.resource, single.token(), connections)
    try:
        gateway.wait_for_load()
        victim.process.kill()
        victim.process.wait()
        gateway.wait_until(lambda: said(gateway, EJECTED), 10, "ejected")
        served = (victim.folder / "facts.log").stat().st_size
        victim.process = subprocess.Popen(
            ["nginx", "-p", str(victim.folder), "-c", str(victim.folder / "nginx.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        gateway.wait_until(lambda: said(gateway, BACK), 10, "taken back")
        log = victim.folder / "facts.log"
        gateway.wait_until(lambda: log.stat().st_size > served, 10, "used again")
        time.sleep(1)
        result = load.outcome()
    finally:
        for each in servers:
            each.stop()
    assert result.broken == 0, result.text
    gateway.log_position()  # The last lines follow their answers.
    entries = [each for each in gateway.access_log() if each["status"] != 499]
    failed = [each for each in entries if each["status"] != 200]
    assert result.answered > 500 and len(entries) >= result.answered
    assert {each["upstream"] for each in failed} <= {f"127.0.0.1:{victim.port}"}
    assert {each["reason"] for each in failed} <= {"upstream_closed", "upstream_aborted"}
    # No more than one for each request that was under way when it was killed.
    assert len(failed) <= at_once
    assert result.answered - result.good <= len(failed)


def test_a_stalled_endpoint_is_ejected_and_returns_when_it_goes_on(over, tmp_path):
    """A server of the SDK under SIGSTOP: the kernel takes connections for it, and nobody answers."""
    single = over("http1")
    stalled, healthy = (ServerProcess(f"server-{number}", free_port(), tmp_path).start() for number in (0, 1))
    try:
        gateway = start(
            single,
            [stalled.url, healthy.url],
            response_timeout="2500ms",
            ejection={"failures": 2, "time": "5s", "maximum_time": "5s"},
            slow_start="0s",
        )
        token = single.token()

        def whoami():
            answer = ask(single, token, modern("tools/call", {"name": "whoami", "arguments": {}}))
            if answer.status != 200:
                return answer.status
            return "server-0" if b"server-0" in answer.body else "server-1"

        assert {whoami() for _ in range(20)} == {"server-0", "server-1"}
        stalled.process.send_signal(signal.SIGSTOP)
        first = Counter(whoami() for _ in range(30))
        assert first == {504: 2, "server-1": 28}, "as many fail as it takes to know, and no more"
        assert [each["reason"] for each in said(gateway, EJECTED)] == ["upstream_timeout"]
        # Back on probation it fails again, and once is enough now.
        gateway.wait_until(lambda: said(gateway, BACK), 12, "back")
        assert Counter(whoami() for _ in range(30)) == {504: 1, "server-1": 29}
        stalled.process.send_signal(signal.SIGCONT)
        gateway.wait_until(lambda: len(said(gateway, BACK)) == 2, 12, "back again")
        assert set(Counter(whoami() for _ in range(20))) == {"server-0", "server-1"}
    finally:
        os.kill(stalled.process.pid, signal.SIGCONT)
        stalled.stop()
        healthy.stop()


@pytest.mark.parametrize(
    "status, is_ejected", [(500, False), (501, False), (404, False), (502, True), (503, True)]
)
def test_an_endpoint_is_ejected_for_answers_that_say_that_it_cannot_serve(single, status, is_ejected):
    failing, healthy = recorders(single, 2)
    gateway = start(single, [failing, healthy], ejection={"failures": 3})
    failing.script = canned(status)
    seen = statuses(single, 40)
    assert seen[200] + seen[status] == 40
    if is_ejected:
        assert seen[status] == 3
        (line,) = said(gateway, EJECTED)
        assert line["endpoint"] == f"{failing.authority}/mcp" and line["reason"] == f"status {status}"
    else:
        assert seen[status] > 5
        assert not said(gateway, EJECTED)


def test_no_more_than_half_are_ejected(single):
    servers = recorders(single, 4)
    gateway = start(single, servers, ejection={"failures": 2, "time": "1m"})
    for each in servers[:3]:
        each.script = canned(503)
    token = single.token()
    statuses(single, 60, token)
    assert len(said(gateway, EJECTED)) == 3
    for each in servers:
        each.clear()
    assert statuses(single, 60, token)[200] == 60
    assert all(each.requests for each in servers), "too many were found broken: all are used"


def test_a_reload_forgets_nothing_of_endpoints_that_stay(single):
    failing, healthy = recorders(single, 2)
    gateway = start(single, [failing, healthy], ejection={"failures": 3, "time": "1m"})
    failing.script = canned(503)
    token = single.token()
    assert statuses(single, 30, token)[503] == 3
    failing.clear()
    configuration = json.loads(gateway.configuration.read_text())
    more = {**configuration["routes"][0], "resource": single.at("/other")}
    configuration["routes"].append(more)
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: said(gateway, "Reloaded."), 5, "reloaded")
    assert statuses(single, 20, token) == {200: 20}
    assert failing.requests == []
    # Another rule makes another endpoint of it, of which nothing is known.
    for route in configuration["routes"]:
        route["upstream"]["ejection"]["failures"] = 4
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: len(said(gateway, "Reloaded.")) == 2, 5, "reloaded")
    assert statuses(single, 20, token) == {200: 20}
    assert failing.requests != []


# Active checks

CHECKS = {"interval": "100ms", "timeout": "3s", "unhealthy": 2, "healthy": 2}


@pytest.fixture(params=["http1/http1", "http1/https1", "http1/https2", "http1/h2c"])
def checked(request, over):
    return over(request.param)


def test_checks_take_an_endpoint_out_before_a_request_meets_it_and_bring_it_back(checked):
    failing, healthy = recorders(checked, 2)
    gateway = start(checked, [failing, healthy], health={**CHECKS, "path": "/up?x=1"}, slow_start="0s")
    (first, *_) = failing.wait_for(1)
    assert (first.method, first.target) == ("GET", "/up?x=1")
    assert first.one("Host") == failing.authority and first.one("Authorization") is None
    failing.script = canned(500)
    gateway.wait_until(lambda: said(gateway, DOWN), 5, "down")
    (line,) = said(gateway, DOWN)
    assert line["reason"] == "check: status 500" and line["endpoint"] == f"{failing.authority}/mcp"
    token = checked.token()
    assert statuses(checked, 20, token) == {200: 20}
    assert all(each.method == "GET" for each in failing.requests)
    failing.script = None
    gateway.wait_until(lambda: said(gateway, BACK), 5, "back")
    assert statuses(checked, 20, token) == {200: 20}
    assert any(each.method == "POST" for each in failing.requests)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 405, 406, 429])
def test_any_answer_but_a_5xx_proves_life(over, status):
    single = over("http1")
    single.recorder.script = canned(status)
    gateway = start(single, [single.recorder], health=CHECKS)
    single.recorder.wait_for(6)
    assert {each.target for each in single.recorder.requests} == {"/mcp"}, "the endpoint's own path"
    assert not said(gateway, DOWN)


@pytest.mark.parametrize("how", ["dead", "silent", "garbage", "closes"])
def test_an_endpoint_without_an_answer_is_down(over, how):
    single = over("http1")
    failing, healthy = recorders(single, 2)
    if how == "dead":
        failing.stop()
    elif how == "silent":
        failing.script = never
    elif how == "garbage":
        failing.script = lambda _, connection: connection.send(b"hello\r\n\r\n")
    else:
        failing.script = lambda _, connection: connection.close()
    gateway = start(single, [failing, healthy], health=CHECKS)
    gateway.wait_until(lambda: said(gateway, DOWN), 15, "down")
    assert statuses(single, 20) == {200: 20}


def test_all_are_used_when_checks_find_all_dead(over):
    """The checks may be wrong; to answer nobody is certainly no better."""
    single = over("http1")
    servers = recorders(single, 2)

    def script(request, connection):
        canned(503 if request.method == "GET" else 200)(request, connection)

    for each in servers:
        each.script = script
    gateway = start(single, servers, health=CHECKS)
    gateway.wait_until(lambda: len(said(gateway, DOWN)) == 2, 5, "down")
    assert statuses(single, 20) == {200: 20}


def test_what_is_back_takes_up_its_share_slowly(over):
    single = over("http1")
    returning, steady = recorders(single, 2)
    returning.script = canned(500)
    gateway = start(single, [returning, steady], health={**CHECKS, "interval": "200ms"}, slow_start="10s")
    gateway.wait_until(lambda: said(gateway, DOWN), 5, "down")
    returning.script = None
    gateway.wait_until(lambda: said(gateway, BACK), 5, "back")
    token, shares = single.token(), []
    came_back = time.monotonic()
    for moment in (0.5, 11):
        time.sleep(max(came_back + moment - time.monotonic(), 0))
        returning.clear()
        statuses(single, 80, token)
        shares.append(sum(each.method == "POST" for each in returning.requests) / 80)
    # Two places: the half of what chance lets it take part in.
    assert shares[0] < 0.25 < shares[1], shares


# Limits


def holding(most, answer=None):
    """A script that answers after a while, and `most()`, the highest number of requests at a time."""
    lock, now = threading.Lock(), [0, 0]

    def script(request, connection):
        with lock:
            now[0] += 1
            now[1] = max(now)
        time.sleep(0.15)
        with lock:
            now[0] -= 1
        (answer or canned())(request, connection)

    most.append(lambda: now[1])
    return script


def test_an_endpoint_gets_no_more_requests_than_its_limit_from_all_workers_together(over):
    single = over("http1")
    most = []
    single.recorder.script = holding(most)
    key = {"upstream": single.upstream(limits={"requests": 3, "queue": 50, "queue_timeout": "20s"})}
    routes = [{"resource": single.resource, "issuer": "corp", **key}]
    single.start(single.configuration(routes=routes, workers=3))
    streams = [Stream(single) for _ in range(24)]
    for each in streams:
        each.join()
    assert Counter(each.response.status for each in streams) == {200: 24}
    assert most[0]() == 3
    assert len(single.recorder.requests) == 24


def wait_for_requests(gateway, admin, count):
    """Until so many are under way in the gateway, those included that wait there."""
    gateway.wait_until(
        lambda: value(admin.metrics(), "audgate_requests_in_flight") == count, 10, f"at {count} requests"
    )


def test_beyond_queue_and_queue_timeout_the_answer_is_503_with_the_id(single):
    admin, released = Admin(), threading.Event()
    single.recorder.script = held_stream([b"data: 1\n\n"] * 4, released)
    limits = {"requests": 1, "queue": 1, "queue_timeout": "3s"}
    gateway = start(single, [single.recorder], admin=admin, limits=limits)
    first = Stream(single)
    single.recorder.wait_for(1)
    waiting = Stream(single, modern(identifier="w"))
    wait_for_requests(gateway, admin, 2)
    full = ask(single, post=modern(identifier="f"))
    waiting.join()
    for response, identifier in ((full, "f"), (waiting.response, "w")):
        assert response.status == 503 and int(response.one("Retry-After")) > 0
        assert response.json()["id"] == identifier and response.json()["error"]["code"] == -32603
    released.set()
    first.join()
    assert first.response.status == 200

    def reasons():
        return sorted(each["reason"] for each in gateway.access_log() if each["reason"] != "admin")

    gateway.wait_until(lambda: len(reasons()) == 3, 5, "logged")
    assert reasons() == ["allowed", "upstream_queue_full", "upstream_queue_timeout"]
    single.recorder.script = None
    assert statuses(single, 5) == {200: 5}, "nothing was lost"
    assert len(single.recorder.requests) == 6


def test_who_leaves_the_queue_leaves_no_trace_there(single):
    admin, released = Admin(), threading.Event()
    single.recorder.script = held_stream([b"data: 1\n\n"] * 3, released)
    limits = {"requests": 1, "queue": 2, "queue_timeout": "20s"}
    gateway = start(single, [single.recorder], admin=admin, limits=limits)
    token = single.token()
    first = Stream(single)
    single.recorder.wait_for(1)
    for _ in range(3):
        leaving = [single.gateway.connect() for _ in range(2)]
        for each in leaving:
            each.send(modern(identifier="gone").request(single.host, "/mcp", token))
        wait_for_requests(gateway, admin, 3)
        for each in leaving:
            each.close()
        wait_for_requests(gateway, admin, 1)
    last = Stream(single, modern(identifier="stays"))
    wait_for_requests(gateway, admin, 2)
    released.set()
    first.join()
    last.join()
    assert [first.response.status, last.response.status] == [200, 200]
    assert len(single.recorder.requests) == 2
    assert not any(b"gone" in each.body for each in single.recorder.requests)


def test_a_full_endpoint_is_passed_over_for_one_with_room(single):
    slow, free = recorders(single, 2)
    released = threading.Event()
    slow.script = free.script = held_stream([b"data: 1\n\n"] * 4, released)
    gateway = start(single, [slow, free], limits={"requests": 2, "queue": 0})
    streams = [Stream(single) for _ in range(4)]
    gateway.wait_until(lambda: len(slow.requests + free.requests) == 4, 10, "busy with all of them")
    released.set()
    for each in streams:
        each.join()
    assert Counter(each.response.status for each in streams) == {200: 4}
    assert [len(slow.requests), len(free.requests)] == [2, 2]


def test_listening_streams_are_no_requests(single):
    single.recorder.script = event_stream([b"data: 1\n\n"] * 20, 0.2)
    start(single, [single.recorder], limits={"requests": 1, "queue": 0})
    token = single.token()
    opened = [single.gateway.connect() for _ in range(3)]
    try:
        for each in opened[:2]:
            each.send(mcp_requests.get(single.host, "/mcp", token))
        opened[2].send(modern("subscriptions/listen").request(single.host, "/mcp", token))
        for each in opened:
            assert each.read_head().status == 200
        single.recorder.script = None
        assert ask(single, token).status == 200
    finally:
        for each in opened:
            each.close()


def test_connections_are_bounded_for_all_workers_together_and_idle_ones_are_given_up(over):
    single = over("http1")
    most = []
    single.recorder.script = holding(most)
    key = {"upstream": single.upstream(limits={"connections": 2, "queue": 50, "queue_timeout": "20s"})}
    routes = [{"resource": single.resource, "issuer": "corp", **key}]
    gateway = single.start(single.configuration(routes=routes, workers=4))
    streams = [Stream(single) for _ in range(24)]
    for each in streams:
        each.join()
    assert Counter(each.response.status for each in streams) == {200: 24}
    assert most[0]() <= 2
    # One at a time, on client connections that the kernel gives to one worker or another.
    single.recorder.script = None
    assert statuses(single, 30) == {200: 30}

    def are_bounded():
        return sum(not each.ended.is_set() for each in single.recorder.connections) <= 2

    # The recorder sees the end of one a little later than the beginning of the next.
    gateway.wait_until(are_bounded, 3, "left with two connections")
    assert not any(each["status"] == 503 for each in gateway.access_log())


def test_the_time_in_the_queue_is_none_of_the_time_for_connecting(over):
    single = over("http1/https1")
    may_answer = threading.Event()
    # A handshake that takes its time, though much less than there is.
    single.recorder.tls.sni_callback = lambda *_: time.sleep(0.1)

    def script(request, connection):
        may_answer.wait(10)
        # The next one has to be connected.
        canned(headers=[("Connection", "close")])(request, connection)

    single.recorder.script = script
    limits = {"connections": 1, "queue": 10, "queue_timeout": "20s"}
    key = {"upstream": single.upstream(limits=limits, connect_timeout="2s")}
    single.start(single.configuration(routes=[{"resource": single.resource, "issuer": "corp", **key}]))
    streams = [Stream(single) for _ in range(3)]
    time.sleep(2.2)
    may_answer.set()
    for each in streams:
        each.join()
    assert [each.response.status for each in streams] == [200] * 3


def test_one_http2_connection_carries_the_requests_that_wait_for_it(over):
    single = over("http1/h2c")
    single.recorder.stop()
    single.recorder = Recorder(http2=True, concurrent_streams=2)
    single.recorder.script = event_stream([b"data: 1\n\n"], 0.2)
    start(single, [single.recorder], limits={"connections": 1, "queue": 20, "queue_timeout": "20s"})
    streams = [Stream(single) for _ in range(10)]
    for each in streams:
        each.join()
    assert Counter(each.response.status for each in streams) == {200: 10}
    assert single.recorder.accepted == 1


# Names


@pytest.fixture
def hosts(tmp_path):
    """A file that is /etc/hosts for the gateway, and the command that makes it so."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    script = f'mount --bind {file} /etc/hosts && exec "$@"'
    # Without privileges there is a user namespace to have them in.
    command = ["unshare", "-m", "sh", "-c", script, "sh"]
    if os.geteuid() != 0:
        command.insert(1, "-r")
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")

    def write(*addresses):
        lines = [f"{each} server.test" for each in addresses]
        file.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))

    return write, command


def test_every_address_of_a_name_is_a_place_and_changes_are_followed(over, hosts):
    single = over("http1")
    write, within = hosts
    first = Recorder("127.0.0.2")
    second, third = (Recorder(f"127.0.0.{number}", port=first.port) for number in (3, 4))
    write("127.0.0.2", "127.0.0.3")
    key = single.directory / "session.key"
    key.write_text(SECRET)
    behind = {"endpoints": [f"http://server.test:{first.port}/mcp"]}
    routes = [{"resource": single.resource, "issuer": "corp", "upstream": behind}]
    gateway = single.start(
        single.configuration(routes=routes, session_keys=[{"file": str(key)}]), by=tuple(within)
    )
    token = single.token()
    try:
        # Fewer than six of sixty have a chance of one in 100 thousand million.
        assert statuses(single, 60, token) == {200: 60}
        assert len(first.requests) > 5 and len(second.requests) > 5
        assert {each["upstream"] for each in gateway.wait_for_access(0, 60)} == {
            f"server.test:{first.port} at 127.0.0.{number}" for number in (2, 3)
        }
        sessions = open_sessions(single, {"first": first, "second": second}, token)
        for each in (first, second):
            each.clear()
        for _ in range(10):
            for session in sessions.values():
                assert ask(single, token, legacy(session=session)).status == 200
        assert all(each.one("Mcp-Session-Id") == "first" for each in first.requests)
        assert all(each.one("Mcp-Session-Id") == "second" for each in second.requests)
        # One address goes while a request runs there, another comes.
        for each in (first, second):
            each.clear()
        first.script = second.script = event_stream([b"data: 1\n\n"] * 30, 0.5)
        streams = [Stream(single) for _ in range(2)]
        gateway.wait_until(lambda: first.requests and second.requests, 5, "running at both")
        first.script = second.script = None
        idle = [each for each in first.connections if not each.ended.is_set()][:-1]
        write("127.0.0.3", "127.0.0.4")
        gateway.wait_until(lambda: asked(single, third, token), 25, "following the name")
        assert all(each.ended.wait(5) for each in idle), "idle connections to an address that is gone close"
        first.clear()
        assert statuses(single, 60, token) == {200: 60}
        assert not first.requests and len(third.requests) > 5
        assert ask(single, token, legacy(session=sessions["first"])).status == 404
        assert ask(single, token, legacy(session=sessions["second"])).status == 200
        for each in streams:
            each.join()
            assert each.response.body == b"data: 1\n\n" * 30, "what ran there was finished"
    finally:
        for each in (first, second, third):
            each.stop()


def asked(single, recorder, token):
    assert ask(single, token).status == 200
    time.sleep(0.2)
    return bool(recorder.requests)


def open_sessions(single, servers, token):
    """A session at each of the servers, whose id is the server's name there; what the client was given for it."""
    for name, recorder in servers.items():
        recorder.script = canned(headers=[("Mcp-Session-Id", name)])
    found = {}
    for _ in range(60):
        for recorder in servers.values():
            recorder.requests.clear()
        answer = ask(single, token, initialize())
        (name,) = (name for name, each in servers.items() if each.requests)
        found[name] = answer.one("Mcp-Session-Id")
        if len(found) == len(servers):
            break
    for recorder in servers.values():
        recorder.script = None
    assert len(found) == len(servers)
    return found
