"""Compact tokens, well made or deliberately not: header and payload go in as values or as raw bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = RSAKey | ECKey | OKPKey

_MAKERS = {
    "RS": lambda parameters: RSAKey.generate_key(2048, parameters),
    "PS": lambda parameters: RSAKey.generate_key(2048, parameters),
    "ES256": lambda parameters: ECKey.generate_key("P-256", parameters),
    "ES384": lambda parameters: ECKey.generate_key("P-384", parameters),
    "ES512": lambda parameters: ECKey.generate_key("P-521", parameters),
    "Ed448": lambda parameters: OKPKey.generate_key("Ed448", parameters),
    "Ed": lambda parameters: OKPKey.generate_key("Ed25519", parameters),
}


def new_key(algorithm: str, kid: str | None, **members: Any) -> Key:
    """A key that fits `algorithm`, named `kid`; other JWK members as given."""
    parameters = {"kid": kid, **members} if kid is not None else members
    for prefix in (algorithm, algorithm[:2]):
        if prefix in _MAKERS:
            return _MAKERS[prefix](parameters or None)
    raise ValueError(algorithm)


def public(key: Key, **members: Any) -> dict[str, Any]:
    """The JWK without its private part; `members` are added, and removed when None."""
    merged = {**key.as_dict(private=False), **members}
    return {name: value for name, value in merged.items() if value is not None}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(algorithm: str, key: Key, signing_input: str) -> bytes:
    return JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), key)


def compact(header: Any, payload: Any, algorithm: str, key: Key | None) -> str:
    """`header` and `payload` are JSON values, or bytes that go in as they are; no key makes an empty signature."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    signing_input = ".".join(base64url(part) for part in parts)
    signature = sign(algorithm, key, signing_input) if key is not None else b""
    return f"{signing_input}.{base64url(signature)}"


def compact_hmac(header: Any, payload: Any, secret: bytes) -> str:
    """HS256 by hand: the library refuses public keys as secrets, as everybody should."""
    signing_input = ".".join(base64url(json.dumps(each).encode()) for each in (header, payload))
    return f"{signing_input}.{base64url(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"
