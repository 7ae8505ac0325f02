"""The PROXY protocol: who the client is when a load balancer stands in front, and whom nobody believes."""

import shutil
import socket
import struct
import subprocess
import time

import pytest

from harness import mcp_requests, raw_http
from harness.gateway import free_port, wait_for_port
from harness.process import resident
from harness.timing import quickest
from harness.tls import TLSSocket
from harness.transports import CLIENTS, Client

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client="203.0.113.7", family="TCP4", server="10.0.0.1"):
    return f"PROXY {family} {client} {server} 56324 443\r\n".encode()


def v2(client="203.0.113.7", command=0x21, more=b"", server="10.0.0.1", family=None):
    kind = socket.AF_INET6 if ":" in client else socket.AF_INET
    addresses = socket.inet_pton(kind, client) + socket.inet_pton(kind, "::1" if ":" in client else server)
    payload = addresses + struct.pack(">HH", 56324, 443) + more
    code = family if family is not None else 0x21 if ":" in client else 0x11
    return SIGNATURE + struct.pack(">BBH", command, code, len(payload)) + payload


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture(scope="module")
def believing(standing, certificates):
    """Gateways that believe 127.0.0.1, by the transport of their clients."""
    made = {}

    def get(transport="http1", networks=("127.0.0.1",), **limits):
        key = (transport, networks, tuple(limits.items()))
        if key not in made:
            made[key] = standing(
                transport, listener={"proxy_protocol": list(networks)}, ready=False, limits=limits
            )
        made[key].recorder.clear()
        return made[key]

    return get


def request(single):
    return mcp_requests.post(single.host, "/mcp", single.token())


def connect(single, opening, timeout=5.0):
    client = Client.trusting(single.certificates, single.transports.client)
    return client.connect(single.address, timeout, opening=opening)


def seen_client(single, opening):
    """What the upstream and the access log were told of the client."""
    since = single.gateway.log_position()
    with connect(single, opening) as connection:
        response = connection.exchange(request(single))
        assert response.status == 200, response
    told = single.recorder.the_request().all("X-Forwarded-For")
    logged = single.gateway.wait_for_access(since)[0]["client"]
    assert told == [logged]
    return logged


HEADERS = {
    "v1": (v1(), "203.0.113.7"),
    "v1-ipv6": (v1("2001:db8::7", "TCP6", "2001:db8::1"), "2001:db8::7"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v1-unknown-with-more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"),
    "v2": (v2(), "203.0.113.7"),
    "v2-ipv6": (v2("2001:db8::7"), "2001:db8::7"),
    "v2-with-extensions": (v2(more=b"\x04\x00\x03abc\x05\x00\x01x"), "203.0.113.7"),
    "v2-local": (LOCAL, "127.0.0.1"),
    "v2-local-with-addresses": (v2(command=0x20), "127.0.0.1"),
    "v2-unspecified": (SIGNATURE + b"\x21\x00\x00\x00", "127.0.0.1"),
}


@pytest.mark.parametrize("transport", CLIENTS)
@pytest.mark.parametrize("header, client", HEADERS.values(), ids=HEADERS.keys())
def test_the_header_says_who_the_client_is(believing, transport, header, client):
    assert seen_client(believing(transport), header) == client


@pytest.mark.parametrize("transport", ["http1", "tls2"])
def test_a_header_in_single_bytes_is_a_header(believing, transport):
    single = believing(transport)

    since = single.gateway.log_position()
    carrier = raw_http.dial(single.address)
    for byte in v2():
        carrier.sendall(bytes([byte]))
        time.sleep(0.002)
    if transport == "http1":
        carrier.sendall(request(single))
        assert carrier.recv(65536).startswith(b"HTTP/1.1 200 ")
    else:
        secured = TLSSocket(
            carrier, Client.trusting(single.certificates, CLIENTS["tls1"]).tls, server_name="localhost"
        )
        secured.sendall(request(single))
        assert secured.recv(65536).startswith(b"HTTP/1.1 200 ")
    carrier.close()
    assert single.gateway.wait_for_access(since)[0]["client"] == "203.0.113.7"


def test_what_a_client_writes_into_its_fields_is_not_believed_all_the_same(believing):
    single = believing()
    lies = [("X-Forwarded-For", "10.9.8.7"), ("Forwarded", "for=10.9.8.7")]
    with connect(single, v1()) as connection:
        assert (
            connection.exchange(mcp_requests.post(single.host, "/mcp", single.token(), extra=lies)).status
            == 200
        )
    assert single.recorder.the_request().all("X-Forwarded-For") == ["203.0.113.7"]


def test_the_header_counts_for_every_request_of_its_connection(believing):
    single = believing()
    with connect(single, v1()) as connection:
        for _ in range(3):
            assert connection.exchange(request(single)).status == 200
    assert [each.one("X-Forwarded-For") for each in single.recorder.requests] == ["203.0.113.7"] * 3


def ended_without_an_answer(single, opening, data=None):
    """The connection is closed, and nothing of a request was answered with 200 or forwarded."""
    carrier = raw_http.dial(single.address, 5)
    received = b""
    try:
        carrier.sendall(opening + (request(single) if data is None else data))
        while piece := carrier.recv(65536):
            received += piece
    except ConnectionError:
        pass
    finally:
        carrier.close()
    assert b" 200 " not in received
    assert single.recorder.requests == []


MALFORMED = {
    "none": b"",
    "v1-bare-lf": b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\n",
    "v1-bare-cr": b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r",
    "v1-lower-case": b"proxy TCP4 203.0.113.7 10.0.0.1 56324 443\r\n",
    "v1-other-family": b"PROXY UDP4 203.0.113.7 10.0.0.1 56324 443\r\n",
    "v1-address-of-the-other-family": b"PROXY TCP4 2001:db8::7 10.0.0.1 56324 443\r\n",
    "v1-no-address": b"PROXY TCP4\r\n",
    "v1-name-for-address": b"PROXY TCP4 localhost 10.0.0.1 56324 443\r\n",
    "v1-octet-too-large": b"PROXY TCP4 256.0.113.7 10.0.0.1 56324 443\r\n",
    "v1-leading-zeros": b"PROXY TCP4 203.000.113.007 10.0.0.1 56324 443\r\n",
    "v1-port-too-large": b"PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n",
    "v1-port-negative": b"PROXY TCP4 203.0.113.7 10.0.0.1 -1 443\r\n",
    "v1-two-blanks": b"PROXY TCP4  203.0.113.7 10.0.0.1 56324 443\r\n",
    "v1-too-long": b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n",
    "v2-version-1": SIGNATURE + b"\x11\x11\x00\x0c" + b"\0" * 12,
    "v2-command-2": SIGNATURE + b"\x22\x11\x00\x0c" + b"\0" * 12,
    "v2-family-9": v2(family=0x91),
    "v2-too-short-for-its-family": SIGNATURE + b"\x21\x11\x00\x04" + b"\0" * 4,
    "v2-ipv6-of-12-octets": SIGNATURE + b"\x21\x21\x00\x0c" + b"\0" * 12,
    "v2-of-64-KiB": SIGNATURE + b"\x21\x11\xff\xff" + b"\0" * 65535,
    "v2-signature-damaged": b"\r\n\r\n\0\r\nQUIX\n" + b"\x20\x00\x00\x00",
    "header-twice": v1() + v1(),
    "garbage": b"\xff" * 300,
}


@pytest.mark.parametrize("opening", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_header_or_none_ends_the_connection(believing, opening):
    single = believing()
    ended_without_an_answer(single, opening)
    with connect(single, v1()) as connection:
        assert connection.exchange(request(single)).status == 200


@pytest.mark.parametrize("network", ["10.0.0.0/8", "::1/128", "127.0.0.2"])
def test_a_peer_from_elsewhere_is_served_without_a_header_and_not_believed(believing, network):
    single = believing("http1", (network,))
    assert seen_client(single, b"") == "127.0.0.1"
    single.recorder.clear()
    ended_without_an_answer(single, v1())
    single.recorder.clear()
    ended_without_an_answer(single, v2())


@pytest.mark.parametrize("network", ["127.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0"])
def test_a_network_is_believed_as_a_whole(believing, network):
    assert seen_client(believing("http1", (network,)), v1()) == "203.0.113.7"


def test_without_the_member_nobody_is_believed(standing):
    single = standing("http1")
    ended_without_an_answer(single, v1())


@pytest.mark.parametrize("sent", [b"", b"PROXY", v2()[:20]], ids=["nothing", "half-a-word", "half-a-header"])
def test_a_header_that_does_not_come_is_cut_off_at_the_deadline_of_handshakes(believing, sent):
    single = believing("http1", handshake_timeout="1s", header_timeout="20s", idle_timeout="20s")
    started = time.monotonic()
    with raw_http.Connection(single.address, opening=sent) as connection:
        assert connection.is_closed_by_peer(8)
    assert 0.7 < time.monotonic() - started < 6


def test_the_deadline_is_one_for_header_and_tls_together(believing):
    single = believing("tls1", handshake_timeout="4s")
    started = time.monotonic()
    with raw_http.Connection(single.address, opening=b"") as connection:
        time.sleep(3)
        connection.send_as_far_as_possible(v1())
        assert connection.is_closed_by_peer(8)
    assert time.monotonic() - started < 6.5, "a deadline of its own would have ended TLS after seven seconds"


def test_those_who_send_half_a_header_by_the_hundred_delay_nobody(believing):
    single = believing("http1", handshake_timeout="5s")
    before = resident(single.gateway.process)
    crowd = [raw_http.Connection(single.address, opening=v2()[:15]) for _ in range(300)]

    def ask():
        with connect(single, v1()) as connection:
            assert connection.exchange(request(single)).status == 200

    try:
        assert quickest(ask) < 1
        assert resident(single.gateway.process) - before < 16 * 1024 * 1024
    finally:
        for each in crowd:
            each.close()


HAPROXY = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 10s
    timeout server 10s
listen front
    bind 127.0.0.1:{front}
    server gateway 127.0.0.1:{port} {how}
"""


@pytest.mark.skipif(not shutil.which("haproxy"), reason="there is no haproxy")
@pytest.mark.parametrize("transport", CLIENTS)
@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2"])
def test_haproxy_in_front_tells_who_the_client_is(believing, tmp_path, transport, how):
    single = believing(transport)
    front = free_port()
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(front=front, port=single.port, how=how))
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(front)
        since = single.gateway.log_position()
        # From another address of this machine, so that the balancer's own would be noticed.
        client = Client.trusting(single.certificates, single.transports.client)
        with client.connect(("127.0.0.1", front), source="127.0.0.9") as connection:
            assert connection.exchange(request(single)).status == 200
        entries = single.gateway.wait_for_access(since)
        assert entries[-1]["client"] == "127.0.0.9"
        assert single.recorder.the_request().one("X-Forwarded-For") == "127.0.0.9"
    finally:
        process.kill()
        process.wait()
