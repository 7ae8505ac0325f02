"""Certificates of every kind that a test needs, made when they are first asked for, in a folder of the session."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain and its key, as files."""

    certificate: Path
    key: Path
    leaf: x509.Certificate

    @property
    def members(self) -> dict[str, Any]:
        """The two members by which a configuration names it."""
        return {"certificate": str(self.certificate), "key": {"file": str(self.key)}}

    @property
    def der(self) -> bytes:
        return self.leaf.public_bytes(serialization.Encoding.DER)

    @property
    def serial(self) -> int:
        return self.leaf.serial_number


class Authority:
    """Issues certificates and revocation lists; a root without `parent`, else an intermediate."""

    def __init__(self, directory: Path, name: str, parent: Authority | None = None):
        self.directory, self.name, self.parent = directory, name, parent
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.revoked: list[int] = []
        issuer = parent or self
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (_usage(authority=True), True),
        ]
        self.leaf = _certificate(issuer, name, self.private, extensions, -DAY, 365 * DAY)
        self.pem = self.leaf.public_bytes(serialization.Encoding.PEM)

    @property
    def chain(self) -> bytes:
        """The certificates that a server sends after its own: all but the root's."""
        return self.pem + self.parent.chain if self.parent else b""

    @cached_property
    def certificate(self) -> Path:
        """This authority's own certificate, as a file to trust."""
        return self._write(f"{self.name}.pem", self.pem)

    def issue(
        self,
        name: str,
        *names: str,
        rsa_key: bool = False,
        begins: timedelta = -DAY,
        ends: timedelta = 30 * DAY,
        for_clients: bool = False,
    ) -> Identity:
        """A certificate for these host names and addresses, in files called `name`."""
        private = (
            rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        )
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        extensions: list[tuple[Any, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(authority=False), True),
            (x509.ExtendedKeyUsage([purpose]), False),
            (
                x509.SubjectAlternativeName([_general_name(each) for each in names or (f"{name}.example",)]),
                False,
            ),
        ]
        leaf = _certificate(self, name, private, extensions, begins, ends)
        key = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem = leaf.public_bytes(serialization.Encoding.PEM) + self.chain
        return Identity(self._write(f"{name}.pem", pem), self._write(f"{name}.key", key), leaf)

    def revoke(self, serial: int) -> None:
        self.revoked.append(serial)

    def revocations(self) -> bytes:
        """The revocation list of now, as PEM."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(self.leaf.subject, now - DAY, now + 30 * DAY)
        for serial in self.revoked:
            entry = x509.RevokedCertificateBuilder(serial, now - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private.public_key())
        signed = builder.add_extension(identifier, False).add_extension(x509.CRLNumber(1), False)
        return signed.sign(self.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def staple(self, identity: Identity, revoked: bool = False, ends: timedelta = 7 * DAY) -> Path:
        """An OCSP response for a certificate that this authority issued, as a file."""
        now = datetime.now(UTC)
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=identity.leaf,
            issuer=self.leaf,
            algorithm=hashes.SHA256(),
            cert_status=status,
            this_update=now - DAY,
            next_update=now + ends,
            revocation_time=now - DAY if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.leaf).sign(
            self.private, hashes.SHA256()
        )
        der = signed.public_bytes(serialization.Encoding.DER)
        return self._write(f"{identity.certificate.stem}.ocsp", der)

    def _write(self, name: str, data: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(data)
        return path


class Certificates:
    """The authorities of one session, and the identities that several tests use."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.root = Authority(directory, "root")
        self.intermediate = Authority(directory, "intermediate", self.root)

    @property
    def ca(self) -> Path:
        """What peers of the good identities trust."""
        return self.root.certificate

    @cached_property
    def server(self) -> Identity:
        """A server on this machine."""
        return self.intermediate.issue("server", *LOOPBACK)

    @cached_property
    def server_rsa(self) -> Identity:
        return self.intermediate.issue("server-rsa", *LOOPBACK, rsa_key=True)

    @cached_property
    def wildcard(self) -> Identity:
        return self.intermediate.issue("wildcard", "*.wild.example")

    @cached_property
    def expired(self) -> Identity:
        return self.intermediate.issue("expired", *LOOPBACK, begins=-10 * DAY, ends=-DAY)

    @cached_property
    def not_yet_valid(self) -> Identity:
        return self.intermediate.issue("not-yet-valid", *LOOPBACK, begins=DAY)

    @cached_property
    def wrong_name(self) -> Identity:
        return self.intermediate.issue("wrong-name", "elsewhere.example")

    @cached_property
    def stranger(self) -> Authority:
        """An authority that nobody was told to trust."""
        return Authority(self.directory, "stranger")

    @cached_property
    def untrusted(self) -> Identity:
        return self.stranger.issue("untrusted", *LOOPBACK)

    @cached_property
    def revoked(self) -> Identity:
        identity = self.intermediate.issue("revoked", *LOOPBACK)
        self.intermediate.revoke(identity.serial)
        return identity

    @cached_property
    def revoked_intermediate(self) -> Identity:
        """A good certificate of an authority that was itself revoked."""
        self.root.revoke(self.fallen.leaf.serial_number)
        return self.fallen.issue("revoked-intermediate", *LOOPBACK)

    @cached_property
    def fallen(self) -> Authority:
        return Authority(self.directory, "fallen", self.root)

    @cached_property
    def crl(self) -> Path:
        """The lists of every authority below the root; names all that is revoked here."""
        _ = self.revoked, self.revoked_intermediate
        path = self.directory / "crl.pem"
        path.write_bytes(b"".join(each.revocations() for each in (self.root, self.intermediate, self.fallen)))
        return path

    @cached_property
    def clients(self) -> Authority:
        """The authority of client certificates."""
        return Authority(self.directory, "clients")

    @cached_property
    def client(self) -> Identity:
        return self.clients.issue("client", "alice.example", for_clients=True)

    @cached_property
    def revoked_client(self) -> Identity:
        identity = self.clients.issue("revoked-client", "mallory.example", for_clients=True)
        self.clients.revoke(identity.serial)
        return identity

    @cached_property
    def clients_crl(self) -> Path:
        _ = self.revoked_client
        path = self.directory / "clients-crl.pem"
        path.write_bytes(self.clients.revocations())
        return path

    @cached_property
    def staple(self) -> Path:
        return self.intermediate.staple(self.server)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(authority: bool) -> x509.KeyUsage:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
        **dict.fromkeys(names, False),
    )


def _certificate(
    issuer: Authority,
    name: str,
    private: Any,
    extensions: list[tuple[Any, bool]],
    begins: timedelta,
    ends: timedelta,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.leaf.subject if hasattr(issuer, "leaf") else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    identifiers = [
        x509.SubjectKeyIdentifier.from_public_key(private.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private.public_key()),
    ]
    for extension, critical in [*extensions, *((each, False) for each in identifiers)]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.private, hashes.SHA256())
