"""Load by programs that others wrote: wrk over HTTP/1.1, h2load over HTTP/2."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.raw_http import Headers


@dataclass
class Outcome:
    """What the program counted."""

    total: int
    refused: int
    """Answers other than 2xx and 3xx."""
    broken: int
    """Requests without an answer, and connections that failed."""
    text: str


def wrk(url: str, headers: Headers, body: bytes, seconds: int, connections: int, folder: Path) -> Outcome:
    """POSTs from so many connections at a time, for so many seconds."""
    fields = "\n".join(f"wrk.headers[{name!r}] = {value!r}" for name, value in headers)
    script = folder / "post.lua"
    script.write_text(f'wrk.method = "POST"\nwrk.body = [==[{body.decode()}]==]\n{fields}\n')
    text = _run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Outcome(
        total=int(re.search(r"(\d+) requests in", text)[1]),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, errors.groups())) if errors else 0,
        text=text,
    )


def h2load(url: str, headers: Headers, body: bytes, seconds: int, connections: int, folder: Path) -> Outcome:
    """The same with streams of one connection."""
    content = folder / "body.json"
    content.write_bytes(body)
    fields = [each for name, value in headers for each in ("-H", f"{name}: {value}")]
    text = _run("h2load", "-c1", f"-m{connections}", f"-D{seconds}", "-d", str(content), *fields, url)
    total, errored = re.search(r"(\d+) done, \d+ succeeded, \d+ failed, (\d+) errored", text).groups()
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    return Outcome(int(total), int(statuses[3]) + int(statuses[4]), int(errored), text)


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
