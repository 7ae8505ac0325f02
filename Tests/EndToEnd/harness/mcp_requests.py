"""MCP requests as bytes: the JSON-RPC bodies and headers that a well-behaved client sends."""

from __future__ import annotations

import json
import os
from typing import Any

from harness import raw_http
from harness.raw_http import Headers

VERSION = "2026-07-28"
LEGACY_VERSION = "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


def call(name: str = "echo", arguments: dict[str, Any] | None = None, identifier: Any = 7) -> bytes:
    """The body of a tools/call of revision 2026-07-28."""
    parameters = {"name": name, "arguments": arguments or {}, "_meta": META}
    return json.dumps(
        {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": parameters}
    ).encode()


def call_of_size(size: int) -> bytes:
    """A tools/call of exactly this many bytes that no compressor or copy error would leave alone."""
    empty = call("echo", {"x": ""})
    assert size >= len(empty), size
    filler = os.urandom((size - len(empty) + 1) // 2).hex().encode()
    return empty.replace(b'"x": ""', b'"x": "%s"' % filler[: size - len(empty)])


def modern_headers(
    token: str | None = None, name: str = "echo", without: tuple[str, ...] = (), **changes: str
) -> Headers:
    """The headers that go with `call`; `changes` replaces values (underscores stand for hyphens)."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    headers.update({key.replace("_", "-"): value for key, value in changes.items()})
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return [(key, value) for key, value in headers.items() if key not in without]


def post(
    host: str,
    target: str,
    token: str | None = None,
    body: bytes | None = None,
    extra: Headers | None = None,
    without: tuple[str, ...] = (),
    **changes: str,
) -> bytes:
    """A complete POST of a modern tools/call with the token."""
    headers = modern_headers(token, without=without, **changes) + (extra or [])
    return raw_http.request("POST", target, host, headers, call() if body is None else body)


def get(
    host: str, target: str, token: str | None = None, extra: Headers | None = None, method: str = "GET"
) -> bytes:
    """A request without a body, as clients of the 2025 revisions open and end sessions."""
    headers = [("Accept", "text/event-stream"), ("MCP-Protocol-Version", LEGACY_VERSION)]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    return raw_http.request(method, target, host, headers + (extra or []))
