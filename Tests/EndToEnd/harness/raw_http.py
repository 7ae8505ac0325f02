"""An HTTP/1.1 client that sends exactly the bytes it is given and reads answers strictly."""

from __future__ import annotations

import json
import socket
import ssl
import time
from dataclasses import dataclass, field

from harness.tls import TLSSocket

Headers = list[tuple[str, str]]


class ProtocolError(Exception):
    """The peer sent something that is not a well-formed HTTP/1.1 response."""


class ConnectionEnded(Exception):
    """The peer closed or reset the connection before the response was complete."""

    def __init__(self, received: bytes, reset: bool):
        super().__init__(f"ended after {len(received)} bytes ({'reset' if reset else 'closed'})")
        self.received = received
        self.reset = reset


@dataclass
class Response:
    status: int
    headers: Headers
    body: bytes = b""
    interim: list[int] = field(default_factory=list)
    version: str = "HTTP/1.1"
    stream: int = 0

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} appears {len(values)} times: {values}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


def request(
    method: str,
    target: str,
    host: str | None,
    headers: Headers | None = None,
    body: bytes | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of one request; a body gets a Content-Length unless the headers say how it is framed."""
    headers = list(headers or [])
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (body or b"")


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def dial(address, timeout: float = 10.0, source: str | None = None) -> socket.socket:
    """A connected socket; `address` is (host, port) or the path of a Unix socket, `source` an address of this machine."""
    if isinstance(address, str):
        family = socket.AF_UNIX
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connected = socket.socket(family, socket.SOCK_STREAM)
    connected.settimeout(timeout)
    try:
        if source:
            connected.bind((source, 0))
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    if family != socket.AF_UNIX:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


class Connection:
    """One connection, over TLS when a context is given; `opening` is sent before everything else."""

    protocol = "http/1.1"

    def __init__(
        self,
        address,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        opening: bytes = b"",
        source: str | None = None,
    ):
        self.socket: socket.socket | TLSSocket = dial(address, timeout, source)
        self.timeout = timeout
        self.buffer = b""
        self.socket.sendall(opening)
        if tls:
            # For an address the name is that address, which is checked and not sent as SNI.
            name = server_name or ("localhost" if isinstance(address, str) else address[0])
            self.socket = TLSSocket(self.socket, tls, server_name=name)
            if self.socket.protocol not in (None, self.protocol):
                raise ProtocolError(f"{self.socket.protocol} was agreed on, not {self.protocol}")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_as_far_as_possible(self, data: bytes) -> None:
        """Send, and do not mind when the peer has already refused and closed."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def finish_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def receive_some(self) -> bytes:
        """Next bytes; raises ConnectionEnded at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            raise ConnectionEnded(self.buffer, reset=True) from None
        if not data:
            raise ConnectionEnded(self.buffer, reset=False)
        return data

    def _until(self, marker: bytes) -> bytes:
        while marker not in self.buffer:
            self.buffer += self.receive_some()
        taken, self.buffer = self.buffer.split(marker, 1)
        return taken

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.buffer += self.receive_some()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self) -> Response:
        """The next final or interim response head."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit() or rest[3:4] not in (" ", ""):
            raise ProtocolError(f"status line {lines[0]!r}")
        headers: Headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
                raise ProtocolError(f"field line {line!r}")
            headers.append((name, value.strip(" \t")))
        return Response(int(rest[:3]), headers, version=version)

    def read_response(self, method: str = "GET") -> Response:
        interim: list[int] = []
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response.status)
        response.interim = interim
        response.body = b"".join(self.pieces(response, method))
        return response

    def pieces(self, response: Response, method: str = "GET"):
        """The body of `response` as it comes: chunks, or what one receive gave."""
        lengths = response.all("Content-Length")
        codings = response.all("Transfer-Encoding")
        if lengths and codings or len(set(lengths)) > 1:
            raise ProtocolError(f"ambiguous framing {lengths} {codings}")
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return
        if codings:
            if codings != ["chunked"]:
                raise ProtocolError(f"transfer coding {codings}")
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                yield self._exactly(size)
                if self._exactly(2) != b"\r\n":
                    raise ProtocolError("chunk without its end")
            while self._until(b"\r\n"):
                pass
        elif lengths:
            yield self._exactly(int(lengths[0]))
        else:
            try:
                while True:
                    if self.buffer:
                        piece, self.buffer = self.buffer, b""
                        yield piece
                    self.buffer = self.receive_some()
            except ConnectionEnded as end:
                if end.reset:
                    raise

    def exchange(self, data: bytes, method: str = "GET") -> Response:
        self.send_as_far_as_possible(data)
        return self.read_response(method)

    def is_closed_by_peer(self, within: float = 2.0) -> bool:
        """True when the peer ends the connection within so many seconds without sending anything more."""
        end = time.monotonic() + within
        self.socket.settimeout(max(0.01, end - time.monotonic()))
        try:
            if self.buffer or (extra := self.socket.recv(65536)):
                self.buffer += b"" if self.buffer else extra
                return False
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(self.timeout)

    def refuses_the_rest(self, within: float = 2.0) -> bool:
        """True when the peer lets the newest request be sent no further."""
        return self.is_closed_by_peer(within)

    def is_last(self, response: Response) -> bool:
        """The peer has said with this response that it takes no further request here."""
        return response.all("Connection") == ["close"]


def exchange(address, data: bytes, method: str = "GET", timeout: float = 10.0) -> Response:
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        return connection.exchange(data, method)
