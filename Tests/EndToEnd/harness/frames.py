"""HTTP/2 as single frames, for those who break its rules; `hpack` alone is taken from a library."""

from __future__ import annotations

import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from hpack import Encoder, NeverIndexedHeaderTuple

from harness import raw_http
from harness.tls import TLSSocket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED = range(6)
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(6, 12)
(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)

Fields = list[tuple[str, str]]


@dataclass
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        return struct.unpack(">I", self.payload[4:8] if self.type == GOAWAY else self.payload[:4])[0]


def frame(
    kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", length: int | None = None
) -> bytes:
    """One frame; `length` may lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def ping(data: bytes = b"12345678") -> bytes:
    return frame(PING, payload=data)


def priority(stream: int, on: int = 0, weight: int = 15) -> bytes:
    return frame(PRIORITY, 0, stream, struct.pack(">IB", on, weight))


def block(fields: Fields) -> bytes:
    """A header block that leaves the dynamic table alone, so that blocks stand alone and can be cut anywhere."""
    encoded = [
        NeverIndexedHeaderTuple(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields
    ]
    return Encoder().encode(encoded, huffman=False)


def headers(stream: int, fields: Fields | bytes, ends: bool = True, last: bool = True) -> bytes:
    payload = fields if isinstance(fields, bytes) else block(fields)
    return frame(HEADERS, (END_STREAM if ends else 0) | (END_HEADERS if last else 0), stream, payload)


def request(
    authority: str, path: str = "/mcp", method: str = "GET", scheme: str = "http", *more: tuple[str, str]
) -> Fields:
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


class FrameSplitter:
    """Gives whole frames out of pieces, so that a GOAWAY can be kept from `h2`, which takes it for the end."""

    def __init__(self, preface: bytes = b""):
        self.buffer, self.preface = b"", preface

    def feed(self, data: bytes) -> Iterator[tuple[Frame, bytes]]:
        """Each frame, and the bytes that it was."""
        self.buffer += data
        if self.preface:
            if len(self.buffer) < len(self.preface):
                return
            self.buffer, opening = self.buffer[len(self.preface) :], self.buffer[: len(self.preface)]
            self.preface = b""
            yield Frame(-1, 0, 0, b""), opening
        while len(self.buffer) >= 9 and len(self.buffer) >= (
            size := 9 + int.from_bytes(self.buffer[:3], "big")
        ):
            whole, self.buffer = self.buffer[:size], self.buffer[size:]
            kind, flags, stream = struct.unpack(">BBI", whole[3:9])
            yield Frame(kind, flags, stream & 0x7FFF_FFFF, whole[9:]), whole


class FrameConnection:
    """One connection on which frames are sent as given and read one by one."""

    def __init__(
        self, address, tls: ssl.SSLContext | None = None, opening: bytes | None = None, timeout: float = 5.0
    ):
        self.socket = raw_http.dial(address, timeout)
        if tls:
            self.socket = TLSSocket(self.socket, tls, server_name=address[0])
        self.timeout, self.buffer = timeout, b""
        self.frames: list[Frame] = []
        self.send(PREFACE + settings() if opening is None else opening)

    def __enter__(self) -> FrameConnection:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def send_as_far_as_possible(self, data: bytes, within: float = 10.0) -> int:
        """Send without reading; how much went out before the peer closed or took nothing more."""
        end, sent = time.monotonic() + within, 0
        while sent < len(data) and time.monotonic() < end:
            try:
                self.socket.sendall(data[sent : sent + 16_384])
            except OSError:
                break
            sent += 16_384
        return min(sent, len(data))

    def read(self, within: float | None = None) -> Frame | None:
        """The next frame; None at the end of the connection. TimeoutError when nothing comes."""
        self.socket.settimeout(within or self.timeout)
        try:
            while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
                data = self.socket.recv(65536)
                if not data:
                    return None
                self.buffer += data
        except ConnectionError:
            return None
        size = int.from_bytes(self.buffer[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
        read = Frame(kind, flags, stream & 0x7FFF_FFFF, self.buffer[9 : 9 + size])
        self.buffer = self.buffer[9 + size :]
        self.frames.append(read)
        return read

    def wait_for(self, *kinds: int, stream: int | None = None, within: float = 5.0) -> Frame | None:
        """The next frame of one of these types, on that stream if one is named; None when the connection ends."""
        end = time.monotonic() + within
        while True:
            read = self.read(max(0.01, end - time.monotonic()))
            if read is None or read.type in kinds and stream in (None, read.stream):
                return read

    def acknowledge(self) -> None:
        """Take the peer's SETTINGS and say so."""
        self.wait_for(SETTINGS)
        self.send(frame(SETTINGS, ACK))

    def goodbye(self, within: float = 5.0) -> int | None:
        """Read to the end of the connection; the code of the last GOAWAY, or None without one."""
        end, code = time.monotonic() + within, None
        while (read := self.read(max(0.01, end - time.monotonic()))) is not None:
            if read.type == GOAWAY:
                code = read.code
        return code
