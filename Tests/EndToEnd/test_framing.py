"""Bytes that are not a request, or not one request (cases 130 to 132): refused, closed, and nothing forwarded."""

import time

import pytest

from harness import bad_requests, mcp_requests, raw_http
from harness.raw_http import ConnectionEnded


def fill(house, data):
    host = house["notion"].host
    return data.replace(b"{host}", host.encode()).replace(b"{token}", house.token().encode())


def expect_refused_and_closed(house, data, statuses):
    with house.gateway.connect() as connection:
        # A good request follows at once: whoever finds a second request in this stream has been desynchronised.
        connection.send_as_far_as_possible(fill(house, data + bad_requests.build([])))
        response = connection.read_response()
        assert response.status in statuses, (response.status, response.body)
        assert (response.one("Connection") or "").lower() == "close"
        assert connection.is_closed_by_peer()


@pytest.mark.parametrize("data, statuses", bad_requests.FRAMING + bad_requests.LINES)
@pytest.mark.http1("client", "its bytes are broken HTTP/1.1")
def test_case_131_a_malformed_head_is_refused_and_the_connection_closed(house, data, statuses):
    expect_refused_and_closed(house, data, statuses)
    house.assert_nothing_forwarded()


@pytest.mark.parametrize("data, statuses", bad_requests.CHUNKS)
@pytest.mark.http1("client", "its bytes are broken HTTP/1.1")
def test_case_131_a_malformed_chunked_body_never_becomes_a_complete_request(house, data, statuses):
    expect_refused_and_closed(house, data, statuses)
    time.sleep(0.02)
    # The head may have been on its way already; what counts is that no upstream saw an end of the message.
    assert house["notion"].recorder.requests == []


@pytest.mark.parametrize(
    "data", [each.values[0] for each in bad_requests.FRAMING[:4] + bad_requests.LINES[:3]]
)
@pytest.mark.http1("client", "its bytes are broken HTTP/1.1")
def test_a_malformed_request_sent_byte_by_byte_is_refused_all_the_same(house, data):
    data = fill(house, data)
    with house.gateway.connect() as connection:
        for start in range(0, len(data), 37):
            connection.send_as_far_as_possible(data[start : start + 37])
            time.sleep(0.0005)
        assert connection.read_response().status in (400, 501)
        assert connection.is_closed_by_peer()
    house.assert_nothing_forwarded()


@pytest.mark.parametrize("target", bad_requests.TARGETS)
def test_case_132_a_path_that_is_not_exactly_a_route_never_reaches_one(house, target):
    target = target.replace("http://", f"{house.scheme}://").replace("{host}", house.authority)
    response = house.post(token=house.token(), target=target)
    assert response.status in (400, 404), response.status
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "target",
    [
        "/tree/../notion",
        "/tree/%2e%2e/notion",
        "/tree/./x",
        "/tree//x",
        "/tree/a%2fb",
        "/tree/a%5cb",
        "/tree/a\\b",
        "/tree/a;b",
        "/tree/%00",
    ],
)
def test_case_132_subpaths_refuse_what_servers_read_in_different_ways(house, target):
    response = house.post("tree", house.token("tree"), target=target)
    assert response.status == 400, response.status
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "path, upstream",
    [
        ("/tree", "/mcp"),
        ("/tree/x", "/mcp/x"),
        ("/tree/x/y?q=1", "/mcp/x/y?q=1"),
        ("/tree/a%20b", "/mcp/a%20b"),
    ],
)
def test_subpaths_go_to_the_same_place_below_the_upstream(house, path, upstream):
    assert house.post("tree", house.token("tree"), target=path).status == 200
    assert house["tree"].recorder.the_request().target == upstream


def test_subpaths_are_whole_segments(house):
    assert house.post("tree", house.token("tree"), target="/treehouse").status == 404
    house.assert_nothing_forwarded()


def test_the_query_goes_on_unchanged(house):
    assert house.post(token=house.token(), target="/notion?a=%2F&b=;c&d=%zz'").status in (200, 400)
    house.clear()
    assert house.post(token=house.token(), target="/notion?a=%2F&b=;c&d=..//..").status == 200
    assert house["notion"].recorder.the_request().target == "/mcp?a=%2F&b=;c&d=..//.."


@pytest.mark.http1("client", "its bytes are broken HTTP/1.1")
def test_an_empty_line_before_a_request_is_ignored_or_refused_but_never_forwarded(house):
    data = b"\r\n" + mcp_requests.post(house.authority, "/notion", house.token())
    with house.gateway.connect() as connection:
        response = connection.exchange(data)
        if response.status == 200:
            assert house["notion"].recorder.the_request().head.startswith(b"POST ")
        else:
            assert response.status == 400 and connection.is_closed_by_peer()
            house.assert_nothing_forwarded()


@pytest.mark.http1("client", "frames have their own ends")
def test_a_request_in_single_bytes_is_a_request(house):
    data = mcp_requests.post(house.authority, "/notion", house.token())
    with house.gateway.connect() as connection:
        for byte in data:
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200
    assert house["notion"].recorder.the_request().body == mcp_requests.call()


@pytest.mark.http1("client", "HTTP/2 answers in any order")
def test_two_requests_in_one_packet_are_answered_in_order(house):
    first = mcp_requests.post(house.authority, "/notion", house.token(), body=mcp_requests.call(identifier=1))
    refused = mcp_requests.post(house.authority, "/notion")
    third = mcp_requests.post(house.authority, "/a/b/mcp", house.token("nested"))
    with house.gateway.connect() as connection:
        connection.send(first + refused + third)
        assert [connection.read_response().status for _ in range(3)] == [200, 401, 200]
    assert len(house["notion"].recorder.requests) == len(house["nested"].recorder.requests) == 1


@pytest.mark.http1("client", "its bytes are broken HTTP/1.1")
def test_a_bad_request_after_a_good_one_is_refused_after_the_good_answer(house):
    good = mcp_requests.post(house.authority, "/notion", house.token())
    bad = fill(house, bad_requests.FRAMING[0].values[0])
    with house.gateway.connect() as connection:
        connection.send(good + bad)
        assert connection.read_response().status == 200
        assert connection.read_response().status == 400
        assert connection.is_closed_by_peer()
    assert len(house["notion"].recorder.requests) == 1


def test_fifty_pipelined_requests_all_arrive(house):
    one = mcp_requests.post(house.authority, "/notion", house.token())
    with house.gateway.connect() as connection:
        connection.send(one * 50)
        assert [connection.read_response().status for _ in range(50)] == [200] * 50
    assert len(house["notion"].recorder.requests) == 50


def expecting(house, token, value="100-continue", version="HTTP/1.1"):
    headers = mcp_requests.modern_headers(token) + [
        ("Expect", value),
        ("Content-Length", str(len(mcp_requests.call()))),
    ]
    return raw_http.request("POST", "/notion", house.authority, headers, version=version)


def test_a_client_that_waits_for_100_is_told_to_go_on(house):
    with house.gateway.connect() as connection:
        connection.send(expecting(house, house.token()))
        assert connection.read_head().status == 100
        connection.send(mcp_requests.call())
        assert connection.read_response().status == 200
    assert house["notion"].recorder.the_request().body == mcp_requests.call()


def test_a_client_that_waits_for_100_gets_the_refusal_instead(house):
    with house.gateway.connect() as connection:
        connection.send(expecting(house, None))
        response = connection.read_response()
        assert response.status == 401 and response.interim == []
    house.assert_nothing_forwarded()


def test_an_unknown_expectation_is_417(house):
    with house.gateway.connect() as connection:
        assert connection.exchange(expecting(house, house.token(), "200-maybe")).status in (400, 417)
    house.assert_nothing_forwarded()


@pytest.mark.http1("client", "it speaks HTTP/1.0")
def test_a_client_of_http_1_0_gets_no_100_and_no_chunks(house):
    with house.gateway.connect() as connection:
        connection.send(expecting(house, house.token(), version="HTTP/1.0") + mcp_requests.call())
        response = connection.read_response()
        assert response.status == 200 and response.interim == []
        assert not response.all("Transfer-Encoding")
        assert connection.is_closed_by_peer()


@pytest.mark.http1("client", "it speaks HTTP/1.0")
def test_http_1_0_keeps_the_connection_only_when_asked_to(house):
    headers = mcp_requests.modern_headers(house.token()) + [("Connection", "keep-alive")]
    data = raw_http.request(
        "POST", "/notion", house.authority, headers, mcp_requests.call(), version="HTTP/1.0"
    )
    with house.gateway.connect() as connection:
        first = connection.exchange(data)
        assert first.status == 200
        if (first.one("Connection") or "").lower() == "keep-alive":
            assert connection.exchange(data).status == 200
        else:
            assert connection.is_closed_by_peer()


@pytest.mark.http1("client", "HTTP/2 has no Connection field")
def test_a_connection_is_kept_until_the_client_says_close(house):
    with house.gateway.connect() as connection:
        for _ in range(3):
            assert (
                connection.exchange(mcp_requests.post(house.authority, "/notion", house.token())).status
                == 200
            )
        last = mcp_requests.post(house.authority, "/notion", house.token(), extra=[("Connection", "close")])
        response = connection.exchange(last)
        assert response.status == 200 and response.one("Connection").lower() == "close"
        assert connection.is_closed_by_peer()


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
@pytest.mark.http1("client", "HTTP/2 has no Connection field")
def test_an_upgrade_is_refused_or_ignored_and_never_forwarded(house, upgrade):
    extra = [
        ("Upgrade", upgrade),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ]
    response = house.post(token=house.token(), extra=extra)
    assert response.status in (200, 501)
    for seen in house["notion"].recorder.requests:
        assert not seen.names & {"upgrade", "http2-settings"}


@pytest.mark.http1("client", "a head that drips in lines")
def test_a_head_that_never_ends_is_cut_off(single):
    gateway = single.start(single.configuration(limits={"header_timeout": "1s"}))
    with gateway.connect() as connection:
        connection.socket.settimeout(0.1)
        connection.send(b"POST /mcp HTTP/1.1\r\nHost: " + single.host.encode() + b"\r\n")
        started, answer = time.monotonic(), None
        while answer is None and time.monotonic() - started < 8:
            connection.send_as_far_as_possible(b"X-Drip: a\r\n")
            try:
                answer = connection.socket.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:
                answer = b""
        assert 0.8 < time.monotonic() - started < 6, "each byte of a slow head must not renew the limit"
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_in_time(single):
    gateway = single.start(single.configuration(limits={"idle_timeout": "1s"}))
    with gateway.connect() as connection:
        connection.exchange(mcp_requests.post(single.host, "/mcp"))
        assert connection.is_closed_by_peer(within=3)


def test_connections_over_the_limit_do_not_end_the_others(single):
    gateway = single.start(single.configuration(limits={"connections": 8}))
    first = gateway.connect()
    assert first.exchange(mcp_requests.post(single.host, "/mcp")).status == 401
    crowd = []
    for _ in range(40):
        try:
            crowd.append(gateway.connect(timeout=2))
        except OSError:
            break
    try:
        assert first.exchange(mcp_requests.post(single.host, "/mcp", single.token())).status == 200
    except ConnectionEnded:
        pytest.fail("an established connection was given up for a new one")
    finally:
        for each in [first, *crowd]:
            each.close()
    gateway.wait_until(lambda: gateway.health() == 200, 5, "accepting again")
