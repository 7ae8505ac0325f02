"""The HTTP/2 side of `raw_http.Connection`: takes requests as HTTP/1.1 writes them and sends them as frames."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from h2 import events, exceptions
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from harness import raw_http
from harness.frames import GOAWAY, FrameSplitter
from harness.message_reader import End, Head, MessageReader, Trailers
from harness.raw_http import ConnectionEnded, Headers, ProtocolError, Response
from harness.tls import has_input

ABSOLUTE = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)


@dataclass
class Answer:
    """What has come on one stream and was not read yet."""

    heads: deque[Response] = field(default_factory=deque)
    pieces: deque[tuple[bytes, int]] = field(default_factory=deque)
    trailers: Headers = field(default_factory=list)
    has_begun: bool = False
    has_ended: bool = False
    reset: int | None = None

    @property
    def is_over(self) -> bool:
        return self.has_ended or self.reset is not None


class Http2Connection(raw_http.Connection):
    """One connection; requests that are sent before others were answered run side by side, and are read in order.

    A stream that ends by RST_STREAM raises ConnectionEnded where HTTP/1.1 would have ended the connection; with
    PROTOCOL_ERROR before any head it reads as the 400 that it stands for (RFC 9113 section 8.1.1).
    """

    protocol = "h2"

    def __init__(self, address: Any, timeout: float = 10.0, **options: Any):
        super().__init__(address, timeout, **options)
        self.scheme = "https" if options.get("tls") else "http"
        configuration = H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.http2 = H2Connection(configuration)
        self.splitter, self.reader = FrameSplitter(), MessageReader()
        # Octets of bodies that the windows let through, by stream.
        self.sent_octets: dict[int, int] = {}
        self.answers: dict[int, Answer] = {}
        self.unread: deque[int] = deque()
        self.stream = 0
        self.going_away: int | None = None
        self.has_ended = False
        self.http2.initiate_connection()
        # Streams are read in turn: those that wait must not take the window from the one that is read.
        self.http2.increment_flow_control_window(1 << 24)
        self._flush()

    def _flush(self) -> None:
        if data := self.http2.data_to_send():
            self.socket.sendall(data)

    # Sending

    def send(self, data: bytes) -> None:
        for event in self.reader.feed(data):
            if isinstance(event, Head):
                self._open(event)
            elif isinstance(event, bytes):
                self.send_body(event)
            elif isinstance(event, Trailers):
                self._end(event.fields)
            elif event is End.END:
                self._end()
        self._flush()

    def send_as_far_as_possible(self, data: bytes) -> None:
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _open(self, head: Head) -> None:
        method, _, rest = head.start.partition(" ")
        target = rest.rpartition(" ")[0]
        hosts = [value for name, value in head.fields if name.lower() == "host"]
        scheme, authority, fields = self.scheme, hosts[0] if hosts else None, head.fields
        if absolute := ABSOLUTE.fullmatch(target):
            scheme, authority, target = absolute.groups()
        elif hosts:
            fields = list(head.fields)
            fields.remove(next(each for each in fields if each[0].lower() == "host"))
        pseudo = [(":method", method), (":scheme", scheme), (":path", target)]
        if authority is not None:
            pseudo.insert(2, (":authority", authority))
        self._begin(pseudo + [(name.lower(), value) for name, value in fields], ends=not head.has_body)

    def _begin(self, fields: Headers, ends: bool) -> int:
        self.stream = self.http2.get_next_available_stream_id()
        self.answers[self.stream] = Answer()
        self.unread.append(self.stream)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        self.http2.send_headers(self.stream, encoded, end_stream=ends)
        self.has_sent_all = ends
        return self.stream

    def open(self, fields: Headers, body: bytes | None = None, ends: bool = True) -> int:
        """Begin a stream with exactly these fields and this body; `ends` unless more is to follow."""
        self._begin(fields, ends=ends and body is None)
        if body is not None:
            self.send_body(body)
            if ends:
                self._end()
        self._flush()
        return self.stream

    def send_body(self, data: bytes) -> None:
        answer = self.answers[self.stream]
        while data and answer.reset is None and not self.has_ended:
            if has_input(self.socket):
                self._receive()
                continue
            room = min(
                self.http2.local_flow_control_window(self.stream),
                self.http2.max_outbound_frame_size,
                len(data),
            )
            if room > 0:
                self.http2.send_data(self.stream, data[:room])
                self.sent_octets[self.stream] = self.sent_octets.get(self.stream, 0) + room
                data = data[room:]
                if data:
                    self._flush()
            elif answer.has_ended and not has_input(self.socket, 0.2):
                # Answered already: the window may stay closed.
                return
            else:
                self._receive()

    def _end(self, trailers: Headers | None = None) -> None:
        answer = self.answers[self.stream]
        if self.has_sent_all or answer.reset is not None or self.has_ended:
            return
        self.has_sent_all = True
        if trailers:
            encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in trailers]
            self.http2.send_headers(self.stream, encoded, end_stream=True)
        else:
            self.http2.end_stream(self.stream)

    def end(self) -> None:
        """End the newest stream."""
        self._end()
        self._flush()

    def cancel(self, stream: int, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        self.http2.reset_stream(stream, code)
        self.answers[stream].reset = int(code)
        self._flush()

    # Receiving

    def _receive(self) -> None:
        """Take what is there, waiting for it as long as the timeout allows."""
        if self.has_ended:
            raise ConnectionEnded(b"", reset=False)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.has_ended = True
            return
        try:
            for frame, whole in self.splitter.feed(data):
                if frame.type == GOAWAY:
                    self.going_away = frame.code
                else:
                    for event in self.http2.receive_data(whole):
                        self._note(event)
        except exceptions.ProtocolError as error:
            self._flush()
            raise ProtocolError(f"HTTP/2: {error!r}") from None
        if not self.has_ended:
            try:
                self._flush()
            except OSError:
                self.has_ended = True

    def _note(self, event: events.Event) -> None:
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
        if answer is None:
            return
        elif isinstance(event, (events.ResponseReceived, events.InformationalResponseReceived)):
            answer.heads.append(_response(event.headers, event.stream_id))
            answer.has_begun = True
        elif isinstance(event, events.DataReceived):
            answer.pieces.append((event.data, event.flow_controlled_length))
        elif isinstance(event, events.TrailersReceived):
            answer.trailers = _fields(event.headers)
        elif isinstance(event, events.StreamEnded):
            answer.has_ended = True
        elif isinstance(event, events.StreamReset):
            answer.reset = int(event.error_code)

    def _wait(self, answer: Answer, holds) -> None:
        """Receive until `holds`; what is not there when the stream is over never comes."""
        while not holds():
            if answer.is_over or self.has_ended:
                raise ConnectionEnded(b"", reset=answer.reset is not None)
            self._receive()

    def read_head(self) -> Response:
        stream = self.unread[0]
        answer = self.answers[stream]
        try:
            self._wait(answer, lambda: answer.heads)
        except ConnectionEnded:
            self.unread.popleft()
            if answer.reset == ErrorCodes.PROTOCOL_ERROR and not answer.has_begun:
                answer.has_ended = True
                return Response(400, [], version="HTTP/2", stream=stream)
            raise
        response = answer.heads.popleft()
        if response.status >= 200:
            self.unread.popleft()
        return response

    def pieces(self, response: Response, method: str = "GET") -> Iterator[bytes]:
        """The body as DATA frames bring it; the windows open again when a piece is taken."""
        stream = response.stream
        answer = self.answers[stream]
        while True:
            if answer.pieces:
                piece, length = answer.pieces.popleft()
                if length and not self.has_ended:
                    self.http2.acknowledge_received_data(length, stream)
                    self._flush()
                if piece:
                    yield piece
            elif answer.has_ended:
                return
            else:
                self._wait(answer, lambda: answer.pieces or answer.has_ended)

    def trailers(self, response: Response) -> Headers:
        return self.answers[response.stream].trailers

    def is_closed_by_peer(self, within: float = 2.0) -> bool:
        """True when the peer ends the whole connection within so many seconds."""
        end = time.monotonic() + within
        while not self.has_ended:
            if (left := end - time.monotonic()) <= 0 or not has_input(self.socket, left):
                return False
            self._receive()
        return True

    def refuses_the_rest(self, within: float = 2.0) -> bool:
        """True when the peer lets the newest request be sent no further."""
        end, answer = time.monotonic() + within, self.answers[self.stream]
        while not (self.has_ended or answer.reset is not None or answer.has_ended and self.has_sent_all):
            if (left := end - time.monotonic()) <= 0 or not has_input(self.socket, left):
                return False
            self._receive()
        return True

    def is_last(self, response: Response) -> bool:
        """The peer has said that it takes no further request here."""
        while not self.has_ended and has_input(self.socket):
            self._receive()
        return self.going_away is not None or self.has_ended


def _fields(headers: list[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _response(headers: list[tuple[bytes, bytes]], stream: int) -> Response:
    fields = _fields(headers)
    status = int(dict(fields)[":status"])
    rest = [(name, value) for name, value in fields if not name.startswith(":")]
    return Response(status, rest, version="HTTP/2", stream=stream)
