"""The HTTP/2 side of a recorder: requests that come as frames, and scripts that answer as HTTP/1.1 writes it."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from h2 import events, exceptions
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings

from harness.frames import GOAWAY, PREFACE, FrameSplitter
from harness.message_reader import End, Head, MessageReader, Trailers
from harness.raw_http import Headers

if TYPE_CHECKING:
    from harness.recorder import Recorded, Recorder, UpstreamConnection


class ServedStream:
    """What `UpstreamConnection` is to a script, for one stream.

    An answer that breaks off by `close` ends the connection without a word; `reset` is RST_STREAM.
    """

    def __init__(self, connection: ServedConnection, identifier: int, request: Recorded):
        self.connection, self.identifier, self.request = connection, identifier, request
        self.number = connection.carrier.number
        self.timeout: float | None = None
        self.ended, self.ended_at = threading.Event(), 0.0
        self.has_whole_request = False
        self.reads = True
        self.unacknowledged = 0
        self.reset_by_peer: int | None = None
        self.reader = MessageReader(self._is_bodiless)
        self.head: Head | None = None
        self.has_answered = False

    def _is_bodiless(self, head: Head) -> bool:
        return self.request.method == "HEAD" or head.status in (204, 304) or head.status < 200

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def send(self, data: bytes) -> None:
        """Bytes of an HTTP/1.1 response, as much of it as the script wants to be seen."""
        for event in self.reader.feed(data):
            if isinstance(event, Head):
                self.head = event
                self._headers([(":status", str(event.status)), *event.fields], ends=self._ends(event))
            elif isinstance(event, bytes):
                self._body(event)
            elif isinstance(event, Trailers):
                self._headers(event.fields, ends=True)
            elif event is End.END and not self.has_answered:
                self._with_state(lambda http2: http2.end_stream(self.identifier))
                self.has_answered = True
        if self.has_answered and self.head and self.head.says_close:
            self.connection.finish()
        self.connection.flush()

    def _ends(self, head: Head) -> bool:
        self.has_answered = head.status >= 200 and not head.has_body
        return self.has_answered

    def _headers(self, fields: Headers, ends: bool) -> None:
        encoded = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in fields
            if (name.lower(), value) != ("connection", "close")
        ]
        self._with_state(lambda http2: http2.send_headers(self.identifier, encoded, end_stream=ends))
        self.has_answered = ends

    def _body(self, data: bytes) -> None:
        while data:
            with self.connection.changed:
                if room := self._room():
                    piece, data = data[:room], data[room:]
                    self.connection.http2.send_data(self.identifier, piece)
                    continue
            self.connection.flush()
            with self.connection.changed:
                if not self.connection.changed.wait_for(self._room, self.timeout):
                    raise TimeoutError("nobody opens the window")

    def _room(self) -> int:
        if self.ended.is_set():
            raise BrokenPipeError("the stream is over")
        http2 = self.connection.http2
        return min(http2.local_flow_control_window(self.identifier), http2.max_outbound_frame_size)

    def _with_state(self, action) -> None:
        with self.connection.changed:
            if self.ended.is_set():
                raise BrokenPipeError("the stream is over")
            action(self.connection.http2)

    def close(self) -> None:
        if self.ended.is_set():
            return
        if self.head and self.head.ends_with_connection and not self.has_answered:
            self._with_state(lambda http2: http2.end_stream(self.identifier))
            self.connection.flush()
            self.has_answered = True
        elif not self.has_answered:
            self.connection.carrier.close()
        elif not self.has_whole_request:
            self.reset(ErrorCodes.NO_ERROR)
        self.note_end()

    def reset(self, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        if not self.ended.is_set():
            self._with_state(lambda http2: http2.reset_stream(self.identifier, code))
            self.connection.flush()
        self.note_end()

    def wait_for_peer_to_close(self, within: float) -> bool:
        """True when the gateway cancels the stream, or ends the connection, within so many seconds."""
        return self.ended.wait(within)

    def note_end(self) -> None:
        if not self.ended.is_set():
            self.ended_at = time.monotonic()
            self.ended.set()
        with self.connection.changed:
            self.connection.changed.notify_all()


class ServedConnection:
    """Reads one connection; each script runs in a thread of its own."""

    def __init__(self, recorder: Recorder, carrier: UpstreamConnection):
        self.recorder, self.carrier = recorder, carrier
        self.changed = threading.Condition(threading.RLock())
        self.sending = threading.Lock()
        self.streams: dict[int, ServedStream] = {}
        self.splitter = FrameSplitter(PREFACE)
        self.http2 = H2Connection(
            H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False)
        )
        kept = self.http2.local_settings
        if (most := recorder.concurrent_streams) is not None:
            # Announced and not kept to by `h2`, which would end the connection where others refuse a stream.
            announced = {SettingCodes.MAX_CONCURRENT_STREAMS: most}
            self.http2.local_settings = Settings(client=False, initial_values=announced)
        self.http2.initiate_connection()
        self.http2.local_settings = kept
        self.flush()

    def flush(self) -> None:
        # Taken and sent under one lock, so that frames leave in the order in which they were made.
        with self.sending:
            with self.changed:
                data = self.http2.data_to_send()
            if data:
                self.carrier.socket.sendall(data)

    def run(self) -> None:
        try:
            while data := self.carrier.socket.recv(65536):
                for frame, whole in self.splitter.feed(data):
                    if frame.type == GOAWAY:
                        self.recorder.goodbyes.append(frame.code)
                        continue
                    with self.changed:
                        for event in self.http2.receive_data(whole):
                            self._note(event)
                        self.changed.notify_all()
                self.flush()
        except (OSError, exceptions.ProtocolError) as error:
            self.recorder.errors.append(repr(error))
            if isinstance(error, exceptions.ProtocolError):
                self.flush()
        finally:
            for each in list(self.streams.values()):
                each.note_end()
            self.carrier.close()

    def finish(self) -> None:
        """Take no more streams, and end the connection behind what was sent."""
        with self.changed:
            self.http2.close_connection(last_stream_id=self.http2.highest_inbound_stream_id)
        self.flush()
        self.carrier.note_end()
        self.carrier.socket.shutdown(socket.SHUT_WR)

    def _note(self, event: events.Event) -> None:
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, events.RequestReceived):
            self._begin(event)
        elif stream is None:
            return
        elif isinstance(event, events.DataReceived):
            self.carrier.received += event.data
            stream.request.body += event.data
            stream.unacknowledged += event.flow_controlled_length
            if stream.reads:
                self._open_window(stream)
        elif isinstance(event, events.TrailersReceived):
            stream.request.trailers = _fields(event.headers)
            self.carrier.received += repr(event.headers).encode()
        elif isinstance(event, events.StreamEnded):
            stream.has_whole_request = True
            if stream.reads:
                self._answer(stream, self.recorder.complete(stream.request))
        elif isinstance(event, events.StreamReset):
            stream.reset_by_peer = int(event.error_code)
            stream.note_end()
            # What nobody will read any more must not fill the connection's window for the other streams.
            self._open_window(stream)

    def _open_window(self, stream: ServedStream) -> None:
        if stream.unacknowledged:
            self.http2.acknowledge_received_data(stream.unacknowledged, stream.identifier)
            stream.unacknowledged = 0

    def _is_full(self) -> bool:
        running = sum(not (each.has_answered or each.ended.is_set()) for each in self.streams.values())
        return self.recorder.concurrent_streams is not None and running >= self.recorder.concurrent_streams

    def _begin(self, event: events.RequestReceived) -> None:
        if self._is_full():
            self.recorder.refused += 1
            self.http2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        request = self.recorder.recorded(_fields(event.headers), self.carrier)
        stream = self.streams[event.stream_id] = ServedStream(self, event.stream_id, request)
        if on_head := self.recorder.head_script:
            stream.reads = False
            self.recorder.note(request)
            self._answer(stream, on_head)

    def _answer(self, stream: ServedStream, script) -> None:
        def run() -> None:
            try:
                script(stream.request, stream)
            except (OSError, exceptions.ProtocolError) as error:
                self.recorder.errors.append(repr(error))

        threading.Thread(target=run, daemon=True).start()


def _fields(headers: list[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
