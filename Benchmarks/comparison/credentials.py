"""What the proxies check and show: tokens with the key behind them, and a certificate."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

HOST = "mcp.example"
RESOURCE = f"https://{HOST}/mcp"
STREAM_RESOURCE = f"https://{HOST}/stream"


def write_certificate(directory: Path) -> None:
    """A self-signed ECDSA P-256 certificate: certificate.pem, key.pem, and both in one file for HAProxy."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
         "-out", "certificate.pem", "-keyout", "key.pem"],
        cwd=directory, check=True, capture_output=True,
    )
    both = (directory / "certificate.pem").read_text() + (directory / "key.pem").read_text()
    (directory / "both.pem").write_text(both)


def mint(directory: Path) -> dict[str, str]:
    """A token for each resource, RS256; keys.json and issuer.pem check them."""
    from joserfc import jwt
    from joserfc.jwk import KeySet, RSAKey

    key = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"}, private=True)
    (directory / "keys.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    (directory / "issuer.pem").write_bytes(key.as_pem(private=False))
    now = int(time.time())
    claims = {
        "iss": "https://as.example", "sub": "alice", "client_id": "bench", "scope": "mcp:use",
        "iat": now, "exp": now + 86_400, "jti": "0123456789abcdef",
    }
    header = {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}
    return {
        resource: jwt.encode(header, {**claims, "aud": resource}, key) for resource in (RESOURCE, STREAM_RESOURCE)
    }
