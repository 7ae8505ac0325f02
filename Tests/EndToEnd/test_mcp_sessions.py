"""Sessions of earlier revisions: under seal, or plain and remembered (cases 134 to 144), between processes too."""

import base64
import string
import threading
import time

import pytest

from harness.gate import Gate
from harness.gateway import free_port
from harness.messages import initialize, legacy, modern
from harness.raw_http import ConnectionEnded
from harness.recorder import STREAM_HEAD, canned, chunk

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

SECRET = "4f" * 32
ROUTES = {
    "a": {},
    "b": {},
    "plain": {"sessions": "plain"},
    "other-plain": {"sessions": "plain"},
    "two": {"recorders": ["two-0", "two-1", "two-2"]},
}
VISIBLE = set(map(chr, range(0x21, 0x7F)))


def keys(gate, *secrets):
    """Session keys in files, for the configuration."""
    found = []
    for secret in secrets:
        path = gate.directory / f"{secret[:6]}.key"
        path.write_text(secret)
        found.append({"file": str(path)})
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory, certificates, transports):
    gate = Gate(tmp_path_factory.mktemp("sessions"), certificates, ROUTES, transports)
    try:
        gate.start(session_keys=keys(gate, SECRET))
        yield gate
    finally:
        gate.stop()


def opened(gate, name="a", identifier="upstream-1", token="", recorder=None, gateway=None, status=200):
    """Initialize a session for which the upstream chooses the id; what the client gets for it."""
    script = canned(status, [("Mcp-Session-Id", identifier)])
    for each in [recorder] if recorder else gate.routes[name].get("recorders", [name]):
        gate.recorders[each].script = script
    try:
        response = gate.send(name, initialize(), token, gateway=gateway)
    finally:
        for each in gate.recorders.values():
            each.script = None
    assert response.status == status, (response.status, response.body)
    for each in gate.recorders.values():
        each.clear()
    return response.one("Mcp-Session-Id")


def use(gate, session, name="a", method="POST", token="", gateway=None):
    if method == "POST":
        return gate.send(name, legacy(session=session), token, gateway=gateway)
    return gate.ask(name, method, [("Mcp-Session-Id", session)], token, gateway=gateway)


def expect_dead(gate, response, method="POST"):
    """404 that looks like a session that has ended, with nothing forwarded and no hint why."""
    assert response.status == 404, (response.status, response.body)
    assert not response.all("WWW-Authenticate") and not response.all("Mcp-Session-Id")
    assert response.one("Content-Type").split(";")[0] == "application/json"
    body = response.json()
    assert body["error"]["code"] == -32600 and body.get("id", 7) == 7, body
    if method == "POST":
        assert body["id"] == 7
    else:
        assert "id" not in body, body
    gate.assert_nothing_forwarded()
    return response.body


METHODS = ["POST", "GET", "DELETE"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "identifier", ["x", "0123456789abcdef" * 2, "".join(sorted(VISIBLE)), "!" * 512, "Az_-~."]
)
def test_case_134_a_sealed_id_opens_to_the_upstreams_own(gate, method, identifier):
    session = opened(gate, identifier=identifier)
    assert session != identifier and (identifier not in session or len(identifier) == 1)
    assert set(session) <= VISIBLE and len(session) < 1024
    assert set(session) <= set(string.ascii_letters + string.digits + "-_")
    response = use(gate, session, method=method)
    assert response.status == 200
    assert gate.arrived("a").one("Mcp-Session-Id") == identifier
    assert gate.arrived("a").method == method


def test_case_134_a_new_token_of_the_same_principal_keeps_the_session(gate):
    session = opened(gate, token=gate.token("a", jti="one", exp=int(time.time()) + 60))
    response = use(gate, session, token=gate.token("a", jti="two", scope="more"))
    assert response.status == 200


def test_case_134_the_id_of_every_answer_is_sealed(gate):
    session = opened(gate)
    gate.recorders["a"].script = canned(200, [("Mcp-Session-Id", "upstream-1")])
    response = use(gate, session)
    gate.recorders["a"].script = None
    assert response.one("Mcp-Session-Id") != "upstream-1"
    gate.clear()
    assert use(gate, response.one("Mcp-Session-Id")).status == 200
    assert gate.arrived("a").one("Mcp-Session-Id") == "upstream-1"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "claims",
    [{"sub": "bob"}, {"client_id": "client-2"}, {"sub": "bob", "client_id": "client-2"}, {"sub": "alic"},
     {"sub": "aliceclient-1"}, {"sub": "ALICE"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("name", ["a", "plain"])
def test_case_135_another_principal_finds_no_session(gate, method, claims, name):
    session = opened(gate, name, identifier=f"id-{time.monotonic_ns()}")
    expect_dead(gate, use(gate, session, name, method, gate.token(name, **claims)), method)
    gate.wait_for_reason("session_foreign")
    gate.clear()
    assert use(gate, session, name, method).status == 200


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["a", "plain"])
def test_case_136_a_session_id_is_no_credential(gate, method, name):
    session = opened(gate, name)
    response = use(gate, session, name, method, token=None)
    assert response.status == 401 and response.one("WWW-Authenticate").startswith("Bearer ")
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("here, there", [("a", "b"), ("b", "a"), ("plain", "other-plain"), ("plain", "a")])
def test_case_137_a_session_belongs_to_one_route(gate, method, here, there):
    session = opened(gate, here, identifier=f"id-{time.monotonic_ns()}")
    expect_dead(gate, use(gate, session, there, method), method)


def altered(session):
    """Each octet changed, cut off at each end, and grown."""
    for at in range(len(session)):
        other = "A" if session[at] != "A" else "B"
        yield session[:at] + other + session[at + 1 :]
    yield from (session[:-size] for size in range(1, len(session)))
    yield session[1:]
    yield session + "A"
    yield "A" + session
    yield session + session
    yield session + "=="
    yield session.swapcase()
    yield from (session[:at] + "." + session[at:] for at in (0, 5, len(session)))


def test_case_138_an_altered_id_is_dead(gate):
    session = opened(gate, identifier="abcdef")
    token = gate.token("a")
    answers = set()
    with gate.gateway.connect() as connection:
        for each in altered(session):
            response = gate.send("a", legacy(session=each), token, connection=connection)
            assert response.status == 404, (each, response.status, response.body)
            answers.add(response.body)
    gate.assert_nothing_forwarded()
    assert len(answers) == 1, answers


def test_case_138_every_dead_session_looks_the_same(gate):
    session = opened(gate)
    foreign = use(gate, session, token=gate.token("a", sub="bob"))
    unknown = use(gate, "0123456789abcdef")
    elsewhere = use(gate, session, "b")
    answers = {each.body for each in (foreign, unknown, elsewhere)}
    assert len(answers) == 1, answers
    statuses = {
        (each.status, tuple(sorted(name.lower() for name, _ in each.headers)))
        for each in (foreign, unknown, elsewhere)
    }
    assert len(statuses) == 1, statuses


@pytest.mark.parametrize("name", ["a", "plain"])
@pytest.mark.parametrize("session", ["unknown", "upstream-1x", "0" * 64, "AAAA", "A" * 4096])
def test_case_138_an_unknown_id_is_dead(gate, name, session):
    opened(gate, name)
    expect_dead(gate, use(gate, session, name))


def test_case_138_the_upstreams_own_id_is_no_way_in(gate):
    opened(gate, identifier="upstream-raw")
    expect_dead(gate, use(gate, "upstream-raw"))


def test_case_138_the_answer_of_the_upstream_for_a_dead_session_is_relayed(gate):
    session = opened(gate)
    body = b'{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Session not found"}}'
    gate.recorders["a"].script = canned(404, body=body)
    response = use(gate, session)
    assert (response.status, response.body) == (404, body)


@pytest.mark.parametrize("name", ["a", "plain"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("session", ["a b", "a\tb", "caf\xe9", "", "A" * 5120, "a\x80b"])
def test_case_139_what_can_be_no_id_is_400(gate, name, method, session):
    response = use(gate, session, name, method)
    assert response.status == 400, (response.status, response.body)
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("name", ["a", "plain"])
def test_case_139_two_ids_are_400(gate, name):
    session = opened(gate, name)
    for second in (session, "other", ""):
        response = gate.send(name, legacy(session=session).add("mcp-session-id", second))
        assert response.status == 400
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("identifier", ["", "a b", "x" * 513, "caf\xe9"])
@pytest.mark.parametrize("name", ["a", "plain"])
def test_an_id_of_the_upstream_that_is_none_is_its_fault(gate, identifier, name):
    with gate.recorders[name].answering(canned(200, [("Mcp-Session-Id", identifier)])):
        response = gate.send(name, initialize())
    assert response.status == 502 and not response.all("Mcp-Session-Id")
    assert response.json()["error"]["code"] == -32603 and response.json()["id"] == 7


@pytest.mark.parametrize("name", ["a", "plain"])
@pytest.mark.parametrize("status", [200, 204, 404, 405])
def test_case_140_the_answer_to_delete_is_relayed(gate, name, status):
    session = opened(gate, name, identifier=f"id-{time.monotonic_ns()}")
    gate.recorders[name].script = canned(status, body=b"")
    assert use(gate, session, name, "DELETE").status == status
    gate.clear()
    if name == "plain" and status < 300:
        expect_dead(gate, use(gate, session, name))
    else:
        assert use(gate, session, name).status == 200


@pytest.mark.parametrize("status", [405, 404])
def test_case_141_a_stream_that_the_upstream_does_not_have(gate, status):
    session = opened(gate)
    gate.recorders["a"].script = canned(status, [("Allow", "POST")], body=b"")
    assert use(gate, session, method="GET").status == status


def events(*pieces):
    def script(_, connection):
        connection.send(STREAM_HEAD + b"".join(chunk(each) for each in pieces) + b"0\r\n\r\n")

    return script


PRIMING = b"id: 1\nretry: 250\ndata:\n\n"


@pytest.mark.parametrize("cursor", ["1", "a/b=", "Az09+/=_:", "日本".encode().decode("latin-1"), "a, b"])
def test_case_142_the_cursor_goes_on_as_it_is(gate, cursor):
    session = opened(gate)
    gate.recorders["a"].script = events(b"id: 2\ndata: {}\n\n")
    headers = [("Mcp-Session-Id", session), ("Last-Event-ID", cursor)]
    response = gate.ask("a", headers=headers)
    assert response.body == b"id: 2\ndata: {}\n\n"
    assert gate.arrived("a").one("Last-Event-ID") == cursor
    assert gate.arrived("a").one("Mcp-Session-Id") == "upstream-1"


def test_case_143_a_post_stream_that_ends_before_its_answer_ends_cleanly(gate):
    session = opened(gate)
    gate.recorders["a"].script = events(PRIMING)
    response = use(gate, session)
    assert (response.status, response.body) == (200, PRIMING)
    gate.recorders["a"].clear()
    gate.recorders["a"].script = events(b"id: 2\ndata: {}\n\n")
    headers = [("Mcp-Session-Id", session), ("Last-Event-ID", "1")]
    assert gate.ask("a", headers=headers).body == b"id: 2\ndata: {}\n\n"


def test_case_144_a_client_that_left_comes_back_with_its_cursor(gate):
    session = opened(gate)
    left = threading.Event()

    def script(_, connection):
        connection.send(STREAM_HEAD + chunk(b"id: 1\ndata: {}\n\n"))
        connection.wait_for_peer_to_close(5)
        left.set()

    gate.recorders["a"].script = script
    with gate.gateway.connect() as connection:
        connection.send(gate.bodiless("a", headers=[("Mcp-Session-Id", session)]))
        response = connection.read_head()
        assert next(iter(connection.pieces(response))) == b"id: 1\ndata: {}\n\n"
    assert left.wait(2)
    gate.clear()
    gate.recorders["a"].script = events(b"id: 2\ndata: {}\n\n")
    again = gate.ask("a", headers=[("Mcp-Session-Id", session), ("Last-Event-ID", "1")])
    assert again.body == b"id: 2\ndata: {}\n\n"


def test_a_plain_id_is_the_upstreams_own(gate):
    assert opened(gate, "plain", identifier="as-it-is") == "as-it-is"
    assert use(gate, "as-it-is", "plain").status == 200
    assert gate.arrived("plain").one("Mcp-Session-Id") == "as-it-is"


def test_a_plain_id_cannot_be_taken_over(gate):
    """The upstream gives bob the id that is alice's: neither of them may lose to the other silently."""
    opened(gate, "plain", identifier="shared-id")
    gate.recorders["plain"].script = canned(200, [("Mcp-Session-Id", "shared-id")])
    gate.send("plain", initialize(), gate.token("plain", sub="bob"))
    gate.clear()
    assert use(gate, "shared-id", "plain").status == 200
    gate.clear()
    expect_dead(gate, use(gate, "shared-id", "plain", token=gate.token("plain", sub="bob")))


@pytest.mark.parametrize("name", ["a", "plain"])
def test_a_modern_request_uses_no_session(gate, name):
    session = opened(gate, name)
    response = gate.send(name, modern().set(Mcp_Session_Id=session), gate.token(name, sub="bob"))
    assert response.status == 200
    arrived = gate.arrived(name).all("Mcp-Session-Id")
    assert not arrived or arrived == [session] and name == "a", "bob's request arrived with alice's session"


def test_no_log_has_a_session_id(gate):
    session = opened(gate, identifier="very-secret-upstream-id")
    use(gate, session)
    use(gate, session, token=gate.token("a", sub="bob"))
    use(gate, session, method="DELETE")
    gate.gateway.log_position()
    log = gate.gateway.stdout.read_text() + gate.gateway.stderr.read_text()
    assert "very-secret-upstream-id" not in log and session not in log
    assert base64.b64encode(b"very-secret-upstream-id").decode().rstrip("=") not in log


# Several endpoints, several processes, several keys.


@pytest.mark.parametrize("holder", ["two-0", "two-1", "two-2"])
def test_a_session_stays_at_its_endpoint(gate, holder):
    for each in ROUTES["two"]["recorders"]:
        gate.recorders[each].script = canned(200, [("Mcp-Session-Id", f"at-{each}")])
    sessions = {}
    for _ in range(100):
        session = gate.send("two", initialize()).one("Mcp-Session-Id")
        newest = max(
            (each for name in ROUTES["two"]["recorders"] for each in gate.recorders[name].requests),
            key=lambda each: each.arrived,
        )
        (where,) = [name for name in ROUTES["two"]["recorders"] if newest in gate.recorders[name].requests]
        sessions[where] = session
        if holder in sessions:
            break
    assert holder in sessions, sessions
    gate.clear()
    for _ in range(6):
        assert use(gate, sessions[holder], "two").status == 200
        assert use(gate, sessions[holder], "two", "GET").status == 200
    assert len(gate.recorders[holder].requests) == 12
    assert {each.one("Mcp-Session-Id") for each in gate.recorders[holder].requests} == {f"at-{holder}"}
    for other in set(ROUTES["two"]["recorders"]) - {holder}:
        assert gate.recorders[other].requests == []


def test_a_session_of_an_endpoint_that_is_down_goes_nowhere_else(fresh):
    gate = fresh
    gate.start(session_keys=keys(gate, SECRET))
    for each in ROUTES["two"]["recorders"]:
        gate.recorders[each].script = canned(200, [("Mcp-Session-Id", f"at-{each}")])
    session = gate.send("two", initialize()).one("Mcp-Session-Id")
    (holder,) = [each for each in ROUTES["two"]["recorders"] if gate.recorders[each].requests]
    gate.recorders[holder].stop()
    for each in ROUTES["two"]["recorders"]:
        gate.recorders[each].clear()
    for _ in range(3):
        assert use(gate, session, "two").status == 502
    assert all(not gate.recorders[each].requests for each in ROUTES["two"]["recorders"])


def test_a_restart_with_the_same_keys_keeps_sessions(fresh):
    gate = fresh
    gate.start(session_keys=keys(gate, SECRET))
    session = opened(gate)
    gate.gateway.stop()
    gate.start(session_keys=keys(gate, SECRET))
    assert use(gate, session).status == 200
    assert gate.arrived("a").one("Mcp-Session-Id") == "upstream-1"


@pytest.mark.parametrize("name", ["a", "plain"])
def test_a_restart_without_keys_ends_them(fresh, name):
    gate = fresh
    gate.start()
    session = opened(gate, name)
    assert use(gate, session, name).status == 200
    gate.gateway.stop()
    gate.start()
    for each in gate.recorders.values():
        each.clear()
    expect_dead(gate, use(gate, session, name))


def test_two_processes_with_one_key_serve_each_others_sessions(fresh):
    gate = fresh
    one = gate.start(session_keys=keys(gate, SECRET))
    other = gate.start(free_port(), session_keys=keys(gate, SECRET))
    for here, there in ((one, other), (other, one)):
        session = opened(gate, gateway=here)
        for method in METHODS:
            for each in gate.recorders.values():
                each.clear()
            assert use(gate, session, method=method, gateway=there).status == 200
            assert gate.arrived("a").one("Mcp-Session-Id") == "upstream-1"
        for each in gate.recorders.values():
            each.clear()
        expect_dead(gate, use(gate, session, token=gate.token("a", sub="bob"), gateway=there))


def test_a_session_of_many_endpoints_is_found_again_by_another_process(fresh):
    gate = fresh
    one = gate.start(session_keys=keys(gate, SECRET))
    other = gate.start(free_port(), session_keys=keys(gate, SECRET))
    for each in ROUTES["two"]["recorders"]:
        gate.recorders[each].script = canned(200, [("Mcp-Session-Id", f"at-{each}")])
    sessions = [gate.send("two", initialize(), gateway=one).one("Mcp-Session-Id") for _ in range(6)]
    for each in gate.recorders.values():
        each.clear()
    for session in sessions:
        assert use(gate, session, "two", gateway=other).status == 200
    for name in ROUTES["two"]["recorders"]:
        for request in gate.recorders[name].requests:
            assert request.one("Mcp-Session-Id") == f"at-{name}"


def test_keys_are_rotated_without_ending_sessions(fresh):
    gate = fresh
    old, new = SECRET, "e7" * 32
    gate.start(session_keys=keys(gate, old))
    first = opened(gate)
    gate.gateway.stop()
    gate.start(session_keys=keys(gate, new, old))
    assert use(gate, first).status == 200
    second = opened(gate)
    gate.gateway.stop()
    gate.start(session_keys=keys(gate, new))
    assert use(gate, second).status == 200
    for each in gate.recorders.values():
        each.clear()
    expect_dead(gate, use(gate, first))


def test_another_key_opens_nothing(fresh):
    gate = fresh
    gate.start(session_keys=keys(gate, SECRET))
    session = opened(gate)
    gate.gateway.stop()
    gate.start(session_keys=keys(gate, "11" * 32))
    expect_dead(gate, use(gate, session))


# The end of a token ends its streams.


def hold(_, connection):
    """An event now and then, until the gateway leaves."""
    connection.send(STREAM_HEAD + chunk(b": open\n\n"))
    connection.wait_for_peer_to_close(20)


def stream_of(gate, token, kind, name="a", within=8.0):
    """Seconds until an open stream ends, and how; None when it does not."""
    gate.recorders[name].script = hold
    if kind == "GET":
        data = gate.bodiless(name, token=token)
    else:
        post = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        data = post.request(gate.authority, f"/{name}", token)
    with gate.gateway.connect(within) as connection:
        begin = time.monotonic()
        connection.send(data)
        response = connection.read_head()
        assert response.status == 200
        try:
            received = b"".join(connection.pieces(response))
            return time.monotonic() - begin, received, "clean"
        except ConnectionEnded as ended:
            return time.monotonic() - begin, ended.received, "cut"
        except TimeoutError:
            return None


@pytest.mark.parametrize("kind", ["GET", "subscriptions/listen"])
def test_case_157_a_stream_ends_with_its_token(gate, kind):
    expiry = int(time.time()) + 2
    token = gate.token("a", exp=expiry)
    ended = stream_of(gate, token, kind)
    assert ended, "the stream outlived its token"
    # The issuer's clock skew of a second counts.
    assert -0.3 < time.time() - (expiry + 1) < 5, time.time() - expiry
    gate.wait_for_reason("stream_token_expired")
    gate.clear()
    assert gate.ask("a", token=token).status == 401
    gate.assert_nothing_forwarded()
