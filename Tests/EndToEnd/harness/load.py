"""wrk and h2load as clients under whose requests something happens to the gateway."""

from __future__ import annotations

import collections
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import mcp_requests

SCRIPT = """
wrk.method = "POST"
wrk.body = [[%s]]
"""


@dataclass
class Outcome:
    """What the client counted, and all that it said."""

    answered: int
    good: int
    # Connections that were refused, reset or timed out, in the middle of a request or before it.
    broken: int
    text: str

    def assert_flawless(self) -> None:
        assert self.broken == 0 and self.good == self.answered, self.text
        assert self.answered > 100, f"that was no load:\n{self.text}"


class Wrk:
    """POSTs of a tools/call to `url` for so many seconds, on connections that are kept, or one for each request."""

    def __init__(
        self,
        folder: Path,
        url: str,
        token: str,
        seconds: float,
        connections: int = 16,
        keeps: bool = True,
    ):
        script = folder / "wrk.lua"
        script.write_text(SCRIPT % mcp_requests.call().decode())
        fields = mcp_requests.modern_headers(token) + ([] if keeps else [("Connection", "close")])
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
        command += [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        self.process = subprocess.Popen(
            [*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def outcome(self) -> Outcome:
        """Once it has ended."""
        text, _ = self.process.communicate(timeout=60)
        answered = re.search(r"(\d+) requests in", text)
        assert answered, text
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        broken = sum(map(int, errors.groups())) if errors else 0
        count = int(answered[1])
        return Outcome(count, count - int(bad[1] if bad else 0), broken, text)


class Curl:
    """POSTs of a tools/call on HTTP/2 over TLS, twenty at a time; it opens another connection when one ends."""

    def __init__(self, folder: Path, url: str, token: str, count: int, authorities: Path):
        body = folder / "curl.json"
        body.write_bytes(mcp_requests.call())
        self.count = count
        command = ["curl", "--no-progress-meter", "--http2", "--cacert", str(authorities)]
        command += ["--parallel", "--parallel-max", "20", "--data-binary", f"@{body}"]
        command += ["--output", "/dev/null", "--write-out", "%{http_code} %{http_version} %{exitcode}\\n"]
        fields = mcp_requests.modern_headers(token)
        command += [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        self.process = subprocess.Popen(
            [*command, f"{url}?[1-{count}]"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def outcome(self) -> Outcome:
        """Once it has ended."""
        text, errors = self.process.communicate(timeout=60)
        kinds = collections.Counter(text.splitlines())
        answered = sum(count for kind, count in kinds.items() if kind.endswith(" 2 0"))
        good = kinds["200 2 0"]
        return Outcome(answered, good, self.count - answered, f"{dict(kinds)}\n{errors[:2000]}")


class H2load:
    """The same on HTTP/2, several streams at a time; `requests` for a number of them instead of a time."""

    def __init__(self, folder: Path, url: str, token: str, seconds: float, connections: int = 8):
        body = folder / "h2load.json"
        body.write_bytes(mcp_requests.call())
        fields = mcp_requests.modern_headers(token)
        command = ["h2load", "-t1", f"-c{connections}", "-m4", f"-D{seconds}", "-d", str(body)]
        command += [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        self.process = subprocess.Popen(
            [*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def outcome(self) -> Outcome:
        """Once it has ended. What it had not sent when the end of a connection was announced counts as broken here."""
        text, _ = self.process.communicate(timeout=60)
        done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
        assert done, text
        return Outcome(int(done[1]), int(done[2]), int(done[4]) + int(done[5]), text)
