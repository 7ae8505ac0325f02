"""Browsers: Origin, Host, CORS (cases 81 to 90)."""

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.challenge import expect_no_credentials
from harness.house import ORIGIN

EXPOSED = {
    "www-authenticate",
    "mcp-session-id",
    "mcp-protocol-version",
    "last-event-id",
    "dpop-nonce",
    "retry-after",
}
ASKED = "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, mcp-param-region"


def names(value):
    return {each.strip().lower() for each in value.split(",")}


def cors_fields(response):
    return [name for name, _ in response.headers if name.lower().startswith("access-control-")]


def expect_cors(response):
    assert response.all("Access-Control-Allow-Origin") == [ORIGIN]
    assert "origin" in names(",".join(response.all("Vary")))
    assert EXPOSED <= names(response.one("Access-Control-Expose-Headers"))
    assert not response.all("Access-Control-Allow-Credentials")


def preflight(house, origin, method="POST", headers=ASKED, extra=()):
    fields = [("Origin", origin), ("Access-Control-Request-Method", method), *extra]
    if headers:
        fields.append(("Access-Control-Request-Headers", headers))
    return house.get("/notion", headers=fields, method="OPTIONS")


EVIL = [
    pytest.param(["https://evil.example"], id="case-81"),
    pytest.param(["null"], id="case-82-null"),
    pytest.param([ORIGIN, "https://evil.example"], id="case-82-two-fields"),
    pytest.param([ORIGIN, ORIGIN], id="case-82-twice-the-good-one"),
    pytest.param(["https://app.example.evil.com"], id="case-82-suffix"),
    pytest.param(["http://app.example"], id="other-scheme"),
    pytest.param(["https://app.example:444"], id="other-port"),
    pytest.param(["https://app.example/"], id="slash"),
    pytest.param(["https://APP.example"], id="case"),
    pytest.param([f"{ORIGIN} https://evil.example"], id="list-in-one-field"),
    pytest.param([f"{ORIGIN}, https://evil.example"], id="comma-list"),
    pytest.param([""], id="empty"),
    pytest.param(["*"], id="star"),
    pytest.param(["https://evilapp.example"], id="prefix"),
]


@pytest.mark.parametrize("with_token", [False, True])
@pytest.mark.parametrize("origins", EVIL)
def test_case_81_82_another_origin_is_403_before_any_token_is_looked_at(house, origins, with_token):
    token = house.token() if with_token else None
    response = house.post(token=token, extra=[("Origin", each) for each in origins])
    assert response.status == 403, response.status
    assert not cors_fields(response) and not response.all("WWW-Authenticate")
    house.assert_nothing_forwarded()


def test_a_route_without_origins_admits_no_browser(house):
    assert house.post("nested", house.token("nested"), extra=[("Origin", ORIGIN)]).status == 403
    house.assert_nothing_forwarded()


def test_case_83_an_allowed_origin_gets_its_fields(house):
    response = house.post(token=house.token(), extra=[("Origin", ORIGIN)])
    assert response.status == 200
    expect_cors(response)


def test_case_84_a_refusal_can_be_read_by_the_allowed_origin(house):
    response = house.post(extra=[("Origin", ORIGIN)])
    expect_no_credentials(response, house["notion"].resource, "notion.read")
    expect_cors(response)


@pytest.mark.parametrize(
    "make, status",
    [
        (lambda house: dict(token="bad"), 401),
        (lambda house: dict(token=house.token(scope="other")), 403),
        (lambda house: dict(token=house.token(), Content_Type="text/plain"), 415),
        (lambda house: dict(token=house.token(), target="/notion?access_token=x"), 400),
    ],
)
def test_every_later_refusal_can_be_read_by_the_allowed_origin(house, make, status):
    response = house.post(extra=[("Origin", ORIGIN)], **make(house))
    assert response.status == status
    expect_cors(response)


def test_failures_of_the_upstream_can_be_read_by_the_allowed_origin(house):
    with house["notion"].recorder.answering(upstreams.reset_at_once):
        response = house.post(token=house.token(), extra=[("Origin", ORIGIN)])
    assert response.status == 502
    expect_cors(response)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_case_85_the_preflight_of_an_allowed_origin_is_answered_here(house, method):
    response = preflight(house, ORIGIN, method)
    assert response.status == 204 and response.body == b""
    assert response.all("Access-Control-Allow-Origin") == [ORIGIN]
    assert names(response.one("Access-Control-Allow-Methods")) - {"head"} == {
        "get",
        "post",
        "delete",
        "options",
    }
    allowed = names(response.one("Access-Control-Allow-Headers"))
    assert (
        names(ASKED) | {"accept", "mcp-session-id", "last-event-id", "dpop", "traceparent", "tracestate"}
        <= allowed
    )
    assert int(response.one("Access-Control-Max-Age")) > 0
    varies = names(",".join(response.all("Vary")))
    assert {"origin", "access-control-request-method", "access-control-request-headers"} <= varies
    assert not response.all("Access-Control-Allow-Credentials")
    house.assert_nothing_forwarded()


def test_a_preflight_is_granted_nothing_that_is_not_on_the_list(house):
    response = preflight(
        house, ORIGIN, headers="cookie, x-evil, mcp-param-ok, mcp-paramx, mcp-param-a b, mcp-param-"
    )
    allowed = names(response.one("Access-Control-Allow-Headers"))
    assert "mcp-param-ok" in allowed
    assert not allowed & {"cookie", "x-evil", "mcp-paramx", "mcp-param-a b", "mcp-param-", "*"}


def test_a_preflight_for_a_private_network_is_not_granted(house):
    response = preflight(house, ORIGIN, extra=[("Access-Control-Request-Private-Network", "true")])
    assert not response.all("Access-Control-Allow-Private-Network")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.com"])
def test_case_86_the_preflight_of_another_origin_is_403(house, origin):
    response = preflight(house, origin)
    assert response.status == 403 and not cors_fields(response)
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:99999", "localhost.evil.example", "[::1]"]
)
@pytest.mark.parametrize("origin", [None, "https://evil.example", ORIGIN])
def test_case_87_an_unknown_host_is_421(house, host, origin):
    extra = [("Origin", origin)] if origin else []
    response = house.post(token=house.token(), host=host, extra=extra)
    assert response.status == (421 if host != "127.0.0.1:99999" else response.status)
    assert response.status in (400, 421)
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "target",
    [
        "{scheme}://evil.example/notion",
        "{scheme}://{host}/notion",
        "{scheme}://evil@{host}/notion",
    ],
)
def test_case_88_an_absolute_target_must_agree_with_host(house, target):
    place = house["notion"]
    response = house.post(token=house.token(), target=target.format(scheme=house.scheme, host=place.host))
    assert response.status == (200 if target == "{scheme}://{host}/notion" else 400), response.status
    if response.status == 400:
        house.assert_nothing_forwarded()
    else:
        assert place.recorder.the_request().target == "/mcp"


def test_case_88_the_host_field_does_not_win_over_an_absolute_target(house):
    place = house["notion"]
    data = mcp_requests.post("evil.example", f"{house.scheme}://{place.host}/notion", house.token())
    assert house.gateway.exchange(data).status == 400
    house.assert_nothing_forwarded()


def test_case_89_cors_fields_of_the_upstream_are_replaced(house):
    own = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("access-control-expose-headers", "X-Evil"),
    ]
    with house["notion"].recorder.answering(upstreams.canned(headers=own)):
        browser = house.post(token=house.token(), extra=[("Origin", ORIGIN)])
        program = house.post(token=house.token())
    expect_cors(browser)
    assert "x-evil" not in names(browser.one("Access-Control-Expose-Headers"))
    assert not cors_fields(program)


def test_case_90_the_upstream_sees_its_own_host_and_no_origin(house):
    place = house["notion"]
    assert house.post(token=house.token(), extra=[("Origin", ORIGIN)]).status == 200
    seen = place.recorder.the_request()
    assert seen.one("Host") == f"127.0.0.1:{place.recorder.port}"
    assert not seen.all("Origin")


@pytest.mark.parametrize(
    "method", ["PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "BREW", "get", "post", "PRI"]
)
def test_case_121_methods_that_mcp_does_not_have_are_refused(house, method):
    place = house["notion"]
    data = raw_http.request(method, place.path, place.host, [("Authorization", f"Bearer {house.token()}")])
    response = house.gateway.exchange(data, method)
    assert response.status in ((400, 405, 501) if method in ("CONNECT", "PRI") else (405, 501)), (
        response.status
    )
    if response.status == 405:
        assert {"GET", "POST", "DELETE"} <= {each.strip() for each in response.one("Allow").split(",")}
    house.assert_nothing_forwarded()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_methods_of_the_2025_revisions_are_forwarded(house, method):
    place = house["notion"]
    response = house.gateway.exchange(mcp_requests.get(place.host, place.path, house.token(), method=method))
    assert response.status == 200
    assert place.recorder.the_request().method == method
