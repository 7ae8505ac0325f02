"""The instruments themselves: what records must record, what mints must mint, what reads must be strict."""

import hashlib
import json
import time

import pytest
from joserfc import jwk, jwt

from harness import challenge, mcp_requests, raw_http
from harness import recorder as upstreams
from harness.house import ALL_ALGORITHMS
from harness.issuer import Issuer


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


def test_a_stream_arrives_piece_by_piece_and_its_death_is_seen(recorder):
    with recorder.answering(upstreams.event_stream([b"data: 1\n\n", b"data: 2\n\n"], 0.1, then="close")):
        with raw_http.Connection(("127.0.0.1", recorder.port)) as connection:
            connection.send(raw_http.request("GET", "/", "h"))
            head = connection.read_head()
            arrivals = []
            with pytest.raises(raw_http.ConnectionEnded):
                for _ in connection.pieces(head):
                    arrivals.append(time.monotonic())
    assert len(arrivals) == 2 and arrivals[1] - arrivals[0] > 0.08


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
