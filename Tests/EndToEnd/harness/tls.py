"""TLS over a socket for raw clients and servers: exact about how a connection ends, and usable by two threads."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from pathlib import Path

from harness.certificates import Identity


def client_context(
    ca: Path, *protocols: str, identity: Identity | None = None, names_matter: bool = True
) -> ssl.SSLContext:
    """Trusts `ca` alone and offers `protocols` by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = names_matter
    context.load_verify_locations(ca)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if identity:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def server_context(identity: Identity, *protocols: str, clients: Path | None = None) -> ssl.SSLContext:
    """Shows `identity`, takes `protocols` by ALPN, and demands certificates of `clients` when given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


class TLSSocket:
    """What a socket does, over TLS. An end without close_notify counts as a reset, as it must."""

    def __init__(
        self,
        carrier: socket.socket,
        context: ssl.SSLContext,
        server_side: bool = False,
        server_name: str | None = None,
        session: ssl.SSLSession | None = None,
    ):
        self.carrier = carrier
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = context.wrap_bio(
            self.incoming,
            self.outgoing,
            server_side=server_side,
            server_hostname=server_name,
            session=session,
        )
        self.plaintext = b""
        self.state, self.sending = threading.Lock(), threading.Lock()
        try:
            self._handshake()
        except BaseException:
            carrier.close()
            raise

    def _handshake(self) -> None:
        while True:
            try:
                self.engine.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                self._flush()
                raise

    def _feed(self) -> None:
        data = self.carrier.recv(65536)
        with self.state:
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def _flush(self, plaintext: bytes = b"") -> None:
        # The lock for sending is held around both steps, so that records leave in the order they were made.
        with self.sending:
            with self.state:
                if plaintext:
                    self.engine.write(plaintext)
                data = self.outgoing.read()
            if data:
                self.carrier.sendall(data)

    @property
    def protocol(self) -> str | None:
        return self.engine.selected_alpn_protocol()

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), 65536):
            self._flush(data[start : start + 65536])

    def recv(self, size: int) -> bytes:
        while True:
            if self.plaintext:
                taken, self.plaintext = self.plaintext[:size], self.plaintext[size:]
                return taken
            if not self._decrypt():
                self._feed()
            elif not self.plaintext:
                return b""

    def _decrypt(self) -> bool:
        """Take what can be read without waiting; False when more ciphertext is needed for anything."""
        try:
            with self.state:
                self.plaintext += self.engine.read(65536)
            return True
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLEOFError:
            raise ConnectionResetError("the end came without close_notify") from None

    def has_input(self, within: float) -> bool:
        """A receive would not block; tickets, which are no input for anybody, do not count."""
        end = time.monotonic() + within
        while not self.plaintext:
            try:
                if self._decrypt():
                    return True
                if not select.select([self.carrier], [], [], max(0.0, end - time.monotonic()))[0]:
                    return False
                self._feed()
            except OSError:
                return True
        return True

    def shutdown(self, how: int) -> None:
        """Say close_notify, then end the carrier."""
        try:
            with self.state:
                self.engine.unwrap()
        except ssl.SSLError:
            pass
        self._flush()
        self.carrier.shutdown(how)

    def settimeout(self, seconds: float | None) -> None:
        self.carrier.settimeout(seconds)

    def setsockopt(self, *arguments) -> None:
        self.carrier.setsockopt(*arguments)

    def fileno(self) -> int:
        return self.carrier.fileno()

    def close(self) -> None:
        self.carrier.close()


def has_input(connected: socket.socket | TLSSocket, within: float = 0.0) -> bool:
    """A receive would not block."""
    if isinstance(connected, TLSSocket):
        return connected.has_input(within)
    return bool(select.select([connected], [], [], within)[0])
