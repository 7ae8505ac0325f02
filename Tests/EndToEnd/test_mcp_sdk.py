"""What the official clients do beyond calling tools, through the gateway: cases 144, 156, 174 and 175 in both eras."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import anyio
import mcp_types
import pytest

from harness import development, mcp_features, sdk_client
from harness.gate import Gate
from harness.gateway import Gateway, free_port, wait_for_port
from harness.mcp1 import mcp1
from harness.sdk_client import MODES

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

SECRET = "4f" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server with everything."""
    port = free_port()
    log = (tmp_path_factory.mktemp("features") / "log").open("wb")
    environment = {"PYTHONPATH": str(Path(__file__).parent), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, mcp_features.__file__, str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        wait_for_port(port, within=20)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def gate(tmp_path_factory, certificates, server):
    gate = Gate(tmp_path_factory.mktemp("sdk"), certificates, {"mcp": {}, "hidden": {}})
    key = gate.directory / "session.key"
    key.write_text(SECRET)
    base = {"issuer": "corp", "upstream": server}
    hidden = {"tools": {"delete_file": ["write"]}, "hide_unauthorized_tools": True}
    routes = [
        {"resource": gate.resource("mcp"), **base},
        {"resource": gate.resource("hidden"), **base, **hidden},
    ]
    try:
        gate.start(routes=routes, session_keys=[{"file": str(key)}])
        yield gate
    finally:
        gate.stop()


def talk(gate, conversation, mode="auto", name="mcp", token=None, **options):
    async def run():
        token_in_use = token or gate.token(name)
        with anyio.fail_after(30):
            async with sdk_client.connected(
                gate.resource(name), token_in_use, mode=mode, **options
            ) as client:
                return await conversation(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_case_175_resources_and_prompts(gate, mode):
    async def conversation(client):
        assert [str(each.uri) for each in (await client.list_resources()).resources] == ["note://one"]
        assert len((await client.list_resource_templates()).resource_templates) == 1
        assert (await client.read_resource("note://one")).contents[0].text == "text of the note"
        assert (await client.read_resource("note://by-name/%C3%A4")).contents[0].text.startswith("text of ")
        assert [each.name for each in (await client.list_prompts()).prompts] == ["greeting"]
        prompt = await client.get_prompt("greeting", {"name": "Ada"})
        assert prompt.messages[0].content.text == "Hello Ada"
        return client.protocol_version

    assert talk(gate, conversation, mode) == MODES[mode]


@pytest.mark.parametrize("mode", MODES)
def test_elicitation_comes_back_with_the_answer(gate, mode):
    asked = []

    async def answer(context, params):
        asked.append(params.message)
        return mcp_types.ElicitResult(action="accept", content={"confirmed": True})

    async def conversation(client):
        return sdk_client.text(await client.call_tool("confirm"))

    assert talk(gate, conversation, mode, elicitation_callback=answer) == "confirmed True"
    assert asked == ["Really?"]


def test_case_156_a_subscription_is_acknowledged_and_told_of_changes(gate):
    async def conversation(client):
        async with client.listen(tools_list_changed=True) as subscription:
            assert sdk_client.text(await client.call_tool("change")) == "told"
            return await subscription.__anext__()

    assert type(talk(gate, conversation)).__name__ == "ToolsListChanged"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scope", [None, "write"])
def test_lists_of_tools_are_cut_for_the_sdk(gate, mode, scope):
    async def conversation(client):
        return [each.name for each in (await client.list_tools()).tools]

    tools = talk(gate, conversation, mode, "hidden", gate.token("hidden", scope))
    assert ("delete_file" in tools) == (scope == "write")
    assert {"whoami", "confirm"} <= set(tools)


def test_case_144_a_call_whose_stream_was_closed_is_resumed_with_its_cursor(gate):
    since = gate.gateway.log_position()

    async def conversation(client):
        return sdk_client.text(await client.call_tool("hang_up"))

    assert talk(gate, conversation, "legacy") == "came back"
    # A GET is logged when its stream has ended; that of the session itself is the other one.
    gate.gateway.wait_until(
        lambda: [each["method"] for each in gate.gateway.access_log(since)].count("GET") >= 2, 3, "resumed"
    )


def test_case_140_the_client_ends_its_session(gate):
    since = gate.gateway.log_position()

    async def conversation(client):
        return sdk_client.text(await client.call_tool("whoami"))

    talk(gate, conversation, "legacy")

    def is_ended():
        log = gate.gateway.access_log(since)
        return any(
            (each["method"], each["status"], each["decision"]) == ("DELETE", 200, "allow") for each in log
        )

    gate.gateway.wait_until(is_ended, 3, "ended by DELETE")


def test_a_client_of_1_x_works_with_sealed_sessions(gate):
    report = mcp1(gate.resource("mcp"), gate.token("mcp"), "count", {"steps": 3, "pause": 0.1})
    assert report["result"] == "counted to 3" and report["has_session"]
    assert [value for _, value in report["progress"]] == [1, 2, 3]


@pytest.mark.parametrize("mode", MODES)
def test_case_174_a_client_steps_up_from_403_to_a_wider_token(server, tmp_path, mode):
    resource = development.resources()[0]
    configuration = development.configuration()
    for route in configuration["routes"]:
        if route["resource"] == resource:
            route["upstream"] = server
            route["scopes"] = ["files:read"]
            route["tools"] = {"delete_file": ["files:write"]}
    gateway = Gateway(configuration, tmp_path, development.listener())
    memory, browser = sdk_client.Memory(), sdk_client.Browser()

    async def run():
        auth = sdk_client.oauth(resource, memory, browser)
        with anyio.fail_after(30):
            async with sdk_client.connected(resource, auth=auth, mode=mode) as client:
                first = sdk_client.text(await client.call_tool("whoami"))
                scope = memory.tokens.scope
                return first, scope, sdk_client.text(await client.call_tool("delete_file", {"path": "x"}))

    try:
        gateway.start()
        begin = time.monotonic()
        assert asyncio.run(run())[::2] == ("features", "deleted x")
        assert time.monotonic() - begin < 20
        # The log is complete once the process has ended.
        gateway.stop()
        log = gateway.access_log()
        lacking = [each for each in log if each["reason"] == "insufficient_scope"]
        assert len(lacking) == 1 and lacking[0]["mcp_tool"] == "delete_file", lacking
        asked = [set(each["scope"][0].split()) for each in browser.visited]
        assert len(asked) == 2 and "files:write" not in asked[0], asked
        assert {"files:read", "files:write"} <= asked[1], asked
        assert {each["resource"][0] for each in browser.visited} == {resource}
    finally:
        if gateway.process and gateway.process.poll() is None:
            gateway.stop()
