"""The load generator of load.c: requests of ours, in a closed or an open loop."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from comparison.credentials import HOST
from comparison.peer import LOAD_CORE, Peer

BODY = (
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather",'
    '"arguments":{"city":"Vienna","units":"metric","days":3}}}'
)
CONNECTIONS = 32


def fields(token: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }


def post(token: str, path: str = "/mcp", body: str = BODY, host: str = HOST, further: Iterable[str] = ()) -> bytes:
    """A POST as octets; `further` are more field lines."""
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields(token).items()]
    return "\r\n".join([*lines, *further, "", body]).encode()


def get(token: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\r\n".encode()


class Load:
    """The compiled generator."""

    def __init__(self, directory: Path):
        self.directory, self.program = directory, directory / "load"
        source = Path(__file__).resolve().parents[1] / "load.c"
        subprocess.run(["cc", "-O2", "-o", self.program, source], check=True)

    def write(self, name: str, requests: Iterable[bytes]) -> Path:
        """A file of requests."""
        path = self.directory / name
        path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
        return path

    def start(
        self, port: int, requests: Path, seconds: float, rate: float = 0, count: int = 0, connections: int = CONNECTIONS
    ) -> subprocess.Popen[str]:
        command = [self.program, port, connections, rate, seconds, count, requests]
        return subprocess.Popen(
            ["taskset", "-c", str(LOAD_CORE), *map(str, command)], stdout=subprocess.PIPE, text=True
        )

    def run(self, peer: Peer, requests: Path, seconds: float = 60, **options: Any) -> dict[str, Any]:
        """What came of the requests."""
        return self.finish(peer, self.start(peer.port, requests, seconds, **options))

    def finish(self, peer: Peer, process: subprocess.Popen[str]) -> dict[str, Any]:
        output, _ = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"the load on {peer.name} ended with {process.returncode}")
        return json.loads(output)

    def cost(self, peer: Peer, requests: Path, seconds: float = 60, refused: float = 0, **options: Any) -> float:
        """Processor time of the proxy for each request in microseconds; `refused` is the share that must be."""
        before = peer.cpu_seconds()
        outcome = self.run(peer, requests, seconds, **options)
        spent = peer.cpu_seconds() - before
        if outcome["failed"] or outcome["unanswered"] or abs(outcome["refused"] / outcome["answered"] - refused) > 0.01:
            raise SystemExit(f"{peer.name} did not answer as it should: {outcome}")
        return spent * 1e6 / outcome["answered"]
