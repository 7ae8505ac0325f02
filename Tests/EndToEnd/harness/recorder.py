"""An upstream on raw sockets that keeps every byte it gets and answers as a test scripts it."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.http2_recorder import ServedConnection
from harness.raw_http import Headers
from harness.tls import TLSSocket

JSON_RESULT = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"from": "upstream"}}).encode()


@dataclass
class Recorded:
    """One request as it stood on the wire."""

    method: str
    target: str
    headers: Headers
    head: bytes
    connection: int
    arrived: float
    body: bytes = b""
    trailers: Headers = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} appears {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass
class UpstreamConnection:
    """The recorder's side of one connection from the gateway."""

    socket: socket.socket | TLSSocket
    number: int
    received: bytes = b""
    buffer: bytes = b""
    ended: threading.Event = field(default_factory=threading.Event)
    ended_at: float = 0.0

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        self.socket.settimeout(seconds)

    def receive(self) -> bytes:
        data = self.socket.recv(65536)
        self.received += data
        self.buffer += data
        return data

    def close(self) -> None:
        self.note_end()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.note_end()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_peer_to_close(self, within: float) -> bool:
        """True when the gateway closes this connection within so many seconds."""
        self.socket.settimeout(within)
        try:
            while self.receive():
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        self.note_end()
        return True

    def note_end(self) -> None:
        if not self.ended.is_set():
            self.ended_at = time.monotonic()
            self.ended.set()


# With HTTP/2 the second argument is a ServedStream, which does the same for one stream.
Script = Callable[[Recorded, UpstreamConnection], None]


class Recorder:
    """Listens on a loopback port, one of its own unless it is given, from construction until `stop`."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        http2: bool = False,
        concurrent_streams: int | None = None,
        port: int = 0,
    ):
        self.tls, self.http2, self.concurrent_streams = tls, http2, concurrent_streams
        self.listener = socket.create_server((host, port), backlog=512)
        self.host, self.port = host, self.listener.getsockname()[1]
        self.lock = threading.Condition()
        self.requests: list[Recorded] = []
        self.connections: list[UpstreamConnection] = []
        self.accepted = 0
        self.script: Script | None = None
        self.head_script: Script | None = None
        # What ended connections, handshakes and scripts early, and the error codes of GOAWAY frames that came.
        self.errors: list[str] = []
        self.goodbyes: list[int] = []
        self.refused = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        # Shutdown first: a thread blocked in accept() would keep a merely closed socket listening.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop_connections()

    def clear(self) -> None:
        """Forget what was seen and answer as at the start; open connections stay."""
        with self.lock:
            self.requests = []
            self.connections = [each for each in self.connections if not each.ended.is_set()]
            for each in self.connections:
                each.received = b""
            self.script = self.head_script = None
            self.errors, self.goodbyes = [], []

    def drop_connections(self) -> None:
        for each in list(self.connections):
            if not each.ended.is_set():
                each.close()

    @contextmanager
    def answering(self, script: Script | None, on_head: Script | None = None):
        """Answer by `script` when a request is complete, or by `on_head` when its head is."""
        self.script, self.head_script = script, on_head
        try:
            yield self
        finally:
            self.script = self.head_script = None

    def wait_for(self, count: int = 1, within: float = 5.0) -> list[Recorded]:
        with self.lock:
            arrived = self.lock.wait_for(lambda: len(self.requests) >= count, within)
            assert arrived, f"{len(self.requests)} of {count} requests arrived within {within} s"
            return list(self.requests)

    def the_request(self) -> Recorded:
        """The only request; fails when there were none or several."""
        requests = self.wait_for(1)
        assert len(requests) == 1, [(each.method, each.target) for each in requests]
        return requests[0]

    def assert_untouched(self) -> None:
        """Not one byte was forwarded here."""
        time.sleep(0.02)
        assert [(each.method, each.target) for each in self.requests] == []
        assert b"".join(each.received for each in self.connections) == b""

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = UpstreamConnection(accepted, self.accepted)
                self.accepted += 1
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: UpstreamConnection) -> None:
        try:
            if self.tls:
                connection.socket = TLSSocket(connection.socket, self.tls, server_side=True)
            # Agreed on by ALPN, or known before when there is no TLS.
            if self.http2 and (not self.tls or connection.socket.protocol == "h2"):
                ServedConnection(self, connection).run()
            else:
                while self._serve_one(connection):
                    pass
        except (OSError, ValueError) as error:
            self.errors.append(repr(error))
        connection.note_end()

    def _serve_one(self, connection: UpstreamConnection) -> bool:
        while b"\r\n\r\n" not in connection.buffer:
            if not connection.receive():
                return False
        head, connection.buffer = connection.buffer.split(b"\r\n\r\n", 1)
        recorded = self._read_head(head, connection.number)
        if on_head := self.head_script:
            self.note(recorded)
            on_head(recorded, connection)
            return not connection.ended.is_set()
        recorded.body = self._read_body(recorded, connection)
        self.complete(recorded)(recorded, connection)
        return not connection.ended.is_set()

    def note(self, recorded: Recorded) -> None:
        with self.lock:
            self.requests.append(recorded)
            self.lock.notify_all()

    def complete(self, recorded: Recorded) -> Script:
        """Keep a whole request; what answers it."""
        self.note(recorded)
        return self.script or canned()

    @staticmethod
    def recorded(fields: Headers, connection: UpstreamConnection) -> Recorded:
        """A request that came over HTTP/2, with `:authority` as Host."""
        pseudo = {name: value for name, value in fields if name.startswith(":")}
        rest = [(name, value) for name, value in fields if not name.startswith(":")]
        if ":authority" in pseudo:
            rest.insert(0, ("Host", pseudo[":authority"]))
        head = "\r\n".join(f"{name}: {value}" for name, value in fields).encode("latin-1")
        connection.received += head
        arrived = time.monotonic()
        return Recorded(pseudo[":method"], pseudo[":path"], rest, head, connection.number, arrived)

    @staticmethod
    def _read_head(head: bytes, connection: int) -> Recorded:
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = [line.partition(":")[::2] for line in lines[1:]]
        headers = [(name, value.strip(" \t")) for name, value in fields]
        return Recorded(method, target, headers, head, connection, time.monotonic())

    @staticmethod
    def _read_body(recorded: Recorded, connection: UpstreamConnection) -> bytes:
        def fill(size: int) -> None:
            while len(connection.buffer) < size:
                if not connection.receive():
                    raise ValueError("the request ended early")

        def take(size: int) -> bytes:
            fill(size)
            taken, connection.buffer = connection.buffer[:size], connection.buffer[size:]
            return taken

        def line() -> bytes:
            while b"\r\n" not in connection.buffer:
                fill(len(connection.buffer) + 1)
            taken, connection.buffer = connection.buffer.split(b"\r\n", 1)
            return taken

        if not recorded.all("transfer-encoding"):
            return take(int(recorded.one("content-length") or 0))
        body = bytearray()
        while size := int(line().split(b";")[0], 16):
            body += take(size)
            take(2)
        while line():
            pass
        return bytes(body)


def canned(
    status: int = 200, headers: Headers | None = None, body: bytes = JSON_RESULT, reason: str = "X"
) -> Script:
    """A complete response with a Content-Length; JSON unless the headers say otherwise."""

    def script(request: Recorded, connection: UpstreamConnection) -> None:
        fields = list(headers or [])
        names = {name.lower() for name, _ in fields}
        if "content-type" not in names and status not in (204, 304):
            fields.append(("Content-Type", "application/json"))
        if status not in (204, 304):
            fields.append(("Content-Length", str(len(body))))
        head = (
            f"HTTP/1.1 {status} {reason}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in fields)
            + "\r\n"
        )
        sends_body = request.method != "HEAD" and status not in (204, 304)
        connection.send(head.encode("latin-1") + (body if sends_body else b""))

    return script


def raw(data: bytes, then: str = "keep") -> Script:
    """Exactly these bytes; then `keep`, `close` or `reset` the connection."""

    def script(_: Recorded, connection: UpstreamConnection) -> None:
        connection.send(data)
        if then == "close":
            connection.close()
        elif then == "reset":
            time.sleep(0.05)
            connection.reset()

    return script


def reset_at_once(_: Recorded, connection: UpstreamConnection) -> None:
    connection.reset()


def never(_: Recorded, connection: UpstreamConnection) -> None:
    """No answer; waits for the gateway to give up."""
    connection.wait_for_peer_to_close(30)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event_stream(events: list[bytes], interval: float, then: str = "end") -> Script:
    """Server-sent events, one chunk each, `interval` seconds apart; then `end`, `close` or `reset`."""

    def script(_: Recorded, connection: UpstreamConnection) -> None:
        connection.send(STREAM_HEAD)
        for event in events:
            connection.send(chunk(event))
            time.sleep(interval)
        _end(connection, then)

    return script


def stream_in_step(events: list[bytes], received: threading.Semaphore, then: str = "end") -> Script:
    """The same, but each goes on when the one before was `received`: who gathers them gets a reset."""

    def script(_: Recorded, connection: UpstreamConnection) -> None:
        connection.send(STREAM_HEAD)
        for event in events:
            connection.send(chunk(event))
            if not received.acquire(timeout=10):
                return connection.reset()
        _end(connection, then)

    return script


def _end(connection: UpstreamConnection, how: str) -> None:
    if how == "end":
        connection.send(b"0\r\n\r\n")
    elif how == "close":
        connection.close()
    else:
        connection.reset()


def held_stream(events: list[bytes], released: threading.Event, interval: float = 0.0) -> Script:
    """The same, but for the last event, which comes when it is `released`."""

    def script(_: Recorded, connection: UpstreamConnection) -> None:
        connection.send(STREAM_HEAD)
        for event in events[:-1]:
            connection.send(chunk(event))
            time.sleep(interval)
        released.wait(30)
        connection.send(chunk(events[-1]))
        connection.send(b"0\r\n\r\n")

    return script
