"""JSON-RPC messages of each era, with the header fields that a good client sends beside them, or other ones."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from harness import raw_http
from harness.mcp_requests import LEGACY_VERSION, META, VERSION
from harness.raw_http import Headers, Response

PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ABSENT = object()
MIRRORED = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}


@dataclass
class Post:
    """A body and its fields; `set` changes them, and takes them away by None."""

    body: bytes
    fields: Headers = field(default_factory=list)

    def set(self, **changes: str | None) -> Post:
        """Underscores stand for hyphens."""
        for name, value in changes.items():
            name = name.replace("_", "-")
            self.fields = [each for each in self.fields if each[0].lower() != name.lower()]
            if value is not None:
                self.fields.append((name, value))
        return self

    def add(self, name: str, value: str) -> Post:
        self.fields.append((name, value))
        return self

    def request(self, host: str, target: str, token: str | None) -> bytes:
        credentials = [("Authorization", f"Bearer {token}")] if token else []
        return raw_http.request("POST", target, host, self.fields + credentials, self.body)


def encoded(text: str) -> str:
    """As a mirrored field carries what is not plain ASCII."""
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def text(method: str | None, params: Any = None, identifier: Any = 7, **members: Any) -> bytes:
    """The JSON of a message; a notification when the id is None."""
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    if identifier is not None:
        message["id"] = identifier
    if method is not None:
        message["method"] = method
    if params is not None:
        message["params"] = params
    return json.dumps({**message, **members}).encode()


def modern(
    method: str = "tools/call",
    params: dict[str, Any] | None = None,
    identifier: Any = 7,
    meta: Any = META,
    version: str = VERSION,
) -> Post:
    """A message of 2026-07-28, with its mirrors as they must be."""
    params = {"name": "echo", "arguments": {}} if params is None and method == "tools/call" else params or {}
    if meta is META and version != VERSION:
        meta = {**META, PROTOCOL_VERSION: version}
    if meta is not ABSENT:
        params = {**params, "_meta": meta}
    post = with_fields(text(method, params, identifier), version).set(Mcp_Method=method)
    source = params.get(MIRRORED.get(method, ""))
    if isinstance(source, str):
        post.set(Mcp_Name=source if source.isascii() else encoded(source))
    return post


def legacy(
    method: str | None = "tools/call",
    params: dict[str, Any] | None = None,
    identifier: Any = 7,
    version: str | None = LEGACY_VERSION,
    session: str | None = None,
    **members: Any,
) -> Post:
    """A message of an earlier revision."""
    if params is None and method == "tools/call":
        params = {"name": "echo", "arguments": {}}
    return with_fields(text(method, params, identifier, **members), version, session)


def initialize(version: str = LEGACY_VERSION) -> Post:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    return legacy("initialize", params, version=None)


def with_fields(body: bytes, version: str | None = None, session: str | None = None) -> Post:
    """Any body, with the fields that every client sends."""
    post = Post(body)
    post.set(Content_Type="application/json", Accept="application/json, text/event-stream")
    return post.set(MCP_Protocol_Version=version, Mcp_Session_Id=session)


def expect_rpc_error(response: Response, code: int, identifier: Any = 7, status: int = 400) -> dict[str, Any]:
    """A JSON-RPC error of the gateway's own: the id echoed, or the member not there at all."""
    assert response.status == status, (response.status, response.headers, response.body[:300])
    assert response.one("Content-Type").split(";")[0] == "application/json"
    assert response.one("Cache-Control") == "no-store" and not response.all("WWW-Authenticate")
    body = response.json()
    assert body["jsonrpc"] == "2.0" and set(body) <= {"jsonrpc", "id", "error"}, body
    assert set(body["error"]) == {"code", "message"} and body["error"]["code"] == code, body
    if identifier is ABSENT:
        assert "id" not in body, body
    else:
        assert "id" in body and body["id"] == identifier, body
        assert type(body["id"]) is type(identifier), body
    return body["error"]
