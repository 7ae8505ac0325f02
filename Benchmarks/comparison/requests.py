"""P1, P2 and P3: processor time of the proxy for each request, under a load that keeps it busy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from comparison.credentials import HOST, RESOURCE, Issuer
from comparison.load import BODY, Load, fields, post
from comparison.peer import LOAD_CORE, Peer

MANY = 10_000
"""Tokens of the series with many, and new ones in a run of P3."""


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
    options = f"-t1 -c32 -d{seconds}s -s {directory}/post.lua http://127.0.0.1:{peer.port}/mcp"
    return cost(peer, ["wrk", *options.split()], r"(\d+) requests in(?!.*(?:Non-2xx|Socket errors))")


def http2(peer: Peer, directory: Path, seconds: int, token: str) -> float:
    """16 connections with 8 streams each, over TLS 1.3."""
    options = f"-t1 -c16 -m8 -D{seconds} -d {directory}/body.json --connect-to=127.0.0.1:{peer.tls_port}"
    command = ["h2load", *options.split()]
    for name, value in fields(token).items():
        command += ["-H", f"{name}: {value}"]
    return cost(
        peer,
        [*command, RESOURCE],
        r"TLS Protocol: TLSv1.3.*Application protocol: h2.* 0 failed, 0 errored, 0 timeout"
        r".*status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx",
    )


def different_tokens(load: Load, issuer: Issuer, algorithm: str) -> Path:
    """Requests with 10,000 tokens; they are made once."""
    path = load.directory / f"tokens-{algorithm}"
    if not path.exists():
        load.write(path.name, (post(issuer.token(algorithm=algorithm)) for _ in range(MANY)))
    return path


def one_in_twenty_bad(load: Load, issuer: Issuer) -> Path:
    """Requests with one good token, and a forged one, each time another, in every twentieth."""
    good = post(issuer.token())
    return load.write("bad", (post(issuer.forged()) if place % 20 == 0 else good for place in range(MANY)))


def first_sight(load: Load, peer: Peer, warm: Path, fresh: Path) -> float:
    """Microseconds for a request with a token that a proxy, which has just started, has not seen."""
    load.cost(peer, warm, count=2000)
    return load.cost(peer, fresh, count=MANY)
