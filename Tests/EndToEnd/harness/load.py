"""wrk, h2load and curl as clients under whose requests something happens to the gateway.

What happens takes as long as the machine needs, so a load lasts until its outcome is asked for.
"""

from __future__ import annotations

import collections
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import mcp_requests
from harness.process import end_with_the_test

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
    """POSTs of a tools/call to `url`, on connections that are kept, or one for each request."""

    def __init__(self, folder: Path, url: str, token: str, connections: int = 16, keeps: bool = True):
        script = folder / "wrk.lua"
        script.write_text(SCRIPT % mcp_requests.call().decode())
        fields = mcp_requests.modern_headers(token) + ([] if keeps else [("Connection", "close")])
        command = ["wrk", "-t1", f"-c{connections}", "-d600s", "--timeout", "20s", "-s", str(script)]
        command += [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        self.process = subprocess.Popen(
            [*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        end_with_the_test(self.kill)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def outcome(self) -> Outcome:
        """Ends it."""
        text = self._end()
        answered = re.search(r"(\d+) requests in", text)
        assert answered, text
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        broken = sum(map(int, errors.groups())) if errors else 0
        count = int(answered[1])
        return Outcome(count, count - int(bad[1] if bad else 0), broken, text)

    def _end(self, within: float = 30.0) -> str:
        """What it says when it is interrupted."""
        end = time.monotonic() + within
        while True:
            # A signal that comes just before it falls asleep does not wake it.
            self.process.send_signal(signal.SIGINT)
            try:
                return self.process.communicate(timeout=0.5)[0]
            except subprocess.TimeoutExpired:
                assert time.monotonic() < end, f"wrk goes on for {within} s after it was interrupted"

    def kill(self) -> None:
        _kill(self.process)


class Repeated:
    """One after the other of a client that ends by itself."""

    def __init__(self, start: Callable[[], H2loadOnce | CurlOnce]):
        self.outcomes: list[Outcome] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(start,), daemon=True)
        self.thread.start()
        end_with_the_test(self.kill)

    def _run(self, start: Callable[[], H2loadOnce | CurlOnce]) -> None:
        while not self.is_over.is_set():
            self.outcomes.append(start().outcome())

    def is_running(self) -> bool:
        return self.thread.is_alive()

    def outcome(self) -> Outcome:
        """Ends it."""
        assert self.is_running(), self.outcomes
        self.kill()
        return Outcome(
            sum(each.answered for each in self.outcomes),
            sum(each.good for each in self.outcomes),
            sum(each.broken for each in self.outcomes),
            "\n".join(each.text for each in self.outcomes),
        )

    def kill(self) -> None:
        self.is_over.set()
        self.thread.join(60)


class H2load(Repeated):
    """The same as `Wrk` on HTTP/2, four streams at a time on each connection."""

    def __init__(self, folder: Path, url: str, token: str, connections: int = 8):
        super().__init__(lambda: H2loadOnce(folder, url, token, 1, connections))


class Curl(Repeated):
    """The same on HTTP/2 over TLS, twenty at a time; it opens another connection when one ends."""

    def __init__(self, folder: Path, url: str, token: str, authorities: Path):
        super().__init__(lambda: CurlOnce(folder, url, token, 5_000, authorities))


class H2loadOnce:
    """h2load for so many seconds. It connects only once: it stops when the ends of its connections are announced."""

    def __init__(self, folder: Path, url: str, token: str, seconds: int, connections: int = 8):
        body = folder / "h2load.json"
        body.write_bytes(mcp_requests.call())
        fields = mcp_requests.modern_headers(token)
        command = ["h2load", "-t1", f"-c{connections}", "-m4", f"-D{seconds}", "-d", str(body)]
        command += [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        self.process = subprocess.Popen(
            [*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        end_with_the_test(self.kill)

    def outcome(self) -> Outcome:
        """Once it has ended. What it had not sent when the end of a connection was announced counts as broken here."""
        text, _ = self.process.communicate(timeout=60)
        done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
        assert done, text
        return Outcome(int(done[1]), int(done[2]), int(done[4]) + int(done[5]), text)

    def kill(self) -> None:
        _kill(self.process)


class CurlOnce:
    """curl for so many requests."""

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
        end_with_the_test(self.kill)

    def outcome(self) -> Outcome:
        """Once it has ended."""
        text, errors = self.process.communicate(timeout=60)
        kinds = collections.Counter(text.splitlines())
        answered = sum(count for kind, count in kinds.items() if kind.endswith(" 2 0"))
        good = kinds["200 2 0"]
        return Outcome(answered, good, self.count - answered, f"{dict(kinds)}\n{errors[:2000]}")

    def kill(self) -> None:
        _kill(self.process)


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
