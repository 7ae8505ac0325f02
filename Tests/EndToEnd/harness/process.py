"""What the kernel says of a process, and processes that this one has not started itself."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36

_ends: list[Callable[[], None]] = []


def end_with_the_test(end: Callable[[], None]) -> None:
    """What ends something that a test has started, for the case that the test fails before it does so itself."""
    _ends.append(end)


def end_what_is_left() -> None:
    while _ends:
        _ends.pop(0)()


def adopt_orphans() -> None:
    """Children of processes that end become this process's own, so that it learns how they end."""
    assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


class Grandchild:
    """A process that one of ours has started; the members of Popen that the tests use."""

    def __init__(self, pid: int):
        self.pid, self.returncode = pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # The one that started it is still there. Then only its end can be seen, not how it was.
                if not Path(f"/proc/{self.pid}").exists():
                    self.returncode = -signal.SIGKILL
            else:
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def resident(process: subprocess.Popen[bytes]) -> int:
    """Bytes of memory that it has."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def anonymous(process: subprocess.Popen[bytes]) -> int:
    """Bytes of memory that is its own: heap and stacks, without pages of files."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Anonymous:"))


def descriptors(process: subprocess.Popen[bytes]) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def processor_time(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time that it has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
