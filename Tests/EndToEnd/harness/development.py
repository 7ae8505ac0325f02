"""What the tests know of the checked-in development set-up: its file, its routes and its authorization server."""

from __future__ import annotations

import json
from typing import Any

import httpx

from harness.gateway import REPOSITORY

FILE = REPOSITORY / "gateway.json"


def configuration() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def resources() -> list[str]:
    """The resources of the sample servers: files first, then calendar."""
    return sorted(
        (route["resource"] for route in configuration()["routes"]), key=lambda each: "files" not in each
    )


def listener() -> tuple[str, int]:
    host, _, port = configuration()["listeners"][0]["address"].rpartition(":")
    return host, int(port)


def authorization_server(resource: str) -> str:
    """The issuer that the metadata of the resource names, as a client learns it."""
    scheme, _, rest = resource.partition("://")
    authority, _, path = rest.partition("/")
    document = httpx.get(f"{scheme}://{authority}/.well-known/oauth-protected-resource/{path}").json()
    return document["authorization_servers"][0]


def metadata(issuer: str) -> dict[str, Any]:
    return httpx.get(issuer + "/.well-known/oauth-authorization-server").raise_for_status().json()


def register(issuer: str, **changes: Any) -> dict[str, Any]:
    """A client of its own, by dynamic registration; it may use its credentials."""
    request = {
        "client_name": "tests",
        "redirect_uris": ["http://127.0.0.1:1/callback"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        **changes,
    }
    return httpx.post(metadata(issuer)["registration_endpoint"], json=request).raise_for_status().json()


def client_credentials(
    issuer: str, resource: str | None, client: dict[str, Any] | None = None
) -> httpx.Response:
    """The answer of the token endpoint to the client credentials grant."""
    client = client or register(issuer)
    form = {"grant_type": "client_credentials", "client_id": client["client_id"]}
    if "client_secret" in client:
        form["client_secret"] = client["client_secret"]
    if resource is not None:
        form["resource"] = resource
    return httpx.post(metadata(issuer)["token_endpoint"], data=form)


def token(resource: str) -> str:
    return (
        client_credentials(authorization_server(resource), resource).raise_for_status().json()["access_token"]
    )
