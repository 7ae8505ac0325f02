"""An issuer of tokens: keys, a minting function, and an HTTP server for key set and metadata that can misbehave."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness import jose

METADATA_PATHS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class Issuer:
    """Signs tokens and serves its key set; `identifier` is what stands in `iss`."""

    def __init__(
        self,
        identifier: str | None = None,
        algorithm: str = "ES256",
        kid: str = "key-1",
        tls: ssl.SSLContext | None = None,
    ):
        self.server = KeyServer(tls)
        self.identifier = identifier or self.server.url
        self.algorithm = algorithm
        self.keys: dict[str, jose.Key] = {}
        self.server.metadata = {"issuer": self.identifier, "jwks_uri": self.server.url + "/jwks"}
        self.add_key(kid, algorithm)

    def add_key(self, kid: str, algorithm: str, publish: bool = True) -> jose.Key:
        """Make a key; the newest key signs unless `mint` is told another."""
        key = self.keys[kid] = jose.new_key(algorithm, kid)
        self.signing_kid, self.algorithm = kid, algorithm
        if publish:
            self.publish(kid, alg=algorithm)
        return key

    def publish(self, kid: str, **members: Any) -> None:
        self.server.keys.append(jose.public(self.keys[kid], use="sig", **members))

    def withdraw(self, kid: str) -> None:
        self.server.keys = [each for each in self.server.keys if each.get("kid") != kid]

    def claims(self, audience: Any, scope: str | None = None, **changes: Any) -> dict[str, Any]:
        """Every claim that RFC 9068 requires; a change to None removes the claim."""
        now = int(time.time())
        claims = {
            "iss": self.identifier,
            "sub": "alice",
            "client_id": "client-1",
            "aud": audience,
            "iat": now,
            "exp": now + 600,
            "jti": f"id-{time.monotonic_ns()}",
            "scope": scope,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def mint(
        self,
        audience: Any,
        scope: str | None = None,
        *,
        kid: str | None = None,
        algorithm: str | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token of type at+jwt; `header` adds members to its header, or removes them when None."""
        kid = kid or self.signing_kid
        algorithm = algorithm or self.algorithm
        fields = {"typ": "at+jwt", "alg": algorithm, "kid": kid, **(header or {})}
        fields = {name: value for name, value in fields.items() if value is not None}
        return jose.compact(fields, self.claims(audience, scope, **changes), algorithm, self.keys[kid])

    def stop(self) -> None:
        self.server.stop()


class KeyServer:
    """Serves `keys` and `metadata`; `mode` is ok, fail, hang or garbage; every fetch is counted by path."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.keys: list[dict[str, Any]] = []
        self.metadata: dict[str, Any] = {}
        self.metadata_paths = METADATA_PATHS
        self.mode = "ok"
        self.delay = 0.0
        self.headers: dict[str, str] = {}
        self.fetches: list[tuple[float, str]] = []
        self.released = threading.Event()
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def count(self, path: str = "/jwks") -> int:
        return sum(1 for _, fetched in self.fetches if fetched == path)

    def wait_for_count(self, count: int, within: float = 5.0, path: str = "/jwks") -> None:
        end = time.monotonic() + within
        while self.count(path) < count:
            assert time.monotonic() < end, (
                f"{self.count(path)} of {count} fetches of {path} within {within} s"
            )
            time.sleep(0.01)

    def start(self) -> None:
        """Listen, on the same port as before when there was one."""
        owner = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def finish_request(self, request: Any, client_address: Any) -> None:
                # In the thread of the connection, so that a handshake holds nobody up.
                if owner.tls:
                    try:
                        request = owner.tls.wrap_socket(request, server_side=True)
                    except OSError:
                        return
                super().finish_request(request, client_address)
                if owner.tls:
                    request.close()

        self.server = Server(("127.0.0.1", self.port), Answer)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, exchange: BaseHTTPRequestHandler) -> None:
        self.fetches.append((time.monotonic(), exchange.path))
        exchange.close_connection = True
        time.sleep(self.delay)
        if self.mode == "hang":
            self.released.wait(60)
            return
        document: Any = None
        if exchange.path == "/jwks":
            document = {"keys": self.keys}
        elif exchange.path in self.metadata_paths:
            document = self.metadata
        status = 500 if self.mode == "fail" else 200 if document is not None else 404
        body = b"<html>not json" if self.mode == "garbage" else json.dumps(document).encode()
        exchange.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Connection": "close",
            **self.headers,
        }.items():
            exchange.send_header(name, value)
        exchange.send_header("Content-Length", str(len(body)))
        exchange.end_headers()
        exchange.wfile.write(body)

    def stop(self) -> None:
        """Stop listening: connections are refused until `start`."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
