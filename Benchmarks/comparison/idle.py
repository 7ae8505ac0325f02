"""Memory of the proxy for each idle thing: event streams, and connections after one request."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from comparison.configurations import ANSWER, STREAMS
from comparison.credentials import HOST, RESOURCE, STREAM_RESOURCE
from comparison.handshakes import client_context, connect_tls
from comparison.load import BODY, fields
from comparison.peer import Peer

STREAMS_PER_CONNECTION = 50
# What comes before the first reading: pools and tables that the first connections bring about.
WARM_UP = 100


class StreamServer:
    """A server that begins an event stream for every request, and then says nothing."""

    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    EVENT = b": hi\n\n"

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", STREAMS), backlog=4096)
        self.open: list[socket.socket] = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            if connection.recv(65_536):
                connection.sendall(self.HEAD + b"%x\r\n%b\r\n" % (len(self.EVENT), self.EVENT))

    def close(self) -> None:
        # What waits in accept holds the port until it is woken.
        self.listener.shutdown(socket.SHUT_RDWR)
        for connection in [self.listener, *self.open]:
            connection.close()


@contextlib.contextmanager
def stream_server() -> Iterator[None]:
    """A server of event streams, as long as the block lasts."""
    server = StreamServer()
    yield
    server.close()


def http1(peer: Peer, tokens: dict[str, str], tls: bool, stream: bool) -> socket.socket:
    """An HTTP/1.1 connection with an event stream, or after a request and its answer."""
    connection = connect_tls(peer, client_context()) if tls else socket.create_connection(("127.0.0.1", peer.port))
    body = "" if stream else BODY
    lines = [
        "GET /stream HTTP/1.1" if stream else f"POST /mcp HTTP/1.1\r\nContent-Length: {len(body)}",
        f"Host: {HOST}",
        *(f"{name}: {value}" for name, value in fields(tokens[STREAM_RESOURCE if stream else RESOURCE]).items()),
    ]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    expected, received = StreamServer.EVENT if stream else ANSWER.encode(), b""
    while expected not in received:
        part = connection.recv(65_536)
        if not part:
            raise SystemExit(f"{peer.name} closes after {received!r}")
        received += part
    return connection


def http2(peer: Peer, tokens: dict[str, str], streams: int) -> socket.socket:
    """An HTTP/2 connection over TLS with so many event streams, or after a request and its answer."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived

    connection = connect_tls(peer, client_context("h2"))
    protocol = H2Connection(H2Configuration(client_side=True))
    protocol.initiate_connection()
    method, path, resource = ("GET", "/stream", STREAM_RESOURCE) if streams else ("POST", "/mcp", RESOURCE)
    head = {":method": method, ":scheme": "https", ":authority": HOST, ":path": path, **fields(tokens[resource])}
    expected = StreamServer.EVENT if streams else ANSWER.encode()
    for _ in range(streams or 1):
        stream, received = protocol.get_next_available_stream_id(), b""
        protocol.send_headers(stream, list(head.items()), end_stream=streams > 0)
        if not streams:
            protocol.send_data(stream, BODY.encode(), end_stream=True)
        while expected not in received:
            connection.sendall(protocol.data_to_send())
            part = connection.recv(65_536)
            if not part:
                raise SystemExit(f"{peer.name} closes after {received!r}")
            received += b"".join(event.data for event in protocol.receive_data(part) if isinstance(event, DataReceived))
    connection.sendall(protocol.data_to_send())
    return connection


def kib_for_each(peer: Peer, count: int, units: int, open_one: Callable[[Peer], socket.socket]) -> float:
    """KiB for each of `count` units, of which a call of `open_one` makes `units`."""
    clients: list[socket.socket] = []
    for _ in range(WARM_UP // units):
        clients.append(open_one(peer))
    time.sleep(0.5)
    before = peer.memory_kib()
    for _ in range(count // units):
        clients.append(open_one(peer))
    time.sleep(1)
    result = (peer.memory_kib() - before) / count
    for client in clients:
        client.close()
    return result
