"""What systemd is to a service: the one who hears how it is, and who may open its sockets."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_FOR_THREADS = 0x40000000


@dataclass
class Notice:
    """One datagram: its lines by name, who sent it and when."""

    lines: dict[str, str]
    process: int
    arrived: float

    def __contains__(self, line: str) -> bool:
        name, _, value = line.partition("=")
        return self.lines.get(name) == value


class Receiver:
    """Listens as systemd does; an address that begins with @ is one of the abstract space."""

    def __init__(self, address: str | Path):
        self.address = str(address)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.address.replace("@", "\0", 1) if self.address[0] == "@" else self.address)
        self.notices: list[Notice] = []
        self.news = threading.Condition()
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(12))
            except OSError:
                return
            if not data:
                return
            (process,) = struct.unpack_from("i", ancillary[0][2])
            lines = dict(line.partition("=")[::2] for line in data.decode().split("\n"))
            with self.news:
                self.notices.append(Notice(lines, process, time.monotonic()))
                self.news.notify_all()

    def wait_for(self, line: str, since: int = 0, within: float = 10.0) -> Notice:
        """The first notice behind so many others that has this line."""
        found: list[Notice] = []

        def is_there() -> bool:
            found[:] = [each for each in self.notices[since:] if line in each]
            return bool(found)

        with self.news:
            assert self.news.wait_for(is_there, within), (line, self.notices[since:])
        return found[0]

    def has(self, line: str, since: int = 0) -> bool:
        return any(line in each for each in self.notices[since:])

    def stop(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class StoppedThread:
    """A thread of another process that stands still for as long as this is entered."""

    def __init__(self, thread: int):
        self.thread = thread
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.ptrace.restype = ctypes.c_long

    def _do(self, request: int) -> None:
        if self.ptrace(request, self.thread, None, None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def __enter__(self) -> StoppedThread:
        self._do(PTRACE_SEIZE)
        self._do(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WAIT_FOR_THREADS)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(PTRACE_DETACH)


def thread(process: int, name: str) -> int:
    """The thread of a process that has this name."""
    for each in Path(f"/proc/{process}/task").iterdir():
        if (each / "comm").read_text().strip() == name:
            return int(each.name)
    raise AssertionError(f"process {process} has no thread {name}")
