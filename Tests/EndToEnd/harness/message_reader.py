"""Takes a stream of HTTP/1.1 messages apart as it comes, for those who send the same message over HTTP/2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from harness.raw_http import Headers


@dataclass
class Head:
    """One head; `fields` keeps every field but those that only say how HTTP/1.1 frames the body."""

    start: str
    fields: Headers
    has_body: bool
    ends_with_connection: bool = False
    says_close: bool = False

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])


@dataclass
class Trailers:
    fields: Headers


class End(Enum):
    END = auto()


Event = Head | bytes | Trailers | End


class MessageReader:
    """Requests, or responses when `is_bodiless` says which of them have no body whatever their fields say."""

    def __init__(self, is_bodiless: Callable[[Head], bool] | None = None):
        self.is_response = is_bodiless is not None
        self.is_bodiless = is_bodiless or (lambda _: False)
        self.buffer = b""
        self.steps = self._messages()
        self.head: Head | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        self.buffer += data
        while (event := next(self.steps)) is not None:
            yield event

    def _line(self, end: bytes = b"\r\n") -> Iterator[None]:
        while end not in self.buffer:
            yield None
        self.taken, self.buffer = self.buffer.split(end, 1)

    def _pieces(self, size: int | None) -> Iterator[bytes | None]:
        while size is None or size > 0:
            while not self.buffer:
                yield None
            piece, self.buffer = self.buffer[:size], self.buffer[size:] if size is not None else b""
            size = None if size is None else size - len(piece)
            yield piece

    def _messages(self) -> Iterator[Event | None]:
        while True:
            yield from self._line(b"\r\n\r\n")
            head, length, is_chunked = self._read_head(self.taken)
            yield head
            if self.is_response and 100 <= head.status < 200:
                continue
            if head.has_body and is_chunked:
                yield from self._chunks()
            elif head.has_body:
                yield from self._pieces(length)
            yield End.END

    def _chunks(self) -> Iterator[Event | None]:
        while True:
            yield from self._line()
            size = int(self.taken.split(b";")[0], 16)
            if size == 0:
                break
            yield from self._pieces(size)
            yield from self._line()
        fields: Headers = []
        while True:
            yield from self._line()
            if not self.taken:
                break
            name, _, value = self.taken.decode("latin-1").partition(":")
            fields.append((name, value.strip(" \t")))
        if fields:
            yield Trailers(fields)

    def _read_head(self, head: bytes) -> tuple[Head, int | None, bool]:
        start, *lines = head.decode("latin-1").split("\r\n")
        fields = [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]
        lengths = [int(value) for name, value in fields if name.lower() == "content-length"]
        is_chunked = any(name.lower() == "transfer-encoding" for name, _ in fields)
        length = lengths[0] if lengths else None if self.is_response else 0
        kept = [(name, value) for name, value in fields if name.lower() != "transfer-encoding"]
        read = Head(start, kept, False)
        read.has_body = (is_chunked or length != 0) and not self.is_bodiless(read)
        read.ends_with_connection = read.has_body and not is_chunked and length is None
        read.says_close = ("connection", "close") in [(name.lower(), value) for name, value in fields]
        return read, length, is_chunked
