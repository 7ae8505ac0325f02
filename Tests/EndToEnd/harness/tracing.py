"""A gateway that traces, what is asked of it, and what it then says and sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from harness import mcp_requests, messages
from harness.collector import Collector, Span
from harness.gateway import Entry, Gateway
from harness.mcp_requests import META
from harness.raw_http import Headers, Response

TRACE, OTHER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
PARENT, OTHER_PARENT = "00f067aa0ba902b7", "b7ad6b7169203331"


def start(single: Any, collector: Collector, more: dict[str, Any] | None = None, **members: Any) -> Gateway:
    """A gateway that traces; `members` are further settings of that, `more` changes its configuration."""
    traces = {"endpoint": collector.endpoint, **members}
    return single.start(single.configuration(traces=traces, **(more or {})))


def ask(
    single: Any,
    meta: dict[str, Any] | None = None,
    extra: Headers | None = None,
    token: str | None = None,
    **changes: str | None,
) -> Response:
    """One call of a tool, with further members of `_meta`."""
    post = messages.modern(meta={**META, **(meta or {})}).set(**changes)
    for name, value in extra or []:
        post.add(name, value)
    token = single.token() if token is None else token
    return single.gateway.exchange(post.request(single.host, "/mcp", token), "POST")


def flood(single: Any, count: int, directory: Path) -> None:
    """So many good requests, as fast as they go."""
    (directory / "body").write_bytes(mcp_requests.call())
    head = [f"-H{name}: {value}" for name, value in mcp_requests.modern_headers(single.token())]
    command = ["h2load", "--h1", "-n", str(count), "-c", "8", "-d", str(directory / "body"), *head]
    report = subprocess.run([*command, single.resource], capture_output=True, text=True, timeout=100).stdout
    assert f"status codes: {count} 2xx, 0 3xx, 0 4xx, 0 5xx" in report, report


def exported(single: Any, collector: Collector) -> list[Span]:
    """All spans, once the gateway has ended."""
    assert single.gateway.stop() == 0
    return collector.spans


def told(gateway: Gateway, message: str) -> list[Entry]:
    """The lines of the operational log with this message."""
    lines = gateway.stderr.read_text().splitlines(keepends=True)
    entries = [json.loads(each) for each in lines if each.endswith("\n")]
    return [each for each in entries if each["message"] == message]


def lost(gateway: Gateway) -> list[Entry]:
    """The lines that tell of lost spans."""
    return told(gateway, "Spans were dropped.")
