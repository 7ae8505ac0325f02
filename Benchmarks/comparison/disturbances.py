"""What goes on beside good requests: reloads, rotation of keys, and clients that send garbage."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comparison.credentials import ALGORITHMS, Issuer
from comparison.load import post
from comparison.peer import Peer


def replace(path: Path, text: str) -> None:
    """As careful tools write a file: beside it, then in its place."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def reloads(peer: Peer) -> list[int]:
    """The longest pause of a worker in each reload so far, in microseconds."""
    lines = [line for line in peer.output.read_text().splitlines() if '"Reloaded."' in line]
    return [int(re.search(r'"longest_pause_us": ?"?(\d+)', line)[1]) for line in lines]


def reload(peer: Peer, file: Path, text: str) -> None:
    """Changes a file, tells audgate, and waits until it has taken that over."""
    before, end = len(reloads(peer)), time.monotonic() + 30
    replace(file, text)
    os.kill(peer.process.pid, signal.SIGHUP)
    while len(reloads(peer)) == before:
        if time.monotonic() > end:
            raise SystemExit(f"{peer.name} does not reload:\n{peer.output.read_text()[-2000:]}")
        time.sleep(0.01)


def send_garbage(peer: Peer) -> None:
    """A client that is none: random octets, half of a head, or a method with nothing behind, then whatever comes."""
    junk = random.choice([random.randbytes(400), b"POST /mcp HTTP/1.1\r\nhost: mcp.example\r\nx: ", b"{}\r\n\r\n" * 40])
    with socket.create_connection(("127.0.0.1", peer.port), 1) as connection:
        connection.settimeout(0.005)
        try:
            connection.sendall(junk)
            connection.recv(4096)
        except OSError:
            pass


@contextmanager
def repeated(action: Callable[[], None], period: float) -> Iterator[list[float]]:
    """Does something over and over as long as the block lasts, in a thread; yields when it was done."""
    done: list[float] = []
    ended = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        due = time.monotonic()
        while not ended.wait(max(0, due - time.monotonic())):
            due += period
            try:
                action()
                done.append(time.monotonic())
            except BaseException as failure:  # noqa: BLE001
                failures.append(failure)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def alternation(peer: Peer, file: Path, *values: dict[str, Any]) -> Callable[[], None]:
    """An action: a file has the next of some contents, and audgate is told."""
    # Written out beforehand, as this process has the core of the load.
    texts = itertools.cycle([json.dumps(value) for value in values])
    return lambda: reload(peer, file, next(texts))


def rotation(peer: Peer, directory: Path) -> Callable[[], None]:
    """An action: the issuer has a new key, and a client a token of it, with which it asks until audgate knows the key.

    audgate asks for keys that it does not know every ten seconds at most, so that is how often this can be done.
    """
    file = directory / "keys.json"
    # Without what a rotation before has left.
    own = json.loads(file.read_text())["keys"][: len(ALGORITHMS)]
    numbers = itertools.count(time.monotonic_ns())

    def rotate() -> None:
        issuer = Issuer(algorithms=("ES256",), suffix=f"-{next(numbers)}")
        replace(file, json.dumps({"keys": [*own, *issuer.key_set()["keys"]]}))
        request, end = post(issuer.token(algorithm="ES256")), time.monotonic() + 30
        while not answer(peer, request).startswith(b"HTTP/1.1 200 "):
            if time.monotonic() > end:
                raise SystemExit(f"{peer.name} does not learn of a key")
            time.sleep(0.5)

    return rotate


def answer(peer: Peer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", peer.port), 15) as connection:
        connection.sendall(request)
        return connection.recv(4096)


def change(peer: Peer, file: Path) -> Callable[[], None]:
    """An action: the second route asks for another scope, or for that of before."""
    own = json.loads(file.read_text())
    first, second, *others = own["routes"]
    changed = {**own, "routes": [first, {**second, "scopes": ["other"]}, *others]}
    return alternation(peer, file, changed, own)
