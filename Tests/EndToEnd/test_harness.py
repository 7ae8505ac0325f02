"""The instruments themselves: what records must record, what mints must mint, what reads must be strict."""

import hashlib
import json
import subprocess
import threading
import time

import pytest
from joserfc import jwk, jwt

from harness import challenge, mcp_requests, raw_http
from harness import recorder as upstreams
from harness.balancers import HAProxy, NginxProxy
from harness.house import ALL_ALGORITHMS
from harness.issuer import Issuer
from harness.recorder import Recorder
from harness.tls import client_context
from harness.transports import CLIENTS, UPSTREAMS, Client, acceptor


def test_the_recorder_keeps_the_exact_bytes_of_a_request(recorder):
    data = mcp_requests.post("upstream.example", "/mcp?x=1", "token")
    response = raw_http.exchange(("127.0.0.1", recorder.port), data)
    assert response.status == 200 and response.body == upstreams.JSON_RESULT
    seen = recorder.the_request()
    assert (seen.method, seen.target, seen.one("Authorization")) == ("POST", "/mcp?x=1", "Bearer token")
    assert seen.head + b"\r\n\r\n" + seen.body == data
    with pytest.raises(AssertionError):
        recorder.assert_untouched()


def test_the_recorder_reads_chunked_bodies(recorder):
    head = raw_http.request("POST", "/", "h", [("Transfer-Encoding", "chunked")])
    raw_http.exchange(("127.0.0.1", recorder.port), head + raw_http.chunked(b"one", b"two"))
    assert recorder.the_request().sha256 == hashlib.sha256(b"onetwo").hexdigest()


def test_the_recorder_notices_bytes_that_are_no_request(recorder):
    with raw_http.Connection(("127.0.0.1", recorder.port)) as connection:
        connection.send(b"GARB")
        time.sleep(0.05)
        with pytest.raises(AssertionError):
            recorder.assert_untouched()


PIECES = [b"data: 1\n\n", b"data: 2\n\n"]


def pieces_of_a_stream_that_dies(connection, received):
    """What comes of it, each piece acknowledged to its sender."""
    connection.send(raw_http.request("GET", "/", "h"))
    head, pieces = connection.read_head(), []
    with pytest.raises(raw_http.ConnectionEnded):
        for piece in connection.pieces(head):
            pieces.append(piece)
            received.release()
    return pieces


def test_a_stream_arrives_piece_by_piece_and_its_death_is_seen(recorder):
    received = threading.Semaphore(0)
    with recorder.answering(upstreams.stream_in_step(PIECES, received, "close")):
        with raw_http.Connection(("127.0.0.1", recorder.port)) as connection:
            assert pieces_of_a_stream_that_dies(connection, received) == PIECES


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_a_minted_token_verifies_with_the_published_key(algorithm):
    issuer = Issuer(algorithm=algorithm)
    token = issuer.mint("https://gw.example/notion", "read")
    keys = jwk.KeySet.import_key_set({"keys": issuer.server.keys})
    assert jwt.decode(token, keys, algorithms=[algorithm]).claims["aud"] == "https://gw.example/notion"
    assert "d" not in json.dumps(list(issuer.server.keys[0])).split('"')
    issuer.stop()


def test_the_key_server_counts_fails_and_comes_back(issuer):
    address = ("127.0.0.1", issuer.server.port)
    ask = raw_http.request("GET", "/jwks", "h")
    assert raw_http.exchange(address, ask).json()["keys"][0]["kid"] == "key-1"
    issuer.server.mode = "fail"
    assert raw_http.exchange(address, ask).status == 500
    assert issuer.server.count() == 2
    issuer.server.stop()
    with pytest.raises(OSError):
        raw_http.exchange(address, ask)
    issuer.server.mode = "ok"
    issuer.server.start()
    assert raw_http.exchange(address, ask).status == 200


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        'bearer scope="a"',
        'Bearer scope="a", scope="a"',
        'Bearer scope="a", error="b"',
        'Bearer scope="a  b"',
        'Bearer scope="offline_access"',
        'Bearer error="a",scope="b"',
        "Bearer error=a",
        'Bearer error="a", error_description="see scope=b"',
    ],
)
def test_the_challenge_reader_refuses_what_the_rfc_does_not_allow(value):
    with pytest.raises(AssertionError):
        challenge.parse(value)


def test_metadata_addresses_follow_the_rfc():
    prefix = "https://gw.example/.well-known/oauth-protected-resource"
    assert challenge.metadata_address("https://gw.example") == prefix
    assert challenge.metadata_address("https://gw.example/a/b/mcp") == prefix + "/a/b/mcp"


# The two ends over every pair of transports that fit each other, without a gateway between them.
PAIRS = [("http1", "http1"), ("tls1", "https1"), ("tls2", "https2"), ("h2c", "h2c")]


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0])
def ends(request, certificates):
    client, upstream = CLIENTS[request.param[0]], UPSTREAMS[request.param[1]]
    recorder = Recorder(tls=acceptor(upstream, certificates), http2=upstream.uses_http2)
    yield Client.trusting(certificates, client), recorder, ("127.0.0.1", recorder.port)
    recorder.stop()


def test_both_ends_carry_a_request_and_its_answer(ends):
    client, recorder, address = ends
    response = client.exchange(address, mcp_requests.post("upstream.example", "/mcp?x=1", "token"))
    assert (response.status, response.body, response.version) == (200, upstreams.JSON_RESULT, client.version)
    seen = recorder.the_request()
    assert (seen.method, seen.target, seen.one("Host")) == ("POST", "/mcp?x=1", "upstream.example")
    assert seen.one("Authorization") == "Bearer token" and seen.body == mcp_requests.call()
    with pytest.raises(AssertionError):
        recorder.assert_untouched()


def test_both_ends_carry_large_bodies_both_ways_and_many_in_turn(ends):
    client, recorder, address = ends
    body = bytes(range(256)) * 8192
    with client.connect(address) as connection, recorder.answering(upstreams.canned(body=body[::-1])):
        for _ in range(3):
            assert connection.exchange(mcp_requests.post("h", "/", body=body)).body == body[::-1]
    assert [each.sha256 for each in recorder.requests] == [hashlib.sha256(body).hexdigest()] * 3
    assert recorder.accepted == 1


def test_both_ends_carry_chunks_interim_answers_and_heads_alone(ends):
    client, recorder, address = ends
    script = b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = raw_http.chunked(b"one", b"two")
    with client.connect(address) as connection, recorder.answering(upstreams.raw(script + chunks)):
        data = mcp_requests.post("h", "/", body=chunks, extra=[("Transfer-Encoding", "chunked")])
        response = connection.exchange(data)
        assert (response.status, response.interim, response.body) == (200, [103], b"onetwo")
    assert recorder.the_request().body == b"onetwo"
    with recorder.answering(upstreams.canned()):
        head = client.exchange(address, raw_http.request("HEAD", "/", "h"), "HEAD")
        assert head.body == b"" and int(head.one("Content-Length")) == len(upstreams.JSON_RESULT)
        assert client.exchange(address, raw_http.request("GET", "/", "h")).body == upstreams.JSON_RESULT


@pytest.mark.parametrize("then", ["close", "reset"])
def test_both_ends_see_a_stream_flow_and_die(ends, then):
    client, recorder, address = ends
    received = threading.Semaphore(0)
    script = upstreams.stream_in_step(PIECES, received, then)
    with recorder.answering(script), client.connect(address) as connection:
        assert pieces_of_a_stream_that_dies(connection, received) == PIECES


def test_both_ends_know_an_answer_that_ends_with_its_connection_from_one_that_broke_off(ends):
    client, recorder, address = ends
    head = b"HTTP/1.1 200 OK\r\n\r\n{}"
    with recorder.answering(upstreams.raw(head, then="close")):
        assert client.exchange(address, raw_http.request("GET", "/", "h")).body == b"{}"
    for script in (
        upstreams.raw(head, then="reset"),
        upstreams.reset_at_once,
        upstreams.raw(b"", then="close"),
    ):
        with recorder.answering(script), pytest.raises(raw_http.ConnectionEnded):
            client.exchange(address, raw_http.request("GET", "/", "h"))


def test_both_ends_notice_a_client_that_goes_away(ends):
    client, recorder, address = ends
    seen: list[bool] = []
    with recorder.answering(lambda _, connection: seen.append(connection.wait_for_peer_to_close(10))):
        with client.connect(address) as connection:
            connection.send(raw_http.request("GET", "/", "h"))
            recorder.wait_for(1)
        end = time.monotonic() + 12
        while not seen and time.monotonic() < end:
            time.sleep(0.01)
    assert seen == [True]


def test_both_ends_stop_an_upload_when_the_answer_came_early(ends):
    client, recorder, address = ends
    answer = b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n"
    with recorder.answering(None, on_head=upstreams.raw(answer, then="close")):
        with client.connect(address) as connection:
            data = raw_http.request("POST", "/", "h", [("Content-Length", "9000000")])
            connection.send_as_far_as_possible(data + b" " * 9_000_000)
            try:
                assert connection.read_response().status == 413
            except raw_http.ConnectionEnded:
                assert client.version == "HTTP/1.1", "a reset may overtake the answer there"
            assert connection.refuses_the_rest()


def test_a_slow_reader_stops_the_writer(ends):
    client, recorder, address = ends
    sent = [0]

    def script(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        connection.settimeout(0.5)
        try:
            while sent[0] < 100_000_000:
                connection.send(b"x" * 100_000)
                sent[0] += 100_000
        except OSError:
            pass

    with recorder.answering(script), client.connect(address) as connection:
        connection.send(raw_http.request("GET", "/", "h"))
        connection.read_head()
        time.sleep(0.8)
    assert sent[0] < 30_000_000


def test_a_tls_end_without_close_notify_is_a_reset(certificates):
    recorder = Recorder(tls=acceptor(UPSTREAMS["https1"], certificates))
    head = b"HTTP/1.1 200 OK\r\n\r\n{}"

    def cut(_, connection):
        connection.send(head)
        connection.socket.carrier.shutdown(2)

    with recorder.answering(cut), pytest.raises(raw_http.ConnectionEnded) as ended:
        client = Client.trusting(certificates, CLIENTS["tls1"])
        client.exchange(("127.0.0.1", recorder.port), raw_http.request("GET", "/", "h"))
    assert ended.value.reset
    recorder.stop()


@pytest.mark.parametrize("tls", [False, True])
def test_curl_and_nghttp_talk_to_the_recorder(certificates, tls):
    recorder = Recorder(tls=acceptor(UPSTREAMS["https2"], certificates) if tls else None, http2=True)
    url = recorder.url + "/mcp"
    how = ["--http2", "--cacert", str(certificates.ca)] if tls else ["--http2-prior-knowledge"]
    curl = [
        "curl",
        "-sS",
        *how,
        "--data-binary",
        "@-",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        url,
    ]
    told = subprocess.run(curl, input="x" * 300_000, capture_output=True, text=True, timeout=10)
    assert told.stdout == "2 200", told
    nghttp = subprocess.run(["nghttp", "-m", "20", url], capture_output=True, timeout=10)
    assert nghttp.stdout.count(upstreams.JSON_RESULT) == 20, nghttp
    assert len(recorder.requests[0].body) == 300_000 and len(recorder.requests) == 21
    recorder.stop()


@pytest.mark.parametrize("tls", [False, True])
def test_the_http2_client_talks_to_nghttpd(certificates, tmp_path, tls, nghttpd):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4096)
    port = nghttpd(tmp_path, certificates.server if tls else None)
    client = Client.trusting(certificates, CLIENTS["tls2" if tls else "h2c"])
    with client.connect(("127.0.0.1", port)) as connection:
        connection.send(raw_http.request("GET", "/file", "localhost") * 10)
        for _ in range(10):
            assert connection.read_response().body == bytes(range(256)) * 4096
        assert connection.exchange(raw_http.request("GET", "/nothing", "localhost")).status == 404
        head = connection.exchange(raw_http.request("HEAD", "/file", "localhost"), "HEAD")
        assert (head.status, head.body) == (200, b"")


def test_authorities_make_what_openssl_accepts_and_refuses(certificates):
    def verify(identity, *options):
        command = ["openssl", "verify", "-x509_strict", "-CAfile", str(certificates.ca), *options]
        chain = ["-untrusted", str(identity.certificate), str(identity.certificate)]
        result = subprocess.run(command + chain, capture_output=True, text=True, timeout=10)
        return result.stdout + result.stderr

    revocations = ("-crl_check_all", "-CRLfile", str(certificates.crl))
    for identity in (certificates.server, certificates.server_rsa, certificates.wildcard):
        assert ": OK" in verify(identity) and ": OK" in verify(identity, *revocations), verify(
            identity, *revocations
        )
    assert "expired" in verify(certificates.expired)
    assert "not yet valid" in verify(certificates.not_yet_valid)
    assert "unable to get local issuer" in verify(certificates.untrusted)
    for identity in (certificates.revoked, certificates.revoked_intermediate):
        assert ": OK" in verify(identity) and "revoked" in verify(identity, *revocations)
    assert "hostname mismatch" in verify(certificates.wrong_name, "-verify_hostname", "localhost").lower()
    shown = subprocess.run(
        ["openssl", "ocsp", "-respin", str(certificates.staple), "-text", "-noverify"],
        capture_output=True,
        text=True,
    )
    assert "Cert Status: good" in shown.stdout
    assert client_context(certificates.ca).verify_mode


@pytest.mark.parametrize("balancer", [HAProxy, NginxProxy])
def test_a_balancer_complains_of_a_server_that_breaks_off_and_of_none_that_answers(
    recorder, tmp_path, balancer
):
    front = balancer(tmp_path / "balancer", [recorder.port])

    def status():
        ask = raw_http.request("GET", "/", "h")
        return raw_http.exchange(("127.0.0.1", front.front), ask).status

    try:
        assert status() == 200 and not front.complaints()
        with recorder.answering(upstreams.reset_at_once):
            assert status() == 502
        assert front.complaints()
    finally:
        front.stop()
