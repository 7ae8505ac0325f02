"""The official SDK of the 2.x line as a client: with a token in hand, or with nothing and its own OAuth flow."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

# Mode of the client, and the revision that it then speaks with an SDK server.
MODES = {"auto": "2026-07-28", "legacy": "2025-11-25"}
CALLBACK = "http://127.0.0.1:1/callback"


class Memory:
    """Token storage that a test can look into."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the authorization address and takes the code from where the server sends it."""

    def __init__(self) -> None:
        self.visited: list[dict[str, list[str]]] = []
        self.landed: dict[str, list[str]] = {}

    async def open(self, address: str) -> None:
        self.visited.append(parse_qs(urlsplit(address).query))
        async with httpx.AsyncClient() as client:
            response = await client.get(address)
        assert response.is_redirect, (response.status_code, response.text)
        location = response.headers["Location"]
        assert location.startswith(CALLBACK), location
        self.landed = parse_qs(urlsplit(location).query)

    async def callback(self) -> AuthorizationCodeResult:
        values = {name: given[0] for name, given in self.landed.items() if name in ("code", "state", "iss")}
        return AuthorizationCodeResult(**values)


def oauth(resource: str, memory: Memory, browser: Browser) -> OAuthClientProvider:
    metadata = OAuthClientMetadata.model_validate(
        {
            "client_name": "end-to-end",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
    )
    return OAuthClientProvider(resource, metadata, memory, browser.open, browser.callback)


def http_client(
    headers: dict[str, str] | None, auth: httpx2.Auth | None, tls: ssl.SSLContext | None
) -> httpx2.AsyncClient:
    """The one that the SDK makes, or the same for TLS with HTTP/2."""
    if not tls:
        return create_mcp_http_client(headers=headers, auth=auth)

    async def is_http_2(response: httpx2.Response) -> None:
        assert response.http_version == "HTTP/2", response.http_version

    timeout = httpx2.Timeout(30, read=300)
    hooks = {"response": [is_http_2]}
    return httpx2.AsyncClient(
        headers=headers, auth=auth, timeout=timeout, verify=tls, http1=False, http2=True, event_hooks=hooks
    )


@asynccontextmanager
async def connected(
    url: str,
    token: str | None = None,
    auth: httpx2.Auth | None = None,
    mode: str = "auto",
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """A connected client; `mode` is auto, legacy or a modern version. With `tls` it speaks HTTP/2 and nothing else."""
    headers = {"Authorization": f"Bearer {token}"} if token else None
    async with http_client(headers, auth, tls) as http:
        async with Client(
            streamable_http_client(url, http_client=http, max_sse_event_size=None), mode=mode, **options
        ) as client:
            yield client


def text(result: Any) -> str:
    """The one text of a tool's result."""
    assert not result.is_error, result
    assert len(result.content) == 1
    return result.content[0].text
