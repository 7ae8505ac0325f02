"""A gateway with one route, its server, and a client that sends one request after the other."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The weather is fine."}],"ok":true}}'
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
BODY = (
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather",'
    '"arguments":{"city":"Vienna","units":"metric","days":3}}}'
)
RESOURCE = "https://mcp.example/mcp"


class Server:
    """Answers each request, which comes in one piece or ends with the body."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        request = b""
        while part := connection.recv(65_536):
            request += part
            if request.endswith(BODY.encode()):
                connection.sendall(RESPONSE)
                request = b""


class Gateway:
    """audgate, started by `wrapper` with `environment`, and one connection to it."""

    def __init__(self, folder: Path, wrapper: list[str] | None = None, environment: dict[str, str] | None = None):
        self.port = free_port()
        key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256", "use": "sig"}, private=True)
        (folder / "keys.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)))
        (folder / "gateway.json").write_text(json.dumps(self.configuration()))
        self.request = request(key)
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*(wrapper or []), os.environ["AUDGATE"], "serve", "--config", "gateway.json"],
                cwd=folder,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )
        self.connection = self.connect()

    def configuration(self) -> dict:
        upstream = f"http://127.0.0.1:{Server().port}/mcp"
        return {
            "listeners": [{"address": f"127.0.0.1:{self.port}"}],
            "workers": 1,
            "issuers": {"as": {"issuer": "https://as.example", "keys": {"file": "keys.json"}}},
            "routes": [{"resource": RESOURCE, "issuer": "as", "scopes": ["mcp:use"], "upstream": upstream}],
            "log": {"access": "stdout", "level": "error"},
        }

    def connect(self) -> socket.socket:
        end = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 10)
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise AssertionError(f"does not start: {self.output.read_text()}") from None
                time.sleep(0.05)

    def ask(self, count: int) -> None:
        """Sends so many requests, each after the answer to the one before."""
        for _ in range(count):
            self.connection.sendall(self.request)
            answer = b""
            while not answer.endswith(ANSWER):
                part = self.connection.recv(65_536)
                assert part, f"the connection ends after {answer!r}"
                answer += part
            assert answer.startswith(b"HTTP/1.1 200 "), answer

    def stop(self) -> None:
        """Ends the gateway in order; a wrapper ends with it."""
        self.connection.close()
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]) if children else self.process.pid, signal.SIGTERM)
        self.process.wait(20)


def request(key: ECKey) -> bytes:
    """A POST with a token that `key` has signed."""
    now = int(time.time())
    claims = {
        "iss": "https://as.example",
        "sub": "alice",
        "aud": RESOURCE,
        "client_id": "budget",
        "scope": "mcp:use",
        "iat": now,
        "exp": now + 3600,
        "jti": "0123456789abcdef",
    }
    token = jwt.encode({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}, claims, key)
    lines = [
        "POST /mcp HTTP/1.1",
        "Host: mcp.example",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"Content-Length: {len(BODY)}",
        "",
        BODY,
    ]
    return "\r\n".join(lines).encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
