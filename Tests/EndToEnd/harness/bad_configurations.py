"""Configurations that must be refused: each changes a good one, and names where the problem is to be reported."""

from __future__ import annotations

from typing import Any

import pytest

GOOD: dict[str, Any] = {
    "listeners": [{"address": "127.0.0.1:8080"}],
    "issuers": {
        "corp": {
            "issuer": "https://as.example",
            "keys": {"uri": "http://127.0.0.1:9/jwks"},
            "max_token_lifetime": "1h",
        }
    },
    "routes": [
        {
            "resource": "https://mcp.example.com/files",
            "issuer": "corp",
            "upstream": "http://127.0.0.1:3001/mcp",
        },
        {
            "resource": "https://mcp.example.com/calendar",
            "issuer": "corp",
            "upstream": "http://127.0.0.1:3002/mcp",
        },
    ],
}


def case(identifier: str, pointer: str, change: Any, *words: str) -> Any:
    """`change` is merged at `pointer`'s parent: the value that makes the configuration wrong."""
    return pytest.param(pointer, change, words, id=identifier)


class Absent:
    """In place of a value: the member is removed."""


ROUTE = "/routes/0"
ISSUER = "/issuers/corp"


def resource(identifier: str, value: str, *words: str) -> Any:
    return case(f"resource-{identifier}", f"{ROUTE}/resource", value, *words)


# The pointer says where the value goes and where the diagnostic must point; "..." at its end means: or anywhere below the parent.
REFUSED = [
    case("unknown-member-at-the-top", "/surprise", 1, "surprise"),
    case("unknown-member-of-a-route", f"{ROUTE}/audience", "x", "audience"),
    case("unknown-member-of-an-issuer", f"{ISSUER}/audience", "x"),
    case("unknown-member-of-a-listener", "/listeners/0/port", 1),
    case(
        "unknown-member-of-an-upstream",
        f"{ROUTE}/upstream",
        {"endpoints": ["http://127.0.0.1:1/"], "verify": False},
    ),
    case("unknown-limit", "/limits", {"everything": 1}),
    case("member-in-other-case", f"{ROUTE}/Scopes", ["a"]),
    case("no-listeners", "/listeners", Absent),
    case("no-routes-array-but-an-object", "/routes", {}),
    case("route-without-resource", f"{ROUTE}/resource", Absent),
    case("route-without-issuer", f"{ROUTE}/issuer", Absent, "issuer"),
    case("route-without-upstream", f"{ROUTE}/upstream", Absent),
    case("route-with-no-issuers", f"{ROUTE}/issuer", []),
    case("route-with-unknown-issuer", f"{ROUTE}/issuer", "nobody", "nobody"),
    case("issuer-without-iss", f"{ISSUER}/issuer", Absent),
    case("issuer-empty", f"{ISSUER}/issuer", ""),
    case("type-text-for-number", "/workers", "two"),
    case("type-number-for-text", f"{ISSUER}/issuer", 5),
    case("workers-negative", "/workers", -1),
    case("workers-fraction", "/workers", 1.5),
    resource("relative", "/files"),
    resource("upper-case-host", "https://MCP.example.com/files", "https://mcp.example.com/files"),
    resource("upper-case-scheme", "HTTPS://mcp.example.com/files", "https://mcp.example.com/files"),
    resource("default-port", "https://mcp.example.com:443/files", "https://mcp.example.com/files"),
    resource("trailing-slash", "https://mcp.example.com/files/", "https://mcp.example.com/files"),
    resource("slash-alone", "https://mcp.example.com/", "https://mcp.example.com"),
    resource("dot-segments", "https://mcp.example.com/a/../files", "https://mcp.example.com/files"),
    resource("query", "https://mcp.example.com/files?x=1"),
    resource("fragment", "https://mcp.example.com/files#x"),
    resource("userinfo", "https://u:p@mcp.example.com/files"),
    resource("needless-encoding", "https://mcp.example.com/%66iles"),
    resource("encoded-slash", "https://mcp.example.com/a%2ffiles"),
    resource("blank", "https://mcp.example.com/fi les"),
    resource("wildcard-host", "https://*.example.com/files"),
    resource("wildcard-path", "https://mcp.example.com/*"),
    resource("other-scheme", "ftp://mcp.example.com/files"),
    resource("http-off-loopback", "http://mcp.example.com/files", "https"),
    resource("no-host", "https:///files"),
    resource("port-too-large", "https://mcp.example.com:70000/files"),
    resource("below-well-known", "https://mcp.example.com/.well-known/x"),
    resource("is-the-health-path", "https://mcp.example.com/healthz"),
    resource("twice", "https://mcp.example.com/calendar"),
    resource("differs-by-case-only", "https://mcp.example.com/Calendar"),
    resource("empty", ""),
    case("scope-offline-access", f"{ROUTE}/scopes", ["offline_access"], "offline_access"),
    case("scope-with-blank", f"{ROUTE}/scopes", ["a b"]),
    case("scope-with-quote", f"{ROUTE}/scopes", ['a"b']),
    case("scope-empty", f"{ROUTE}/scopes", [""]),
    case("scopes-as-text", f"{ROUTE}/scopes", "files:read"),
    case("algorithm-none", f"{ISSUER}/algorithms", ["none"], "none"),
    case("algorithm-symmetric", f"{ISSUER}/algorithms", ["RS256", "HS256"], "HS256"),
    case("algorithm-unknown", f"{ISSUER}/algorithms", ["RS257"], "RS257"),
    case("algorithms-empty", f"{ISSUER}/algorithms", []),
    case("token-type-unknown", f"{ISSUER}/token_type", "jwt"),
    case("keys-unknown-form", f"{ISSUER}/keys", "magic"),
    case("keys-two-forms", f"{ISSUER}/keys", {"uri": "http://127.0.0.1:9/jwks", "file": "x"}),
    case("keys-http-off-loopback", f"{ISSUER}/keys", {"uri": "http://as.example/jwks"}),
    case("skew-over-5-minutes", f"{ISSUER}/clock_skew", "6m"),
    case("skew-without-unit", f"{ISSUER}/clock_skew", "30"),
    case("skew-as-number", f"{ISSUER}/clock_skew", 30),
    case("skew-negative", f"{ISSUER}/clock_skew", "-1s"),
    case("lifetime-unit-unknown", f"{ISSUER}/max_token_lifetime", "1y"),
    case("tls-without-certificates", "/listeners/0/tls", {"certificates": []}),
    case(
        "tls-with-a-literal-key",
        "/listeners/0/tls",
        {"certificates": [{"certificate": "a.pem", "key": "-----BEGIN"}]},
    ),
    case("tls-of-an-http-upstream", f"{ROUTE}/upstream", {"endpoints": ["http://127.0.0.1:1/"], "tls": {}}),
    case(
        "tls-unverified-off-loopback",
        f"{ROUTE}/upstream",
        {"endpoints": ["https://10.0.0.5/"], "tls": {"verify": False}},
    ),
    case(
        "upstream-of-two-schemes",
        f"{ROUTE}/upstream",
        {"endpoints": ["http://127.0.0.1/", "https://127.0.0.1/"]},
    ),
    case("proxy-network-with-bits-behind-the-prefix", "/listeners/0/proxy_protocol", ["10.0.0.1/8"]),
    case("proxy-network-by-name", "/listeners/0/proxy_protocol", ["localhost"]),
    case("alias-wildcard", f"{ROUTE}/audience_aliases", ["https://*.example.com"]),
    case("alias-star", f"{ROUTE}/audience_aliases", ["*"]),
    case(
        "alias-is-another-resource",
        f"{ROUTE}/audience_aliases",
        ["https://mcp.example.com/calendar"],
        "calendar",
    ),
    case("alias-twice", f"{ROUTE}/audience_aliases", ["api://x", "api://x"]),
    case("alias-empty", f"{ROUTE}/audience_aliases", [""]),
    case("other-audience-wildcard", f"{ISSUER}/other_audiences", ["*"]),
    case("other-audience-is-a-resource", f"{ISSUER}/other_audiences", ["https://mcp.example.com/calendar"]),
    case("origin-star", f"{ROUTE}/origins", ["*"]),
    case("origin-with-path", f"{ROUTE}/origins", ["https://app.example/x"]),
    case("origin-null", f"{ROUTE}/origins", ["null"]),
    case("upstream-without-endpoints", f"{ROUTE}/upstream", {"endpoints": []}),
    case(
        "upstream-credentials-unknown",
        f"{ROUTE}/upstream",
        {"endpoints": ["http://127.0.0.1:1/"], "credentials": "maybe"},
    ),
    case("upstream-not-a-url", f"{ROUTE}/upstream", "127.0.0.1:3001"),
    case("upstream-other-scheme", f"{ROUTE}/upstream", "ftp://127.0.0.1/"),
    case("address-without-port", "/listeners/0/address", "127.0.0.1"),
    case("address-port-too-large", "/listeners/0/address", "127.0.0.1:70000"),
    case("address-empty", "/listeners/0/address", ""),
    case("limit-without-unit", "/limits", {"body_bytes": "4"}),
    case("limit-overflow", "/limits", {"body_bytes": "99999999999999999999GiB"}),
    case("limit-unknown-unit", "/limits", {"body_bytes": "4Mb"}),
    case("implication-offline-access", "/scope_implications", {"a": ["offline_access"]}),
    case("metadata-cannot-change-the-resource", f"{ROUTE}/metadata", {"resource": "https://evil.example"}),
    case(
        "metadata-cannot-change-the-issuer",
        f"{ROUTE}/metadata",
        {"authorization_servers": ["https://evil.example"]},
    ),
]

NOT_YET = [
    case(
        "assertion", f"{ROUTE}/upstream", {"endpoints": ["http://127.0.0.1:1/"], "credentials": "assertion"}
    ),
]


def apply(configuration: Any, pointer: str, value: Any) -> None:
    """Set or remove the value at a JSON pointer."""
    *parents, last = pointer.split("/")[1:]
    for each in parents:
        configuration = configuration[int(each) if isinstance(configuration, list) else each]
    if value is Absent:
        del configuration[last]
    else:
        configuration[last] = value
