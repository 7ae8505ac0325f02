"""Tokens that must not pass, each for one reason, and the near relatives that must."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import jose
from harness.issuer import Issuer


def case(identifier: str, value: Any) -> Any:
    return pytest.param(value, id=identifier)


# Each takes the present time and gives the claims to change.
CLAIM_CHANGES = [
    case("case-23-expired-61-s-beyond-skew", lambda now: {"exp": now - 91, "iat": now - 600}),
    case("case-24-nbf-10-min-ahead", lambda now: {"nbf": now + 600}),
    case("case-24-iat-10-min-ahead", lambda now: {"iat": now + 600, "exp": now + 1200}),
    case("case-25-other-issuer", lambda now: {"iss": "https://evil.example"}),
    case("case-25-issuer-with-slash", lambda now: {"iss": "https://as.example/"}),
    case("case-25-issuer-of-another-route", lambda now: {"iss": "https://lax.example"}),
    case("case-25-issuer-in-upper-case", lambda now: {"iss": "HTTPS://AS.EXAMPLE"}),
    case("issuer-as-array", lambda now: {"iss": ["https://as.example"]}),
    case("exp-as-text", lambda now: {"exp": str(now + 600)}),
    case("exp-as-boolean", lambda now: {"exp": True}),
    case("exp-as-array", lambda now: {"exp": [now + 600]}),
    case("exp-negative", lambda now: {"exp": -1}),
    case("exp-zero", lambda now: {"exp": 0}),
    case("exp-beyond-64-bits", lambda now: {"exp": 10**30}),
    case("nbf-as-text", lambda now: {"nbf": "0"}),
    case("iat-as-text", lambda now: {"iat": str(now)}),
    case("sub-as-number", lambda now: {"sub": 5}),
    case("client-id-as-number", lambda now: {"client_id": 5}),
    case("jti-as-number", lambda now: {"jti": 5}),
    case("scope-as-number", lambda now: {"scope": 5}),
    case(
        "case-59-bound-to-a-key", lambda now: {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}
    ),
    case("case-68-bound-to-a-certificate", lambda now: {"cnf": {"x5t#S256": "A" * 43}}),
    case("bound-to-something-unknown", lambda now: {"cnf": {"new": 1}}),
    case("bound-to-nothing", lambda now: {"cnf": {}}),
    case("binding-of-the-wrong-type", lambda now: {"cnf": "x"}),
]

HARMLESS_CLAIM_CHANGES = [
    case("within-skew", lambda now: {"exp": now - 20, "iat": now - 600}),
    case("nbf-within-skew", lambda now: {"nbf": now + 20}),
    case("iat-within-skew", lambda now: {"iat": now + 20}),
    case("fractional-exp", lambda now: {"exp": now + 600.5}),
    case("more-claims", lambda now: {"extra": {"deep": [1, 2, {"a": None}]}, "nickname": "Zoë \u0000"}),
    case("when-the-user-signed-in", lambda now: {"auth_time": now}),
    case("groups-and-actor", lambda now: {"groups": ["a"], "act": {"sub": "agent"}}),
]

REFUSED_TYPES = [
    case(f"typ-{typ}", typ)
    for typ in (
        *("JWT", "jwt", None, "", "jws", "JOSE"),
        *(
            "oauth-id-jag+jwt",
            "token-introspection+jwt",
            "dpop+jwt",
            "logout+jwt",
            "secevent+jwt",
            "entity-statement+jwt",
        ),
        *(
            "application/dpop+jwt",
            "application/logout+jwt",
            "at+jwt; charset=x",
            "application/x/at+jwt",
            5,
            ["at+jwt"],
        ),
    )
]


def parts(issuer: Issuer, resource: str) -> tuple[dict[str, Any], dict[str, Any], jose.Key]:
    header = {"typ": "at+jwt", "alg": issuer.algorithm, "kid": issuer.signing_kid}
    return header, issuer.claims(resource, "notion.read"), issuer.keys[issuer.signing_kid]


def with_own_key(issuer: Issuer, attacker: Issuer, resource: str, member: str) -> str:
    """Signed by the attacker, who points at the attacker's own key."""
    key = attacker.keys[attacker.signing_kid]
    address = attacker.server.url + "/jwks"
    value = {"jwk": jose.public(key), "jku": address, "x5u": address, "x5c": ["MIIB"]}[member]
    header = {"typ": "at+jwt", "alg": "ES256", "kid": issuer.signing_kid, member: value}
    return jose.compact(header, issuer.claims(resource, "notion.read"), "ES256", key)


def with_changed_payload(token: str) -> str:
    """One byte of the payload is another, still valid JSON."""
    header, payload, signature = token.split(".")
    data = base64.urlsafe_b64decode(payload + "==")
    assert b"alice" in data
    return ".".join([header, jose.base64url(data.replace(b"alice", b"alicf")), signature])


def header_with(algorithm: str | None = None, **members: Any) -> Callable[[Issuer, str], str]:
    """Properly signed, but the header says these things as well."""

    def make(issuer: Issuer, resource: str) -> str:
        header, claims, key = parts(issuer, resource)
        header.update(members)
        return jose.compact(
            {k: v for k, v in header.items() if v != "ABSENT"}, claims, algorithm or issuer.algorithm, key
        )

    return make


def signed_as(kid: str, algorithm: str, key_of: str) -> Callable[[Issuer, str], str]:
    """Signed with one key under the name of another."""

    def make(issuer: Issuer, resource: str) -> str:
        header, claims, _ = parts(issuer, resource)
        header.update(alg=algorithm, kid=kid)
        return jose.compact(header, claims, algorithm, issuer.keys[key_of])

    return make


def unsigned(alg: str) -> Callable[[Issuer, str], str]:
    def make(issuer: Issuer, resource: str) -> str:
        header, claims, _ = parts(issuer, resource)
        return jose.compact({**header, "alg": alg}, claims, "none", None)

    return make


def hmac_with(form: str) -> Callable[[Issuer, str], str]:
    """HS256 whose secret is the issuer's public key, in one of the forms an attacker can download."""

    def make(issuer: Issuer, resource: str) -> str:
        header, claims, key = parts(issuer, resource)
        if form == "JWK":
            secret = json.dumps(jose.public(key)).encode()
        else:
            secret = key.as_bytes(encoding=form, private=False)
        return jose.compact_hmac({**header, "alg": "HS256"}, claims, secret)

    return make


def raw_parts(
    header: Callable[[bytes], bytes], payload: Callable[[bytes], bytes]
) -> Callable[[Issuer, str], str]:
    """Properly signed over JSON text that was changed by hand."""

    def make(issuer: Issuer, resource: str) -> str:
        fields, claims, key = parts(issuer, resource)
        texts = header(json.dumps(fields).encode()), payload(json.dumps(claims).encode())
        assert texts != (json.dumps(fields).encode(), json.dumps(claims).encode())
        return jose.compact(*texts, issuer.algorithm, key)

    return make


def rewritten(change: Callable[[list[str]], str]) -> Callable[[Issuer, str], str]:
    """A good token whose three parts are put together in another way."""
    return lambda issuer, resource: change(issuer.mint(resource, "notion.read").split("."))


def trailing_bits(part: str) -> str:
    """The same bytes, with unused bits of the last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4, "no unused bits to set"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def same(text: bytes) -> bytes:
    return text


def start(addition: bytes) -> Callable[[bytes], bytes]:
    """Put members at the start of a JSON object."""
    return lambda text: b"{" + addition + b", " + text[1:]


FORGERIES = [
    case("case-33-alg-none", unsigned("none")),
    case("case-33-alg-None", unsigned("None")),
    case("case-33-empty-signature", unsigned("RS256")),
    case("case-34-hmac-with-public-pem", hmac_with("PEM")),
    case("case-34-hmac-with-public-der", hmac_with("DER")),
    case("case-34-hmac-with-public-jwk", hmac_with("JWK")),
    case("case-35-rsa-algorithm-with-the-kid-of-an-ec-key", signed_as("key-ec", "RS256", "key-1")),
    case("case-35-ec-algorithm-with-the-kid-of-an-rsa-key", signed_as("key-1", "ES256", "key-ec")),
    case("case-35-pss-with-a-key-for-pkcs1", signed_as("key-1", "PS256", "key-1")),
    case("case-35-pkcs1-with-a-key-for-pss", signed_as("key-ps", "RS256", "key-ps")),
    case("kid-as-number", header_with(kid=5)),
    case("kid-as-path", header_with(kid="../key-1")),
    case("alg-absent", header_with(alg="ABSENT")),
    case("alg-in-lower-case", header_with(alg="rs256")),
    case("alg-as-array", header_with(alg=["RS256"])),
    case("case-39-crit-unknown", header_with(crit=["exp2"], exp2=1)),
    case("case-39-crit-empty", header_with(crit=[])),
    case("case-39-crit-known-name", header_with(crit=["kid"])),
    case("case-40-b64-false", header_with(b64=False, crit=["b64"])),
    case("case-40-b64-false-without-crit", header_with(b64=False)),
    case("case-40-b64-true", header_with(b64=True, crit=["b64"])),
    case("case-40-zip", header_with(zip="DEF")),
    case("case-40-five-parts", rewritten(lambda p: ".".join([*p, p[2], p[2]]))),
    case("four-parts", rewritten(lambda p: ".".join([*p, ""]))),
    case("no-signature-part", rewritten(lambda p: ".".join(p[:2]))),
    case("case-41-changed-payload", rewritten(lambda p: with_changed_payload(".".join(p)))),
    case("case-41-padded-header", rewritten(lambda p: f"{p[0]}=.{p[1]}.{p[2]}")),
    case("case-41-padded-payload", rewritten(lambda p: f"{p[0]}.{p[1]}==.{p[2]}")),
    case("case-41-padded-signature", rewritten(lambda p: f"{p[0]}.{p[1]}.{p[2]}==")),
    case("case-41-plus-and-slash", rewritten(lambda p: f"{p[0]}.{p[1]}.+/{p[2][2:]}")),
    case("case-41-inner-blank", rewritten(lambda p: f"{p[0]}.{p[1]}.{p[2][:9]} {p[2][9:]}")),
    case("case-41-inner-tab", rewritten(lambda p: f"{p[0]}.{p[1]}.{p[2][:9]}\t{p[2][9:]}")),
    case("case-41-trailing-bits", rewritten(lambda p: f"{p[0]}.{p[1]}.{trailing_bits(p[2])}")),
    case("signature-one-byte-short", rewritten(lambda p: f"{p[0]}.{p[1]}.{p[2][:-2]}")),
    case("signature-of-another-token", rewritten(lambda p: f"{p[0]}.{p[1]}.{'A' * len(p[2])}")),
    case("case-45-audience-twice", raw_parts(same, start(b'"aud": "https://other.example"'))),
    case("expiry-twice", raw_parts(same, start(b'"exp": 9999999999'))),
    case("algorithm-twice", raw_parts(start(b'"alg": "none"'), same)),
    case("audience-twice-by-escape", raw_parts(same, start(b'"\\u0061ud": "https://other.example"'))),
    case("member-twice-deep-inside", raw_parts(same, start(b'"x": {"a": 1, "a": 2}'))),
    case("payload-with-trailing-text", raw_parts(same, lambda text: text + b"{}")),
    case("payload-with-bom", raw_parts(same, lambda text: b"\xef\xbb\xbf" + text)),
    case("payload-with-bad-utf8", raw_parts(same, start(b'"x": "\xff"'))),
    case("payload-with-lone-surrogate", raw_parts(same, start(b'"x": "\\ud800"'))),
    case("payload-is-array", raw_parts(same, lambda text: b"[" + text + b"]")),
    case("payload-with-comment", raw_parts(same, lambda text: text + b"//")),
    case("payload-with-nan", raw_parts(same, start(b'"x": NaN'))),
    case("payload-nested-4000-deep", raw_parts(same, start(b'"x": ' + b"[" * 4000 + b"]" * 4000))),
    case("header-is-array", raw_parts(lambda text: b"[" + text + b"]", same)),
    case("header-empty", raw_parts(lambda text: b"", same)),
]
