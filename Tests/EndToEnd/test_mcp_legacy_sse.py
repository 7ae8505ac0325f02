"""Servers of 2024-11-05 behind `legacy_sse`: the `endpoint` event, and who may post where it leads (cases 150 to 152)."""

import json
import os
import subprocess
import time

import pytest

from harness import mcp1, messages
from harness.challenge import expect_no_credentials
from harness.gate import Gate
from harness.gateway import free_port, wait_for_port
from harness.messages import legacy, modern
from harness.raw_http import ConnectionEnded
from harness.recorder import STREAM_HEAD, canned, chunk

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

LEGACY = {"upstream": {"legacy_sse": True}, "path": "/base/sse"}
ROUTES = {
    "legacy/sse": LEGACY,
    "legacy/other": LEGACY,
    "two": {**LEGACY, "recorders": ["two-0", "two-1"]},
    "hidden": {**LEGACY, "hide_unauthorized_tools": True, "tools": {"secret": ["secret"]}},
    "open": {**LEGACY, "end_streams_with_token": False},
    "scoped": {**LEGACY, "tools": {"secret": ["secret"]}},
    "modern": {"end_streams_with_token": False},
}
PLACE = b"/messages/?session_id=0123456789abcdef"
HERE = "legacy/sse"


def announcing(*pieces, then=b""):
    """An event stream in these pieces, each on its own."""

    def script(_, connection):
        connection.send(STREAM_HEAD)
        for piece in pieces:
            connection.send(chunk(piece))
            time.sleep(0.002)
        connection.send((chunk(then) if then else b"") + b"0\r\n\r\n")

    return script


def announcement(place=PLACE, end=b"\n"):
    return b"event: endpoint" + end + b"data: " + place + end + end


def opened(gate, name=HERE, place=PLACE, token="", recorder=None):
    """The address that a client is told for a place of the upstream."""
    gate.recorders[recorder or name].script = announcing(announcement(place))
    response = gate.ask(name, token=token)
    gate.recorders[recorder or name].clear()
    assert response.status == 200
    return told(response.body)


def told(stream):
    """The data of the one `endpoint` event of a stream."""
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    (at,) = [number for number, line in enumerate(lines) if line.replace(b" ", b"") == b"event:endpoint"]
    assert lines[at + 1].startswith(b"data:") and lines[at + 2] == b"", lines
    return lines[at + 1][5:].strip().decode()


def post(gate, address, name=HERE, token="", make=legacy, **changes):
    with gate.recorders[name].answering(canned(202, [("Content-Type", "text/plain")], b"Accepted")):
        return gate.send(name, make(**changes), token, target=address)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 100])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_case_150_the_address_is_the_routes_across_any_split(gate, size, end):
    before = b": welcome" + end + end
    after = b"event: message" + end + b'data: {"endpoint": "/messages/"}' + end + end
    whole = before + announcement(end=end) + after
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    gate.recorders[HERE].script = announcing(*pieces)
    response = gate.ask(HERE)
    address = told(response.body)
    assert address.startswith(f"/{HERE}?") and "messages" not in address and "0123456789" not in address
    assert response.body.startswith(before) and response.body.endswith(after)
    assert gate.arrived(HERE).target == "/base/sse"
    response = post(gate, address)
    assert (response.status, response.body) == (202, b"Accepted")
    arrived = gate.recorders[HERE].wait_for(2)[1]
    assert (arrived.method, arrived.target.encode()) == ("POST", PLACE)
    assert arrived.body == legacy().body and not arrived.all("Mcp-Session-Id")


@pytest.mark.parametrize(
    "place, target",
    [
        (b"/messages/?sessionId=x", "/messages/?sessionId=x"),
        (b"/base/messages?a=b&session_id=x%20y", "/base/messages?a=b&session_id=x%20y"),
        (b"messages?session_id=x", "/base/messages?session_id=x"),
        (b"?session_id=x", "/base/sse?session_id=x"),
        (b"/no-query", "/no-query"),
        (b"AUTHORITY/messages?session_id=x", "/messages?session_id=x"),
    ],
)
def test_case_150_every_form_of_reference_leads_there(gate, place, target):
    recorder = gate.recorders[HERE]
    address = opened(gate, place=place.replace(b"AUTHORITY", recorder.url.encode()))
    assert post(gate, address).status == 202
    assert gate.arrived(HERE).target == target


@pytest.mark.parametrize(
    "place",
    [
        b"http://evil.example/messages",
        b"//evil.example/messages",
        b"/../etc",
        b"/a//b",
        b"javascript:x",
        b"/messages?x=" + b"y" * 600,
        b"",
        b"/a b",
        b"/caf\xe9",
        b"/messages#f",
        b"http://127.0.0.1:1/messages",
    ],
)
def test_case_150_a_place_elsewhere_is_not_passed_on(gate, place):
    gate.recorders[HERE].script = announcing(announcement(place), then=b"data: later\n\n")
    try:
        received = gate.ask(HERE).body
    except ConnectionEnded as ended:
        received = ended.received
    assert not place or place not in received
    assert b"later" not in received
    gate.wait_for_reason("upstream_malformed")


@pytest.mark.parametrize(
    "stream",
    [
        b"data: /messages?session_id=raw-id\nevent: endpoint\n\n",
        b"event:endpoint\ndata:/messages?session_id=raw-id\n\n",
        b"id: 1\nevent: endpoint\n: comment\nretry: 5\ndata: /messages?session_id=raw-id\n\n",
        b"event: other\nevent: endpoint\ndata: /messages?session_id=raw-id\n\n",
        b"\xef\xbb\xbfevent: endpoint\ndata: /messages?session_id=raw-id\n\n",
        b"event: endpoint\ndata: /messages\ndata: ?session_id=raw-id\n\n",
        b"event: endpoint\rdata: /messages?session_id=raw-id\r\r",
        b"event: endpoint\ndata: /messages?session_id=raw-id",
        b"event: endpoint\ndata: /messages?session_id=raw-id\n",
        announcement() + announcement(b"/messages?session_id=raw-id"),
        b"event: message\ndata: {}\n\n" + announcement(b"/messages?session_id=raw-id"),
    ],
)
def test_case_150_no_spelling_of_the_event_lets_the_upstreams_address_out(gate, stream):
    gate.recorders[HERE].script = announcing(stream)
    try:
        received = gate.ask(HERE).body
    except ConnectionEnded as ended:
        received = ended.received
    assert b"raw-id" not in received, received


def test_case_150_a_stream_that_never_announces_is_bounded(gate):
    gate.recorders[HERE].script = announcing(*[b"x" * 60_000] * 100)
    try:
        gate.ask(HERE)
    except ConnectionEnded:
        pass
    gate.wait_for_reason("upstream_malformed")


@pytest.mark.parametrize("claims", [{"sub": "bob"}, {"client_id": "client-2"}])
def test_case_151_another_principal_posts_nowhere(gate, claims):
    address = opened(gate)
    response = post(gate, address, token=gate.token(HERE, **claims))
    messages.expect_rpc_error(response, -32600, status=404)
    gate.assert_nothing_forwarded()


def test_case_151_another_route_is_another_place(gate):
    address = opened(gate).partition("?")[2]
    response = post(gate, f"/legacy/other?{address}", "legacy/other")
    messages.expect_rpc_error(response, -32600, status=404)
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "query", ["session_id=0123456789abcdef", "session_id=", "sessionId=x", "x", "session_id=a&b=c"]
)
def test_case_151_an_address_that_was_never_told(gate, query):
    opened(gate)
    response = post(gate, f"/{HERE}?{query}")
    assert response.status in (400, 404)
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("change", ["cut", "grow", "alter", "second", "other name", "escape"])
def test_case_151_an_altered_address(gate, change):
    address = opened(gate)
    changed = {
        "cut": address[:-1],
        "grow": address + "A",
        "alter": address[:-9] + ("A" if address[-9] != "A" else "B") + address[-8:],
        "second": address + "&session_id=x",
        "other name": address.replace("session_id=", "sessionId="),
        "escape": address[:-1] + "%41",
    }[change]
    response = post(gate, changed)
    assert response.status in (400, 404)
    gate.assert_nothing_forwarded()


def test_case_152_without_a_token_there_is_a_challenge_and_no_session(gate):
    address = opened(gate)
    expect_no_credentials(post(gate, address, token=None), gate.resource(HERE))
    gate.assert_nothing_forwarded()


def test_a_place_stays_at_its_endpoint(gate):
    addresses = {}
    for name in ("two-0", "two-1"):
        gate.recorders[name].script = announcing(announcement(b"/messages/?session_id=" + name.encode()))
    for _ in range(60):
        before = {name: len(gate.recorders[name].requests) for name in ("two-0", "two-1")}
        address = told(gate.ask("two").body)
        (where,) = [name for name in before if len(gate.recorders[name].requests) > before[name]]
        addresses[where] = address
        if len(addresses) == 2:
            break
    assert len(addresses) == 2
    gate.clear()
    for address in addresses.values():
        for _ in range(3):
            assert gate.send("two", legacy(), target=address).status == 200
    for name in addresses:
        assert {each.target for each in gate.recorders[name].requests} == {f"/messages/?session_id={name}"}
        assert len(gate.recorders[name].requests) == 3


def test_scopes_of_tools_hold_for_posted_messages(gate):
    address = opened(gate, "scoped")
    gate.clear()
    body = {"name": "secret", "arguments": {}}
    response = gate.send("scoped", legacy("tools/call", body), target=address)
    assert response.status == 403
    gate.assert_nothing_forwarded()
    token = gate.token("scoped", "secret")
    assert gate.send("scoped", legacy("tools/call", body), token, target=address).status == 200


def test_hidden_tools_stay_hidden_and_the_address_is_sealed_all_the_same(gate):
    tools = [{"name": "secret"}, {"name": "open"}]
    answer = {"jsonrpc": "2.0", "id": 7, "result": {"tools": tools}}
    listed = b"event: message\ndata: " + json.dumps(answer).encode() + b"\n\n"
    gate.recorders["hidden"].script = announcing(announcement(), then=listed)
    try:
        received = gate.ask("hidden").body
    except ConnectionEnded as ended:
        received = ended.received
    assert b"secret" not in received, received
    assert PLACE not in received, received
    assert told(received).startswith("/hidden?")
    assert b'"open"' in received


def test_no_log_has_the_place(gate):
    address = opened(gate)
    post(gate, address)
    gate.gateway.log_position()
    log = gate.gateway.stdout.read_text() + gate.gateway.stderr.read_text()
    assert "0123456789abcdef" not in log and address.partition("=")[2] not in log


@pytest.mark.parametrize("name", ["open", "modern"])
def test_case_157_streams_outlive_their_token_where_the_route_says_so(gate, name):
    def script(_, connection):
        connection.send(STREAM_HEAD + chunk(announcement()))
        time.sleep(4.5)
        connection.send(chunk(b"data: still here\n\n") + b"0\r\n\r\n")

    gate.recorders[name].script = script
    token = gate.token(name, exp=int(time.time()) + 2)
    assert gate.ask(name, token=token).body.endswith(b"data: still here\n\n")
    assert gate.ask(name, token=token).status == 401


def test_case_157_the_stream_of_a_2024_11_05_server_ends_with_its_token(gate):
    def script(_, connection):
        connection.send(STREAM_HEAD + chunk(announcement()))
        connection.wait_for_peer_to_close(15)

    gate.recorders[HERE].script = script
    expiry = int(time.time()) + 2
    try:
        gate.ask(HERE, token=gate.token(HERE, exp=expiry))
    except ConnectionEnded:
        pass
    assert -0.3 < time.time() - expiry - 1 < 5
    gate.wait_for_reason("stream_token_expired")


def test_a_message_of_a_later_revision_goes_to_the_place_too(gate):
    assert post(gate, opened(gate), make=modern).status in (202, 400, 404)


# The official SDK.


@pytest.fixture(scope="module", params=["/sse", "/mcp"])
def sdk_server(request, tmp_path_factory):
    port = free_port()
    log = (tmp_path_factory.mktemp("server") / "log").open("wb")
    command = [str(mcp1.PYTHON), str(mcp1.CLIENT.with_name("mcp1_server.py")), "sse", str(port)]
    environment = {**os.environ, "SSE_PATH": request.param}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    wait_for_port(port, within=20)
    yield f"http://127.0.0.1:{port}{request.param}"
    process.kill()
    process.wait()


def test_case_150_the_sse_client_of_1_x_talks_to_the_sse_server_of_1_x(sdk_server, tmp_path, certificates):
    gate = Gate(tmp_path, certificates, {"legacy/sse": LEGACY})
    behind = {"endpoints": [sdk_server], "legacy_sse": True}
    route = {"resource": gate.resource("legacy/sse"), "issuer": "corp", "upstream": behind}
    try:
        gate.start(routes=[route])
        arguments = json.dumps({"steps": 3, "pause": 0.2})
        client = mcp1.CLIENT.with_name("mcp1_sse_client.py")
        command = [
            str(mcp1.PYTHON),
            str(client),
            route["resource"],
            gate.token("legacy/sse"),
            "count",
            arguments,
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=40)
        assert result.returncode == 0, result.stderr[-2000:]
        report = json.loads(result.stdout)
        assert report["server"] == "one" and report["result"] == "counted to 3"
        assert [value for _, value in report["progress"]] == [1, 2, 3]
        times = [when for when, _ in report["progress"]]
        assert times[-1] - times[0] > 0.3, "everything came at the end"
        assert report["session"] and len(report["session"]) > 60, report
    finally:
        gate.stop()
