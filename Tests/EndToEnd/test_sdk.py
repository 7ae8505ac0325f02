"""Two servers of the official SDK behind two routes, and the SDK's clients of both lines in front (cases 173 to 177)."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from harness import mcp_servers, sdk_client
from harness.gateway import Gateway, free_port
from harness.issuer import Issuer
from harness.mcp1 import mcp1
from harness.sdk_client import MODES
from harness.tls import client_context
from harness.transports import CLIENTS, Client, listener


@dataclass
class Pair:
    """The gateway, and for each name its resource, its server and a token."""

    gateway: Gateway
    issuer: Issuer
    resources: dict[str, str]
    servers: dict[str, mcp_servers.ServerProcess]
    ca: Path | None

    @property
    def tls(self):
        """What a client of it trusts; None in cleartext. The SDK then speaks HTTP/2."""
        return client_context(self.ca) if self.ca else None

    def token(self, name: str) -> str:
        return self.issuer.mint(self.resources[name])


@pytest.fixture(scope="module", params=["http1", "tls2"])
def pair(request, tmp_path_factory, certificates):
    marks = tmp_path_factory.mktemp("sdk")
    port, issuer, client = free_port(), Issuer(), Client.trusting(certificates, CLIENTS[request.param])
    resources = {name: f"{client.scheme}://127.0.0.1:{port}/{name}" for name in ("files", "calendar")}
    servers = {name: mcp_servers.ServerProcess(name, free_port(), marks) for name in resources}
    configuration = {
        "listeners": [listener(f"127.0.0.1:{port}", client.transport, certificates)],
        "issuers": {"test": {"issuer": issuer.identifier, "keys": "discover"}},
        "routes": [
            {"resource": resources[name], "issuer": "test", "upstream": servers[name].url}
            for name in resources
        ],
    }
    gateway = Gateway(configuration, marks, ("127.0.0.1", port), client=client)
    try:
        for server in servers.values():
            server.start()
        gateway.start()
        yield Pair(gateway, issuer, resources, servers, certificates.ca if client.tls else None)
    finally:
        if gateway.process:
            gateway.stop()
        for server in servers.values():
            server.stop()
        issuer.stop()


def talk(pair, name, conversation, mode="auto", token=None):
    """Run `conversation` with a connected client of the 2.x line."""

    async def run():
        async with sdk_client.connected(
            pair.resources[name], token or pair.token(name), mode=mode, tls=pair.tls
        ) as client:
            return await conversation(client)

    return asyncio.run(run())


@pytest.mark.parametrize("name", ["files", "calendar"])
@pytest.mark.parametrize("mode", MODES)
def test_case_175_a_client_of_2_x_talks_to_each_server_in_both_eras(pair, name, mode):
    async def conversation(client):
        tools = [each.name for each in (await client.list_tools()).tools]
        return client.protocol_version, tools, sdk_client.text(await client.call_tool("whoami"))

    version, tools, server = talk(pair, name, conversation, mode)
    assert (version, server) == (MODES[mode], name)
    assert "count" in tools


@pytest.mark.parametrize("name", ["files", "calendar"])
def test_case_175_a_client_of_1_x_talks_to_each_server(pair, name):
    report = mcp1(pair.resources[name], pair.token(name), "whoami", {}, pair.ca)
    assert report["result"] == name and report["version"] == "2025-11-25" and report["has_session"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("issued_for, presented_at", [("files", "calendar"), ("calendar", "files")])
def test_the_token_for_one_server_is_refused_at_the_other(pair, mode, issued_for, presented_at):
    async def conversation(client):
        return await client.call_tool("whoami")

    since = pair.gateway.log_position()
    with pytest.raises(BaseException) as refused:
        talk(pair, presented_at, conversation, mode, pair.token(issued_for))
    assert not isinstance(refused.value, AssertionError)
    pair.gateway.wait_until(
        lambda: any(each["reason"] == "aud_other_route" for each in pair.gateway.access_log(since)),
        5,
        "logged",
    )


@pytest.mark.parametrize("mode", MODES)
def test_progress_notifications_arrive_one_by_one(pair, mode, tmp_path):
    """The server goes on when the one before has arrived."""
    mark, arrived = tmp_path / "received", []

    async def conversation(client):
        async def progress(value, total, message):
            arrived.append(value)
            Path(f"{mark}.{value:g}").touch()

        arguments = {"steps": 5, "mark": str(mark)}
        return sdk_client.text(await client.call_tool("count", arguments, progress_callback=progress))

    assert talk(pair, "files", conversation, mode) == "counted to 5"
    assert arrived == [1, 2, 3, 4, 5]


def test_progress_notifications_reach_a_client_of_1_x_one_by_one(pair, tmp_path):
    arguments = {"steps": 4, "mark": str(tmp_path / "received")}
    report = mcp1(pair.resources["calendar"], pair.token("calendar"), "count", arguments, pair.ca)
    assert [value for _, value in report["progress"]] == [1, 2, 3, 4]
    assert report["result"] == "counted to 4"


@pytest.mark.parametrize("mode", MODES)
def test_case_155_a_call_that_the_client_cancels_is_cancelled_at_the_server(pair, mode):
    marks = pair.servers["files"].marks
    mark = f"{mode}-{time.monotonic_ns()}"

    async def conversation(client):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "linger", {"mark": mark})
            while not (marks / f"{mark}.started").exists():
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        if not leaves:
            await wait_for_mark()

    async def wait_for_mark():
        cancelled = time.monotonic()
        while not (marks / f"{mark}.cancelled").exists():
            assert time.monotonic() - cancelled < 5, "the server did not notice"
            await anyio.sleep(0.01)

    # The modern era cancels by ending the stream, and httpx has no RST_STREAM: there it takes the end of the client.
    leaves = bool(pair.tls) and mode == "auto"
    talk(pair, "files", conversation, mode)
    asyncio.run(wait_for_mark())


@pytest.mark.parametrize("mode", MODES)
def test_bodies_of_nearly_4_mib_pass_in_both_directions(pair, mode):
    letters = (
        "".join(chr(33 + number % 90) for number in range(4_190_000 // 2))
        .replace('"', "'")
        .replace("\\", "/")
    )
    sent = letters + letters[: 4_190_000 - len(letters) - 2000]

    async def conversation(client):
        digest = sdk_client.text(await client.call_tool("digest", {"text": sent}))
        large = sdk_client.text(await client.call_tool("large", {"size": 4 * 1024 * 1024}))
        return digest, len(large)

    digest, size = talk(pair, "files", conversation, mode)
    assert digest == hashlib.sha256(sent.encode()).hexdigest()
    assert size == 4 * 1024 * 1024


def test_twenty_clients_at_once_each_get_their_own_answer(pair):
    async def one(number):
        name = ("files", "calendar")[number % 2]
        async with sdk_client.connected(
            pair.resources[name], pair.token(name), mode=list(MODES)[number // 2 % 2], tls=pair.tls
        ) as client:
            assert (
                sdk_client.text(await client.call_tool("echo", {"text": f"text {number}"}))
                == f"text {number}"
            )
            assert sdk_client.text(await client.call_tool("whoami")) == name

    async def all_of_them():
        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(all_of_them())


@pytest.mark.parametrize("mode", MODES)
def test_case_176_a_server_that_dies_fails_its_call_and_is_used_again_when_it_is_back(pair, mode):
    server = pair.servers["calendar"]

    async def fatal(client):
        with pytest.raises(MCPError):
            await client.call_tool("die", read_timeout_seconds=10)

    try:
        talk(pair, "calendar", fatal, mode)
    except BaseExceptionGroup:
        pass  # the client may fail to close a session whose server is gone
    server.process.wait(5)

    async def whoami(client):
        return client.protocol_version, sdk_client.text(await client.call_tool("whoami"))

    assert talk(pair, "files", whoami, mode) == (MODES[mode], "files")
    server.start()
    assert talk(pair, "calendar", whoami, mode) == (MODES[mode], "calendar")
