"""P8: processor time of the proxy for each connection over TLS 1.3, with a full handshake and with a resumed one."""

from __future__ import annotations

import socket
import ssl
import threading
import time

from comparison.credentials import HOST
from comparison.peer import Peer

CONCURRENT = 8
REQUEST = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


def client_context(*protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols or ("http/1.1",))
    return context


def connect_tls(peer: Peer, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", peer.tls_port))
    # Otherwise the request waits until the end of the handshake is acknowledged.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname=HOST, session=session)


def connect_once(peer: Peer, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession:
    """A connection with one request that the proxy answers itself; the session is good for resumption."""
    with connect_tls(peer, context, session) as connection:
        connection.sendall(REQUEST)
        answer = connection.recv(65_536)
        if b" 200 " not in answer:
            raise SystemExit(f"{peer.name} answers {answer!r}")
        while connection.recv(65_536):
            pass
        if connection.session_reused != (session is not None):
            raise SystemExit(f"{peer.name}: resumed is {connection.session_reused}, and should not be")
        return connection.session


def cost(peer: Peer, seconds: int, resumed: bool) -> float:
    """Microseconds for each connection, with a few at a time."""
    context = client_context()
    session = connect_once(peer, context, None) if resumed else None
    counts = [0] * CONCURRENT
    end = time.monotonic() + seconds

    def connect_until_end(place: int) -> None:
        while time.monotonic() < end:
            connect_once(peer, context, session)
            counts[place] += 1

    before = peer.cpu_seconds()
    threads = [threading.Thread(target=connect_until_end, args=(place,)) for place in range(CONCURRENT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if 0 in counts:
        raise SystemExit(f"{peer.name}: a client came to its end before the time")
    return (peer.cpu_seconds() - before) * 1e6 / sum(counts)
