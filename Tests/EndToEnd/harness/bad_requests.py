"""Requests on which two HTTP parsers could disagree, or that no parser should accept; each with the statuses that fit."""

from __future__ import annotations

from typing import Any

import pytest

BODY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
GOOD = [
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    "MCP-Protocol-Version: 2025-11-25",
]


def build(
    lines: list[str | bytes],
    body: bytes = BODY,
    start: bytes = b"POST /notion HTTP/1.1",
    end: bytes = b"\r\n",
    host: bool = True,
    length: bool = True,
) -> bytes:
    """A request with `{host}` and `{token}` as placeholders; everything but the case under test is good."""
    fields: list[str | bytes] = ["Host: {host}"] if host else []
    fields += ["Authorization: Bearer {token}", *GOOD]
    if length:
        fields.append(f"Content-Length: {len(body)}")
    encoded = [each.encode("latin-1") if isinstance(each, str) else each for each in fields + lines]
    return start + end + b"".join(field + end for field in encoded) + end + body


def chunks(body: bytes, *lines: str | bytes, coding: str = "Transfer-Encoding: chunked") -> bytes:
    """A chunked request whose body bytes are given."""
    return build([coding, *lines], body=body, length=False)


SMUGGLED = b"POST /notion HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
WHOLE = b"%x\r\n%s\r\n" % (len(BODY), BODY)
END = b"0\r\n\r\n"


def case(identifier: str, data: bytes, *statuses: int) -> Any:
    return pytest.param(data, statuses or (400,), id=identifier)


FRAMING = [
    case("case-131-length-and-chunked", build(["Transfer-Encoding: chunked"], END + SMUGGLED)),
    case("case-131-chunked-then-length", chunks(END + SMUGGLED, "Content-Length: 4")),
    case("length-zero-and-chunked", chunks(END + SMUGGLED, "Content-Length: 0")),
    case("case-131-two-lengths", build([f"Content-Length: {len(BODY) + 1}"], BODY + SMUGGLED)),
    case("two-equal-lengths", build([f"Content-Length: {len(BODY)}"])),
    case("length-as-list", build(["Content-Length: 40, 40"], length=False)),
    case("length-with-plus", build([f"Content-Length: +{len(BODY)}"], length=False)),
    case("length-with-minus", build(["Content-Length: -1"], length=False)),
    case("length-with-inner-blank", build(["Content-Length: 4 0"], length=False)),
    case("length-in-hex", build(["Content-Length: 0x28"], length=False)),
    case("length-with-point", build(["Content-Length: 40.0"], length=False)),
    case("length-empty", build(["Content-Length: "], length=False)),
    case("length-beyond-64-bits", build(["Content-Length: 18446744073709551656"], length=False), 400, 413),
    case("length-of-arabic-digits", build(["Content-Length: Ù¤Ù "], length=False)),
    case("length-with-underscore", build(["Content_Length: 40", "Content-Length: 4_0"], length=False)),
    case(
        "case-131-chunked-then-identity",
        chunks(WHOLE + END, coding="Transfer-Encoding: chunked, identity"),
        400,
        501,
    ),
    case("identity", chunks(BODY, coding="Transfer-Encoding: identity"), 400, 501),
    case("gzip-then-chunked", chunks(WHOLE + END, coding="Transfer-Encoding: gzip, chunked"), 400, 501),
    case(
        "chunked-twice-in-one-field",
        chunks(WHOLE + END, coding="Transfer-Encoding: chunked, chunked"),
        400,
        501,
    ),
    case("chunked-twice-in-two-fields", chunks(WHOLE + END, "Transfer-Encoding: chunked"), 400, 501),
    case("chunked-misspelt", chunks(WHOLE + END, coding="Transfer-Encoding: xchunked"), 400, 501),
    case(
        "chunked-with-leading-control", chunks(WHOLE + END, coding="Transfer-Encoding: \x0bchunked"), 400, 501
    ),
    case("chunked-in-quotes", chunks(WHOLE + END, coding='Transfer-Encoding: "chunked"'), 400, 501),
    case("chunked-with-parameter", chunks(WHOLE + END, coding="Transfer-Encoding: chunked;q=1"), 400, 501),
    case("coding-empty", chunks(WHOLE + END, coding="Transfer-Encoding: "), 400, 501),
    case("coding-with-trailing-comma", chunks(WHOLE + END, coding="Transfer-Encoding: chunked,"), 400, 501),
    case("coding-name-with-blank-before-colon", chunks(WHOLE + END, coding="Transfer-Encoding : chunked")),
    case("coding-folded", chunks(WHOLE + END, coding="Transfer-Encoding:\r\n chunked")),
    case(
        "chunked-in-http-1.0",
        build(["Transfer-Encoding: chunked"], WHOLE + END, b"POST /notion HTTP/1.0", length=False),
        400,
        501,
    ),
]

CHUNKS = [
    case("size-with-0x", chunks(b"0x28\r\n" + BODY + b"\r\n" + END)),
    case("size-with-plus", chunks(b"+28\r\n" + BODY + b"\r\n" + END)),
    case("size-with-minus", chunks(b"-1\r\n" + BODY + b"\r\n" + END)),
    case("size-empty", chunks(b"\r\n" + BODY + b"\r\n" + END)),
    case("size-not-hex", chunks(b"2g\r\n" + BODY + b"\r\n" + END)),
    case("size-with-leading-blank", chunks(b" 28\r\n" + BODY + b"\r\n" + END)),
    case("size-with-trailing-blank", chunks(b"28 \r\n" + BODY + b"\r\n" + END)),
    case("size-beyond-64-bits", chunks(b"10000000000000028\r\n" + BODY + b"\r\n" + END), 400, 413),
    case("size-with-a-thousand-zeros", chunks(b"0" * 1000 + b"28\r\n" + BODY + b"\r\n" + END)),
    case("size-line-ends-with-bare-lf", chunks(b"28\n" + BODY + b"\r\n" + END)),
    case("size-line-ends-with-bare-cr", chunks(b"28\r" + BODY + b"\r\n" + END)),
    case("chunk-longer-than-its-size", chunks(b"4\r\n" + BODY + b"\r\n" + END)),
    case("chunk-ends-with-bare-lf", chunks(b"28\r\n" + BODY + b"\n" + END)),
    case("last-chunk-ends-with-bare-lf", chunks(WHOLE + b"0\n\n")),
    case("extension-with-bare-lf", chunks(b"28;a\nb=c\r\n" + BODY + b"\r\n" + END)),
    case("extension-with-nul", chunks(b"28;a=\0\r\n" + BODY + b"\r\n" + END)),
    case("extension-of-64-KiB", chunks(b"28;a=" + b"x" * 65536 + b"\r\n" + BODY + b"\r\n" + END)),
    case("many-chunks-with-long-extensions", chunks((b"1;" + b"x" * 1000 + b"\r\n{\r\n") * 200 + END)),
    case("trailer-with-length", chunks(WHOLE + b"0\r\nContent-Length: 5\r\n\r\n")),
    case("trailer-with-coding", chunks(WHOLE + b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    case("trailer-with-host", chunks(WHOLE + b"0\r\nHost: evil.example\r\n\r\n")),
    case("trailer-with-credentials", chunks(WHOLE + b"0\r\nAuthorization: Bearer x\r\n\r\n")),
    case("trailer-without-colon", chunks(WHOLE + b"0\r\nnonsense\r\n\r\n")),
    case("trailer-folded", chunks(WHOLE + b"0\r\nA: b\r\n c\r\n\r\n")),
    case("trailers-over-the-limit", chunks(WHOLE + b"0\r\n" + b"A: " + b"x" * 65536 + b"\r\n\r\n"), 400, 431),
]

LINES = [
    case("case-131-bare-lf-everywhere", build([], end=b"\n")),
    case("bare-lf-after-one-field", build([b"X: y\nZ: a"])),
    case("bare-cr-everywhere", build([], end=b"\r") + b"\r\n\r\n"),
    case("case-131-cr-in-a-value", build([b"X: a\rb"])),
    case("case-131-nul-in-a-value", build([b"X: a\0b"])),
    case("case-131-folded-value", build([b"X: a\r\n b"])),
    case("folded-value-with-tab", build([b"X: a\r\n\tb"])),
    case("first-field-begins-with-blank", build([], start=b"POST /notion HTTP/1.1\r\n X: y")),
    case("vertical-tab-in-a-value", build([b"X: a\x0bb"])),
    case("delete-in-a-value", build([b"X: a\x7fb"])),
    case("escape-in-a-value", build([b"X: \x1b[2J"])),
    case("blank-before-colon", build([b"X : y"])),
    case("tab-before-colon", build([b"X\t: y"])),
    case("name-empty", build([b": y"])),
    case("name-with-blank", build([b"X Y: z"])),
    case("name-with-nul", build([b"X\0Y: z"])),
    case("name-with-bracket", build([b"X[]: z"])),
    case("name-with-high-byte", build([b"X\xe9: z"])),
    case("name-in-quotes", build([b'"X": z'])),
    case("no-colon", build([b"nonsense"])),
    case("no-host", build([], host=False)),
    case("two-hosts", build(["Host: {host}"])),
    case("two-different-hosts", build(["Host: evil.example"])),
    case("host-empty", build(["Host: "], host=False), 400, 421),
    case("host-as-list", build(["Host: {host}, evil.example"], host=False)),
    case("host-with-path", build(["Host: {host}/notion"], host=False)),
    case("host-with-userinfo", build(["Host: evil@{host}"], host=False)),
    case("host-with-blank", build(["Host: {host} evil"], host=False)),
    case("host-with-nul", build([b"Host: {host}\0"], host=False)),
    case("method-empty", build([], start=b" /notion HTTP/1.1")),
    case("method-with-bracket", build([], start=b"PO[ST /notion HTTP/1.1")),
    case("method-of-1000-letters", build([], start=b"A" * 1000 + b" /notion HTTP/1.1"), 400, 405, 501),
    case("two-blanks-after-method", build([], start=b"POST  /notion HTTP/1.1")),
    case("two-blanks-after-target", build([], start=b"POST /notion  HTTP/1.1")),
    case("tab-after-method", build([], start=b"POST\t/notion HTTP/1.1")),
    case("blank-after-version", build([], start=b"POST /notion HTTP/1.1 ")),
    case("blank-in-target", build([], start=b"POST /notion x HTTP/1.1")),
    case("no-version", build([], start=b"POST /notion")),
    case("http-0.9", b"GET /notion\r\n\r\n"),
    case("version-in-lower-case", build([], start=b"POST /notion http/1.1")),
    case("version-2.0", build([], start=b"POST /notion HTTP/2.0"), 400, 505),
    case("version-1.2", build([], start=b"POST /notion HTTP/1.2"), 400, 505),
    case("version-1.10", build([], start=b"POST /notion HTTP/1.10"), 400, 505),
    case("version-01.1", build([], start=b"POST /notion HTTP/01.1"), 400, 505),
    case("version-of-another-protocol", build([], start=b"POST /notion ICAP/1.1"), 400, 505),
    case(
        "tls-hello-on-cleartext", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n"
    ),
    case("socks-hello", b"\x05\x01\x00" + b"\r\n\r\n"),
    case(
        "target-of-100-KiB", build([], start=b"POST /notion?" + b"x" * 100_000 + b" HTTP/1.1"), 400, 414, 431
    ),
    case("case-130-field-of-64-KiB", build([b"Mcp-Param-X: " + b"x" * 65536]), 431),
    case("field-name-of-64-KiB", build([b"x" * 65536 + b": y"]), 400, 431),
    case("ten-thousand-fields", build([b"X: y"] * 10_000), 400, 431),
    case("a-thousand-small-fields", build([b"X%d: y" % n for n in range(2000)]), 400, 431),
    case("garbage-before-the-request", b"\r\n\r\nX\r\n" + build([])),
]

TARGETS = [
    "/notion/../a/b/mcp", "/notion/..", "/a/b/../b/mcp", "/./notion", "/notion/.", "/%2e%2e/notion", "/x/%2E%2e/notion",
    "/%6eotion", "/notio%6E", "/notion%2f", "/a%2Fb/mcp", "/a/b%5cmcp", "//notion", "/a//b/mcp", "/notion;x", "/notion;",
    "/;/notion", "/notion\\x", "\\notion", "/notion%00", "/notion\x00", "/notion\xff", "/n\xc3\xb6tion", "/notion%", "/notion%zz",
    "/notion%2", "/notion/", "/Notion", "/NOTION", "/notio", "/notionx", "/notion/x", "/notion#x", "/a/b", "/a/b/mcp/",
    "notion", "*", "", "//evil.example/notion", "http:///notion", "http://{host}", "/..%2fnotion", "/%252e%252e/notion", "/notion%20",
    "/notion%0d%0aX:%20y", "/notion^", "/notion|", "/notion\"", "/notion<", "/notion{", "/notion`",
]  # fmt: skip
