"""The set-up that most tests share: one gateway, several routes, a recorder behind each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import mcp_requests
from harness.certificates import Certificates
from harness.gateway import Gateway, free_port
from harness.issuer import Issuer
from harness.raw_http import Headers, Response
from harness.recorder import Recorder
from harness.transports import PLAIN, Client, Transports, acceptor, listener, upstream

ALL_ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"),
]
ORIGIN = "https://app.example"


@dataclass
class Place:
    """One route: where clients reach it and what records behind it."""

    resource: str
    host: str
    path: str
    recorder: Recorder
    scope: str | None = None


class House:
    """The routes by name, their issuers, and shortcuts to talk to them."""

    def __init__(self, directory: Path, certificates: Certificates, transports: Transports = PLAIN):
        self.certificates, self.transports = certificates, transports
        self.client = Client.trusting(certificates, transports.client)
        self.scheme, self.uses_http2 = self.client.scheme, transports.client.uses_http2
        self.port = free_port()
        self.authority = f"127.0.0.1:{self.port}"
        self.corp = Issuer("https://as.example", "RS256")
        self.wide = Issuer("https://wide.example", "RS256", kid="RS256")
        self.lax = Issuer("https://lax.example", "ES256")
        self.shared = Issuer("https://shared.example", "ES256")
        for algorithm in ALL_ALGORITHMS[1:]:
            self.wide.add_key(algorithm, algorithm)
        for kid, algorithm in (
            ("key-ec", "ES256"),
            ("key-ps", "PS256"),
            ("key-ed", "Ed25519"),
            ("key-1", "RS256"),
        ):
            if kid not in self.corp.keys:
                self.corp.add_key(kid, algorithm)
        self.corp.signing_kid, self.corp.algorithm = "key-1", "RS256"
        self.places = {
            "notion": self._place("/notion", scope="notion.read"),
            "nested": self._place("/a/b/mcp"),
            "root": self._place("", host=f"localhost:{self.port}"),
            "strip": self._place("/strip"),
            "lax": self._place("/lax"),
            "shared": self._place("/shared"),
            "alias": self._place("/alias"),
            "wide": self._place("/wide"),
            "tree": self._place("/tree"),
            "slow": self._place("/slow"),
            "dead": self._place("/dead"),
        }
        self.places["dead"].recorder.stop()
        self.gateway = Gateway(self.configuration(), directory, ("127.0.0.1", self.port), client=self.client)

    def _place(self, path: str, host: str | None = None, scope: str | None = None) -> Place:
        host = host or self.authority
        tls = acceptor(self.transports.upstream, self.certificates)
        recorder = Recorder(tls=tls, http2=self.transports.upstream.uses_http2)
        return Place(f"{self.scheme}://{host}{path}", host, path or "/", recorder, scope)

    def __getitem__(self, name: str) -> Place:
        return self.places[name]

    def configuration(self) -> dict[str, Any]:
        issuers = {name: getattr(self, name) for name in ("corp", "wide", "lax", "shared")}
        return {
            "listeners": [listener(f"127.0.0.1:{self.port}", self.transports.client, self.certificates)],
            "workers": 2,
            "issuers": {
                name: {
                    "issuer": issuer.identifier,
                    "keys": {"uri": issuer.server.url + "/jwks"},
                    **ISSUER_RULES[name],
                }
                for name, issuer in issuers.items()
            },
            "scope_implications": {
                "notion.admin": ["notion.write"],
                "notion.write": ["notion.read"],
            },
            "routes": [self._route(name) for name in self.places],
        }

    def _route(self, name: str) -> dict[str, Any]:
        place = self.places[name]
        rules = dict(ROUTE_RULES.get(name, {}))
        behind = upstream(
            [f"{place.recorder.url}/mcp"],
            self.transports.upstream,
            self.certificates,
            **rules.pop("upstream", {}),
        )
        issuer = name if name in ("wide", "lax", "shared") else "corp"
        return {"resource": place.resource, "issuer": issuer, "upstream": behind, **rules}

    def token(self, name: str = "notion", scope: str | None = "", **changes: Any) -> str:
        """A good token for the route, with its base scope unless told otherwise."""
        place = self.places[name]
        issuer = getattr(self, name) if name in ("wide", "lax", "shared") else self.corp
        return issuer.mint(place.resource, place.scope if scope == "" else scope, **changes)

    def post(self, name: str = "notion", token: str | None = None, **changes: Any) -> Response:
        """A modern tools/call to the route on a connection of its own."""
        place = self.places[name]
        target = changes.pop("target", place.path)
        host = changes.pop("host", place.host)
        return self.gateway.exchange(mcp_requests.post(host, target, token, **changes))

    def get(
        self, target: str, host: str | None = None, headers: Headers | None = None, method: str = "GET"
    ) -> Response:
        data = mcp_requests.raw_http.request(method, target, host or self.authority, headers)
        return self.gateway.exchange(data, method)

    def clear(self) -> None:
        for place in self.places.values():
            place.recorder.clear()

    def assert_nothing_forwarded(self) -> None:
        for place in self.places.values():
            assert [(each.method, each.target) for each in place.recorder.requests] == []
        self.places["notion"].recorder.assert_untouched()

    def start(self) -> House:
        self.gateway.start()
        return self

    def stop(self) -> None:
        self.gateway.stop()
        for place in self.places.values():
            place.recorder.stop()
        for issuer in (self.corp, self.wide, self.lax, self.shared):
            issuer.stop()


ISSUER_RULES: dict[str, dict[str, Any]] = {
    "corp": {"token_type": "at+jwt", "algorithms": ["RS256", "ES256", "PS256", "Ed25519"]},
    "wide": {"token_type": "at+jwt", "algorithms": ALL_ALGORITHMS},
    "lax": {"algorithms": ["ES256"], "clock_skew": "0s", "max_token_lifetime": "1h"},
    "shared": {"algorithms": ["ES256"], "other_audiences": ["account", "https://shared.example/userinfo"]},
}

ROUTE_RULES: dict[str, dict[str, Any]] = {
    "notion": {
        "scopes": ["notion.read"],
        "origins": [ORIGIN],
        "metadata": {"resource_name": "Notion", "resource_documentation": "https://docs.example/notion"},
    },
    "strip": {"upstream": {"credentials": "strip"}},
    "alias": {"audience_aliases": ["api://alias-app"]},
    "tree": {"subpaths": True},
    "slow": {"upstream": {"connect_timeout": "1s", "response_timeout": "1s"}},
}
