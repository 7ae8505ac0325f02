"""Answers of broken and hostile upstreams: a bad one is a 502, none becomes two, and none is passed off as complete."""

import pytest

from harness import bad_responses, mcp_requests, raw_http
from harness import recorder as upstreams
from harness.challenge import expect_upstream_failure


def expect_bad_gateway(response):
    expect_upstream_failure(response, 502)
    assert b"HIDDEN" not in response.body and not response.all("X-Hidden")


@pytest.mark.parametrize("data", bad_responses.HEADS)
@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_a_malformed_answer_is_502_and_its_connection_is_never_used_again(house, data):
    place = house["notion"]
    with house.gateway.connect() as connection:
        with place.recorder.answering(
            upstreams.raw(data, then="close" if len(data) < 20 or b"\r\n\r\n" not in data else "keep")
        ):
            expect_bad_gateway(connection.exchange(mcp_requests.post(place.host, place.path, house.token())))
        spoilt = place.recorder.requests[0].connection
        response = connection.exchange(mcp_requests.post(place.host, place.path, house.token()))
        assert (response.status, response.body) == (200, upstreams.JSON_RESULT)
    assert [each.connection == spoilt for each in place.recorder.requests] == [True, False], (
        "tried again or used again"
    )


@pytest.mark.parametrize("data", bad_responses.BODIES)
@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_an_answer_that_breaks_off_is_never_a_complete_one(house, data):
    place = house["notion"]
    with house.gateway.connect() as connection, place.recorder.answering(upstreams.raw(data, then="close")):
        connection.send(mcp_requests.post(place.host, place.path, house.token()))
        try:
            response = connection.read_response()
        except raw_http.ConnectionEnded:
            return
        assert response.status == 502, "a clean end of an answer that had none"


@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_bytes_behind_an_answer_are_not_the_answer_to_the_next_request(house):
    place = house["notion"]
    answer = bad_responses.head(b"Content-Length: 2", body=b"{}") + bad_responses.HIDDEN
    with place.recorder.answering(upstreams.raw(answer)):
        first = house.post(token=house.token())
    assert (first.status, first.body) == (200, b"{}")
    for _ in range(4):
        response = house.post(token=house.token())
        assert (response.status, response.body) == (200, upstreams.JSON_RESULT)


@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_an_unasked_answer_on_an_idle_connection_is_thrown_away(house):
    place = house["notion"]
    assert house.post(token=house.token()).status == 200
    for each in place.recorder.connections:
        if not each.ended.is_set():
            each.send(bad_responses.HIDDEN)
    for _ in range(4):
        response = house.post(token=house.token())
        assert (response.status, response.body) == (200, upstreams.JSON_RESULT)


def test_an_answer_without_length_ends_with_its_connection(house):
    with house["notion"].recorder.answering(upstreams.raw(bad_responses.head(body=b'{"a":1}'), then="close")):
        response = house.post(token=house.token())
    assert (response.status, response.body) == (200, b'{"a":1}')


@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_an_answer_of_http_1_0_is_relayed_as_1_1(house):
    data = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}"
    with house["notion"].recorder.answering(upstreams.raw(data, then="close")):
        response = house.post(token=house.token())
    assert (response.version, response.status, response.body) == (house.client.version, 200, b"{}")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_by_its_status_is_not_waited_for(house, status):
    data = b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status
    with house["notion"].recorder.answering(upstreams.raw(data)):
        with house.gateway.connect(timeout=3) as connection:
            response = connection.exchange(mcp_requests.post(house.authority, "/notion", house.token()))
            assert response.status in (status, 502) and (response.status == 502 or response.body == b"")
    assert house.post(token=house.token()).body == upstreams.JSON_RESULT


def test_interim_answers_do_not_end_the_exchange(house):
    final = bad_responses.head(b"Content-Length: 2", body=b"{}")
    data = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + final
    with house["notion"].recorder.answering(upstreams.raw(data)):
        response = house.post(token=house.token())
    assert (response.status, response.body) == (200, b"{}")
    assert set(response.interim) <= {100, 103}


def test_an_early_answer_to_an_unfinished_request_is_relayed(house):
    place = house["notion"]
    answer = b"HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    headers = mcp_requests.modern_headers(house.token()) + [("Content-Length", "3000000")]
    with (
        place.recorder.answering(None, on_head=upstreams.raw(answer, then="close")),
        house.gateway.connect() as connection,
    ):
        connection.send_as_far_as_possible(
            raw_http.request("POST", place.path, place.host, headers) + mcp_requests.call_of_size(3_000_000)
        )
        response = connection.read_response()
        assert response.status in (429, 502), response.status


@pytest.mark.http1("client", "it looks at the bytes that come")
def test_trailers_of_an_answer_cannot_bring_fields_of_the_gateway(house):
    body = b"2\r\n{}\r\n0\r\nWWW-Authenticate: Bearer x\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n"
    with house["notion"].recorder.answering(
        upstreams.raw(bad_responses.head(b"Transfer-Encoding: chunked", body=body))
    ):
        with house.gateway.connect() as connection:
            connection.send(mcp_requests.post(house.authority, "/notion", house.token()))
            raw = b""
            try:
                connection.socket.settimeout(0.5)
                while piece := connection.socket.recv(65536):
                    raw += piece
            except TimeoutError:
                pass
    assert b"Set-Cookie" not in raw and b"Bearer x" not in raw and b"Content-Length: 9" not in raw


@pytest.mark.http1("upstream", "its bytes are broken HTTP/1.1")
def test_a_hostile_upstream_harms_no_other_route(house):
    for data in [each.values[0] for each in bad_responses.HEADS[:10]]:
        with house["notion"].recorder.answering(upstreams.raw(data, then="close")):
            house.post(token=house.token())
        assert house.post("nested", house.token("nested")).body == upstreams.JSON_RESULT
