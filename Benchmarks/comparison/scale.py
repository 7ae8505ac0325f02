"""Configurations with many routes and issuers, and requests for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from comparison.configurations import BACKEND
from comparison.credentials import HOST, Issuer
from comparison.load import post
from comparison.peer import Peer
from comparison.setting import Setting

TOKENS = 10_000


class Scale:
    """An audgate with so many routes and issuers, each issuer with a key of its own."""

    def __init__(self, setting: Setting, routes: int, issuers: int, port: int, cores: str = "0", **members: Any):
        self.setting, self.routes = setting, routes
        self.name = f"{routes}-{issuers}"
        folder = setting.directory / f"keys-{self.name}"
        folder.mkdir(exist_ok=True)
        self.issuers = [Issuer(f"https://as{number}.example", ("ES256",)) for number in range(issuers)]
        for number, issuer in enumerate(self.issuers):
            (folder / f"{number}.json").write_text(json.dumps(issuer.key_set()))
        self.members = {
            "issuers": {
                f"as{number}": {
                    "issuer": issuer.name,
                    "keys": {"file": f"{folder}/{number}.json"},
                    "algorithms": ["ES256"],
                }
                for number, issuer in enumerate(self.issuers)
            },
            "routes": self.route_objects(),
            **members,
        }
        self.peer: Peer = setting.audgate(self.name, port, cores, **self.members)

    def route_objects(self, scope: str = "mcp:use") -> list[dict[str, Any]]:
        return [
            {
                "resource": self.resource(number),
                "issuer": f"as{number % len(self.issuers)}",
                "scopes": [scope],
                "upstream": f"http://127.0.0.1:{BACKEND}/mcp",
            }
            for number in range(self.routes)
        ]

    def resource(self, number: int) -> str:
        return f"https://{HOST}/team/{number}/mcp"

    def request(self, number: int) -> bytes:
        """For the route of this number, with a token that differs from all others."""
        token = self.issuers[number % len(self.issuers)].token(self.resource(number), "ES256")
        return post(token, path=f"/team/{number}/mcp")

    def one(self) -> Path:
        """Requests for one route in the middle, with one token."""
        return self.setting.load.write(f"one-{self.name}", [self.request(self.routes // 2)])

    def spread(self, tokens: int = TOKENS) -> Path:
        """Requests for all routes in turn, with so many tokens."""
        requests = (self.request(number % self.routes) for number in range(tokens))
        return self.setting.load.write(f"spread-{self.name}", requests)
