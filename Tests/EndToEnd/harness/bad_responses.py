"""Answers that an HTTP/1.1 upstream may not give, each in the bytes that it would send."""

from __future__ import annotations

from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\n"
TYPE = b"Content-Type: application/json\r\n"
# What a client must never see: the second message that hides in or behind the first.
HIDDEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Hidden: 1\r\n\r\nHIDDEN"


def case(identifier: str, data: bytes) -> Any:
    return pytest.param(data, id=identifier)


def head(*lines: bytes, start: bytes = OK, body: bytes = b"") -> bytes:
    return start + TYPE + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


HEADS = [
    case(
        "length-and-chunked",
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    ),
    case("two-lengths", head(b"Content-Length: 0", b"Content-Length: 80", body=HIDDEN)),
    case("two-equal-lengths", head(b"Content-Length: 2", b"Content-Length: 2", body=b"{}")),
    case("length-as-list", head(b"Content-Length: 2, 2", body=b"{}")),
    case("length-with-plus", head(b"Content-Length: +2", body=b"{}")),
    case("length-negative", head(b"Content-Length: -2", body=b"{}")),
    case("length-beyond-64-bits", head(b"Content-Length: 18446744073709551618", body=b"{}")),
    case("length-not-a-number", head(b"Content-Length: two", body=b"{}")),
    case("chunked-and-gzip", head(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    case("coding-unknown", head(b"Transfer-Encoding: identity", body=b"{}")),
    case(
        "coding-twice", head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    ),
    case("coding-with-blank-before-colon", head(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    case("bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"),
    case("bare-cr-in-a-value", head(b"X: a\rSet-Cookie: b", b"Content-Length: 2", body=b"{}")),
    case("bare-lf-in-a-value", head(b"X: a\nSet-Cookie: b", b"Content-Length: 2", body=b"{}")),
    case("nul-in-a-value", head(b"X: a\0b", b"Content-Length: 2", body=b"{}")),
    case("folded", head(b"X: a\r\n b", b"Content-Length: 2", body=b"{}")),
    case("no-colon", head(b"nonsense", b"Content-Length: 2", body=b"{}")),
    case("name-empty", head(b": x", b"Content-Length: 2", body=b"{}")),
    case("name-with-blank", head(b"X Y: z", b"Content-Length: 2", body=b"{}")),
    case("version-0.9", b"{}"),
    case("version-2", head(start=b"HTTP/2.0 200 OK\r\n")),
    case("version-of-another-protocol", head(start=b"ICY 200 OK\r\n")),
    case("status-of-two-digits", head(start=b"HTTP/1.1 20 OK\r\n")),
    case("status-of-four-digits", head(start=b"HTTP/1.1 2000 OK\r\n")),
    case("status-below-100", head(start=b"HTTP/1.1 099 X\r\n")),
    case("status-not-a-number", head(start=b"HTTP/1.1 abc X\r\n")),
    case("status-signed", head(start=b"HTTP/1.1 +20 X\r\n")),
    case("reason-with-nul", head(start=b"HTTP/1.1 200 O\0K\r\n")),
    case(
        "switching-protocols-unasked",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + HIDDEN,
    ),
    case("head-of-a-mebibyte", head(b"X: " + b"x" * (1 << 20), b"Content-Length: 2", body=b"{}")),
    case("a-hundred-thousand-fields", head(*[b"X: y"] * 100_000, b"Content-Length: 2", body=b"{}")),
    case("endless-interim-answers", b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),
    case("tls-alert", b"\x15\x03\x01\x00\x02\x02\x46"),
    case("nothing-at-all", b""),
    case("half-a-head", b"HTTP/1.1 200 OK\r\nContent-Le"),
]

BODIES = [
    case("shorter-than-its-length", head(b"Content-Length: 100", body=b"{}")),
    case("chunk-size-not-hex", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\nxyz\r\n")),
    case("chunk-size-with-sign", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n-1\r\n")),
    case(
        "chunk-size-beyond-64-bits",
        head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n10000000000000001\r\n"),
    ),
    case(
        "chunk-longer-than-its-size",
        head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n2\r\n{}{}\r\n0\r\n\r\n"),
    ),
    case("chunk-line-with-bare-lf", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n2\n{}\n0\r\n\r\n")),
    case("no-last-chunk", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n")),
    case("end-inside-a-chunk", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n64\r\n{}")),
    case("end-after-zero-size", head(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n")),
]
