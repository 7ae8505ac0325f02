"""The recipes of docs/identity-providers.md: each part can be used, and lets exactly the token pass that stands below it."""

import json
import time

import pytest

from harness import jose
from harness.documents import blocks
from harness.gateway import run
from harness.issuer import Issuer


def recipes():
    """The part for gateway.json of each product, and the claims of its tokens."""
    found = {}
    for block in blocks("docs/identity-providers.md", "json"):
        found.setdefault(block.heading, []).append(json.loads(block.text))
    return found


RECIPES = recipes()


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer("https://login.example.com", algorithm="RS256")
    yield issuer
    issuer.stop()


@pytest.fixture
def configuration(tmp_path, issuer):
    """All parts as included files; `with_keys` puts the test's keys in the place of the products'."""

    def write(with_keys):
        parts = tmp_path / "routes.d"
        parts.mkdir(exist_ok=True)
        (parts / "keys.json").write_text(json.dumps({"keys": issuer.server.keys}))
        for product, (part, _) in RECIPES.items():
            part = json.loads(json.dumps(part))
            if with_keys:
                for each in part["issuers"].values():
                    each["keys"] = {"file": "keys.json"}
            (parts / f"{product.replace(' ', '-')}.part.json").write_text(json.dumps(part))
        whole = {"listeners": [{"address": "127.0.0.1:8080"}], "include": ["routes.d/*.part.json"]}
        file = tmp_path / "gateway.json"
        file.write_text(json.dumps(whole))
        return str(file)

    return write


def test_every_product_has_one_part_and_one_token():
    assert {"Keycloak", "Microsoft Entra ID", "Okta", "Auth0", "PingOne", "PingFederate", "Google"} == set(
        RECIPES
    )
    for part, claims in RECIPES.values():
        assert set(part) == {"issuers", "routes"} and {"iss", "aud"} <= set(claims)


def test_all_parts_together_pass_the_check_without_a_warning(configuration):
    result = run("check", "--json", "--config", configuration(with_keys=False))
    assert result.returncode == 0, result.stdout
    assert '"warning"' not in result.stdout, result.stdout


def explained(issuer, configuration, product, **changes):
    """What `explain` says of a token with the claims of the product, but for `changes`."""
    part, claims = RECIPES[product]
    (route,) = part["routes"]
    now = int(time.time())
    claims = {**claims, "iat": now, "exp": now + 600, **changes}
    rule = next(iter(part["issuers"].values())).get("token_type")
    header = {"typ": rule or "JWT", "alg": issuer.algorithm, "kid": issuer.signing_kid}
    token = jose.compact(header, claims, issuer.algorithm, issuer.keys[issuer.signing_kid])
    file = configuration(with_keys=True)
    result = run("explain", "--json", "--config", file, "--route", route["resource"], stdin=token)
    reason = json.loads(result.stdout)["reason"]
    assert result.returncode == (0 if reason == "allowed" else 1)
    return reason


@pytest.mark.parametrize("product", RECIPES)
def test_a_token_with_the_claims_shown_passes(issuer, configuration, product):
    assert explained(issuer, configuration, product) == "allowed"


@pytest.mark.parametrize("product", RECIPES)
@pytest.mark.parametrize("audience", ["https://mcp.example.com/other", "account", "https://mcp.example.com"])
def test_a_token_for_something_else_does_not(issuer, configuration, product, audience):
    assert explained(issuer, configuration, product, aud=audience) in ("aud_mismatch", "aud_near_miss")


@pytest.mark.parametrize("product", RECIPES)
def test_a_token_for_another_server_besides_does_not(issuer, configuration, product):
    own = RECIPES[product][0]["routes"][0]["resource"]
    both = [own, "https://mcp.example.com/other"]
    assert explained(issuer, configuration, product, aud=both) == "aud_not_exclusive"


def test_an_id_token_of_a_user_of_google_does_not(issuer, configuration):
    client = "1234.apps.googleusercontent.com"
    assert explained(issuer, configuration, "Google", aud=client) == "aud_mismatch"
    assert explained(issuer, configuration, "Google", aud=client, at_hash="x") == "not_access_token"
