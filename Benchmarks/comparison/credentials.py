"""What the proxies check and show: an issuer with its keys and tokens, and a certificate."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

HOST = "mcp.example"
RESOURCE = f"https://{HOST}/mcp"
STREAM_RESOURCE = f"https://{HOST}/stream"
ALGORITHMS = ("RS256", "ES256", "Ed25519")


def write_certificate(directory: Path) -> None:
    """A self-signed ECDSA P-256 certificate: certificate.pem, key.pem, and both in one file for HAProxy."""
    command = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -out certificate.pem -keyout key.pem"
    )
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run(["openssl", *command.split(), *names], cwd=directory, check=True, capture_output=True)
    both = (directory / "certificate.pem").read_text() + (directory / "key.pem").read_text()
    (directory / "both.pem").write_text(both)


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Issuer:
    """An issuer with a key for each algorithm, whose `kid` is the algorithm and then `suffix`."""

    def __init__(self, name: str = "https://as.example", algorithms: tuple[str, ...] = ALGORITHMS, suffix: str = ""):
        from joserfc.jwk import ECKey, OKPKey, RSAKey

        kinds = {"RS256": (RSAKey, 2048), "ES256": (ECKey, "P-256"), "Ed25519": (OKPKey, "Ed25519")}
        self.name, self.suffix = name, suffix
        self.keys = {
            algorithm: kinds[algorithm][0].generate_key(
                kinds[algorithm][1], {"kid": algorithm + suffix, "alg": algorithm, "use": "sig"}, private=True
            )
            for algorithm in algorithms
        }
        self.minted = 0

    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}

    def write(self, directory: Path) -> None:
        """keys.json for those that read key sets, and ALGORITHM.pem for HAProxy."""
        (directory / "keys.json").write_text(json.dumps(self.key_set()))
        for algorithm, key in self.keys.items():
            (directory / f"{algorithm}.pem").write_bytes(key.as_pem(private=False))

    def token(self, resource: str = RESOURCE, algorithm: str = "RS256") -> str:
        """A token of about 640 octets (RS256), different from all before."""
        now = int(time.time())
        self.minted += 1
        claims = {
            "iss": self.name,
            "sub": "alice",
            "aud": resource,
            "client_id": "bench",
            "scope": "mcp:use",
            "iat": now,
            "exp": now + 86_400,
            "jti": f"{self.minted:016}",
        }
        header = {"alg": algorithm, "kid": algorithm + self.suffix, "typ": "at+jwt"}
        text = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{text}.{encode(self.sign(text.encode(), algorithm))}"

    def sign(self, text: bytes, algorithm: str) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        from cryptography.hazmat.primitives.hashes import SHA256

        key = self.keys[algorithm].private_key
        if algorithm == "RS256":
            return key.sign(text, padding.PKCS1v15(), SHA256())
        if algorithm == "Ed25519":
            return key.sign(text)
        return b"".join(
            number.to_bytes(32, "big") for number in utils.decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
        )

    def forged(self, algorithm: str = "RS256") -> str:
        """A token with a signature of the right form over another text."""
        text, _, _ = self.token(algorithm=algorithm).rpartition(".")
        signature = self.token(algorithm=algorithm).rpartition(".")[2]
        return f"{text}.{signature}"
