"""A collector of spans: OTLP over HTTP, read by the protobuf classes of OpenTelemetry, and as slow or broken as a test says."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

PATH = "/v1/traces"
SERVER, CLIENT = trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CLIENT
ERROR, UNSET = trace_pb2.Status.STATUS_CODE_ERROR, trace_pb2.Status.STATUS_CODE_UNSET
# OTLP writes these in hexadecimal, where the JSON mapping of protobuf has base64 for bytes.
IDENTIFIERS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
INTEGERS = ("startTimeUnixNano", "endTimeUnixNano", "intValue")


@dataclass
class Span:
    """One span, as OpenTelemetry's own classes read it."""

    message: trace_pb2.Span
    resource: dict[str, Any]
    scope: tuple[str, str]

    @property
    def name(self) -> str:
        return self.message.name

    @property
    def kind(self) -> int:
        return self.message.kind

    @property
    def trace(self) -> str:
        return self.message.trace_id.hex()

    @property
    def id(self) -> str:
        return self.message.span_id.hex()

    @property
    def parent(self) -> str | None:
        return self.message.parent_span_id.hex() or None

    @property
    def links(self) -> list[tuple[str, str]]:
        return [(each.trace_id.hex(), each.span_id.hex()) for each in self.message.links]

    @property
    def attributes(self) -> dict[str, Any]:
        return _attributes(self.message.attributes)

    @property
    def seconds(self) -> tuple[float, float]:
        return self.message.start_time_unix_nano / 1e9, self.message.end_time_unix_nano / 1e9

    @property
    def is_error(self) -> bool:
        assert self.message.status.code in (ERROR, UNSET)
        return self.message.status.code == ERROR


@dataclass
class Delivery:
    """One request with spans."""

    arrived: float
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    spans: list[Span] = field(default_factory=list)


class Collector:
    """Listens at once; `answer` decides over each request by its number from 1: a status, a whole answer, or nothing."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.tls = tls
        self.answer: Callable[[int], int | tuple[int, dict[str, str], bytes] | None] = lambda number: 200
        self.deliveries: list[Delivery] = []
        self.faults: list[Exception] = []
        self.changed = threading.Condition()
        self.ending = threading.Event()
        self.port = 0
        self.listen()

    def listen(self) -> None:
        """Listen, at the same port as before if there was one."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                collector.handle(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: Any) -> None:
                """A client that gave up is none of the test's business."""

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Listen no more: who connects is refused."""
        self.server.shutdown()
        self.server.server_close()

    def stop(self) -> None:
        self.ending.set()
        self.close()

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{PATH}"

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self.changed:
            number = len(self.deliveries) + 1
            answer = self.answer(number)
            status, fields, content = answer if isinstance(answer, tuple) else (answer or 0, {}, b"{}")
            headers = {name.lower(): value for name, value in request.headers.items()}
            delivery = Delivery(time.monotonic(), request.path, headers, body, status)
            try:
                delivery.spans = read(body)
            except Exception as fault:
                self.faults.append(fault)
            self.deliveries.append(delivery)
            self.changed.notify_all()
        if not status:
            self.ending.wait(60)
            return
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **fields}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    @property
    def spans(self) -> list[Span]:
        """What was taken so far."""
        assert not self.faults, self.faults
        return [span for each in self.deliveries if each.status == 200 for span in each.spans]

    @property
    def text(self) -> bytes:
        """Everything that was ever sent here."""
        return b"".join(each.body for each in self.deliveries)

    def wait(self, holds: Callable[[], bool], what: str, within: float = 15.0) -> None:
        with self.changed:
            assert self.changed.wait_for(holds, within), f"not {what} within {within} s: {self.spans}"

    def wait_for_spans(self, count: int, within: float = 15.0) -> list[Span]:
        self.wait(lambda: len(self.spans) >= count, f"{count} spans", within)
        return self.spans

    def wait_for_deliveries(self, count: int, within: float = 15.0) -> list[Delivery]:
        self.wait(lambda: len(self.deliveries) >= count, f"{count} deliveries", within)
        return self.deliveries


def read(body: bytes) -> list[Span]:
    """The spans of a request; a name, a type or an id that OTLP does not know is an error."""
    message = ParseDict(_checked(json.loads(body)), ExportTraceServiceRequest())
    spans = []
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            named = (scope.scope.name, scope.scope.version)
            attributes = _attributes(resource.resource.attributes)
            spans += [Span(each, attributes, named) for each in scope.spans]
    for span in spans:
        assert len(span.message.trace_id) == 16 and any(span.message.trace_id)
        assert len(span.message.span_id) == 8 and any(span.message.span_id)
        assert 0 < span.message.start_time_unix_nano <= span.message.end_time_unix_nano
    return spans


def _checked(value: Any, name: str = "") -> Any:
    """The same with ids as protobuf has them; what the parser would let pass and OTLP does not is an error."""
    if isinstance(value, dict):
        return {key: _checked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_checked(each, name) for each in value]
    if name in IDENTIFIERS:
        assert re.fullmatch(f"[0-9a-f]{{{2 * IDENTIFIERS[name]}}}", value), (name, value)
        return base64.b64encode(bytes.fromhex(value)).decode()
    if name in INTEGERS:
        assert isinstance(value, str) and re.fullmatch("-?[0-9]+", value), (name, value)
    if name in ("kind", "code", "flags"):
        assert isinstance(value, int), (name, value)
    return value


def _attributes(pairs: Any) -> dict[str, Any]:
    names = [each.key for each in pairs]
    assert len(set(names)) == len(names), names
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in pairs}
