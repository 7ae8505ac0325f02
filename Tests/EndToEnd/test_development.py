"""The checked-in development set-up: an authorization server, two sample servers, and the whole story of a client."""

import asyncio
import base64
import json
import re
import signal
import subprocess
import time

import httpx
import pytest

from harness import challenge, development, mcp_requests, mcp_servers, raw_http, sdk_client
from harness.gateway import Gateway, binary, free_port, run
from harness.mcp1 import mcp1
from harness.sdk_client import MODES


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Serves gateway.json as it stands."""
    gateway = Gateway(
        development.configuration(), tmp_path_factory.mktemp("development"), development.listener()
    )
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def files(gateway):
    return development.resources()[0]


@pytest.fixture(scope="module")
def calendar(gateway):
    return development.resources()[1]


def post(resource, token=None):
    _, _, rest = resource.partition("://")
    host, _, path = rest.partition("/")
    address = host.rpartition(":")[0], int(host.rpartition(":")[2])
    return raw_http.exchange(address, mcp_requests.post(host, "/" + path, token))


def claims(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def test_the_story_from_a_bare_401_to_a_refusal_elsewhere(files, calendar):
    metadata = challenge.parse(post(files).one("WWW-Authenticate"))["resource_metadata"]
    assert httpx.get(metadata).json()["resource"] == files
    token = development.token(files)
    assert claims(token)["aud"] in (files, [files])
    assert post(files, token).status != 401
    refused = post(calendar, token)
    assert (
        refused.status == 401 and challenge.parse(refused.one("WWW-Authenticate"))["error"] == "invalid_token"
    )
    assert post(calendar, development.token(calendar)).status != 401


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("mode", MODES)
def test_case_173_the_oauth_client_of_2_x_comes_from_401_to_a_tool_result(gateway, mode, which):
    resource = development.resources()[which]
    memory, browser = sdk_client.Memory(), sdk_client.Browser()

    async def run():
        async with sdk_client.connected(
            resource, auth=sdk_client.oauth(resource, memory, browser), mode=mode
        ) as client:
            tools = (await client.list_tools()).tools
            result = await client.call_tool("whoami")
            return client.protocol_version, [each.name for each in tools], result

    version, tools, result = asyncio.run(run())
    assert version == MODES[mode]
    assert "whoami" in tools and not result.is_error
    assert len(browser.visited) == 1, "one consent is enough"
    assert browser.visited[0]["resource"] == [resource]
    assert browser.visited[0]["code_challenge_method"] == ["S256"]
    assert claims(memory.tokens.access_token)["aud"] in (resource, [resource])
    other = development.resources()[1 - which]
    assert post(other, memory.tokens.access_token).status == 401


@pytest.mark.parametrize("which", [0, 1])
def test_case_175_the_oauth_client_of_1_x_comes_from_401_to_a_tool_result(gateway, which):
    resource = development.resources()[which]
    report = mcp1(resource, "oauth", "whoami", {})
    assert report["asked_for_resource"] == [resource]
    assert report["version"] == "2025-11-25" and report["result"]


@pytest.mark.parametrize("mode", MODES)
def test_the_sample_servers_report_progress_step_by_step(calendar, mode):
    arrivals: list[float] = []

    async def run():
        async def progress(value, total, message):
            arrivals.append(time.monotonic())

        async with sdk_client.connected(calendar, development.token(calendar), mode=mode) as client:
            schema = {each.name: each.input_schema for each in (await client.list_tools()).tools}
            assert "plan_week" in schema
            return await client.call_tool("plan_week", progress_callback=progress)

    assert not asyncio.run(run()).is_error
    assert len(arrivals) >= 3 and arrivals[-1] - arrivals[0] > 0.1


def test_the_authorization_server_says_what_it_can_do(files):
    issuer = development.authorization_server(files)
    document = development.metadata(issuer)
    assert document["issuer"] == issuer
    assert "S256" in document["code_challenge_methods_supported"]
    assert {"authorization_code", "client_credentials"} <= set(document["grant_types_supported"])
    assert document["response_types_supported"] == ["code"]
    for endpoint in ("authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"):
        assert document[endpoint].startswith(issuer)
    (key,) = [each for each in httpx.get(document["jwks_uri"]).json()["keys"]]
    assert (key["kty"], key["crv"]) == ("EC", "P-256") and "d" not in key


@pytest.mark.parametrize("resource", [None, "https://unknown.example/x", "files", "", "SLASH", "TWO"])
def test_a_token_is_issued_for_one_known_resource_only(files, calendar, resource):
    issuer = development.authorization_server(files)
    asked = {"SLASH": files + "/", "TWO": [files, calendar]}.get(resource, resource)
    response = development.client_credentials(issuer, asked)
    assert response.status_code == 400
    assert response.json()["error"] in ("invalid_target", "invalid_request")
    assert "access_token" not in response.json()


def authorize(issuer, client, **changes):
    query = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": client["redirect_uris"][0],
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "state": "s",
        **changes,
    }
    address = development.metadata(issuer)["authorization_endpoint"]
    return httpx.get(address, params={name: value for name, value in query.items() if value is not None})


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def redeem(issuer, client, code, /, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client["redirect_uris"][0],
        "client_id": client["client_id"],
        "code_verifier": VERIFIER,
        **changes,
    }
    form = {name: value for name, value in form.items() if value is not None}
    return httpx.post(development.metadata(issuer)["token_endpoint"], data=form)


@pytest.fixture
def grant(files):
    """An issuer, a public client of it, and a fresh code for files."""
    issuer = development.authorization_server(files)
    client = development.register(
        issuer, token_endpoint_auth_method="none", grant_types=["authorization_code"]
    )
    location = authorize(issuer, client, resource=files).headers["Location"]
    return issuer, client, httpx.URL(location).params["code"]


def test_a_code_is_redeemed_once(grant, files):
    issuer, client, code = grant
    assert redeem(issuer, client, code, resource=files).status_code == 200
    again = redeem(issuer, client, code, resource=files)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": "CALENDAR"}, "invalid_target"),
        ({"code_verifier": None}, None),
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:1/other"}, "invalid_grant"),
        ({"code": "guess"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
    ],
)
def test_a_code_is_not_redeemed_when_something_does_not_fit(grant, files, calendar, changes, error):
    issuer, client, code = grant
    changes = {name: calendar if value == "CALENDAR" else value for name, value in changes.items()}
    response = redeem(issuer, client, code, **{"resource": files, **changes})
    assert response.status_code in (400, 401) and "access_token" not in response.json()
    if error:
        assert response.json()["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": None},
        {"resource": "https://unknown.example"},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"redirect_uri": "https://evil.example"},
        {"client_id": "nobody"},
    ],
)
def test_no_code_is_given_when_something_does_not_fit(grant, files, changes):
    issuer, client, _ = grant
    response = authorize(issuer, client, **{"resource": files, **changes})
    location = response.headers.get("Location", "")
    assert "code=" not in location and not location.startswith("https://evil.example")
    assert response.status_code >= 300


def test_explain_shows_why_a_token_for_files_is_refused_at_calendar(files, calendar, tmp_path):
    token = development.token(files)
    command = [binary(), "explain", "--config", str(development.FILE), "--route", calendar, "-"]
    result = subprocess.run(command, input=token, capture_output=True, text=True, timeout=20, cwd=tmp_path)
    assert files in result.stdout and calendar in result.stdout
    assert "aud" in result.stdout


def test_check_live_finds_everything_as_configured(gateway, files, calendar):
    config = ("--config", str(gateway.configuration))
    process = run("check", "--live", "--json", *config, "--token", "-", stdin=development.token(files))
    assert process.returncode == 0, process.stdout
    live = json.loads(process.stdout)["live"]
    assert (live["problems"], live["warnings"]) == (0, 0)
    found = {
        (each.get("name"), finding["step"]): finding["found"]
        for each in live["subjects"]
        for finding in each["findings"]
        if finding["result"] == "ok"
    }
    assert "200" in found[files, "audience"]
    assert "401 invalid_token" in found[calendar, "audience"]
    assert run("health", *config).returncode == 0


def test_an_sdk_server_behind_the_development_gateway_is_reached_by_oauth_alone(gateway, tmp_path):
    gateway.stop()
    server = mcp_servers.ServerProcess("files", free_port(), tmp_path).start()
    configuration = development.configuration()
    resource = development.resources()[0]
    for route in configuration["routes"]:
        if route["resource"] == resource:
            route["upstream"] = server.url
    changed = Gateway(configuration, tmp_path, development.listener())
    memory, browser = sdk_client.Memory(), sdk_client.Browser()

    async def run():
        async with sdk_client.connected(resource, auth=sdk_client.oauth(resource, memory, browser)) as client:
            return sdk_client.text(await client.call_tool("digest", {"text": "abc"}))

    try:
        changed.start()
        assert asyncio.run(run()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    finally:
        if changed.process:
            changed.stop()
        server.stop()
        gateway.start()


def test_demo_starts_everything_and_its_printed_commands_tell_the_story(gateway, tmp_path):
    gateway.stop()
    output = tmp_path / "demo.txt"
    with output.open("wb") as file:
        demo = subprocess.Popen([binary(), "demo"], stdout=file, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        end = time.monotonic() + 15
        while "Ctrl-C" not in output.read_text():
            assert demo.poll() is None and time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        printed = output.read_text()
        script = printed[printed.index("\n#") : printed.rindex("Ctrl-C")]
        told = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=30, cwd=tmp_path
        )
        statuses = re.findall(r"^HTTP/1\.1 (\d+) ", told.stdout, re.MULTILINE)
        assert statuses == ["401", "200", "401"], (told.stdout, told.stderr)
        without, _, rest = told.stdout.partition("HTTP/1.1 200 ")
        assert "resource_metadata=" in without and 'error="invalid_token"' not in without
        assert "files" in rest.split("HTTP/1.1 401 ")[0], "the tool answered"
        assert 'error="invalid_token"' in rest and "aud" in rest.rpartition("}")[2], "and explain says why"
    finally:
        demo.send_signal(signal.SIGTERM)
        status = demo.wait(10)
        gateway.start()
    assert status == 0
