"""A proxy under test: how it is started on a core of its own, and what it has used."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROXY_CORE, LOAD_CORE = 0, 1


@dataclass
class Peer:
    name: str
    command: list[str]
    port: int
    """Of its cleartext listener."""
    tls_port: int = 0
    algorithms: tuple[str, ...] = ()
    """Those of the tokens that it checks; none if it does not look at tokens."""
    cores: str = str(PROXY_CORE)

    def start(self, directory: Path) -> None:
        if self.answers():
            raise SystemExit(f"port {self.port} is in use")
        self.output = directory / f"{self.name.replace(' ', '-')}.out"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", self.cores, *self.command],
                cwd=directory,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        end = time.monotonic() + 20
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"{self.name} does not start:\n{self.output.read_text()}")
            time.sleep(0.05)

    def answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def pids(self) -> list[int]:
        """The process and its children: nginx does its work in one."""
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} has ended ({self.process.returncode}):\n{self.output.read_text()[-2000:]}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def cpu_seconds(self) -> float:
        """User and system time."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_kib(self) -> int:
        """The proportional set size; the kernel's memory for sockets is not in it."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()]
        return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) for text in texts)

    def resident_kib(self, name: str = "VmRSS") -> int:
        """What is resident now; with "VmHWM" the most that ever was."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids()]
        return sum(int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) for text in texts)

    def stop(self) -> None:
        # All of its processes at once, as nginx would start another for one that is gone.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(peers: list[Peer], directory: Path) -> Iterator[None]:
    """Runs the peers for as long as the block lasts."""
    with contextlib.ExitStack() as started:
        for peer in peers:
            peer.start(directory)
            started.callback(peer.stop)
        time.sleep(0.5)
        yield
