"""P1 and P2: processor time of the proxy for each request, under a load that keeps it busy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from comparison.credentials import HOST, RESOURCE
from comparison.peer import LOAD_CORE, Peer

BODY = (
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather",'
    '"arguments":{"city":"Vienna","units":"metric","days":3}}}'
)


def fields(token: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {token}", "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }


def write_scripts(directory: Path, token: str) -> None:
    """The request, as wrk and as h2load want it."""
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{BODY}]==]", f'wrk.headers["Host"] = "{HOST}"']
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in fields(token).items()]
    (directory / "post.lua").write_text("\n".join(lines))
    (directory / "body.json").write_text(BODY)


def cost(peer: Peer, command: list[str], count: str) -> float:
    """Processor time for each request in microseconds; `count` finds the number of good answers in the output."""
    before = peer.cpu_seconds()
    output = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *command], capture_output=True, text=True, check=True
    ).stdout
    spent = peer.cpu_seconds() - before
    found = re.search(count, output, re.S)
    if not found:
        raise SystemExit(f"{peer.name} refused requests:\n{output}")
    return spent * 1e6 / int(found.group(1))


def http1(peer: Peer, directory: Path, seconds: int) -> float:
    """32 connections in clear text."""
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(directory / "post.lua"),
               f"http://127.0.0.1:{peer.port}/mcp"]
    return cost(peer, command, r"(\d+) requests in(?!.*(?:Non-2xx|Socket errors))")


def http2(peer: Peer, directory: Path, seconds: int, token: str) -> float:
    """16 connections with 8 streams each, over TLS 1.3."""
    command = ["h2load", "-t1", "-c16", "-m8", f"-D{seconds}", "-d", str(directory / "body.json"),
               f"--connect-to=127.0.0.1:{peer.tls_port}"]
    for name, value in fields(token).items():
        command += ["-H", f"{name}: {value}"]
    return cost(
        peer, [*command, RESOURCE],
        r"TLS Protocol: TLSv1.3.*Application protocol: h2.* 0 failed, 0 errored, 0 timeout"
        r".*status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx",
    )
