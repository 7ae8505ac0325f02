"""The admin listener: who is answered, over what, and what the answers say while the gateway lives, drains and reloads."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived
from h2.settings import SettingCodes, Settings

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.admin import TOKEN, Admin, basic
from harness.gateway import run
from harness.tls import client_context
from harness.transports import CLIENTS, Client

TRANSPORTS = ["http1"]
DOCUMENTS = ["/", "/status.css", "/status.js", "/status.json", "/metrics"]


def started(single, admin, **members):
    gateway = single.start(single.configuration(admin=admin.member, **members))
    admin.wait_until_open(gateway)
    return gateway


@pytest.fixture
def admin(single):
    admin = Admin()
    started(single, admin)
    return admin


def test_pages_that_nobody_reads_are_few(single):
    """Each is held whole: a connection has four streams for them and not a hundred, and all have 128."""
    admin = Admin()
    started(single, admin)
    windows = {SettingCodes.INITIAL_WINDOW_SIZE: 0}
    crowd = []
    for number in range(32):
        connection = H2Connection(H2Configuration(client_side=True))
        connection.local_settings = Settings(client=True, initial_values=windows)
        connection.initiate_connection()
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", admin.authority), (":path", "/")]
        for _ in range(4):
            connection.send_headers(connection.get_next_available_stream_id(), fields, end_stream=True)
        # Each address has 16 connections.
        crowd.append(raw_http.dial(admin.address, 10, f"127.0.0.{2 + number // 16}"))
        crowd[-1].sendall(connection.data_to_send())
        answers = 0
        while answers < 4:
            for event in connection.receive_data(crowd[-1].recv(65536)):
                answers += isinstance(event, ResponseReceived)
        assert connection.remote_settings.max_concurrent_streams == 4
    assert admin.ask("/status.json").status == 503
    for each in crowd:
        each.close()
    single.gateway.wait_until(lambda: admin.ask("/status.json").status == 200, 5, "read again")


@pytest.fixture
def guarded(single, tmp_path):
    """One that wants a token."""
    (tmp_path / "admin.token").write_text(TOKEN + "\n")
    admin = Admin(token={"file": "admin.token"})
    started(single, admin)
    return admin


@pytest.mark.parametrize("target", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["evil.example", "10.9.8.7:1", ""])
def test_health_answers_anybody_and_says_nothing_else(admin, target, host):
    response = admin.ask(target, host=host)
    assert (response.status, response.body) == (200, b"ok\n")
    assert admin.ask(target, method="HEAD").body == b""
    assert admin.ask(target, method="POST").status == 405


def test_nothing_of_it_is_at_the_listeners_of_clients(single, admin):
    for target in [*DOCUMENTS, "/livez", "/readyz"]:
        ask = raw_http.request("GET", target, single.host)
        assert single.gateway.exchange(ask).status == 404, target
    assert admin.ask("/healthz").status == 404
    assert admin.ask("/mcp").status == 404
    assert admin.ask("/.well-known/oauth-protected-resource/mcp").status == 404


@pytest.mark.parametrize("target", DOCUMENTS)
@pytest.mark.parametrize(
    "host, status",
    {
        "localhost": 200,
        "LOCALHOST:9": 200,
        "[::1]:1": 200,
        "evil.example": 421,
        "127.0.0.1.evil.example": 421,
        "localhost.evil.example": 421,
        "10.0.0.1": 421,
    }.items(),
)
def test_documents_are_for_the_hosts_of_the_listener_alone(admin, target, host, status):
    assert admin.ask(target, host=host).status == status


@pytest.mark.parametrize("target", DOCUMENTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_documents_are_read_and_not_written(admin, target, method):
    response = admin.ask(target, method=method)
    assert response.status == 405
    assert response.one("Allow") == "GET, HEAD"


@pytest.mark.parametrize(
    "fields, status",
    [
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "cors")], 200),
        ([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403),
        ([("Origin", "http://evil.example")], 403),
        ([("Origin", "null")], 403),
    ],
)
def test_pages_of_other_sites_learn_nothing(admin, fields, status):
    response = admin.ask("/status.json", fields)
    assert response.status == status
    assert response.all("Access-Control-Allow-Origin") == []
    assert (b'"product"' in response.body) == (status == 200)


def test_a_link_of_another_site_may_lead_a_person_to_the_page(admin):
    fields = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    ]
    assert admin.ask("/", fields).status == 200
    assert admin.ask("/status.json", fields).status == 403


@pytest.mark.parametrize("target", [*DOCUMENTS, "/livez", "/nothing"])
def test_every_answer_is_fenced_in(admin, target):
    response = admin.ask(target)
    policy = response.one("Content-Security-Policy").split("; ")
    assert policy == [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert response.one("X-Content-Type-Options") == "nosniff"
    assert response.one("Cache-Control") == "no-store"
    assert response.one("Referrer-Policy") == "no-referrer"


def test_the_page_needs_nothing_from_elsewhere(admin):
    for target in ["/", "/status.css", "/status.js"]:
        body = admin.ask(target).body
        # The name space of SVG is a name, and nothing is fetched there.
        elsewhere = re.findall(rb"""(?:https?:)?//[\w.-]+\.\w+""", body)
        assert set(elsewhere) <= {b"http://www.w3.org"}, target
        assert b"style=" not in body and b"onclick=" not in body, target


@pytest.mark.parametrize("target", DOCUMENTS)
def test_a_token_is_asked_for_where_there_is_one(guarded, target):
    for fields in [
        [],
        [("Authorization", f"Bearer {TOKEN}x")],
        [("Authorization", f"Bearer {TOKEN[:-1]}")],
        [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")],
        [basic("wrong")],
        [("Cookie", f"token={TOKEN}")],
    ]:
        response = guarded.ask(target, fields)
        assert response.status == 401, fields
        assert [each.split()[0] for each in response.all("WWW-Authenticate")] == ["Basic", "Bearer"]
        assert TOKEN.encode() not in response.body
    assert guarded.ask(target, [("Authorization", f"Bearer {TOKEN}")]).status == 200
    assert guarded.ask(target, [basic(TOKEN)]).status == 200


def test_health_needs_no_token(guarded):
    assert [guarded.ask(each).status for each in ("/livez", "/readyz")] == [200, 200]


def test_no_token_is_in_any_log(single, guarded):
    since = single.gateway.log_position()
    guarded.ask("/metrics", [("Authorization", f"Bearer {TOKEN}")])
    guarded.ask("/metrics?token=" + TOKEN)
    entries = single.gateway.wait_for_access(since, 2)
    assert [(each["reason"], each["decision"]) for each in entries] == [
        ("admin", "local"),
        ("admin_unauthorized", "refuse"),
    ]
    single.gateway.stop()
    assert TOKEN not in single.gateway.stdout.read_text() + single.gateway.stderr.read_text()


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_curl_asks_with_a_token_and_with_a_password(guarded):
    def curl(*arguments):
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    url = f"http://{guarded.authority}/"
    assert curl(url) == "401"
    assert curl("--oauth2-bearer", TOKEN, url) == "200"
    assert curl("--user", f"me:{TOKEN}", url) == "200"
    assert curl("--user", "me:guess", url) == "401"


@pytest.mark.parametrize("transport", CLIENTS)
def test_it_speaks_what_the_data_path_speaks(single, certificates, transport):
    client = Client.trusting(certificates, CLIENTS[transport])
    tls = {"tls": {"certificates": [certificates.server.members]}} if client.transport.uses_tls else {}
    admin = Admin(client=client, **tls)
    started(single, admin)
    assert admin.status()["product"] == "audgate"
    # Larger than one window of HTTP/2, and pipelined on one connection.
    with client.connect(admin.address) as connection:
        for _ in range(20):
            response = connection.exchange(raw_http.request("GET", "/metrics", admin.authority))
            assert response.status == 200 and response.body.startswith(b"# HELP ")


def test_client_certificates_open_it(single, certificates):
    transport = CLIENTS["tls1"]
    tls = {
        "certificates": [certificates.server.members],
        "client_certificates": {"ca": str(certificates.clients.certificate), "mode": "require"},
    }
    shown = client_context(certificates.ca, transport.protocol)
    shown.load_cert_chain(certificates.client.certificate, certificates.client.key)
    admin = Admin(client=Client(transport, shown), tls=tls)
    started(single, admin)
    assert admin.ask("/status.json").status == 200
    stranger = Client.trusting(certificates, transport)
    with pytest.raises((OSError, raw_http.ConnectionEnded)):
        stranger.exchange(admin.address, raw_http.request("GET", "/livez", admin.authority))


def test_a_unix_socket_is_for_this_machine(single, tmp_path):
    path = str(tmp_path / "admin.sock")
    gateway = single.start(single.configuration(admin={"address": f"unix:{path}"}))
    ask = raw_http.request("GET", "/status.json", "localhost")
    assert gateway.exchange(ask, address=path).json()["product"] == "audgate"
    assert gateway.exchange(raw_http.request("GET", "/metrics", "x"), address=path).status == 421


def test_it_is_not_ready_while_it_drains_and_says_so(single):
    admin = Admin()
    gateway = started(single, admin)
    assert admin.status()["draining"] is False
    events = [b"data: %d\n\n" % number for number in range(10)]
    with single.recorder.answering(upstreams.event_stream(events, 0.3)), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        connection.read_head()
        gateway.signal(signal.SIGTERM)
        gateway.wait_until(lambda: admin.ask("/readyz").status == 503, 3, "unready")
        assert admin.ask("/livez").status == 200
        status = admin.status()
        assert (status["ready"], status["draining"]) == (False, True)
        assert status["workers"][0]["streams"] == 1
    assert gateway.process.wait(8) == 0


def test_it_is_not_ready_before_the_keys_were_asked_for(single, issuer):
    admin = Admin()
    # It takes connections, and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = {"uri": f"http://127.0.0.1:{silent.getsockname()[1]}/jwks"}
        gateway = single.start(single.configuration(keys, admin=admin.member), ready_within=None)
        admin.wait_until_open(gateway)
        assert admin.ask("/readyz").status == 503
        assert admin.status()["issuers"][0]["state"] == "pending"
        gateway.process.kill()


def test_it_shows_what_a_reload_did(single):
    admin = Admin()
    gateway = started(single, admin)
    first = admin.status()["configuration"]
    assert first["last_reload"] is None
    configuration = json.loads(gateway.configuration.read_text())
    configuration["routes"][0]["scopes"] = ["mcp:read"]
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: admin.status()["configuration"]["hash"] != first["hash"], 5, "reloaded")
    status = admin.status()
    assert status["configuration"]["last_reload"]["outcome"] == "loaded"
    assert status["routes"][0]["scopes"] == ["mcp:read"]
    gateway.configuration.write_text('{\n  "listeners": 5\n}\n')
    gateway.signal(signal.SIGHUP)

    def refused():
        return admin.status()["configuration"]["last_reload"]["outcome"] == "refused"

    gateway.wait_until(refused, 5, "refused")
    reload = admin.status()["configuration"]["last_reload"]
    assert any("gateway.json:2:16" in each["at"] for each in reload["problems"]), reload
    assert all(each["problem"] and each["remedy"] for each in reload["problems"])
    assert admin.status()["configuration"]["hash"] == status["configuration"]["hash"]


def test_a_reload_moves_it_closes_it_and_opens_it(single, tmp_path):
    (tmp_path / "admin.token").write_text(TOKEN)
    admin, other = Admin(), Admin(token={"file": "admin.token"})
    gateway = started(single, admin)

    def reload(member):
        configuration = json.loads(gateway.configuration.read_text())
        configuration.pop("admin", None)
        if member:
            configuration["admin"] = member
        gateway.configuration.write_text(json.dumps(configuration))
        gateway.signal(signal.SIGHUP)

    def is_closed(at):
        try:
            at.ask("/livez")
            return False
        except (OSError, raw_http.ConnectionEnded):
            return True

    reload(other.member)
    other.wait_until_open(gateway)
    gateway.wait_until(lambda: is_closed(admin), 5, "closed at its old address")
    assert other.ask("/metrics").status == 401
    reload(None)
    gateway.wait_until(lambda: is_closed(other), 5, "closed")
    assert gateway.health() == 200
    reload(admin.member)
    admin.wait_until_open(gateway)
    assert admin.status()["ready"] is True


def test_it_begins_with_a_reload_where_there_was_none(single):
    admin = Admin()
    gateway = single.start()
    configuration = json.loads(gateway.configuration.read_text())
    gateway.configuration.write_text(json.dumps({**configuration, "admin": admin.member}))
    gateway.signal(signal.SIGHUP)
    admin.wait_until_open(gateway)
    assert admin.status()["configuration"]["last_reload"]["outcome"] == "loaded"


def test_replays_are_told_by_the_routes_of_both_sides(single):
    admin = Admin()
    configuration = single.configuration(admin=admin.member)
    other = single.at("/other")
    configuration["routes"].append({**configuration["routes"][0], "resource": other})
    gateway = single.start(configuration)
    for _ in range(3):
        stolen = single.issuer.mint(other)
        assert gateway.exchange(mcp_requests.post(single.host, "/mcp", stolen)).status == 401
    (replay,) = admin.status()["replays"]
    assert (replay["issued_for"], replay["presented_at"], replay["count"]) == (other, single.resource, 3)
    route = next(each for each in admin.status()["routes"] if each["resource"] == single.resource)
    assert route["reasons"] == {"aud_other_route": 3}
    assert route["requests"]["refuse"] == 3


def test_issuers_and_endpoints_are_shown_as_they_are(single):
    admin = Admin()
    gateway = started(single, admin)
    gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
    status = admin.status()
    (keys,) = status["issuers"]
    assert (keys["name"], keys["issuer"], keys["state"]) == ("corp", single.issuer.identifier, "ok")
    assert keys["keys"] >= 1 and keys["problem"] == ""
    (endpoint,) = status["endpoints"]
    assert (endpoint["name"], endpoint["state"]) == (single.recorder.authority, "up")
    assert (endpoint["requests"], endpoint["active"], endpoint["failures"]) == (1, 0, 0)
    single.recorder.stop()
    gateway.wait_until(lambda: admin.status()["endpoints"][0]["idle"] == 0, 3, "without idle connections")
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 502
    (endpoint,) = admin.status()["endpoints"]
    assert (endpoint["state"], endpoint["failures"]) == ("down", 1)
    assert endpoint["since"] and endpoint["reason"]


def test_a_dead_issuer_is_shown_with_what_is_wrong(single):
    admin = Admin()
    single.issuer.server.stop()
    gateway = single.start(single.configuration(admin=admin.member))
    gateway.wait_until(lambda: admin.status()["issuers"][0]["state"] == "down", 5, "down")
    (keys,) = admin.status()["issuers"]
    assert keys["keys"] == 0 and keys["problem"]


def test_check_names_it(single, tmp_path):
    admin = Admin()
    path = tmp_path / "check.json"
    path.write_text(json.dumps(single.configuration(admin=admin.member)))
    result = run("check", "--config", str(path))
    assert result.returncode == 0, result.stderr
    assert (
        f"Metrics and status at {admin.authority}, cleartext, for 127.0.0.1, [::1], localhost; no token"
        in result.stdout
    )
    report = json.loads(run("check", "--json", "--config", str(path)).stdout)
    assert report["admin"]["address"] == admin.authority
    assert report["admin"]["token"] is False
    path.write_text(json.dumps(single.configuration(admin={"address": "0.0.0.0:9901"})))
    result = run("check", "--config", str(path))
    assert result.returncode == 1
    assert "it would tell everybody how the gateway is" in result.stderr


def test_a_crowd_of_one_address_does_not_keep_probes_of_others_out(single):
    admin = Admin()
    gateway = started(single, admin)
    crowd = [raw_http.dial(admin.address, source="127.0.0.2") for _ in range(100)]
    try:
        started_at = time.monotonic()
        for _ in range(5):
            assert admin.ask("/livez").status == 200
        assert time.monotonic() - started_at < 2
    finally:
        for each in crowd:
            each.close()
    # Who has many connections for the work of the gateway may look at how it is.
    crowd = [gateway.connect() for _ in range(40)]
    try:
        assert admin.ask("/livez").status == 200
    finally:
        for each in crowd:
            each.close()


def test_a_crowd_of_idle_connections_does_not_close_it_to_clients_of_the_data_path(single):
    admin = Admin()
    gateway = started(single, admin)
    crowd = [raw_http.dial(admin.address) for _ in range(100)]
    try:
        started_at = time.monotonic()
        assert gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 200
        assert time.monotonic() - started_at < 2
    finally:
        for each in crowd:
            each.close()
    gateway.wait_until(lambda: admin.ask("/livez").status == 200, 5, "open again")
