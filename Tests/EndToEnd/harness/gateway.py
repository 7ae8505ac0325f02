"""Runs the gateway's binary with a configuration of the test's own, and reads what it logs."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness import raw_http
from harness.process import Grandchild, adopt_orphans
from harness.transports import Client

REPOSITORY = Path(__file__).resolve().parents[3]
Entry = dict[str, Any]


def binary() -> str:
    """The program under test: $AUDGATE, else the release build, else the debug build."""
    candidates = [
        os.environ.get("AUDGATE"),
        REPOSITORY / ".build/release/audgate",
        REPOSITORY / ".build/debug/audgate",
    ]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError("no audgate binary: build it, or name it in AUDGATE")


def free_port(host: str = "127.0.0.1") -> int:
    """A port below those that the kernel gives to outgoing connections, so that it stays free until it is used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = next(_ports)
        try:
            with socket.socket(family) as probe:
                probe.bind((host, port))
                return port
        except OSError:
            continue


def _count_ports() -> Iterator[int]:
    # Each process that runs tests has a range of its own.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first, size = 12_000 + 2_000 * number, 2_000
    for offset in itertools.count(random.randrange(size)):
        yield first + offset % size


_ports = _count_ports()
_marks = itertools.count(1)


def wait_for_port(port: int, host: str = "127.0.0.1", within: float = 5.0) -> None:
    """Until something listens there."""
    end = time.monotonic() + within
    while True:
        try:
            raw_http.dial((host, port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {host}:{port}"
            time.sleep(0.02)


def run(*arguments: str, stdin: str | None = None, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """One of the commands that end by themselves."""
    return subprocess.run(
        [binary(), *arguments], input=stdin, capture_output=True, text=True, timeout=timeout
    )


class Gateway:
    """One process; `configuration` is written to a file in `directory` and served from there."""

    def __init__(
        self,
        configuration: dict[str, Any],
        directory: Path,
        address,
        environment: dict[str, str] | None = None,
        descriptors: int | None = None,
        client: Client | None = None,
        program: Path | None = None,
        arguments: tuple[str, ...] = (),
        by: tuple[str, ...] = (),
        passed: tuple[int, ...] = (),
    ):
        self.directory = directory
        self.address = address
        self.client = client or Client()
        self.configuration = directory / "gateway.json"
        self.configuration.write_text(json.dumps(configuration, indent=2))
        self.stdout = directory / "stdout.log"
        self.stderr = directory / "stderr.log"
        self.environment = {**os.environ, **(environment or {})}
        # Programs that start it.
        self.by = list(by)
        if descriptors is not None:
            self.by += ["prlimit", f"--nofile={descriptors}:{descriptors}"]
        self.passed = passed
        self.program, self.arguments = str(program or binary()), arguments
        self.process: subprocess.Popen[bytes] | Grandchild | None = None
        self.answers_health = False

    def start(self, ready_within: float | None = 10.0) -> Gateway:
        """Start, and wait until /healthz is 200 unless `ready_within` is None."""
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            serve = [self.program, "serve", "--config", str(self.configuration), *self.arguments]
            self.process = subprocess.Popen(
                [*self.by, *serve],
                stdout=out,
                stderr=err,
                cwd=self.directory,
                env=self.environment,
                pass_fds=self.passed,
            )
        if ready_within is not None:
            self.wait_until(lambda: self.health() == 200, ready_within, "healthy")
            self.answers_health = True
        return self

    def wait_until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        end = time.monotonic() + within
        while not holds():
            assert self.process.poll() is None, f"the gateway ended:\n{self.stderr.read_text()}"
            assert time.monotonic() < end, f"not {what} within {within} s:\n{self.stderr.read_text()}"
            time.sleep(0.02)

    def health(self) -> int | None:
        """The status of /healthz, or None while nothing listens."""
        try:
            ask = raw_http.request("GET", "/healthz", "probe.invalid")
            return self.exchange(ask, timeout=5).status
        except (OSError, raw_http.ConnectionEnded):
            return None

    def is_ready(self) -> bool:
        """It says so in its log; for listeners that a plain health check cannot reach."""
        return "Ready." in self.messages()

    def connect(self, timeout: float = 10.0, address: Any = None) -> raw_http.Connection:
        """A connection to the first listener, or to `address`."""
        return self.client.connect(address or self.address, timeout)

    def exchange(
        self, data: bytes, method: str = "GET", timeout: float = 10.0, address: Any = None
    ) -> raw_http.Response:
        """One request on a connection of its own."""
        return self.client.exchange(address or self.address, data, method, timeout)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def upgrade(self, within: float = 20.0) -> subprocess.Popen[bytes] | Grandchild:
        """Have a new process take the place of this one, which is returned and drains."""
        adopt_orphans()
        self.wait_until(self.is_ready, 5, "ready")
        old, since = self.process, len(self.messages())
        self.signal(signal.SIGUSR2)

        end = time.monotonic() + within
        # The old process may be gone before the new one says that it is ready.
        while "Ready." not in (new := self.messages()[since:]):
            failed = [each for each in new if each.startswith("No upgrade: ")]
            assert not failed, failed
            assert time.monotonic() < end, f"not upgraded within {within} s:\n{self.stderr.read_text()}"
            time.sleep(0.02)
        said = [each for each in self.operational_log() if each["message"].startswith("Upgraded: ")]
        self.process = Grandchild(int(said[-1]["process"]))
        return old

    def stop(self, within: float = 10.0) -> int:
        """Drain and stop; the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def operational_log(self) -> list[Entry]:
        """Its messages, without what programs have said that started it, and without the list of a bad configuration."""
        lines = self.stderr.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def messages(self) -> list[str]:
        """The sentences of the operational log."""
        return [each["message"] for each in self.operational_log()]

    def wait_for_message(self, beginning: str, since: int = 0, within: float = 5.0) -> Entry:
        """The first message that begins so, behind so many others."""
        found: list[Entry] = []

        def is_there() -> bool:
            new = self.operational_log()[since:]
            found[:] = [each for each in new if each["message"].startswith(beginning)]
            return bool(found)

        self.wait_until(is_there, within, f"said that {beginning}")
        return found[0]

    def access_log(self, since: int = 0) -> list[Entry]:
        """Complete lines after byte offset `since`, without those of this class's own health checks."""
        data = self.stdout.read_bytes()[since:]
        entries = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
        return [each for each in entries if each["reason"] != "health"]

    def log_position(self) -> int:
        """Where the next entry will stand, once the entries of earlier exchanges have been written."""
        self._wait_for_mark()
        size, quiet_since = self.stdout.stat().st_size, time.monotonic()
        while time.monotonic() - quiet_since < 0.05:
            time.sleep(0.01)
            if (now := self.stdout.stat().st_size) != size:
                size, quiet_since = now, time.monotonic()
        return size

    def _wait_for_mark(self) -> None:
        """Until a health check is in the log, if the gateway takes one: what its worker has done before stands before it.

        It comes from an address that no other has, and has no part in what `access_log` returns.
        """
        if not self.answers_health:
            return
        number, since = next(_marks), self.stdout.stat().st_size
        mark = f"127.77.{number >> 8 & 255}.{number & 255}"
        try:
            with self.client.connect(self.address, 5, source=mark) as connection:
                connection.exchange(raw_http.request("GET", "/healthz", "probe.invalid"))
        except (OSError, raw_http.ConnectionEnded):
            return
        line, end = f'"client":"{mark}"'.encode(), time.monotonic() + 5
        while line not in self.stdout.read_bytes()[since:] and time.monotonic() < end:
            time.sleep(0.005)

    def wait_for_access(self, since: int, count: int = 1, within: float = 10.0) -> list[Entry]:
        """The entries after `since`, once there are `count` of them."""
        end = time.monotonic() + within
        while len(entries := self.access_log(since)) < count:
            assert time.monotonic() < end, f"{len(entries)} of {count} access log entries within {within} s"
            time.sleep(0.02)
        return entries

    def wait_for_load(self, count: int = 500) -> None:
        """Until so many requests more have been answered."""
        self.wait_for_access(0, len(self.access_log()) + count, 10)
