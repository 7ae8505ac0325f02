"""Protected Resource Metadata and the names that the gateway keeps for itself (cases 1 to 16)."""

import json

import pytest

from harness import raw_http
from harness.challenge import metadata_address

WELL_KNOWN = "/.well-known/oauth-protected-resource"
PREFLIGHT = [("Origin", "https://any.example"), ("Access-Control-Request-Method", "GET")]


def without_date(headers):
    return sorted((name.lower(), value) for name, value in headers if name.lower() != "date")


def assert_no_empty_members(value):
    if isinstance(value, dict):
        for member in value.values():
            assert_no_empty_members(member)
    assert value not in (None, "", [], {})


def expect_metadata(response, resource, issuer):
    assert response.status == 200
    assert response.one("Content-Type").split(";")[0] == "application/json"
    assert response.one("Access-Control-Allow-Origin") == "*"
    assert "max-age=3600" in response.one("Cache-Control")
    document = response.json()
    assert document["resource"] == resource
    assert document["authorization_servers"] == [issuer]
    assert document["bearer_methods_supported"] == ["header"]
    assert_no_empty_members(document)
    return document


def test_case_1_metadata_is_served_without_a_token(house):
    document = expect_metadata(
        house.get(WELL_KNOWN + "/notion"), house["notion"].resource, "https://as.example"
    )
    assert document["scopes_supported"] == ["notion.read"]
    assert document["resource_name"] == "Notion"
    assert document["resource_documentation"] == "https://docs.example/notion"
    house.assert_nothing_forwarded()


def test_case_2_metadata_of_a_nested_path_stands_at_the_inserted_path(house):
    document = expect_metadata(
        house.get(WELL_KNOWN + "/a/b/mcp"), house["nested"].resource, "https://as.example"
    )
    assert "scopes_supported" not in document


def test_every_route_advertises_exactly_its_own_resource(house):
    for place in house.places.values():
        address = metadata_address(place.resource)
        response = house.get(address.removeprefix(f"{house.scheme}://{place.host}"), host=place.host)
        assert response.json()["resource"] == place.resource


def test_case_3_there_is_no_root_metadata_on_a_host_without_a_root_route(house):
    response = house.get(WELL_KNOWN)
    assert response.status == 404 and not response.all("WWW-Authenticate")


def test_case_4_a_resource_without_a_path_is_advertised_without_a_slash(house):
    expect_metadata(
        house.get(WELL_KNOWN, host=house["root"].host), house["root"].resource, "https://as.example"
    )


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(WELL_KNOWN + "/unknown", id="case-5-unknown-route"),
        pytest.param(WELL_KNOWN + "/notion/", id="case-6-trailing-slash"),
        pytest.param(WELL_KNOWN + "/a/b", id="parent-of-a-route"),
        pytest.param(WELL_KNOWN + "/a/b/mcp/x", id="child-of-a-route"),
        pytest.param(WELL_KNOWN + "notion", id="prefix-without-slash"),
        pytest.param(WELL_KNOWN + "/Notion", id="other-case"),
        pytest.param("/.well-known/oauth-protected-resourc/notion", id="misspelt"),
        pytest.param("/notion" + WELL_KNOWN, id="case-8-suffix-form"),
        pytest.param("/tree" + WELL_KNOWN, id="case-8-suffix-form-below-a-route-with-subpaths"),
        pytest.param("/authorize", id="case-15-authorize"),
        pytest.param("/token", id="case-15-token"),
        pytest.param("/register", id="case-15-register"),
        pytest.param("/.well-known/oauth-authorization-server", id="case-15-authorization-server"),
        pytest.param("/.well-known/openid-configuration", id="case-15-openid"),
        pytest.param("/notion/server-card", id="case-16-server-card"),
        pytest.param("/.well-known/ai-catalog.json", id="case-16-catalog"),
        pytest.param("/.well-known/mcp.json", id="case-16-mcp-json"),
        pytest.param("/.well-known/", id="well-known-itself"),
        pytest.param("/", id="root-of-a-host-without-a-root-route"),
    ],
)
@pytest.mark.parametrize("host", ["without-root-route", "with-root-route"])
def test_what_no_route_owns_is_404_without_a_challenge(house, target, host):
    if host == "with-root-route" and target == "/":
        pytest.skip("a route owns this one")
    response = house.get(target, host=house["root" if host == "with-root-route" else "notion"].host)
    assert response.status == 404, (response.status, response.body)
    assert not response.all("WWW-Authenticate")
    house.assert_nothing_forwarded()


@pytest.mark.parametrize("target", ["/register", "/token"])
def test_case_15_posts_to_oauth_endpoints_are_404(house, target):
    for host in (house.authority, house["root"].host):
        assert house.get(target, host=host, method="POST").status == 404
    house.assert_nothing_forwarded()


def test_case_7_a_query_on_the_metadata_address_is_ignored(house):
    assert house.get(WELL_KNOWN + "/notion?x=1").body == house.get(WELL_KNOWN + "/notion").body


def test_case_9_head_has_the_fields_of_get_and_no_body(house):
    with house.gateway.connect() as connection:
        got = connection.exchange(raw_http.request("GET", WELL_KNOWN + "/notion", house.authority))
        head = connection.exchange(raw_http.request("HEAD", WELL_KNOWN + "/notion", house.authority), "HEAD")
        assert head.status == 200 and head.body == b""
        assert without_date(head.headers) == without_date(got.headers)
        assert int(head.one("Content-Length")) == len(got.body)
        again = connection.exchange(raw_http.request("GET", WELL_KNOWN + "/notion", house.authority))
        assert again.body == got.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_case_10_other_methods_on_metadata_are_405(house, method):
    response = house.get(WELL_KNOWN + "/notion", method=method)
    assert response.status == 405
    assert {each.strip() for each in response.one("Allow").split(",")} == {"GET", "HEAD", "OPTIONS"}


def test_case_11_any_browser_may_read_the_metadata(house):
    asking = PREFLIGHT + [("Access-Control-Request-Headers", "mcp-protocol-version")]
    response = house.get(WELL_KNOWN + "/notion", headers=asking, method="OPTIONS")
    assert response.status == 204 and response.body == b""
    assert response.one("Access-Control-Allow-Origin") == "*"
    allowed = [each.strip().lower() for each in response.one("Access-Control-Allow-Headers").split(",")]
    assert "mcp-protocol-version" in allowed
    evil = house.get(WELL_KNOWN + "/notion", headers=[("Origin", "https://evil.example")])
    assert evil.status == 200 and evil.one("Access-Control-Allow-Origin") == "*"


def test_case_12_metadata_is_served_while_everything_else_is_down(single):
    single.issuer.server.stop()
    single.recorder.stop()
    gateway = single.start()
    response = gateway.exchange(raw_http.request("GET", WELL_KNOWN + "/mcp", single.host))
    expect_metadata(response, single.resource, single.issuer.identifier)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", "LOCALHOST"]
)
def test_case_13_an_unknown_host_is_421_and_never_echoed(house, host):
    response = house.get(WELL_KNOWN + "/notion", host=host)
    assert response.status == 421
    assert host.encode() not in response.body
    assert not response.all("WWW-Authenticate")


def test_the_host_is_compared_without_regard_to_case(house):
    host = f"LocalHost:{house.port}"
    assert house.get(WELL_KNOWN, host=host).json()["resource"] == house["root"].resource


def test_case_14_forwarded_fields_do_not_change_the_document(house):
    lies = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "host=evil.example;proto=https"),
        ("X-Original-URL", "/a/b/mcp"),
    ]
    assert house.get(WELL_KNOWN + "/notion", headers=lies).body == house.get(WELL_KNOWN + "/notion").body


def test_the_metadata_is_json_with_unique_members(house):
    names = json.loads(
        house.get(WELL_KNOWN + "/notion").body, object_pairs_hook=lambda pairs: [name for name, _ in pairs]
    )
    assert len(names) == len(set(names))


def test_health_answers_for_any_host(house):
    for host in ("anything.invalid", house.authority):
        assert house.get("/healthz", host=host).status == 200
