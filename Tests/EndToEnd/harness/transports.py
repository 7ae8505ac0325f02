"""How the same tests reach the gateway, and how it reaches what is behind it: cleartext and TLS, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from harness import raw_http
from harness.certificates import Certificates
from harness.http2_client import Http2Connection
from harness.tls import client_context, server_context


@dataclass(frozen=True)
class Transport:
    """One side's protocols."""

    name: str
    uses_tls: bool
    uses_http2: bool

    @property
    def scheme(self) -> str:
        return "https" if self.uses_tls else "http"

    @property
    def protocol(self) -> str:
        """Its name in ALPN."""
        return "h2" if self.uses_http2 else "http/1.1"


HTTP1 = Transport("http1", uses_tls=False, uses_http2=False)
H2C = Transport("h2c", uses_tls=False, uses_http2=True)
TLS1 = Transport("tls1", uses_tls=True, uses_http2=False)
TLS2 = Transport("tls2", uses_tls=True, uses_http2=True)
HTTPS1 = Transport("https1", uses_tls=True, uses_http2=False)
HTTPS2 = Transport("https2", uses_tls=True, uses_http2=True)

CLIENTS = {each.name: each for each in (HTTP1, TLS1, TLS2, H2C)}
UPSTREAMS = {each.name: each for each in (HTTP1, HTTPS1, HTTPS2, H2C)}


@dataclass(frozen=True)
class Transports:
    """A pair that a test runs over, written `client/upstream`."""

    client: Transport
    upstream: Transport

    def __str__(self) -> str:
        return f"{self.client.name}/{self.upstream.name}"

    @classmethod
    def named(cls, text: str) -> Transports:
        client, _, upstream = text.partition("/")
        return cls(CLIENTS[client], UPSTREAMS[upstream or "http1"])


PLAIN = Transports(HTTP1, HTTP1)
# Each side over each of its transports while the other side is plain, and the two most demanding ones together.
MATRIX = [
    *(Transports(client, HTTP1) for client in CLIENTS.values()),
    *(Transports(HTTP1, upstream) for upstream in UPSTREAMS.values() if upstream is not HTTP1),
    Transports(TLS2, HTTPS2),
]


class Client:
    """Reaches a listener of the gateway over one transport."""

    def __init__(self, transport: Transport = HTTP1, tls: ssl.SSLContext | None = None):
        self.transport, self.tls = transport, tls

    @classmethod
    def trusting(cls, certificates: Certificates, transport: Transport) -> Client:
        tls = client_context(certificates.ca, transport.protocol) if transport.uses_tls else None
        return cls(transport, tls)

    @property
    def scheme(self) -> str:
        return self.transport.scheme

    @property
    def version(self) -> str:
        """As a Response of it says."""
        return "HTTP/2" if self.transport.uses_http2 else "HTTP/1.1"

    def connect(self, address, timeout: float = 10.0, **options: Any) -> raw_http.Connection:
        connection = Http2Connection if self.transport.uses_http2 else raw_http.Connection
        return connection(address, timeout, tls=self.tls, **options)

    def exchange(self, address, data: bytes, method: str = "GET", timeout: float = 10.0) -> raw_http.Response:
        """One request on a connection of its own."""
        with self.connect(address, timeout) as connection:
            return connection.exchange(data, method)


def listener(
    address: str, transport: Transport, certificates: Certificates, **members: Any
) -> dict[str, Any]:
    """The member of a configuration for a listener that takes this transport."""
    tls = {"tls": {"certificates": [certificates.server.members]}} if transport.uses_tls else {}
    return {"address": address, **tls, **members}


def upstream(
    endpoints: list[str], transport: Transport, certificates: Certificates, **members: Any
) -> dict[str, Any]:
    """The member of a configuration for endpoints that are reached over this transport."""
    settings: dict[str, Any] = {"endpoints": endpoints}
    if transport.uses_tls:
        settings["tls"] = {"ca": str(certificates.ca)}
    if transport.uses_http2:
        settings["http2"] = True
    return {**settings, **members}


def acceptor(transport: Transport, certificates: Certificates) -> ssl.SSLContext | None:
    """What a recorder shows to the gateway."""
    return server_context(certificates.server, transport.protocol) if transport.uses_tls else None
