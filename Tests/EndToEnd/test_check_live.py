"""`audgate check --live`: issuers, public names and servers as they are, good, broken and false."""

import json
import socket
import threading
import time

import pytest

from harness import recorder as upstreams
from harness.certificates import Certificates
from harness.gateway import free_port, run
from harness.issuer import Issuer
from harness.nginx import Nginx
from harness.outside import CALENDAR, DOCUMENT, FILES, NAME, Outside
from harness.recorder import Recorder
from harness.tls import server_context


@pytest.fixture
def outside(tmp_path, certificates: Certificates):
    outside = Outside(tmp_path, certificates)
    yield outside
    outside.stop()


@pytest.fixture
def served(outside):
    """The same with its gateway running."""
    outside.serve()
    return outside


# MARK: All is well


def test_everything_as_configured_is_found_so(served):
    served.issuer.server.metadata |= {"resource_indicators_supported": True}
    findings = served.check()
    findings.expect_only()
    assert findings.process.returncode == 0
    findings.expect(served.issuer.identifier, "metadata", "ok", "/.well-known/oauth-authorization-server")
    findings.expect(served.issuer.identifier, "keys", "ok", "1 of 1 keys", served.issuer.server.url + "/jwks")
    findings.expect(served.issuer.identifier, "resource_indicators", "ok")
    for resource in (FILES, CALENDAR):
        for step in ("document", "challenge", "forgery", "upstream", "upstream_document"):
            assert findings.result(resource, step) == "ok", (resource, step)
    findings.expect(None, "token", "note", "not tried", "--token FILE")


def test_no_message_reaches_a_server_without_a_token(served):
    served.check()
    for recorder in (served.files, served.calendar):
        assert {each.method for each in recorder.requests} == {"GET"}
        assert not any(each.all("authorization") for each in recorder.requests)


def test_people_get_a_table(served):
    process = served.run()
    assert process.returncode == 0
    lines = process.stdout.splitlines()
    assert f"route {FILES}" in lines and f"issuer {served.issuer.identifier}" in lines
    assert any(line.split()[:2] == ["ok", "challenge"] for line in lines)
    assert lines[-1] == "The outside world: 0 problems, 0 warnings."


def test_one_route_alone(served):
    findings = served.check("--route", FILES)
    assert [each.get("name") for each in findings.live["subjects"]] == [served.issuer.identifier, None, FILES]
    assert served.calendar.accepted == 0
    listed = json.loads(findings.process.stdout)["routes"]
    assert [each["resource"] for each in listed] == [FILES]


# MARK: A token of the operator


@pytest.mark.parametrize("source", ["stdin", "file"])
def test_a_token_is_accepted_at_home_and_refused_everywhere_else(served, source):
    token = served.issuer.mint(FILES)
    if source == "stdin":
        findings = served.check("--token", "-", stdin=f"Bearer {token}\n")
    else:
        path = served.directory / "token"
        path.write_text(token + "\n")
        findings = served.check("--token", str(path))
    findings.expect_only()
    findings.expect(None, "token", "ok", FILES)
    findings.expect(FILES, "audience", "ok", "200")
    findings.expect(CALENDAR, "audience", "ok", "401 invalid_token")
    carriers = [each for each in served.files.requests if each.all("authorization")]
    assert [each.one("authorization") for each in carriers] == [f"Bearer {token}"]
    assert not any(each.all("authorization") for each in served.calendar.requests)


@pytest.mark.parametrize("options", [["--json"], []])
def test_nothing_of_a_token_is_printed(served, options):
    token = served.issuer.mint(FILES)
    process = served.run(*options, "--token", "-", stdin=token)
    assert process.returncode == 0
    for part in token.split("."):
        assert part not in process.stdout + process.stderr


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"exp": int(time.time()) - 600}, "expired"),
        ({"aud": "https://elsewhere.example"}, "elsewhere.example"),
        ({"aud": [FILES, CALENDAR]}, "aud_not_exclusive"),
        ({"iss": "https://evil.example"}, "issuer_unknown"),
        ({"header": {"kid": "key-9"}}, "unknown_key"),
    ],
)
def test_a_token_that_proves_nothing_is_presented_nowhere(served, changes, word):
    audience = changes.get("aud", FILES)
    rest = {name: value for name, value in changes.items() if name != "aud"}
    findings = served.check("--token", "-", stdin=served.issuer.mint(audience, **rest))
    findings.expect(None, "token", "problem", word, "presented nowhere")
    findings.expect_only((None, "token"))
    assert not any(each.all("authorization") for each in served.files.requests)


def test_without_keys_a_token_is_presented_nowhere(served):
    token = served.issuer.mint(FILES)
    served.issuer.server.mode = "fail"
    findings = served.check("--token", "-", stdin=token)
    findings.expect(None, "token", "warning", "presented nowhere")
    assert not any(each.all("authorization") for each in served.files.requests)


def test_a_gateway_that_takes_the_audience_of_another_route_is_found_out(outside):
    """The gateway runs another configuration than the one that is checked."""
    configuration = outside.configuration()
    configuration["routes"] = [configuration["routes"][1] | {"audience_aliases": [FILES]}]
    outside.serve(configuration)
    findings = outside.check("--route", CALENDAR, "--token", "-", stdin=outside.issuer.mint(FILES))
    findings.expect(CALENDAR, "audience", "problem", "200 instead of 401", "audience is not compared")
    findings.expect_only((CALENDAR, "audience"))


def test_a_token_that_its_own_route_refuses_makes_the_refusals_worthless(outside):
    configuration = outside.configuration()
    configuration["issuers"]["corp"]["max_token_lifetime"] = "1m"
    outside.serve(configuration)
    findings = outside.check("--token", "-", stdin=outside.issuer.mint(FILES))
    findings.expect(FILES, "audience", "problem", "401", "prove nothing")


# MARK: What stands at the public name


class FalseGateway:
    """A server at the public name that says what a test wants: status and fields for POST, or a way to find them."""

    def __init__(self, outside: Outside, answer, document=None):
        self.recorder = Recorder(tls=server_context(outside.identity, "http/1.1"))
        self.recorder.script = self.script
        self.answer, self.document, self.issuer = answer, document, outside.issuer.identifier

    def script(self, request, connection):
        resource = f"https://{NAME}" + request.target.removeprefix(DOCUMENT)
        if request.target.startswith(DOCUMENT):
            document = {
                "resource": resource,
                "authorization_servers": [self.issuer],
                "bearer_methods_supported": ["header"],
            }
            body = json.dumps(document | (self.document or {}), separators=(",", ":")).encode()
            return upstreams.canned(200, body=body)(request, connection)
        status, fields = self.answer(request, f"https://{NAME}{DOCUMENT}{request.target}")
        upstreams.canned(status, fields)(request, connection)


@pytest.fixture
def false_gateway(outside):
    made = []

    def make(answer, document=None):
        made.append(FalseGateway(outside, answer, document))
        return made[-1].recorder

    yield make
    for each in made:
        each.recorder.stop()


def challenge(document, error=None):
    field = f'Bearer {f"error={chr(34)}{error}{chr(34)}, " if error else ""}resource_metadata="{document}"'
    return 401, [("WWW-Authenticate", field)]


def test_an_open_server_is_found_and_gets_no_token(outside, false_gateway):
    recorder = false_gateway(lambda request, document: (200, []))
    token = outside.issuer.mint(FILES)
    findings = outside.check("--token", "-", port=recorder.port, stdin=token)
    for resource in (FILES, CALENDAR):
        findings.expect(resource, "document", "ok")
        findings.expect(resource, "challenge", "problem", "everybody can use the server")
        findings.expect(resource, "audience", "note", "Not tried")
    assert not any(token in value for each in recorder.requests for value in each.all("authorization"))


def test_a_server_that_takes_every_token_is_found_out(outside, false_gateway):
    def answer(request, document):
        return (200, []) if request.all("authorization") else challenge(document)

    recorder = false_gateway(answer)
    findings = outside.check("--token", "-", port=recorder.port, stdin=outside.issuer.mint(FILES))
    for resource in (FILES, CALENDAR):
        findings.expect(resource, "challenge", "ok")
        findings.expect(resource, "forgery", "problem", "does not verify signatures")
    findings.expect(FILES, "audience", "ok")
    findings.expect(CALENDAR, "audience", "problem", "audience is not compared")


def test_a_server_that_takes_unsigned_tokens_is_found_out(outside, false_gateway):
    def answer(request, document):
        if not request.all("authorization"):
            return challenge(document)
        is_signed = not request.one("authorization").endswith(".")
        return challenge(document, "invalid_token") if is_signed else (200, [])

    recorder = false_gateway(answer)
    findings = outside.check(port=recorder.port)
    findings.expect(FILES, "forgery", "problem", "without a signature")


@pytest.mark.parametrize("status", [400, 403, 404, 502])
def test_a_refusal_for_another_reason_is_no_refusal_of_the_audience(outside, false_gateway, status):
    def answer(request, document):
        field = request.all("authorization")
        if field and token in field[0]:
            return status, []
        return challenge(document, "invalid_token" if field else None)

    token = outside.issuer.mint(FILES)
    recorder = false_gateway(answer)
    findings = outside.check("--token", "-", port=recorder.port, stdin=token)
    findings.expect(CALENDAR, "audience", "problem", f"{status} instead of 401")


def test_a_refusal_without_invalid_token_is_a_problem(outside, false_gateway):
    recorder = false_gateway(lambda request, document: challenge(document))
    findings = outside.check(port=recorder.port)
    findings.expect(FILES, "forgery", "problem", "without invalid_token")


def test_a_gateway_that_asks_for_patience_gets_it(outside, false_gateway):
    told = set()

    def answer(request, document):
        credentials = request.all("authorization")
        if not credentials:
            return challenge(document)
        if credentials[0] in told:
            return challenge(document, "invalid_token")
        told.add(credentials[0])
        return 429, [("Retry-After", "1")]

    findings = outside.check("--route", FILES, port=false_gateway(answer).port)
    findings.expect(FILES, "forgery", "ok", "invalid_token")
    assert len(told) == 2


def test_an_answer_that_limits_the_check_proves_nothing(outside, false_gateway):
    def answer(request, document):
        return (429, []) if request.all("authorization") else challenge(document)

    findings = outside.check(port=false_gateway(answer).port)
    findings.expect(FILES, "forgery", "warning", "not known", "--route")


@pytest.mark.parametrize(
    "document, word",
    [
        ({"resource": FILES + "/"}, "another resource"),
        ({"resource": "http://10.0.0.5/files"}, "another resource"),
        ({"authorization_servers": ["https://evil.example"]}, "other authorization servers"),
        ({"resource": "\x1b[2J"}, "\\u{1b}[2J"),
    ],
)
def test_a_document_that_says_something_else_is_a_problem(outside, false_gateway, document, word):
    def answer(request, address):
        return challenge(address, "invalid_token" if request.all("authorization") else None)

    recorder = false_gateway(answer, document)
    findings = outside.check("--route", FILES, port=recorder.port)
    findings.expect(FILES, "document", "problem", word)


def test_a_gateway_with_an_older_configuration_is_a_warning(outside):
    configuration = outside.configuration()
    configuration["routes"][0]["scopes"] = ["files:read"]
    outside.serve(configuration)
    findings = outside.check()
    findings.expect(FILES, "document", "warning", "differs")
    findings.expect_only((FILES, "document"))
    assert findings.process.returncode == 0


PROXY = """
    location ~ ^/ {{
        proxy_pass https://127.0.0.1:{port};
        proxy_ssl_server_name on;
        proxy_ssl_name mcp.example.com;
        proxy_set_header Host {host};
        {more}
    }}
"""


@pytest.mark.parametrize(
    "host, more, step, word",
    [
        ("internal.example.com", "", "challenge", "match.host"),
        ("$host", "proxy_hide_header WWW-Authenticate;", "challenge", "WWW-Authenticate"),
        ("$host", "rewrite ^/files /elsewhere break;", "challenge", "match.path"),
        (
            "$host",
            "if ($request_method = POST) { return 308 https://mcp.example.com/x; }",
            "challenge",
            "redirect",
        ),
        ("$host", "if ($uri ~ well-known) { return 404; }", "document", "oauth-protected-resource"),
        ("$host", "if ($uri ~ well-known) { return 200 '<html>'; }", "document", "not this gateway"),
    ],
)
def test_what_a_proxy_in_front_breaks_is_found_with_what_to_do(served, tmp_path, host, more, step, word):
    text = PROXY.format(port=served.port, host=host, more=more)
    nginx = Nginx(tmp_path / "nginx", served.identity, more=text)
    try:
        findings = served.check("--route", FILES, port=nginx.port)
    finally:
        nginx.stop()
    findings.expect(FILES, step, "problem", word)


@pytest.mark.parametrize("host", ["$host", "internal.example.com"])
def test_a_proxy_in_front_that_the_configuration_knows_of_breaks_nothing(outside, tmp_path, host):
    configuration = outside.configuration()
    if host != "$host":
        for route in configuration["routes"]:
            route["match"] = {"host": host}
    outside.serve(configuration)
    text = PROXY.format(port=outside.port, host=host, more="")
    nginx = Nginx(tmp_path / "nginx", outside.identity, more=text)
    try:
        findings = outside.check(
            "--token", "-", port=nginx.port, configuration=configuration, stdin=outside.issuer.mint(FILES)
        )
    finally:
        nginx.stop()
    findings.expect_only()


def test_a_certificate_that_nobody_trusts_is_a_problem_and_nothing_is_asked(outside):
    recorder = Recorder(tls=server_context(outside.identity, "http/1.1"))
    findings = outside.check(port=recorder.port, trusting=outside.certificates.stranger.certificate)
    findings.expect(FILES, "document", "problem", "--ca")
    findings.expect(FILES, "challenge", "note", "Not tried")
    assert recorder.requests == []
    recorder.stop()


def test_https_is_never_asked_in_clear_text(outside):
    received = []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        findings = outside.check(port=listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    findings.expect(FILES, "document", "problem", "certificate")
    assert {each[:1] for each in received} == {b"\x16"}, "only greetings of TLS"


def test_a_name_that_does_not_exist_is_asked_for_once(outside):
    configuration = outside.configuration()
    for route in configuration["routes"]:
        route["resource"] = route["resource"].replace(NAME, "gateway.invalid")
    path = outside.directory / "gateway.json"
    path.write_text(json.dumps(configuration))
    process = run("check", "--live", "--config", str(path), timeout=60)
    assert process.returncode == 1
    assert process.stdout.count("Cannot connect to gateway.invalid") == 2
    assert process.stdout.count("--connect-to") == 2


def test_a_name_where_nothing_listens(outside):
    findings = outside.check(port=free_port())
    for resource in (FILES, CALENDAR):
        findings.expect(resource, "document", "problem", "Connection refused")
        findings.expect(resource, "upstream", "ok")


# MARK: Issuers


@pytest.mark.parametrize("named", ["https://evil.example", "slash", None, 5])
def test_metadata_of_another_issuer_is_a_problem(served, named):
    server = served.issuer.server
    server.metadata["issuer"] = server.url + "/" if named == "slash" else named
    findings = served.check()
    word = f'"{server.metadata["issuer"]}"' if isinstance(named, str) else "no issuer"
    findings.expect(served.issuer.identifier, "metadata", "problem", word, "503")


@pytest.mark.parametrize(
    "mode, word",
    [("garbage", "not a JSON object"), ("fail", "status 500"), ("stopped", "Connection refused")],
)
def test_an_issuer_that_is_broken_is_a_problem(served, mode, word):
    if mode == "stopped":
        served.issuer.server.stop()
    served.issuer.server.mode = mode
    findings = served.check()
    findings.expect(served.issuer.identifier, "metadata", "problem", word)
    findings.expect_only((served.issuer.identifier, "metadata"))


def test_an_issuer_that_hangs_takes_its_time_and_no_more(served):
    served.issuer.server.mode = "hang"
    started = time.monotonic()
    findings = served.check("--route", FILES)
    served.issuer.server.released.set()
    findings.expect(served.issuer.identifier, "metadata", "problem", "did not answer in time")
    assert time.monotonic() - started < 45, "ten seconds for each of two documents, and some for the rest"
    assert "Asking issuers, public names and servers: 0 of 2" in findings.process.stderr


BROKEN_ISSUERS = {
    "huge": (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b" " * 300_000, "too large"),
    "redirect": (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "status 302",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "in HTTP"),
    "cut off": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "in HTTP"),
}


@pytest.mark.parametrize("what", BROKEN_ISSUERS)
def test_an_issuer_that_answers_rubbish_is_a_problem(served, what):
    answer, word = BROKEN_ISSUERS[what]
    recorder = Recorder()
    recorder.script = upstreams.raw(answer, then="close")
    configuration = served.configuration()
    configuration["issuers"]["corp"]["issuer"] = recorder.url
    findings = served.check("--route", FILES, configuration=configuration)
    recorder.stop()
    findings.expect(recorder.url, "metadata", "problem", word)


def test_a_redirect_into_clear_text_is_not_followed(served):
    """An https issuer that sends elsewhere: nothing arrives there."""
    elsewhere = Recorder()
    identity = served.certificates.server
    recorder = Recorder(tls=server_context(identity, "http/1.1"))
    recorder.script = upstreams.canned(302, [("Location", elsewhere.url + "/metadata")], b"")
    configuration = served.configuration()
    configuration["issuers"]["corp"] |= {"issuer": recorder.url, "tls": {"ca": str(served.certificates.ca)}}
    findings = served.check("--route", FILES, configuration=configuration)
    findings.expect(recorder.url, "metadata", "problem", "status 302")
    assert elsewhere.accepted == 0
    recorder.stop()
    elsewhere.stop()


def test_keys_in_clear_text_of_an_https_issuer_are_a_problem(served, certificates):
    issuer = Issuer(tls=server_context(certificates.server, "http/1.1"))
    issuer.server.metadata["jwks_uri"] = served.issuer.server.url + "/jwks"
    configuration = served.configuration()
    configuration["issuers"]["corp"] |= {"issuer": issuer.identifier, "tls": {"ca": str(certificates.ca)}}
    fetches = served.issuer.server.count()
    findings = served.check("--route", FILES, configuration=configuration)
    findings.expect(issuer.identifier, "metadata", "problem", "not https")
    assert served.issuer.server.count() == fetches
    issuer.stop()


def test_https_keys_of_an_issuer_without_tls_are_not_asked_for_in_clear_text(served):
    recorder = Recorder()
    served.issuer.server.metadata["jwks_uri"] = f"https://{recorder.authority}/jwks"
    findings = served.check("--route", FILES)
    findings.expect(served.issuer.identifier, "keys", "problem", "no settings of TLS", "503")
    assert b"".join(each.received for each in recorder.connections) == b""
    recorder.stop()


def test_keys_that_cannot_be_used_are_told_of(served):
    server = served.issuer.server
    server.keys.append({"kty": "oct", "kid": "secret", "k": "AAAA"})
    findings = served.check()
    findings.expect(served.issuer.identifier, "keys", "warning", "1 of 2 keys", "secret (symmetric_key)")
    configuration = served.configuration()
    configuration["issuers"]["corp"]["algorithms"] = ["RS256"]
    findings = served.check("--route", FILES, configuration=configuration)
    findings.expect(served.issuer.identifier, "keys", "problem", "RS256")


def test_metadata_that_scares_clients_away_is_a_warning(served):
    served.issuer.server.metadata |= {
        "authorization_endpoint": "https://login.example.com/authorize",
        "code_challenge_methods_supported": ["plain"],
        "protected_resources": [FILES],
    }
    findings = served.check()
    findings.expect(served.issuer.identifier, "code_challenges", "warning", "S256")
    findings.expect(served.issuer.identifier, "resource_indicators", "warning", CALENDAR)
    assert findings.process.returncode == 0


def test_keys_from_a_file_need_no_metadata_but_clients_do(outside):
    (outside.directory / "keys.json").write_text(json.dumps({"keys": outside.issuer.server.keys}))
    configuration = outside.configuration()
    configuration["issuers"]["corp"]["keys"] = {"file": str(outside.directory / "keys.json")}
    outside.serve(configuration)
    outside.issuer.server.stop()
    findings = outside.check("--token", "-", configuration=configuration, stdin=outside.issuer.mint(CALENDAR))
    findings.expect(outside.issuer.identifier, "metadata", "warning", "MCP clients need it")
    findings.expect_only((outside.issuer.identifier, "metadata"))
    findings.expect(CALENDAR, "audience", "ok", "200")


# MARK: Servers behind


@pytest.mark.parametrize("credentials, word", [("forward", "502"), ("strip", "no tokens")])
def test_a_server_that_takes_itself_for_another_resource_is_a_warning(outside, credentials, word):
    def script(request, connection):
        body = json.dumps({"resource": outside.files.url + "/mcp"}).encode()
        is_document = request.target == DOCUMENT + "/mcp"
        upstreams.canned(200 if is_document else 401, body=body)(request, connection)

    outside.files.script = script
    configuration = outside.configuration()
    configuration["routes"][0]["upstream"] = {
        "endpoints": [outside.files.url + "/mcp"],
        "credentials": credentials,
    }
    outside.serve(configuration)
    findings = outside.check(configuration=configuration)
    findings.expect(FILES, "upstream", "ok", "status 401")
    findings.expect(FILES, "upstream_document", "warning", outside.files.url + "/mcp", FILES, word)
    findings.expect_only((FILES, "upstream_document"))
    assert findings.process.returncode == 0


def test_a_server_that_knows_its_resource_is_well(served):
    served.files.script = upstreams.canned(200, body=json.dumps({"resource": FILES}).encode())
    served.check().expect(FILES, "upstream_document", "ok", "same resource")


def test_servers_that_are_down(outside):
    configuration = outside.configuration()
    dead = f"http://127.0.0.1:{free_port()}/mcp"
    configuration["routes"][0]["upstream"] = {"endpoints": [dead, outside.files.url + "/mcp"]}
    configuration["routes"][1]["upstream"] = dead
    outside.serve(configuration)
    findings = outside.check(configuration=configuration)
    by_result = {
        (subject["name"], finding["result"])
        for subject in findings.live["subjects"]
        for finding in subject["findings"]
        if finding["step"] == "upstream"
    }
    assert by_result == {(FILES, "ok"), (FILES, "warning"), (CALENDAR, "problem")}


@pytest.mark.parametrize("status, result", [(200, "ok"), (404, "ok"), (500, "warning"), (503, "warning")])
def test_any_answer_but_an_error_of_the_server_proves_life(served, status, result):
    served.files.script = upstreams.canned(status)
    served.check("--route", FILES).expect(FILES, "upstream", result, str(status))


def test_a_server_that_streams_without_end_is_not_listened_to(served):
    stream = upstreams.event_stream([b"data: 1\n\n"] * 300, 0.1)

    def script(request, connection):
        (upstreams.canned(404) if request.target.startswith(DOCUMENT) else stream)(request, connection)

    served.files.script = script
    started = time.monotonic()
    served.check("--route", FILES).expect(FILES, "upstream", "ok", "200")
    assert time.monotonic() - started < 10, "the head is enough"


@pytest.mark.parametrize("uses_tls", [True, False])
def test_servers_that_speak_http2_alone(outside, certificates, uses_tls):
    tls = server_context(certificates.server, "h2") if uses_tls else None
    recorder = Recorder(tls=tls, http2=True)
    recorder.script = upstreams.canned(200, body=json.dumps({"resource": FILES}).encode())
    configuration = outside.configuration()
    upstream = {"endpoints": [recorder.url + "/mcp"], "http2": True}
    if uses_tls:
        upstream["tls"] = {"ca": str(certificates.ca)}
    configuration["routes"][0]["upstream"] = upstream
    outside.serve(configuration)
    findings = outside.check(configuration=configuration)
    findings.expect_only()
    findings.expect(FILES, "upstream", "ok", "200")
    findings.expect(FILES, "upstream_document", "ok", "same resource")
    assert {each.one("host") for each in recorder.requests} == {recorder.authority}
    recorder.stop()


def test_a_server_with_the_wrong_certificate_is_a_problem(outside, certificates):
    recorder = Recorder(tls=server_context(certificates.wrong_name, "http/1.1"))
    configuration = outside.configuration()
    configuration["routes"][0]["upstream"] = {
        "endpoints": [recorder.url + "/mcp"],
        "tls": {"ca": str(certificates.ca)},
    }
    outside.serve(configuration)
    findings = outside.check(configuration=configuration)
    findings.expect(FILES, "upstream", "problem", "mismatch")
    assert recorder.requests == []
    recorder.stop()


# MARK: Many routes, and wrong usage


def test_a_thousand_routes_are_asked_eight_at_a_time(outside):
    """A server behind each route would be no other than the one that all have here."""
    busy, most, lock = 0, 0, threading.Lock()

    def script(request, connection):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.002)
        with lock:
            busy -= 1
        upstreams.canned(404)(request, connection)

    outside.files.script = script
    configuration = outside.configuration()
    resources = [f"https://{NAME}/servers/{number}" for number in range(1000)]
    configuration["routes"] = [
        {"resource": resource, "issuer": "corp", "upstream": f"{outside.files.url}/{number}"}
        for number, resource in enumerate(resources)
    ]
    # Five refusals a route are more than one address may have.
    configuration["limits"] = {"rates": {"refusals": "off", "handshakes": "off"}}
    outside.serve(configuration)
    token = outside.issuer.mint(resources[500])
    findings = outside.check("--token", "-", configuration=configuration, stdin=token)
    findings.expect_only()
    assert len(findings.all("ok")) >= 6 * 1000
    assert findings.of(resources[500], "audience")["found"].startswith("The token for this route")
    assert 1 < most <= 8


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "-"],
        ["--ca", "ca.pem"],
        ["--connect-to", "127.0.0.1:1"],
        ["--live", "--connect-to", "mcp.example.com"],
        ["--live", "--connect-to", "127.0.0.1"],
        ["--alive"],
    ],
)
def test_wrong_usage(outside, arguments):
    path = outside.directory / "gateway.json"
    path.write_text(json.dumps(outside.configuration()))
    process = run("check", "--config", str(path), *arguments, stdin="")
    assert process.returncode == 64 and process.stderr and not process.stdout


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--route", FILES + "/"], FILES),
        (["--live", "--ca", "nowhere.pem"], "nowhere.pem"),
        (["--live", "--ca", "{directory}/gateway.json"], "--ca has no certificates"),
        (["--live", "--token", "nowhere"], "nowhere"),
    ],
)
def test_what_is_not_there_is_named(outside, arguments, word):
    path = outside.directory / "gateway.json"
    path.write_text(json.dumps(outside.configuration()))
    named = [each.format(directory=outside.directory) for each in arguments]
    process = run("check", "--config", str(path), *named)
    assert process.returncode == 1 and word in process.stderr


def test_a_configuration_with_problems_is_not_taken_outside(outside):
    configuration = outside.configuration()
    configuration["routes"][0]["resource"] += "/"
    process = outside.run("--json", configuration=configuration)
    assert process.returncode == 1
    document = json.loads(process.stdout)
    assert not document["usable"] and "live" not in document
    assert outside.issuer.server.fetches == []
