"""`audgate explain` and `audgate verify-jws`: the same judgement as the gateway's, made visible."""

import json
import time

import pytest

from harness import hostile_tokens, jose
from harness.gateway import run
from harness.house import ALL_ALGORITHMS
from harness.issuer import Issuer

ROUTE = "https://mcp.example.com/files"
OTHER = "https://mcp.example.com/calendar"


@pytest.fixture
def explain(tmp_path, issuer):
    """Explains a token at a route, with the issuer's keys in a file."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": issuer.server.keys}))
    configuration = {
        "listeners": [{"address": "127.0.0.1:8080"}],
        "issuers": {"corp": {"issuer": issuer.identifier, "keys": {"file": "keys.json"}}},
        "routes": [
            {
                "resource": ROUTE,
                "issuer": "corp",
                "scopes": ["files:read"],
                "upstream": "http://127.0.0.1:3001/mcp",
            },
            {"resource": OTHER, "issuer": "corp", "upstream": "http://127.0.0.1:3002/mcp"},
        ],
    }
    (tmp_path / "gateway.json").write_text(json.dumps(configuration))

    def ask(token, route=ROUTE, by_stdin=True):
        arguments = ["explain", "--config", str(tmp_path / "gateway.json"), "--route", route]
        if by_stdin:
            return run(*arguments, "-", stdin=token + "\n")
        return run(*arguments, token)

    return ask


@pytest.mark.parametrize("by_stdin", [True, False])
def test_a_good_token_passes_every_step(explain, issuer, by_stdin):
    result = explain(issuer.mint(ROUTE, "files:read"), by_stdin=by_stdin)
    assert result.returncode == 0, result.stdout + result.stderr
    for word in ("signature", "aud", "exp", "iss", "scope", ROUTE):
        assert word in result.stdout, (word, result.stdout)


def test_a_token_for_another_route_shows_claim_and_expectation_side_by_side(explain, issuer):
    result = explain(issuer.mint(OTHER, "files:read"))
    assert result.returncode == 1, result.stdout
    line = next(line for line in result.stdout.splitlines() if OTHER in line)
    assert ROUTE in result.stdout and line
    assert "aud_other_route" in result.stdout


@pytest.mark.parametrize(
    "audience, reason",
    [
        (ROUTE + "/", "aud_near_miss"),
        (ROUTE.upper(), "aud_near_miss"),
        ("https://elsewhere.example", "aud_mismatch"),
        ([ROUTE, OTHER], "aud_not_exclusive"),
    ],
)
def test_the_reason_is_the_one_of_the_log(explain, issuer, audience, reason):
    result = explain(issuer.mint(audience, "files:read"))
    assert result.returncode == 1 and reason in result.stdout, result.stdout


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"exp": int(time.time()) - 600}, "expired"),
        ({"iss": "https://evil.example"}, "https://evil.example"),
        ({"header": {"kid": "key-9"}}, "key-9"),
        ({"header": {"typ": "dpop+jwt"}}, "dpop+jwt"),
    ],
)
def test_what_is_wrong_with_a_token_is_named(explain, issuer, changes, word):
    result = explain(issuer.mint(ROUTE, "files:read", **changes))
    assert result.returncode == 1 and word in result.stdout, result.stdout


def test_a_missing_scope_is_the_step_that_fails(explain, issuer):
    result = explain(issuer.mint(ROUTE, "other"))
    assert result.returncode == 1 and "files:read" in result.stdout


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\x1b[31m.b.c"])
def test_text_that_is_no_token_is_explained_too(explain, token):
    result = explain(token)
    assert result.returncode != 0 and (result.stdout + result.stderr).strip()
    assert "\x1b" not in result.stdout + result.stderr


def test_a_route_that_does_not_exist_is_an_error_that_names_those_that_do(explain, issuer):
    result = explain(issuer.mint(ROUTE), route="https://mcp.example.com/nope")
    assert result.returncode not in (0, None) and ROUTE in result.stdout + result.stderr


def verify(*questions):
    """The answers to the questions by their id."""
    result = run("verify-jws", stdin="".join(json.dumps(each) + "\n" for each in questions))
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(questions), (result.stdout, result.stderr)
    return {each["id"]: json.dumps(each) for each in answers}


def is_valid(answer):
    return '"valid"' in answer and '"invalid"' not in answer


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_verify_jws_accepts_every_algorithm_and_no_changed_token(algorithm):
    key = jose.new_key(algorithm, "k")
    token = jose.compact({"alg": algorithm, "kid": "k"}, {"sub": "alice"}, algorithm, key)
    jwks = {"keys": [jose.public(key)]}
    answers = verify(
        {"id": "good", "jwks": jwks, "jws": token},
        {"id": "changed", "jwks": jwks, "jws": hostile_tokens.with_changed_payload(token)},
        {"id": "other key", "jwks": {"keys": [jose.public(jose.new_key(algorithm, "k"))]}, "jws": token},
        {"id": "no keys", "jwks": {"keys": []}, "jws": token},
    )
    assert is_valid(answers["good"]), answers
    assert not any(is_valid(answers[each]) for each in ("changed", "other key", "no keys")), answers


@pytest.mark.parametrize(
    "make",
    [
        each
        for each in hostile_tokens.FORGERIES
        if "payload" not in each.id and "audience" not in each.id and "twice" not in each.id
    ],
)
def test_verify_jws_refuses_forgeries(make):
    issuer = Issuer("https://as.example", "RS256")
    for kid, algorithm in (("key-ec", "ES256"), ("key-ps", "PS256")):
        issuer.add_key(kid, algorithm)
    issuer.signing_kid, issuer.algorithm = "key-1", "RS256"
    answers = verify(
        {"id": 1, "jwks": {"keys": issuer.server.keys}, "jws": make(issuer, ROUTE)},
        {"id": 2, "jwks": {"keys": issuer.server.keys}, "jws": issuer.mint(ROUTE)},
    )
    assert not is_valid(answers[1]) and "invalid" in answers[1]
    assert is_valid(answers[2])
    issuer.stop()


def test_verify_jws_answers_bad_lines_and_goes_on():
    key = jose.new_key("ES256", "k")
    token = jose.compact({"alg": "ES256", "kid": "k"}, {}, "ES256", key)
    good = json.dumps({"id": "good", "jwks": {"keys": [jose.public(key)]}, "jws": token})
    result = run("verify-jws", stdin=f'{{"id": "a"}}\nnot json\n{good}\n')
    lines = result.stdout.splitlines()
    assert len(lines) == 3 and is_valid(lines[2]) and not is_valid(lines[0]) and not is_valid(lines[1])


@pytest.mark.parametrize(
    ("arguments", "member"),
    [
        (("health", "--config", "/nonexistent"), "found"),
        (("explain", "--config", "/nonexistent", "--route", "x", "token"), "error"),
        (("check", "--live", "--token", "/nonexistent"), "error"),
        (("check", "--live", "--ca", "/nonexistent"), "error"),
        (("check", "--live", "--ca", "/etc/passwd"), "error"),
    ],
)
def test_programs_are_told_in_json_what_cannot_be_done(explain, tmp_path, arguments, member):
    if "--config" not in arguments:
        arguments += ("--config", str(tmp_path / "gateway.json"))
    result = run(*arguments, "--json")
    assert result.returncode == 1 and json.loads(result.stdout)[member]
