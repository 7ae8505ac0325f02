"""What a request body may be: its type, coding, size, and that it arrives unchanged (cases 125 to 133)."""

import hashlib
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness.challenge import expect_error_body

MIB = 1024 * 1024
LIMIT = 4 * MIB


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/jsonp",
        "application/x-json",
        "text/json",
        "application/json, text/plain",
        "",
        "json",
        "multipart/form-data",
        "application/json/x",
    ],
)
def test_case_125_another_content_type_is_415(house, content_type):
    response = house.post(token=house.token(), Content_Type=content_type)
    assert response.status == 415, response.status
    house.assert_nothing_forwarded()


def test_case_125_no_content_type_is_415(house):
    assert house.post(token=house.token(), without=("Content-Type",)).status == 415
    house.assert_nothing_forwarded()


def test_case_125_two_content_types_are_refused(house):
    response = house.post(token=house.token(), extra=[("Content-Type", "text/plain")])
    assert response.status in (400, 415)
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=UTF-8",
        'application/json ; charset="utf-8"',
    ],
)
def test_case_125_json_with_parameters_passes_unchanged(house, content_type):
    assert house.post(token=house.token(), Content_Type=content_type).status == 200
    assert house["notion"].recorder.the_request().one("Content-Type") == content_type


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "x-gzip", "gzip, identity"])
def test_case_126_a_compressed_body_is_415(house, coding):
    response = house.post(token=house.token(), extra=[("Content-Encoding", coding)])
    assert response.status == 415, response.status
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "accept",
    ["application/json", "text/event-stream", "text/html"],
)
def test_case_127_a_modern_client_must_accept_both_forms_of_answer(house, accept):
    assert house.post(token=house.token(), Accept=accept).status == 406
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json, text/event-stream",
        "text/event-stream,application/json;q=0.5",
        "application/*, text/*",
    ],
)
def test_case_128_wildcards_and_any_order_are_accepted(house, accept):
    assert house.post(token=house.token(), Accept=accept).status == 200


@pytest.mark.parametrize(
    "changes",
    [{"Content_Type": "text/plain"}, {"Accept": "text/html"}, {"extra": [("Content-Encoding", "gzip")]}],
)
def test_content_is_looked_at_only_after_the_token(house, changes):
    assert house.post(**changes).status == 401
    assert house.post(token="bad", **changes).status == 401


@pytest.mark.parametrize("size", [400, 4096, 65_535, 65_536, MIB + 1, LIMIT - 1, LIMIT])
def test_case_133_the_upstream_gets_the_bytes_of_the_client(house, size):
    body = mcp_requests.call_of_size(size)
    assert len(body) == size
    assert house.post(token=house.token(), body=body).status == 200
    assert house["notion"].recorder.the_request().sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("piece", [1, 7, 1000, 65_536])
def test_case_133_a_chunked_body_arrives_whole(house, piece):
    body = mcp_requests.call_of_size(400 if piece == 1 else 300_000)
    chunks = raw_http.chunked(*(body[start : start + piece] for start in range(0, len(body), piece)))
    response = house.post(token=house.token(), body=chunks, extra=[("Transfer-Encoding", "chunked")])
    assert response.status == 200
    assert house["notion"].recorder.the_request().sha256 == hashlib.sha256(body).hexdigest()


def test_trailers_and_chunk_extensions_are_not_passed_on(house):
    body = mcp_requests.call()
    chunks = b"%x;ext=1\r\n%s\r\n0\r\nX-Late: 1\r\n\r\n" % (len(body), body)
    assert (
        house.post(token=house.token(), body=chunks, extra=[("Transfer-Encoding", "chunked")]).status == 200
    )
    recorder = house["notion"].recorder
    assert recorder.the_request().body == body
    received = b"".join(each.received for each in recorder.connections)
    assert b"ext=1" not in received and b"x-late" not in received.lower()


def test_case_129_a_length_over_the_limit_is_413_at_once(house):
    headers = mcp_requests.modern_headers(house.token()) + [("Content-Length", str(LIMIT + 1))]
    with house.gateway.connect() as connection:
        connection.send(raw_http.request("POST", "/notion", house.authority, headers))
        expect_error_body(connection.read_response(), 413)
    house.assert_nothing_forwarded()


def test_case_129_a_chunked_body_over_the_limit_is_413_and_never_complete(house):
    body = mcp_requests.call_of_size(LIMIT + 1)
    data = mcp_requests.post(
        house.authority,
        "/notion",
        house.token(),
        body=raw_http.chunked(*(body[start : start + 65_536] for start in range(0, len(body), 65_536))),
        extra=[("Transfer-Encoding", "chunked")],
    )
    with house.gateway.connect() as connection:
        connection.send_as_far_as_possible(data)
        assert connection.read_response().status == 413
        assert connection.refuses_the_rest()
    assert house["notion"].recorder.requests == []


def test_case_129_an_unauthenticated_body_over_the_limit_is_401_not_413(house):
    headers = mcp_requests.modern_headers() + [("Content-Length", str(LIMIT + 1))]
    with house.gateway.connect() as connection:
        connection.send(raw_http.request("POST", "/notion", house.authority, headers))
        assert connection.read_response().status == 401


def test_the_limit_of_a_body_is_configurable(single):
    gateway = single.start(single.configuration(limits={"body_bytes": "1KiB"}))
    for size, status in ((1024, 200), (1025, 413)):
        response = gateway.exchange(
            mcp_requests.post(single.host, "/mcp", single.token(), body=mcp_requests.call_of_size(size))
        )
        assert response.status == status


def test_the_limit_of_a_head_is_configurable(single):
    gateway = single.start(single.configuration(limits={"header_bytes": "4KiB"}))
    for size, status in ((1000, 200), (5000, 431)):
        extra = [("X-Long", "x" * size)]
        response = gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token(), extra=extra))
        assert response.status == status
    assert len(single.recorder.requests) == 1


def test_a_body_that_ends_early_is_never_a_complete_request(house):
    headers = mcp_requests.modern_headers(house.token()) + [("Content-Length", "1000")]
    with house.gateway.connect() as connection:
        connection.send(raw_http.request("POST", "/notion", house.authority, headers) + b'{"half":')
        time.sleep(0.1)
    time.sleep(0.2)
    assert house["notion"].recorder.requests == []


def test_many_bodies_at_once_do_not_mix(house):
    token, failures = house.token(), []

    def one(number):
        body = mcp_requests.call_of_size(50_000 + number)
        if house.post(token=token, body=body).status != 200:
            failures.append(number)
        sent.add(hashlib.sha256(body).hexdigest())

    sent: set[str] = set()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {each.sha256 for each in house["notion"].recorder.wait_for(30)} == sent


def test_a_request_without_a_body_is_not_given_one(house):
    house.gateway.exchange(mcp_requests.get(house.authority, "/notion", house.token()))
    seen = house["notion"].recorder.the_request()
    assert not seen.all("Transfer-Encoding") and seen.one("Content-Length") in (None, "0")
