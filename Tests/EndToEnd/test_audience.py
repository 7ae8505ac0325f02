"""A token opens exactly the server that it was issued for (cases 26 to 32), and near misses are told apart in the log."""

import pytest

from harness import access_log, jose
from harness.challenge import expect_invalid_token


def case(identifier, audience, reason):
    return pytest.param(audience, reason, id=identifier)


def scheme(resource):
    return resource.partition("://")[0]


def origin(resource):
    return "/".join(resource.split("/")[:3])


OTHER = {"http": ("http", "https"), "https": ("https", "http")}


# Functions of the resource and of the authority of the gateway.
REFUSED = [
    case("case-28-parent", lambda resource, authority: origin(resource), None),
    case("case-28-parent-with-slash", lambda resource, authority: origin(resource) + "/", None),
    case("case-29-child", lambda resource, authority: resource + "/x", None),
    case("case-29-prefix", lambda resource, authority: resource + "x", None),
    case("case-29-slash", lambda resource, authority: resource + "/", "aud_near_miss"),
    case("case-29-case", lambda resource, authority: origin(resource) + "/Notion", "aud_near_miss"),
    case("case-29-encoded", lambda resource, authority: origin(resource) + "/%6eotion", "aud_near_miss"),
    case(
        "case-30-scheme-in-upper-case",
        lambda resource, authority: scheme(resource).upper() + resource[len(scheme(resource)) :],
        "aud_near_miss",
    ),
    case(
        "other-scheme",
        lambda resource, authority: resource.replace(*OTHER[scheme(resource)], 1),
        "aud_near_miss",
    ),
    case("host-without-port", lambda resource, authority: scheme(resource) + "://127.0.0.1/notion", None),
    case("query", lambda resource, authority: resource + "?x=1", None),
    case("fragment", lambda resource, authority: resource + "#x", None),
    case("dot-segment", lambda resource, authority: origin(resource) + "/x/../notion", None),
    case("double-slash", lambda resource, authority: origin(resource) + "//notion", None),
    case("blank-after", lambda resource, authority: resource + " ", None),
    case("blank-before", lambda resource, authority: " " + resource, None),
    case("nul-after", lambda resource, authority: resource + "\0", None),
    case("userinfo", lambda resource, authority: f"{scheme(resource)}://u@{authority}/notion", None),
    case("path-alone", lambda resource, authority: "/notion", None),
    case("wildcard", lambda resource, authority: origin(resource) + "/*", None),
    case("star", lambda resource, authority: "*", None),
    case("empty-text", lambda resource, authority: "", None),
    case("generic", lambda resource, authority: "api", "aud_mismatch"),
    case("foreign", lambda resource, authority: "https://other.example/notion", "aud_mismatch"),
    case("client-id", lambda resource, authority: "client-1", "aud_mismatch"),
    case("two-in-one-text", lambda resource, authority: f"{resource} https://other.example", None),
    case(
        "case-31-another-one-besides",
        lambda resource, authority: ["https://other.example", resource],
        "aud_not_exclusive",
    ),
    case(
        "case-31-other-order",
        lambda resource, authority: [resource, "https://other.example"],
        "aud_not_exclusive",
    ),
    case("issuer-besides", lambda resource, authority: [resource, "https://as.example"], "aud_not_exclusive"),
    case("slash-form-besides", lambda resource, authority: [resource, resource + "/"], "aud_not_exclusive"),
    case("empty-text-besides", lambda resource, authority: [resource, ""], None),
    case("case-32-empty-array", lambda resource, authority: [], None),
    case("case-32-number", lambda resource, authority: 5, None),
    case("case-32-array-of-number", lambda resource, authority: [5], None),
    case("case-32-resource-and-number", lambda resource, authority: [resource, 5], None),
    case("case-32-resource-and-null", lambda resource, authority: [resource, None], None),
    case("case-32-object", lambda resource, authority: {"aud": resource}, None),
    case("case-32-true", lambda resource, authority: True, None),
    case("nested-array", lambda resource, authority: [[resource]], None),
]


def refuse(house, name, token, reason=None):
    since = house.gateway.log_position()
    expect_invalid_token(house.post(name, token), house[name].resource, house[name].scope)
    house.assert_nothing_forwarded()
    entry = house.gateway.wait_for_access(since)[0]
    assert entry["status"] == 401
    if reason is not None:
        assert access_log.reason(entry) == reason, entry
    return entry


def accept(house, name, token):
    response = house.post(name, token)
    assert response.status == 200, (response.headers, response.body)
    house[name].recorder.the_request()


@pytest.mark.parametrize("audience, reason", REFUSED)
def test_an_audience_that_is_not_byte_for_byte_the_resource_is_refused(house, audience, reason):
    place = house["notion"]
    refuse(house, "notion", house.token(aud=audience(place.resource, place.host)), reason)


def test_case_32_a_null_audience_is_refused(house):
    claims = {**house.corp.claims(house["notion"].resource, "notion.read"), "aud": None}
    header = {"typ": "at+jwt", "alg": "RS256", "kid": "key-1"}
    refuse(house, "notion", jose.compact(header, claims, "RS256", house.corp.keys["key-1"]))


@pytest.mark.parametrize(
    "form", [lambda resource: resource, lambda resource: [resource], lambda resource: [resource, resource]]
)
def test_the_resource_as_text_or_in_an_array_passes(house, form):
    accept(house, "notion", house.token(aud=form(house["notion"].resource)))


NAMES = ["notion", "nested", "root", "strip", "alias", "tree"]


@pytest.mark.parametrize("presented_at", NAMES)
@pytest.mark.parametrize("issued_for", NAMES)
def test_case_27_a_token_opens_its_own_route_and_no_other(house, issued_for, presented_at):
    token = house.corp.mint(house[issued_for].resource, "notion.read")
    if issued_for == presented_at:
        accept(house, presented_at, token)
        return
    entry = refuse(house, presented_at, token, "aud_other_route")
    assert access_log.mentions(entry, house[issued_for].resource), "the route that the token is for"
    assert access_log.mentions(entry, house[presented_at].resource), "the route where it was presented"


def test_a_token_for_two_servers_is_for_neither(house):
    token = house.corp.mint([house["notion"].resource, house["nested"].resource], "notion.read")
    refuse(house, "notion", token, "aud_not_exclusive")
    refuse(house, "nested", token, "aud_not_exclusive")


def test_a_replay_with_an_invalid_token_is_not_called_a_replay(house):
    token = house.corp.mint(house["nested"].resource, "notion.read", exp=1, iat=0)
    entry = refuse(house, "notion", token)
    assert access_log.reason(entry) != "aud_other_route"


@pytest.mark.parametrize(
    "others",
    [["account"], ["https://shared.example/userinfo"], ["account", "https://shared.example/userinfo"]],
)
def test_case_31_audiences_that_the_issuer_always_adds_may_stand_beside_the_resource(house, others):
    resource = house["shared"].resource
    accept(house, "shared", house.shared.mint([*others, resource]))


@pytest.mark.parametrize(
    "others", [["Account"], ["account "], ["accoun"], ["https://shared.example/userinfo/"], ["account", "x"]]
)
def test_an_added_audience_is_compared_byte_for_byte_too(house, others):
    refuse(house, "shared", house.shared.mint([*others, house["shared"].resource]), "aud_not_exclusive")


def test_the_allowed_other_audience_alone_opens_nothing(house):
    refuse(house, "shared", house.shared.mint("account"))
    refuse(house, "shared", house.shared.mint(["account", "https://shared.example/userinfo"]))


def test_an_alias_counts_as_the_resource_on_its_own_route_only(house):
    token = house.corp.mint("api://alias-app", "notion.read")
    accept(house, "alias", token)
    house.clear()
    refuse(house, "notion", token, "aud_other_route")


def test_an_alias_beside_the_resource_names_the_same_server(house):
    accept(house, "alias", house.corp.mint(["api://alias-app", house["alias"].resource]))


@pytest.mark.parametrize("alias", ["API://alias-app", "api://alias-app/", "alias-app"])
def test_an_alias_is_compared_byte_for_byte(house, alias):
    refuse(house, "alias", house.corp.mint(alias))


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_resource_without_a_path_has_two_spellings(house, slash):
    accept(house, "root", house.corp.mint(house["root"].resource + slash))


def test_both_spellings_at_once_are_one_server(house):
    resource = house["root"].resource
    accept(house, "root", house.corp.mint([resource, resource + "/"]))


def test_the_issuer_of_another_route_opens_nothing_even_with_the_right_audience(house):
    place = house["notion"]
    refuse(house, "notion", house.wide.mint(place.resource, "notion.read", kid="RS256", algorithm="RS256"))
    refuse(house, "notion", house.shared.mint(place.resource, "notion.read"))


def test_the_refusal_never_tells_what_was_in_the_token(house):
    token = house.corp.mint(["https://secret-server.example", "x"], "secret-scope", sub="secret-person")
    response = house.post(token=token)
    told = response.body.decode() + str(response.headers)
    for secret in ("secret-server", "secret-scope", "secret-person", token[:40], "key-1"):
        assert secret not in told
