"""What of a request reaches the upstream, and what of an answer reaches the client (cases 166 to 169)."""

import re

import pytest

from harness import mcp_requests
from harness import recorder as upstreams

SECRETS = [
    ("Cookie", "session=1"),
    ("Proxy-Authorization", "Basic YTpi"),
    ("Client-Cert", ":MIIB:"),
    ("Client-Cert-Chain", ":MIIB:"),
    ("X-Forwarded-Client-Cert", "By=evil"),
    ("X-Real-IP", "10.9.8.7"),
    ("X-User", "admin"),
    ("X-Forwarded-User", "admin"),
    ("X-Forwarded-Email", "a@b"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Server", "evil"),
    ("Forwarded", "for=10.9.8.7;host=evil"),
]
UNDERSCORES = [
    ("X_User", "admin"),
    ("X_Forwarded_For", "10.9.8.7"),
    ("x_real_ip", "10.9.8.7"),
    ("Mcp_Method", "x"),
    ("Content_Length", "0"),
    ("Transfer_Encoding", "chunked"),
]
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
}


def forwarded(house, name="notion", extra=None, **changes):
    response = house.post(name, house.token(name), extra=extra, **changes)
    assert response.status == 200, (response.status, response.body)
    return house[name].recorder.the_request()


def test_case_166_the_validated_token_goes_on_unchanged(house):
    token = house.token()
    assert house.post(token=token).status == 200
    assert house["notion"].recorder.the_request().all("Authorization") == [f"Bearer {token}"]


def test_case_166_strip_sends_no_token(house):
    seen = forwarded(house, "strip")
    assert not seen.all("Authorization")
    assert house.token("strip")[:20].encode() not in seen.head


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, str.swapcase])
@pytest.mark.parametrize("field", [name for name, _ in SECRETS])
def test_case_167_168_fields_that_speak_for_the_gateway_are_removed(house, field, spell):
    value = dict(SECRETS)[field]
    seen = forwarded(house, extra=[(spell(field), value), (spell(field), value + "2")])
    assert value not in ",".join(seen.all(field)), seen.all(field)


@pytest.mark.parametrize("name, value", UNDERSCORES)
def test_case_168_names_with_underscores_are_not_forwarded(house, name, value):
    seen = forwarded(house, extra=[(name, value)])
    assert not [each for each in seen.names if "_" in each]
    assert seen.body == mcp_requests.call()


def test_case_167_the_gateway_says_who_asked_and_for_what(house):
    lies = [
        ("X-Forwarded-For", "10.9.8.7"),
        ("X-Forwarded-Proto", "http" if house.scheme == "https" else "https"),
        ("X-Forwarded-Host", "evil.example"),
    ]
    for seen in (forwarded(house), (house.clear(), forwarded(house, extra=lies))[1]):
        assert seen.all("X-Forwarded-For") == ["127.0.0.1"]
        assert seen.all("X-Forwarded-Proto") == [house.scheme]
        assert seen.all("X-Forwarded-Host") == [house.authority]


def test_via_names_the_protocol_and_keeps_what_was_there(house):
    version = r"2(\.0)?" if house.uses_http2 else r"1\.1"
    assert re.fullmatch(version + r" \S+", forwarded(house).one("Via"))
    house.clear()
    chain = ",".join(forwarded(house, extra=[("Via", "1.1 first")]).all("Via"))
    assert re.fullmatch(r"1\.1 first, ?" + version + r" \S+", chain), chain


def test_a_trace_is_begun_or_continued(house):
    fresh = forwarded(house).one("traceparent")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fresh)
    house.clear()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    continued = forwarded(
        house, extra=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01"), ("tracestate", "a=b")]
    )
    assert continued.one("traceparent").split("-")[1] == trace
    assert continued.one("tracestate") == "a=b"


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_a_broken_trace_is_begun_anew(house, broken):
    seen = forwarded(house, extra=[("traceparent", broken)]).one("traceparent")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", seen)
    assert seen.split("-")[1] not in ("0" * 32, "4bf92f3577b34da6a3ce929d0e0e4736")


@pytest.mark.parametrize(
    "named", ["X-Forwarded-For", "Via", "traceparent", "X-Forwarded-Proto", "X-Forwarded-Host"]
)
@pytest.mark.http1("client", "HTTP/2 has no Connection field")
def test_case_169_connection_cannot_remove_the_fields_of_the_gateway(house, named):
    response = house.post(token=house.token(), extra=[("Connection", f"close, {named}")])
    assert response.status in (200, 400)
    if response.status == 200:
        assert named.lower() in house["notion"].recorder.the_request().names
    else:
        house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "named", ["Authorization", "Host", "Content-Length", "Content-Type", "Mcp-Method", "MCP-Protocol-Version"]
)
@pytest.mark.http1("client", "HTTP/2 has no Connection field")
def test_connection_cannot_remove_what_was_checked(house, named):
    response = house.post(token=house.token(), extra=[("Connection", named)])
    if response.status == 200:
        seen = house["notion"].recorder.the_request()
        assert named.lower() in seen.names and seen.body == mcp_requests.call()
    else:
        assert response.status == 400
        house.assert_nothing_forwarded()


@pytest.mark.http1("client", "HTTP/2 has no Connection field")
def test_hop_by_hop_fields_end_at_the_gateway(house):
    extra = [
        ("Connection", "close, X-Private"),
        ("X-Private", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Connection", "x"),
        ("Trailer", "X"),
    ]
    seen = forwarded(house, extra=extra)
    assert not seen.names & (HOP_BY_HOP - {"connection"}) and "x-private" not in seen.names
    assert seen.all("Connection") in ([], ["keep-alive"])


def test_everything_else_goes_on_unchanged(house):
    kept = [
        ("Mcp-Param-Region", "=?base64?ZXU=?="),
        ("X-Custom", 'a "b"  c'),
        ("Accept-Language", "de;q=0.5"),
        ("User-Agent", "test/1"),
    ]
    seen = forwarded(house, extra=kept)
    for name, value in kept + mcp_requests.modern_headers():
        assert seen.all(name) == [value], name


def test_case_115_sessions_and_cursors_mean_nothing_to_a_modern_request(house):
    seen = forwarded(house, extra=[("Mcp-Session-Id", "x"), ("Last-Event-ID", "1")])
    assert not seen.all("Mcp-Session-Id") and not seen.all("Last-Event-ID")
    assert not answered(house, [("Mcp-Session-Id", "abc")]).all("Mcp-Session-Id")


def test_repeated_fields_keep_their_order(house):
    values = forwarded(house, extra=[("X-Many", "1"), ("X-Other", "x"), ("X-Many", "2")]).all("X-Many")
    assert ",".join(values).replace(" ", "") == "1,2"


def answered(house, headers, status=200, **changes):
    with house["notion"].recorder.answering(upstreams.canned(status, headers)):
        return house.post(token=house.token(), **changes)


@pytest.mark.parametrize(
    "name, value",
    [
        ("WWW-Authenticate", 'Bearer resource_metadata="https://evil.example"'),
        ("Proxy-Authenticate", "Basic"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Headers", "*"),
        ("Set-Cookie", "a=b"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("Trailer", "X"),
    ],
)
def test_fields_of_an_answer_that_are_not_the_upstreams_business_are_dropped(house, name, value):
    assert value not in answered(house, [(name, value)]).all(name)


@pytest.mark.http1("upstream", "HTTP/2 has no Connection field")
def test_fields_that_an_answer_names_as_hop_by_hop_are_dropped(house):
    response = answered(house, [("Connection", "X-Private"), ("X-Private", "1"), ("X-Public", "2")])
    assert not response.all("X-Private") and response.all("X-Public") == ["2"]


def test_the_rest_of_an_answer_is_relayed(house):
    kept = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Cache-Control", "no-store"),
        ("X-Custom", "1"),
        ("ETag", '"x"'),
    ]
    response = answered(house, kept)
    for name, value in kept:
        assert response.all(name) == [value]
    assert response.all("Date") and response.body == upstreams.JSON_RESULT


@pytest.mark.parametrize("status", [200, 202, 204, 400, 404, 405, 409, 413, 422, 429, 500, 501, 503])
def test_case_164_an_answer_of_the_upstream_is_relayed_bit_for_bit(house, status):
    body = b'{"jsonrpc": "2.0",\n "id": 7, "error": {"code": -32021, "message": "\xc3\xa4"}}'
    with house["notion"].recorder.answering(
        upstreams.canned(status, [("X-From", "upstream")], b"" if status == 204 else body)
    ):
        response = house.post(token=house.token())
    assert (response.status, response.all("X-From")) == (status, ["upstream"])
    assert response.body == (b"" if status == 204 else body)


def test_an_answer_of_403_loses_its_challenge(house):
    response = answered(house, [("WWW-Authenticate", 'Bearer error="insufficient_scope"')], 403)
    assert response.status == 403 and not response.all("WWW-Authenticate")
    assert response.body == upstreams.JSON_RESULT


def test_case_162_an_answer_of_401_is_the_fault_of_the_set_up(house):
    challenge = 'Bearer resource_metadata="https://upstream.example/.well-known/oauth-protected-resource"'
    response = answered(house, [("WWW-Authenticate", challenge)], 401)
    assert response.status == 502
    assert b"upstream.example" not in response.body and not response.all("WWW-Authenticate")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_case_163_a_redirect_is_not_followed_and_not_relayed(house, status):
    target = house["nested"].recorder
    response = answered(house, [("Location", f"{target.url}/stolen")], status)
    assert response.status == 502 and not response.all("Location")
    target.assert_untouched()


@pytest.mark.parametrize(
    "resource_path, upstream_path, asked, expected",
    [
        ("/a", "", "/a/x", "/x"),
        ("/a", "/", "/a/evil.example/y", "/evil.example/y"),
        ("/a", "/", "/a", "/"),
        ("/a", "/base", "/a/x", "/base/x"),
        ("", "", "/mcp", "/mcp"),
        ("", "/", "/", "/"),
        ("", "/mcp", "/", "/mcp"),
        ("", "/mcp", "/x", "/mcp/x"),
    ],
)
def test_the_path_of_the_upstream_takes_the_place_of_the_resource_s(
    single, resource_path, upstream_path, asked, expected
):
    configuration = single.configuration()
    single.resource = single.at(resource_path)
    configuration["routes"][0] |= {
        "resource": single.resource,
        "subpaths": True,
        "upstream": single.upstream(single.endpoint(path=upstream_path)),
    }
    gateway = single.start(configuration)
    assert gateway.exchange(mcp_requests.post(single.host, asked, single.token())).status == 200
    assert single.recorder.the_request().target == expected


@pytest.mark.parametrize("name", ["X-Accel-Redirect", "X-Accel-Charset", "X-Sendfile", "Refresh"])
def test_a_field_that_a_proxy_in_front_would_obey_is_not_relayed(house, name):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{name}: /internal\r\nContent-Length: 2\r\n\r\n{{}}"
    with house["notion"].recorder.answering(upstreams.raw(head.encode())):
        response = house.post(token=house.token())
    assert response.status == 200 and not response.all(name)
