"""Which tokens pass and which do not (cases 17 to 52 but for the audience, which has a file of its own)."""

import time

import pytest

from harness import hostile_tokens, mcp_requests, raw_http
from harness.challenge import expect_error_body, expect_invalid_token, expect_no_credentials
from harness.house import ALL_ALGORITHMS

SCOPE = "notion.read"


def refuse(house, token, name="notion"):
    """The token is invalid_token at the route and nothing reached the upstream."""
    expect_invalid_token(house.post(name, token), house[name].resource, house[name].scope)
    house.assert_nothing_forwarded()


def accept(house, token, name="notion"):
    response = house.post(name, token)
    assert response.status == 200, (response.status, response.headers, response.body)
    house[name].recorder.the_request()


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_case_17_18_no_credentials_is_a_challenge_without_an_error(house, method):
    place = house["notion"]
    data = (
        mcp_requests.post(place.host, place.path)
        if method == "POST"
        else mcp_requests.get(place.host, place.path, method=method)
    )
    expect_no_credentials(house.gateway.exchange(data), place.resource, SCOPE)
    house.assert_nothing_forwarded()


def test_a_route_without_scopes_challenges_without_a_scope(house):
    expect_no_credentials(house.post("nested"), house["nested"].resource)
    expect_no_credentials(house.post("root"), house["root"].resource)


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer    ", "Basic YTpi", "Digest x=1", "", "Token abc", "BearerX"]
)
def test_case_19_20_anything_but_a_bearer_token_counts_as_no_credentials(house, value):
    expect_no_credentials(house.post(extra=[("Authorization", value)]), house["notion"].resource, SCOPE)
    house.assert_nothing_forwarded()


def test_case_21_the_scheme_is_case_insensitive(house):
    response = house.post(extra=[("authorization", f"bEaReR {house.token()}")])
    assert response.status == 200
    assert response.json()["result"] == {"from": "upstream"}


@pytest.mark.parametrize(
    "garbage", ["not.a.jwt", "a.b", "%%%", "a", "...", "..", "a.b.c.d", "=", "e30.e30.", "🔑"]
)
def test_case_22_garbage_is_an_invalid_token(house, garbage):
    wire = garbage.encode().decode("latin-1")
    expect_invalid_token(house.post(token=wire), house["notion"].resource, SCOPE)
    house.assert_nothing_forwarded()


@pytest.mark.parametrize("change", hostile_tokens.CLAIM_CHANGES)
def test_a_claim_that_does_not_hold_is_an_invalid_token(house, change):
    refuse(house, house.token(**change(int(time.time()))))


@pytest.mark.parametrize("change", hostile_tokens.HARMLESS_CLAIM_CHANGES)
def test_a_claim_that_does_hold_passes(house, change):
    accept(house, house.token(**change(int(time.time()))))


@pytest.mark.parametrize("make", hostile_tokens.FORGERIES)
def test_a_forged_or_misshapen_token_is_an_invalid_token(house, make):
    refuse(house, make(house.corp, house["notion"].resource))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_case_36_keys_that_a_token_brings_along_are_neither_used_nor_fetched(house, member, issuer):
    before = house.corp.server.count()
    token = hostile_tokens.with_own_key(house.corp, issuer, house["notion"].resource, member)
    refuse(house, token)
    time.sleep(0.1)
    assert issuer.server.fetches == []
    assert house.corp.server.count() == before


@pytest.mark.parametrize("header", hostile_tokens.REFUSED_TYPES)
def test_case_42_a_token_of_another_type_never_passes_a_strict_issuer(house, header):
    refuse(house, house.token(header={"typ": header}))


@pytest.mark.parametrize("header", ["application/AT+JWT", "AT+JWT", "at+jwt", "application/at+jwt"])
def test_case_43_the_type_is_a_media_type(house, header):
    accept(house, house.token(header={"typ": header}))


@pytest.mark.parametrize("claim", ["sub", "client_id", "iat", "jti", "exp", "iss", "aud"])
def test_case_44_26_every_claim_of_rfc_9068_is_required(house, claim):
    refuse(house, house.token(**{claim: None}))


@pytest.mark.parametrize("typ", ["JWT", "jwt", None, "at+jwt"])
def test_a_lax_issuer_accepts_plain_types_that_carry_an_access_token_mark(house, typ):
    accept(house, house.token("lax", header={"typ": typ}), "lax")


@pytest.mark.parametrize("mark", [{"client_id": "c"}, {"azp": "c"}, {"scope": "a"}, {"scp": ["a"]}])
def test_each_mark_of_an_access_token_is_enough_for_a_lax_issuer(house, mark):
    accept(house, house.token("lax", header={"typ": "JWT"}, **{"client_id": None, **mark}), "lax")


def test_case_42_an_id_token_never_passes_a_lax_issuer(house):
    refuse(house, house.token("lax", header={"typ": "JWT"}, client_id=None, nonce="n", at_hash="x"), "lax")
    refuse(house, house.token("lax", header={"typ": None}, client_id=None), "lax")


@pytest.mark.parametrize(
    "typ", [each for each in hostile_tokens.REFUSED_TYPES if each.values[0] not in ("JWT", "jwt", None)]
)
def test_case_42_special_tokens_never_pass_a_lax_issuer(house, typ):
    refuse(house, house.token("lax", header={"typ": typ}), "lax")


@pytest.mark.parametrize("claim", ["exp", "iss", "aud"])
def test_a_lax_issuer_still_demands_the_claims_that_nobody_may_drop(house, claim):
    refuse(house, house.token("lax", **{claim: None}), "lax")


def test_a_longest_lifetime_refuses_longer_tokens_and_tokens_that_hide_it(house):
    now = int(time.time())
    accept(house, house.token("lax", iat=now, exp=now + 3600), "lax")
    house.clear()
    refuse(house, house.token("lax", iat=now, exp=now + 3601), "lax")
    refuse(house, house.token("lax", iat=None), "lax")


def test_case_23_without_a_clock_skew_a_token_ends_on_its_second(house):
    now = int(time.time())
    refuse(house, house.token("lax", exp=now - 1, iat=now - 100), "lax")


def test_case_57_a_token_that_expires_between_two_requests_ends_then(house):
    expiry = int(time.time()) + 4
    token = house.token("lax", exp=expiry)
    assert house.post("lax", token).status == 200
    time.sleep(expiry + 0.1 - time.time())
    expect_invalid_token(house.post("lax", token), house["lax"].resource)
    assert len(house["lax"].recorder.requests) == 1


def test_a_token_without_kid_passes_when_exactly_one_key_fits(house):
    accept(house, house.token(header={"kid": None}))


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_every_algorithm_of_the_list_verifies(house, algorithm):
    accept(house, house.wide.mint(house["wide"].resource, kid=algorithm, algorithm=algorithm), "wide")


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_every_algorithm_refuses_a_changed_payload(house, algorithm):
    token = house.wide.mint(house["wide"].resource, kid=algorithm, algorithm=algorithm)
    refuse(house, hostile_tokens.with_changed_payload(token), "wide")


@pytest.mark.parametrize("algorithm", ["RS384", "ES384", "EdDSA"])
def test_an_algorithm_that_the_issuer_does_not_list_is_refused(house, algorithm):
    house.corp.keys[f"unlisted-{algorithm}"] = house.wide.keys[algorithm]
    refuse(
        house,
        house.corp.mint(house["notion"].resource, SCOPE, kid=f"unlisted-{algorithm}", algorithm=algorithm),
    )


@pytest.mark.parametrize("header", [[], [("Content-Type", "application/x-www-form-urlencoded")]])
def test_case_46_49_a_token_in_query_or_form_is_no_credential(house, header):
    token = house.token()
    target = f"/notion?access_token={token}" if not header else "/notion"
    body = None if not header else f"access_token={token}".encode()
    without = ("Content-Type",) if header else ()
    expect_no_credentials(
        house.post(target=target, body=body, extra=header, without=without), house["notion"].resource, SCOPE
    )
    house.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "query", ["access_token=x", "a=b&access_token=", "access_token=x&a=b", "%61ccess_token=x"]
)
def test_case_47_a_token_in_header_and_query_is_an_invalid_request(house, query):
    response = house.post(token=house.token(), target=f"/notion?{query}")
    expect_error_body(response, 400, "invalid_request")
    house.assert_nothing_forwarded()


def test_case_48_two_credentials_are_an_invalid_request(house):
    token = house.token()
    twice = [("Authorization", f"Bearer {token}")]
    expect_error_body(house.post(token=token, extra=twice), 400, "invalid_request")
    expect_error_body(
        house.post(token=token, extra=[("Authorization", "Basic YTpi")]), 400, "invalid_request"
    )
    expect_error_body(house.post(token=f"{token}, Bearer {token}"), 400, "invalid_request")
    house.assert_nothing_forwarded()


def test_case_50_a_token_of_20_kib_is_refused_and_the_gateway_lives(house):
    token = house.token(padding="x" * 15_000)
    assert 20_000 < len(token) < 30_000
    response = house.post(token=token)
    assert response.status in (400, 401, 431), response.status
    house.assert_nothing_forwarded()
    assert house.post(token=house.token()).status == 200


def test_a_token_just_under_the_limit_of_16_kib_passes(house):
    filler = 0
    while len(token := house.token(padding="x" * filler)) < 16_000:
        filler += 100
    assert len(token) <= 16_384
    accept(house, token)


def test_case_58_a_thousand_bad_tokens_cost_less_than_a_few_seconds(house):
    place, started = house["notion"], time.monotonic()
    with house.gateway.connect() as connection:
        for number in range(1000):
            response = connection.exchange(mcp_requests.post(place.host, place.path, f"bad.{number}.token"))
            assert response.status in (401, 429)
    assert time.monotonic() - started < 10
    house.assert_nothing_forwarded()


def test_the_same_token_is_judged_anew_at_each_route(house):
    token = house.token()
    for _ in range(3):
        assert house.post(token=token).status == 200
        expect_invalid_token(house.post("nested", token), house["nested"].resource)
    assert house["nested"].recorder.requests == []


def test_refusals_of_a_good_connection_leave_it_usable(house):
    place = house["notion"]
    with house.gateway.connect() as connection:
        assert connection.exchange(mcp_requests.post(place.host, place.path)).status == 401
        assert connection.exchange(mcp_requests.post(place.host, place.path, house.token())).status == 200


def test_the_body_of_a_refused_request_is_not_waited_for(house):
    place = house["notion"]
    head = mcp_requests.modern_headers() + [("Content-Length", "1000000")]
    with house.gateway.connect() as connection:
        connection.send(raw_http.request("POST", place.path, place.host, head))
        expect_no_credentials(connection.read_response(), place.resource, SCOPE)
