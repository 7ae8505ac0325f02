"""TLS of a listener: what is offered and what is not, which certificate is shown, who is let in, and who cannot harm."""

import hashlib
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest

from harness import mcp_requests, raw_http
from harness.certificates import DAY
from harness.gateway import free_port, run
from harness.openssl import s_client
from harness.process import descriptors, resident
from harness.timing import quickest
from harness.tls import TLSSocket, client_context
from harness.transports import TLS1, Client

AEAD_12 = {
    *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    *("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"),
}
CIPHERS_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


@pytest.fixture
def serve(over, certificates):
    """Starts a gateway whose listener shows these identities; gives the Single."""

    def start(*identities, limits=None, client=None, **tls):
        single = over("tls1")
        shown = [
            each if isinstance(each, dict) else each.members for each in identities or [certificates.server]
        ]
        configuration = single.configuration(limits=limits or {})
        configuration["listeners"][0]["tls"] = {"certificates": shown, **tls}
        single.start(configuration, **({"client": client} if client else {}))
        return single

    return start


@pytest.fixture(scope="module")
def both(standing, certificates):
    """One gateway with an ECDSA and an RSA certificate of the same names and a stapled response, for looking at."""
    shown = [
        {**certificates.server.members, "ocsp": str(certificates.staple)},
        certificates.server_rsa.members,
        certificates.wildcard.members,
    ]
    return standing("tls1", {"tls": {"certificates": shown}})


def request_of(single, path="/mcp", host=None):
    return mcp_requests.post(host or single.host, path, single.token())


# Versions and ciphers


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_versions_are_spoken(both, certificates, version):
    handshake = s_client(both.port, version, ca=certificates.ca)
    assert handshake.answered and handshake.version == {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}[version]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(both, version):
    handshake = s_client(both.port, version, "-cipher", "ALL:@SECLEVEL=0")
    assert not handshake.answered and handshake.cipher is None
    assert "alert" in handshake.report, handshake.report


def test_the_lowest_version_is_configurable(serve):
    single = serve(minimum_version="1.3")
    assert s_client(single.port, "-tls1_3").answered
    assert not s_client(single.port, "-tls1_2").answered


@pytest.mark.parametrize("cipher", sorted(AEAD_12))
def test_a_forward_secret_cipher_with_authentication_is_taken(both, cipher):
    handshake = s_client(both.port, "-tls1_2", "-cipher", cipher)
    assert handshake.answered and handshake.cipher == cipher


@pytest.mark.parametrize(
    "cipher",
    [
        *(
            "AES128-SHA",
            "AES256-SHA256",
            "AES128-GCM-SHA256",
            "AES256-GCM-SHA384",
            "DHE-RSA-AES128-GCM-SHA256",
        ),
        *(
            "ECDHE-RSA-AES128-SHA256",
            "ECDHE-ECDSA-AES256-SHA384",
            "ECDHE-RSA-AES128-SHA",
            "ECDHE-ECDSA-AES128-CCM",
        ),
        *("ADH-AES128-GCM-SHA256", "AECDH-AES128-SHA", "ECDHE-RSA-NULL-SHA", "NULL-SHA256"),
        *("ECDHE-ECDSA-CAMELLIA128-SHA256", "PSK-AES128-GCM-SHA256", "ECDHE-ECDSA-ARIA128-GCM-SHA256"),
    ],
)
def test_any_other_cipher_is_refused(both, cipher):
    handshake = s_client(both.port, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert not handshake.answered and handshake.cipher is None, handshake.report


@pytest.mark.parametrize("cipher", sorted(CIPHERS_13))
def test_every_cipher_of_1_3_is_taken(both, cipher):
    assert s_client(both.port, "-tls1_3", "-ciphersuites", cipher).cipher == cipher


@pytest.mark.parametrize("suite", ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"])
def test_the_short_ciphers_of_1_3_are_refused(both, suite):
    assert not s_client(both.port, "-tls1_3", "-ciphersuites", suite).answered


@pytest.mark.parametrize(
    "group, is_taken",
    [
        ("X25519", True),
        ("P-256", True),
        ("P-384", True),
        ("P-521", False),
        ("X448", False),
        ("ffdhe2048", False),
    ],
)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_only_the_curves_that_are_meant_are_taken(both, version, group, is_taken):
    # With P-256 or P-384 alone a client of 1.2 still has to know the curve of the certificate's own key.
    options = ["-groups", group] + (
        ["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"] if version == "-tls1_2" else []
    )
    assert s_client(both.port, version, *options).answered == is_taken


def test_a_scanner_finds_only_what_is_meant(both):
    command = ["sslscan", "--xml=-", "--show-ciphers", f"127.0.0.1:{both.port}"]
    found = subprocess.run(command, capture_output=True, timeout=50).stdout
    scan = ElementTree.fromstring(found).find("ssltest")
    versions = {
        (each.get("type"), each.get("version"))
        for each in scan.findall("protocol")
        if each.get("enabled") == "1"
    }
    assert versions == {("tls", "1.2"), ("tls", "1.3")}
    ciphers = {(each.get("sslversion"), each.get("cipher")) for each in scan.findall("cipher")}
    assert {cipher for version, cipher in ciphers if version == "TLSv1.3"} == CIPHERS_13
    assert {cipher for version, cipher in ciphers if version == "TLSv1.2"} == AEAD_12
    assert {version for version, _ in ciphers} == {"TLSv1.2", "TLSv1.3"}
    assert {each.get("name").split(" ")[0] for each in scan.findall("group")} == {
        "x25519",
        "secp256r1",
        "secp384r1",
    }
    renegotiation = scan.find("renegotiation")
    assert (
        renegotiation is None or renegotiation.get("supported") == "0" or renegotiation.get("secure") == "1"
    )
    assert [each.get("supported") for each in scan.findall("compression")] in ([], ["0"])
    assert [each.get("vulnerable") for each in scan.findall("heartbleed")] in ([], ["0"], ["0", "0"])
    assert [each.get("supported") for each in scan.findall("fallback")] in ([], ["1"]), "TLS_FALLBACK_SCSV"


def test_there_is_no_renegotiation(both):
    handshake = s_client(both.port, "-tls1_2", data=b"R\n", wait=0.5, commands=True)
    assert "RENEGOTIATING" in handshake.report
    assert re.search(
        r"no renegotiation|handshake failure|unexpected|wrong version|:error:|errno", handshake.report
    )
    assert both.gateway.health() == 200


def test_a_client_cannot_make_the_gateway_shake_hands_again_and_again(both):
    process = both.gateway.process
    before = resident(process)
    for _ in range(20):
        s_client(both.port, "-tls1_2", data=b"R\nR\nR\n", wait=0.1, commands=True)
    assert resident(process) - before < 4 * 1024 * 1024


def test_there_is_no_compression(both):
    assert s_client(both.port, "-tls1_2", "-comp").one(r"^Compression: (\S+)$") == "NONE"


# Application protocols


@pytest.mark.parametrize(
    "offered, expected",
    [
        ("h2,http/1.1", "h2"),
        ("http/1.1,h2", "h2"),
        ("http/1.1", "http/1.1"),
        ("h2", "h2"),
        ("spdy/3,http/1.1", "http/1.1"),
        ("http/1.0,http/1.1", "http/1.1"),
    ],
)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_protocol_is_agreed_on_by_alpn(both, version, offered, expected):
    assert s_client(both.port, version, "-alpn", offered).protocol == expected


def test_a_client_without_alpn_speaks_http_1_1(both):
    handshake = s_client(both.port)
    assert handshake.answered and "No ALPN negotiated" in handshake.report


@pytest.mark.parametrize("offered", ["spdy/3", "h3", "http/1.0", "h2c", "HTTP/1.1", "H2"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_offers_nothing_known_is_told_so(both, version, offered):
    handshake = s_client(both.port, version, "-alpn", offered)
    assert not handshake.answered and "no application protocol" in handshake.report, handshake.report


def test_http_2_without_its_alpn_is_not_taken_for_http_2(both):
    with raw_http.Connection(
        ("127.0.0.1", both.port), tls=client_context(both.certificates.ca, "http/1.1")
    ) as connection:
        connection.send_as_far_as_possible(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        try:
            assert connection.read_response().status in (400, 405, 501, 505)
        except (raw_http.ConnectionEnded, raw_http.ProtocolError) as error:
            assert not isinstance(error, raw_http.ProtocolError), "frames on a connection of HTTP/1.1"


def test_http_1_1_on_a_connection_that_agreed_on_http_2_ends_it(both):
    tls = client_context(both.certificates.ca, "h2")
    with socket.create_connection(("127.0.0.1", both.port), 5) as carrier:
        secured = TLSSocket(carrier, tls, server_name="localhost")
        assert secured.protocol == "h2"
        secured.sendall(raw_http.request("GET", "/healthz", "x"))
        received = b""
        try:
            while piece := secured.recv(65536):
                received += piece
        except OSError:
            pass
    assert b"HTTP/1.1 200" not in received


# Which certificate


@pytest.mark.parametrize(
    "name, shown",
    [
        ("localhost", "server"),
        ("LOCALHOST", "server"),
        ("a.wild.example", "wildcard"),
        ("A.Wild.Example", "wildcard"),
        ("wild.example", "server"),
        ("a.b.wild.example", "server"),
        ("awild.example", "server"),
        ("unknown.example", "server"),
        (None, "server"),
    ],
)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_certificate_is_chosen_by_the_name_that_is_asked_for(both, version, name, shown):
    # A signature algorithm of ECDSA alone, so that the RSA certificate of the same names is out of the question.
    options = ["-servername", name] if name else []
    assert s_client(both.port, version, "-sigalgs", "ECDSA+SHA256", *options).subject == shown


def test_an_exact_name_goes_before_a_wildcard(serve, certificates):
    exact = certificates.intermediate.issue("exact", "a.wild.example")
    single = serve(certificates.server, certificates.wildcard, exact)
    assert s_client(single.port, "-servername", "a.wild.example").subject == "exact"
    assert s_client(single.port, "-servername", "b.wild.example").subject == "wildcard"


@pytest.mark.parametrize("algorithm, shown", [("ECDSA+SHA256", "server"), ("RSA-PSS+SHA256", "server-rsa")])
@pytest.mark.parametrize("name", ["localhost", None])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_rsa_and_ecdsa_live_side_by_side(both, version, name, algorithm, shown):
    options = ["-servername", name] if name else []
    handshake = s_client(both.port, version, "-sigalgs", algorithm, *options, ca=both.certificates.ca)
    assert handshake.subject == shown and handshake.answered


def test_the_whole_chain_is_sent_and_no_root(both):
    handshake = s_client(both.port, "-showcerts")
    assert re.findall(r"^ \d s:CN = (.+)$", handshake.report, re.M) == ["server", "intermediate"]


def test_an_unknown_name_gets_the_first_certificate_and_then_421_by_its_host(both):
    context = client_context(both.certificates.ca, "http/1.1", names_matter=False)
    address = ("127.0.0.1", both.port)
    with raw_http.Connection(address, tls=context, server_name="unknown.example") as connection:
        assert connection.socket.engine.getpeercert()["subject"][0][0][1] == "server"
        assert connection.exchange(request_of(both, host="unknown.example")).status == 421
        assert connection.exchange(request_of(both)).status == 200


@pytest.mark.parametrize(
    "name", ["a" * 255, "a" * 64 + ".example", "-", "x_y", "127.0.0.1", "a..b", ".", "xn--\x80"]
)
def test_a_strange_name_harms_nothing(both, name):
    s_client(both.port, "-servername", name)
    assert both.gateway.health() == 200


# Resumption


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_by_its_ticket(serve, tmp_path, version):
    single = serve()
    session = tmp_path / "session.pem"
    first = s_client(single.port, version, "-sess_out", str(session))
    assert first.answered and not first.was_reused
    for _ in range(2):
        again = s_client(single.port, version, "-sess_in", str(session))
        assert again.answered and again.was_reused, again.report


def test_a_client_of_1_2_without_tickets_has_no_session_to_resume(serve, tmp_path):
    single = serve()
    session = tmp_path / "session.pem"
    assert s_client(single.port, "-tls1_2", "-no_ticket", "-sess_out", str(session)).answered
    if session.exists():
        assert not s_client(single.port, "-tls1_2", "-no_ticket", "-sess_in", str(session)).was_reused


def test_a_ticket_of_another_process_is_not_taken_and_does_no_harm(serve, tmp_path):
    single = serve()
    session = tmp_path / "session.pem"
    assert s_client(single.port, "-tls1_3", "-sess_out", str(session)).answered
    single.gateway.stop()
    single.start(json.loads(single.gateway.configuration.read_text()))
    handshake = s_client(single.port, "-tls1_3", "-sess_in", str(session))
    assert handshake.answered and not handshake.was_reused


def test_a_ticket_is_taken_by_every_worker(serve, tmp_path, over, certificates):
    single = over("tls1")
    single.start(single.configuration(workers=2))
    session = tmp_path / "session.pem"
    assert s_client(single.port, "-tls1_3", "-sess_out", str(session)).answered
    assert all(s_client(single.port, "-tls1_3", "-sess_in", str(session)).was_reused for _ in range(8))


def test_a_resumed_session_speaks_the_protocol_that_it_agrees_on_now(serve, tmp_path):
    single = serve()
    session = tmp_path / "session.pem"
    assert s_client(single.port, "-tls1_3", "-alpn", "http/1.1", "-sess_out", str(session)).answered
    again = s_client(single.port, "-tls1_3", "-alpn", "h2", "-sess_in", str(session))
    assert again.protocol == "h2"


def test_there_is_no_early_data(serve, tmp_path):
    single = serve()
    session, early = tmp_path / "session.pem", tmp_path / "early"
    early.write_bytes(raw_http.request("GET", "/healthz", "x"))
    first = s_client(single.port, "-tls1_3", "-sess_out", str(session))
    assert set(re.findall(r"Max Early Data: (\d+)", first.report)) <= {"0"}
    again = s_client(single.port, "-tls1_3", "-sess_in", str(session), "-early_data", str(early))
    assert "Early data was accepted" not in again.report and again.answered


# Stapling


def test_a_staple_is_sent_to_those_who_ask(both):
    asked = s_client(both.port, "-status", "-sigalgs", "ECDSA+SHA256")
    assert "OCSP Response Status: successful" in asked.report and "Cert Status: good" in asked.report
    assert "Cert Status" not in s_client(both.port, "-sigalgs", "ECDSA+SHA256").report


def test_a_certificate_without_a_staple_gets_none(both):
    for options in (("-sigalgs", "RSA-PSS+SHA256"), ("-servername", "a.wild.example")):
        handshake = s_client(both.port, "-status", *options)
        assert "OCSP response: no response sent" in handshake.report and handshake.answered


# Client certificates


def presenting(single, identity):
    context = client_context(single.certificates.ca, "http/1.1", identity=identity)
    return Client(TLS1, context)


def is_let_in(single, identity):
    """A request over a connection with that certificate is answered; otherwise the handshake or the connection ends."""
    try:
        return presenting(single, identity).exchange(single.address, request_of(single)).status == 200
    except (ssl.SSLError, raw_http.ConnectionEnded, ConnectionError):
        return False


def demanding(serve, certificates, mode="require", **more):
    client = {"ca": str(certificates.clients.certificate), "mode": mode, **more}
    known = Client(TLS1, client_context(certificates.ca, "http/1.1", identity=certificates.client))
    return serve(client_certificates=client, client=known)


def test_a_required_certificate_is_required_and_verified(serve, certificates):
    single = demanding(serve, certificates)
    assert is_let_in(single, certificates.client)
    assert not is_let_in(single, None)
    assert not is_let_in(single, certificates.server), "of another authority"
    assert not is_let_in(single, certificates.untrusted)
    expired = certificates.clients.issue("expired-client", begins=-9 * DAY, ends=-DAY, for_clients=True)
    assert not is_let_in(single, expired)
    for_servers = certificates.clients.issue("server-of-clients", "localhost")
    assert not is_let_in(single, for_servers), "a certificate for servers is none for clients"
    assert len(single.recorder.requests) == 1


def test_a_requested_certificate_may_be_missing_but_not_bad(serve, certificates):
    single = demanding(serve, certificates, "request")
    assert is_let_in(single, certificates.client)
    assert is_let_in(single, None)
    assert not is_let_in(single, certificates.untrusted)
    assert len(single.recorder.requests) == 2


def test_a_required_certificate_is_the_default_mode(serve, certificates):
    client = {"ca": str(certificates.clients.certificate)}
    known = Client(TLS1, client_context(certificates.ca, "http/1.1", identity=certificates.client))
    single = serve(client_certificates=client, client=known)
    assert is_let_in(single, certificates.client) and not is_let_in(single, None)


@pytest.mark.parametrize("mode", ["request", "require"])
def test_a_revoked_client_certificate_is_refused(serve, certificates, mode):
    single = demanding(serve, certificates, mode, crl=str(certificates.clients_crl))
    assert is_let_in(single, certificates.client)
    assert not is_let_in(single, certificates.revoked_client)
    assert len(single.recorder.requests) == 1


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_resumed_session_of_a_known_client_is_still_known(serve, certificates, tmp_path, version):
    single = demanding(serve, certificates)
    session = tmp_path / "session.pem"
    identity = ["-cert", str(certificates.client.certificate), "-key", str(certificates.client.key)]
    assert s_client(single.port, version, *identity, "-sess_out", str(session)).answered
    again = s_client(single.port, version, "-sess_in", str(session))
    assert again.answered and again.was_reused


def test_a_session_without_a_certificate_does_not_open_a_listener_that_requires_one(
    over, certificates, tmp_path
):
    single = over("tls1")
    open_listener, closed = single.listener(), dict(single.listener())
    port = free_port()
    closed |= {"address": f"127.0.0.1:{port}"}
    closed["tls"] = {**closed["tls"], "client_certificates": {"ca": str(certificates.clients.certificate)}}
    single.start(single.configuration(listeners=[open_listener, closed]))
    session = tmp_path / "session.pem"
    for version in ("-tls1_2", "-tls1_3"):
        assert s_client(single.port, version, "-sess_out", str(session)).answered
        assert not s_client(port, version, "-sess_in", str(session)).answered


# Those who mean harm, and those who are merely slow


def wait_for_end(carrier, within):
    """Seconds until the peer ends the connection, or None."""
    started = time.monotonic()
    carrier.settimeout(within)
    try:
        while carrier.recv(65536):
            pass
    except TimeoutError:
        return None
    except OSError:
        pass
    return time.monotonic() - started


def client_hello():
    """The first flight of an ordinary client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@pytest.mark.parametrize(
    "sent", [b"", b"\x16", client_hello()[:50], client_hello()], ids=["none", "one", "part", "all"]
)
def test_a_handshake_that_stands_still_is_cut_off_at_its_own_deadline(serve, sent):
    single = serve(limits={"handshake_timeout": "1s", "header_timeout": "30s", "idle_timeout": "30s"})
    with socket.create_connection(single.address) as carrier:
        carrier.sendall(sent)
        ended = wait_for_end(carrier, 5)
    assert ended is not None and 0.7 < ended < 2.5, ended


def test_each_byte_of_a_slow_handshake_does_not_renew_its_deadline(serve):
    single = serve(limits={"handshake_timeout": "1s"})
    started = time.monotonic()
    with socket.create_connection(single.address) as carrier:
        try:
            for byte in client_hello():
                carrier.sendall(bytes([byte]))
                time.sleep(0.02)
                if wait_for_end(carrier, 0.001) is not None:
                    break
        except OSError:
            pass
    assert 0.7 < time.monotonic() - started < 2.5


def test_a_hello_in_single_bytes_is_a_hello(serve, certificates):
    single = serve()

    class Slow:
        def __init__(self, carrier):
            self.carrier = carrier

        def sendall(self, data):
            for byte in data:
                self.carrier.sendall(bytes([byte]))

        def __getattr__(self, name):
            return getattr(self.carrier, name)

    with socket.create_connection(single.address, 10) as carrier:
        carrier.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = TLSSocket(Slow(carrier), client_context(certificates.ca), server_name="localhost")
        secured.sendall(raw_http.request("GET", "/healthz", "x", [("Connection", "close")]))
        assert secured.recv(65536).startswith(b"HTTP/1.1 200 ")


GARBAGE = {
    "plain-http": raw_http.request("GET", "/healthz", "x"),
    "plain-http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "random": hashlib.sha512(b"x").digest() * 20,
    "zeros": b"\0" * 5000,
    "ssl-2-hello": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"\0" * 16,
    "application-data-first": b"\x17\x03\x03\x00\x10" + b"x" * 16,
    "alert-first": b"\x15\x03\x03\x00\x02\x02\x28",
    "empty-records": b"\x16\x03\x01\x00\x00" * 1000,
    "hello-of-16-MiB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\0" * 16380,
    "record-too-long": b"\x16\x03\x01\xff\xff" + b"\0" * 65535,
    "hello-cut-in-its-extensions": b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"
    + b"\1" * 32
    + b"\0\0\2\x13\1\1\0\xff\xff",
    "change-cipher-spec-flood": b"\x14\x03\x03\x00\x01\x01" * 5000,
    "proxy-header": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + client_hello(),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_handshake_ends_the_connection_at_once(both, data):
    with socket.create_connection(both.address, 5) as carrier:
        try:
            carrier.sendall(data)
        except OSError:
            pass
        # What could still become a handshake waits for its deadline; the rest is over now.
        ended = wait_for_end(carrier, 3 if data != GARBAGE["hello-of-16-MiB"] else 12)
    assert ended is not None
    assert both.gateway.exchange(request_of(both)).status == 200


def test_plain_http_on_a_tls_listener_is_never_answered_as_http(both):
    with socket.create_connection(both.address, 5) as carrier:
        carrier.sendall(request_of(both))
        received = b""
        try:
            while piece := carrier.recv(65536):
                received += piece
        except OSError:
            pass
    assert b"200" not in received and b"jsonrpc" not in received
    assert not received or received[0] == 0x15 or received.startswith(b"HTTP/1.1 400 "), received


def test_a_damaged_record_ends_the_connection_and_reaches_nobody(both):
    both.recorder.clear()
    context = client_context(both.certificates.ca, "http/1.1")
    with socket.create_connection(both.address, 5) as carrier:
        secured = TLSSocket(carrier, context, server_name="localhost")
        secured.engine.write(request_of(both))
        record = bytearray(secured.outgoing.read())
        record[-5] ^= 1
        carrier.sendall(record)
        assert wait_for_end(carrier, 3) is not None
    assert both.recorder.requests == []


def test_half_handshakes_by_the_hundred_delay_nobody(serve):
    single = serve(limits={"handshake_timeout": "3s"})
    before = resident(single.gateway.process)
    hello, crowd = client_hello(), []
    try:
        for number in range(400):
            crowd.append(socket.create_connection(single.address, 5))
            crowd[-1].sendall(hello[: len(hello) if number % 2 else 100])

        def ask():
            assert single.gateway.exchange(request_of(single)).status == 200

        slowest = max(quickest(ask) for _ in range(10))
        assert slowest < 1, slowest
        # What a client costs that has only begun: well under 100 KiB each.
        assert resident(single.gateway.process) - before < 40 * 1024 * 1024
        assert all(wait_for_end(each, 6) is not None for each in crowd)
    finally:
        for each in crowd:
            each.close()


def test_an_end_without_close_notify_is_not_the_end_of_a_request(both):
    both.recorder.clear()
    headers = mcp_requests.modern_headers(both.token()) + [("Content-Length", "1000")]
    context = client_context(both.certificates.ca, "http/1.1")
    with socket.create_connection(both.address, 5) as carrier:
        secured = TLSSocket(carrier, context, server_name="localhost")
        secured.sendall(raw_http.request("POST", "/mcp", both.host, headers) + b'{"half":')
        carrier.shutdown(socket.SHUT_WR)
        assert wait_for_end(carrier, 5) is not None
    assert both.recorder.requests == []


def test_the_gateway_says_goodbye_before_it_ends_a_connection(both):
    with both.gateway.connect() as connection:
        connection.send(raw_http.request("GET", "/healthz", "x", [("Connection", "close")]))
        assert connection.read_response().status == 200
        with pytest.raises(raw_http.ConnectionEnded) as ended:
            connection.read_head()
        assert not ended.value.reset, "no close_notify"


def test_handshakes_that_fail_leave_no_descriptor_and_no_memory_behind(both):
    process = both.gateway.process

    def crowd(count):
        for number in range(count):
            with socket.create_connection(both.address, 5) as carrier:
                carrier.sendall(list(GARBAGE.values())[number % 5])

    crowd(100)
    time.sleep(0.2)
    before, memory = descriptors(process), resident(process)
    crowd(500)
    both.gateway.wait_until(
        lambda: descriptors(process) <= before + 2, 5, "back to as many descriptors as before"
    )
    assert resident(process) - memory < 8 * 1024 * 1024


# Certificates that do not fit, and new ones


def diagnostics(single, tls):
    configuration = single.configuration()
    configuration["listeners"][0]["tls"] = tls
    path = single.directory / "check.json"
    path.write_text(json.dumps(configuration))
    result = run("check", "--config", str(path))
    return result.returncode, result.stdout + result.stderr


def test_certificates_are_checked_when_they_are_loaded(over, certificates):
    single = over("tls1")
    good = certificates.server.members

    def refused(members, word, tls=None):
        status, report = diagnostics(single, tls or {"certificates": [{**good, **members}]})
        assert status == 1 and "/listeners/0/tls" in report and word in report, report

    assert diagnostics(single, {"certificates": [good]})[0] == 0
    refused({"key": {"file": str(certificates.wildcard.key)}}, "key")
    refused({"certificate": "missing.pem"}, "missing.pem")
    refused({"certificate": str(certificates.server.key)}, "certificate")
    refused({"key": {"file": str(certificates.server.certificate)}}, "key")
    refused(certificates.expired.members, "expired")
    refused(certificates.not_yet_valid.members, "not valid before")
    refused({"ocsp": str(certificates.server.certificate)}, "OCSP")
    refused({"ocsp": str(certificates.intermediate.staple(certificates.wildcard))}, "OCSP")
    refused({}, "minimum_version", {"certificates": [good], "minimum_version": "1.1"})
    refused({}, "ca", {"certificates": [good], "client_certificates": {"ca": "nothing.pem"}})


def test_no_key_is_ever_shown(over, certificates):
    single = over("tls1")
    gateway = single.start()
    secret = certificates.server.key.read_text().splitlines()[1]
    gateway.exchange(request_of(single))
    gateway.stop()
    assert secret not in gateway.stdout.read_text() + gateway.stderr.read_text()
    assert secret not in run("check", "--config", str(gateway.configuration)).stdout


def test_a_new_certificate_is_taken_under_load_and_no_request_fails(over, certificates, tmp_path):
    single = over("tls2")
    old, new = (certificates.intermediate.issue(name, "localhost", "127.0.0.1") for name in ("old", "new"))
    shown, key = tmp_path / "shown.pem", tmp_path / "shown.key"
    shutil.copy(old.certificate, shown)
    shutil.copy(old.key, key)
    configuration = single.configuration()
    configuration["listeners"][0]["tls"] = {
        "certificates": [{"certificate": str(shown), "key": {"file": str(key)}}]
    }
    # All of the load comes from one address.
    configuration.setdefault("limits", {})["rates"] = {"handshakes": "off"}
    gateway = single.start(configuration)
    data, ending, failures, done = request_of(single), threading.Event(), [], [0]

    def fresh_connections():
        while not ending.is_set():
            try:
                assert gateway.exchange(data).status == 200
                done[0] += 1
            except BaseException as error:
                failures.append(error)

    crowd = [threading.Thread(target=fresh_connections) for _ in range(4)]
    with gateway.connect() as kept:
        assert kept.exchange(data).status == 200
        for each in crowd:
            each.start()
        for identity in (new, old, new):
            time.sleep(0.3)
            shutil.copy(identity.certificate, shown)
            shutil.copy(identity.key, key)
            gateway.signal(signal.SIGHUP)
            subject = identity.certificate.stem
            gateway.wait_until(
                lambda subject=subject: s_client(single.port).subject == subject, 5, f"{subject} shown"
            )
            assert kept.exchange(data).status == 200, "an open connection was touched"
        ending.set()
        for each in crowd:
            each.join()
        assert kept.exchange(data).status == 200
    assert not failures and done[0] > 10, (failures[:3], done)


def test_a_certificate_that_does_not_fit_changes_nothing_when_it_is_loaded_anew(over, certificates, tmp_path):
    single = over("tls1")
    shown = tmp_path / "shown.pem"
    shutil.copy(certificates.server.certificate, shown)
    configuration = single.configuration()
    key = {"file": str(certificates.server.key)}
    configuration["listeners"][0]["tls"] = {"certificates": [{"certificate": str(shown), "key": key}]}
    gateway = single.start(configuration)
    shutil.copy(certificates.wildcard.certificate, shown)
    lines = len(gateway.operational_log())
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: len(gateway.operational_log()) > lines, 5, "told")
    assert s_client(single.port).subject == "server"
    assert gateway.exchange(request_of(single)).status == 200
