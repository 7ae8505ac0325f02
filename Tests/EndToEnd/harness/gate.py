"""A gateway whose routes a test module names, each in front of a recorder of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from harness import raw_http
from harness.certificates import Certificates
from harness.gateway import Entry, Gateway, free_port
from harness.issuer import Issuer
from harness.messages import Post
from harness.raw_http import Connection, Headers, Response
from harness.recorder import Recorded, Recorder
from harness.transports import PLAIN, Client, Transports, acceptor, listener, upstream


class Gate:
    """`routes` maps a name to what its route says besides resource, issuer and endpoints.

    A route `name` answers at `/name` and forwards to `/mcp` at the recorder `name`; its member `recorders` names
    other ones, and `path` another path.
    """

    def __init__(
        self,
        directory: Path,
        certificates: Certificates,
        routes: dict[str, dict[str, Any]],
        transports: Transports = PLAIN,
        **members: Any,
    ):
        self.directory, self.certificates, self.transports = directory, certificates, transports
        self.client = Client.trusting(certificates, transports.client)
        self.issuer, self.port = Issuer(), free_port()
        self.authority = f"127.0.0.1:{self.port}"
        self.routes, self.members = routes, members
        names = [each for name, rules in routes.items() for each in rules.get("recorders", [name])]
        tls = acceptor(transports.upstream, certificates)
        http2 = transports.upstream.uses_http2
        self.recorders = {name: Recorder(tls=tls, http2=http2) for name in dict.fromkeys(names)}
        self.gateways: list[Gateway] = []
        self.since = 0

    def resource(self, name: str) -> str:
        return f"{self.client.scheme}://{self.authority}/{name}"

    def configuration(self, port: int | None = None, **members: Any) -> dict[str, Any]:
        at = listener(f"127.0.0.1:{port or self.port}", self.transports.client, self.certificates)
        keys = {"uri": self.issuer.server.url + "/jwks"}
        corp = {"issuer": self.issuer.identifier, "keys": keys, "algorithms": ["ES256"], "clock_skew": "1s"}
        return {
            "listeners": [at],
            "workers": 1,
            "issuers": {"corp": corp},
            "routes": [self._route(name, dict(rules)) for name, rules in self.routes.items()],
            **self.members,
            **members,
        }

    def _route(self, name: str, rules: dict[str, Any]) -> dict[str, Any]:
        path = rules.pop("path", "/mcp")
        endpoints = [self.recorders[each].url + path for each in rules.pop("recorders", [name])]
        behind = upstream(endpoints, self.transports.upstream, self.certificates, **rules.pop("upstream", {}))
        return {"resource": self.resource(name), "issuer": "corp", "upstream": behind, **rules}

    def start(self, port: int | None = None, **members: Any) -> Gateway:
        """A gateway process with the routes; more than one may run, each at a port of its own."""
        directory = self.directory / f"gateway-{len(self.gateways)}"
        directory.mkdir()
        configuration = self.configuration(port, **members)
        gateway = Gateway(configuration, directory, ("127.0.0.1", port or self.port), client=self.client)
        self.gateways.append(gateway)
        return gateway.start()

    @property
    def gateway(self) -> Gateway:
        """The newest one."""
        return self.gateways[-1]

    def clear(self) -> None:
        """Forget what was forwarded and logged."""
        for recorder in self.recorders.values():
            recorder.clear()
        self.since = self.gateway.log_position()

    def stop(self) -> None:
        for gateway in self.gateways:
            if gateway.process and gateway.process.poll() is None:
                gateway.process.kill()
                gateway.process.wait()
        for recorder in self.recorders.values():
            recorder.stop()
        self.issuer.stop()

    def token(self, name: str, scope: str | None = None, **claims: Any) -> str:
        return self.issuer.mint(self.resource(name), scope, **claims)

    def send(
        self,
        name: str,
        post: Post,
        token: str | None = "",
        target: str | None = None,
        connection: Connection | None = None,
        gateway: Gateway | None = None,
    ) -> Response:
        """Send the message with a token of alice without scopes, another one, or none."""
        token = self.token(name) if token == "" else token
        data = post.request(self.authority, target or f"/{name}", token)
        if connection:
            return connection.exchange(data, "POST")
        return (gateway or self.gateway).exchange(data, "POST")

    def ask(
        self,
        name: str,
        method: str = "GET",
        headers: Headers | None = None,
        token: str | None = "",
        target: str | None = None,
        gateway: Gateway | None = None,
    ) -> Response:
        """A request without a body."""
        data = self.bodiless(name, method, headers, token, target)
        return (gateway or self.gateway).exchange(data, method)

    def bodiless(
        self,
        name: str,
        method: str = "GET",
        headers: Headers | None = None,
        token: str | None = "",
        target: str | None = None,
    ) -> bytes:
        token = self.token(name) if token == "" else token
        fields = [("Accept", "text/event-stream"), *(headers or [])]
        fields += [("Authorization", f"Bearer {token}")] if token else []
        return raw_http.request(method, target or f"/{name}", self.authority, fields)

    def arrived(self, name: str) -> Recorded:
        return self.recorders[name].the_request()

    def assert_nothing_forwarded(self) -> None:
        time.sleep(0.02)
        for recorder in self.recorders.values():
            assert [(each.method, each.target, each.body) for each in recorder.requests] == []

    def entry(self) -> Entry:
        """The only entry since `clear`."""
        (entry,) = self.gateway.wait_for_access(self.since)
        return entry

    def entries(self, count: int) -> list[Entry]:
        """The entries since `clear`, once there are so many."""
        return self.gateway.wait_for_access(self.since, count)

    def wait_for_reason(self, reason: str) -> Entry:
        """The first entry since `clear` with this reason."""
        found: list[Entry] = []

        def is_there() -> bool:
            found[:] = [each for each in self.gateway.access_log(self.since) if each["reason"] == reason]
            return bool(found)

        self.gateway.wait_until(is_there, 3, f"logged as {reason}")
        return found[0]
