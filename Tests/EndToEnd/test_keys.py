"""Where verification keys come from, how they change, and what happens while their source is down (cases 37, 38, 51, 52)."""

import json
import os
import threading
import time

import pytest
from joserfc.jwk import RSAKey

from harness import jose, mcp_requests
from harness.challenge import expect_error_body, expect_invalid_token
from harness.gateway import run
from harness.issuer import Issuer
from harness.tls import server_context


def ask(single, token, timeout=10.0):
    return single.gateway.exchange(mcp_requests.post(single.host, "/mcp", token), timeout=timeout)


def expect_unavailable(single, token):
    """503 with Retry-After, and nothing that would send a client to re-authorize."""
    response = ask(single, token, timeout=20.0)
    body = expect_error_body(response, 503)
    assert int(response.one("Retry-After")) > 0
    assert body["error"] != "invalid_token" and not response.all("WWW-Authenticate")
    single.recorder.assert_untouched()


def test_keys_from_a_file(single, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": single.issuer.server.keys}))
    single.start(single.configuration(keys={"file": "keys.json"}))
    assert ask(single, single.token()).status == 200
    assert single.issuer.server.fetches == []


def test_keys_from_an_address_are_fetched_before_the_first_request(single):
    single.start()
    assert single.issuer.server.count() == 1
    for _ in range(5):
        assert ask(single, single.token()).status == 200
    assert single.issuer.server.count() == 1


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
)
def test_keys_by_discovery(single, path):
    single.issuer.server.metadata_paths = (path,)
    single.start(single.configuration(keys="discover"))
    assert ask(single, single.token()).status == 200
    asked = [fetched for _, fetched in single.issuer.server.fetches]
    assert asked[0] == "/.well-known/oauth-authorization-server", "RFC 8414 comes first"


def test_discovery_inserts_the_well_known_segment_before_the_path_of_the_issuer(single):
    server = single.issuer.server
    single.issuer.identifier = server.metadata["issuer"] = server.url + "/tenant"
    server.metadata_paths = ("/.well-known/oauth-authorization-server/tenant",)
    single.start(single.configuration(keys="discover"))
    assert ask(single, single.token()).status == 200


@pytest.mark.parametrize("named", ["https://evil.example", "", None, "slash"])
def test_discovery_refuses_a_document_of_another_issuer(single, named):
    server = single.issuer.server
    server.metadata["issuer"] = server.url + "/" if named == "slash" else named
    single.start(single.configuration(keys="discover"))
    expect_unavailable(single, single.token())
    assert server.count("/jwks") == 0


def test_case_38_a_new_key_is_learnt_by_one_refresh(single):
    single.start()
    single.issuer.add_key("key-2", "ES256")
    assert ask(single, single.token()).status == 200
    assert ask(single, single.token(kid="key-1")).status == 200
    assert single.issuer.server.count() == 2


def test_case_37_an_unknown_kid_causes_one_refresh_and_then_a_hold_off(single):
    single.start()
    single.issuer.add_key("hidden", "ES256", publish=False)
    for number in range(100):
        token = single.token(header={"kid": f"unknown-{number}"})
        expect_invalid_token(ask(single, token), single.resource)
    assert single.issuer.server.count() == 2
    single.recorder.assert_untouched()


def test_all_who_wait_for_a_key_share_one_fetch(single):
    configuration = single.configuration(workers=2)
    single.start(configuration)
    single.issuer.add_key("key-2", "ES256")
    single.issuer.server.delay = 0.5
    statuses: list[int] = []

    def one():
        statuses.append(ask(single, single.token()).status)

    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 30
    assert single.issuer.server.count() == 2


def test_a_known_key_is_served_while_a_refresh_hangs(single):
    single.start()
    single.issuer.server.mode = "hang"
    single.issuer.add_key("key-2", "ES256")
    waiting = threading.Thread(target=lambda: ask(single, single.token(), timeout=30))
    waiting.start()
    single.issuer.server.wait_for_count(2)
    assert ask(single, single.token(kid="key-1")).status == 200
    assert waiting.is_alive(), "the refresh still hangs"
    single.issuer.server.mode = "ok"
    single.issuer.server.released.set()
    waiting.join()


def test_case_51_keys_that_were_never_there_are_503(single):
    single.issuer.server.stop()
    single.start()
    expect_unavailable(single, single.token())


@pytest.mark.parametrize("mode", ["fail", "garbage"])
def test_case_51_a_source_that_answers_nonsense_is_503(single, mode):
    single.issuer.server.mode = mode
    single.start()
    expect_unavailable(single, single.token())


def test_case_51_a_source_that_hangs_delays_neither_metadata_nor_other_answers(single):
    single.issuer.server.mode = "hang"
    gateway = single.start(ready_within=None)
    metadata = mcp_requests.raw_http.request("GET", "/.well-known/oauth-protected-resource/mcp", single.host)
    gateway.wait_until(lambda: gateway.health() is not None, 5, "listening")
    assert gateway.health() == 503, "not ready before the first fetch ended"
    assert gateway.exchange(metadata).status == 200
    assert gateway.exchange(mcp_requests.post(single.host, "/mcp")).status == 401


def test_case_52_keys_are_kept_while_the_source_is_down(single):
    single.start()
    single.issuer.server.stop()
    assert ask(single, single.token()).status == 200
    unknown = ask(single, single.token(header={"kid": "key-9"}), timeout=20)
    assert unknown.status == 503, "an outage must not look like a bad token"
    assert ask(single, single.token()).status == 200
    assert len(single.recorder.requests) == 2


def test_a_source_that_comes_back_is_used(single):
    single.issuer.server.stop()
    single.start()
    expect_unavailable(single, single.token())
    single.issuer.server.start()
    single.gateway.wait_until(lambda: ask(single, single.token()).status == 200, 30, "serving again")


def test_a_removed_key_ends_the_tokens_it_signed(single):
    single.start()
    old = single.token(kid="key-1")
    assert ask(single, old).status == 200
    assert ask(single, old).status == 200
    single.issuer.add_key("key-2", "ES256")
    single.issuer.withdraw("key-1")
    assert ask(single, single.token(kid="key-2")).status == 200
    assert ask(single, old).status == 401, "the verified token was remembered longer than its key"
    assert len(single.recorder.requests) == 3


def test_a_dead_issuer_harms_no_other_route_and_not_the_start(single):
    configuration = single.configuration()
    configuration["issuers"]["dead"] = {
        "issuer": "https://dead.example",
        "keys": {"uri": "http://127.0.0.1:9/jwks"},
    }
    configuration["routes"].append(
        {
            "resource": single.at("/dead"),
            "issuer": "dead",
            "upstream": single.upstream(single.endpoint(path="/dead")),
        }
    )
    gateway = single.start(configuration)
    assert ask(single, single.token()).status == 200
    forged = single.issuer.mint(single.at("/dead"), iss="https://dead.example")
    response = gateway.exchange(mcp_requests.post(single.host, "/dead", forged))
    assert response.status == 503
    assert len(single.recorder.requests) == 1


def test_one_route_may_trust_two_issuers_each_with_its_own_keys(single):
    second = Issuer()
    configuration = single.configuration()
    configuration["issuers"]["second"] = {
        "issuer": second.identifier,
        "keys": {"uri": second.server.url + "/jwks"},
    }
    configuration["routes"][0]["issuer"] = ["corp", "second"]
    single.start(configuration)
    try:
        assert ask(single, single.token()).status == 200
        assert ask(single, second.mint(single.resource)).status == 200
        crossed = second.mint(single.resource, iss=single.issuer.identifier)
        expect_invalid_token(ask(single, crossed), single.resource)
    finally:
        second.stop()


UNUSABLE = {
    "encryption-only": lambda key: {**key, "use": "enc"},
    "operations-without-verify": lambda key: {**key, "use": None, "key_ops": ["encrypt"]},
    "symmetric": lambda key: {"kty": "oct", "kid": key["kid"], "k": "AAAA"},
    "unknown-type": lambda key: {**key, "kty": "XX"},
    "off-the-curve": lambda key: {**key, "y": key["x"]},
    "other-curve-named": lambda key: {**key, "crv": "P-384"},
    "coordinate-too-short": lambda key: {**key, "x": key["x"][:-4]},
    "algorithm-of-another-type": lambda key: {**key, "alg": "RS256"},
    "not-an-object": lambda key: 5,
}


@pytest.mark.parametrize("spoil", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_key_is_skipped_and_the_rest_of_the_set_works(single, spoil):
    single.issuer.add_key("key-2", "ES256")
    keys = single.issuer.server.keys
    spoiled = spoil(dict(keys[0]))
    keys[0] = {k: v for k, v in spoiled.items() if v is not None} if isinstance(spoiled, dict) else spoiled
    single.start()
    assert ask(single, single.token(kid="key-2")).status == 200
    assert ask(single, single.token(kid="key-1")).status == 401


def test_an_rsa_key_below_2048_bits_is_not_used(single):
    weak = RSAKey.generate_key(1024, {"kid": "weak"})
    single.issuer.keys["weak"] = weak
    single.issuer.server.keys.append(jose.public(weak))
    configuration = single.configuration()
    configuration["issuers"]["corp"]["algorithms"] = ["RS256", "ES256"]
    single.start(configuration)
    assert ask(single, single.token(kid="weak", algorithm="RS256")).status == 401
    assert ask(single, single.token()).status == 200


def test_a_token_without_kid_is_refused_when_two_keys_fit(single):
    single.issuer.add_key("key-2", "ES256")
    single.start()
    assert ask(single, single.token(header={"kid": None})).status == 401
    single.recorder.assert_untouched()


def test_two_keys_of_one_name_do_not_open_the_gateway(single):
    single.issuer.add_key("key-2", "ES256")
    single.issuer.server.keys[0]["kid"] = "key-2"
    single.start()
    outsider = jose.new_key("ES256", "key-2")
    single.issuer.keys["outsider"] = outsider
    assert ask(single, single.token(kid="outsider", header={"kid": "key-2"})).status == 401


def test_a_key_file_that_would_block_is_an_error_and_holds_nobody_up(single, tmp_path):
    pipe = tmp_path / "keys.fifo"
    os.mkfifo(pipe)
    configuration = single.configuration()
    configuration["issuers"]["stuck"] = {"issuer": "https://stuck.example", "keys": {"file": str(pipe)}}
    gateway = single.start(configuration)
    assert ask(single, single.token()).status == 200
    assert any("not a regular file" in json.dumps(entry) for entry in gateway.operational_log())


def test_check_says_which_key_file_is_of_no_use(single, tmp_path):
    configuration = single.configuration(keys={"file": "missing.json"})
    path = tmp_path / "check.json"
    path.write_text(json.dumps(configuration))
    result = run("check", "--config", str(path))
    assert result.returncode == 0 and "missing.json" in result.stderr, (result.stdout, result.stderr)


def test_a_key_set_without_keys_ends_all_tokens_although_the_source_is_up(single):
    single.start()
    token = single.token()
    assert ask(single, token).status == 200
    single.issuer.add_key("key-2", "ES256")
    unknown = single.token(kid="key-2")
    single.issuer.server.keys = []
    ask(single, unknown)
    # The issuer has said that it has no keys: neither the client's fault nor an outage to sit out.
    response = ask(single, token)
    assert response.status == 503 and not response.all("WWW-Authenticate"), (response.status, response.body)


# Over https


@pytest.fixture
def secured(over, certificates):
    """Starts a gateway whose issuer serves keys and metadata over https with this identity; gives the Single."""
    made = []

    def start(identity=None, keys=None, tls=None, change=None, issuer=None, ready_within=10.0):
        single = over("http1")
        single.issuer = issuer or Issuer(tls=server_context(identity or certificates.server))
        made.append(single.issuer)
        configuration = single.configuration(keys=keys)
        configuration["issuers"]["corp"]["tls"] = tls or {"ca": str(certificates.ca)}
        if change:
            change(single)
        single.start(configuration, ready_within)
        return single

    yield start
    for each in made:
        each.stop()


@pytest.mark.parametrize("keys", [None, "discover"])
def test_keys_come_over_https_from_a_private_authority(secured, keys):
    single = secured(keys=keys)
    assert ask(single, single.token()).status == 200
    single.issuer.add_key("key-2", "ES256")
    assert ask(single, single.token()).status == 200
    assert single.issuer.server.count() == 2


@pytest.mark.parametrize("keys", [None, "discover"])
@pytest.mark.parametrize("identity", ["untrusted", "expired", "not_yet_valid", "wrong_name"])
def test_keys_from_a_server_that_is_not_trusted_are_no_keys(secured, certificates, keys, identity):
    single = secured(getattr(certificates, identity), keys=keys)
    expect_unavailable(single, single.token())
    assert single.issuer.server.fetches == []
    log = json.dumps(single.gateway.operational_log()).lower()
    assert "certificate" in log or "mismatch" in log, "the log says why"


@pytest.mark.parametrize("keys", [None, "discover"])
def test_keys_of_an_unknown_authority_are_no_keys_although_the_system_knows_others(
    secured, certificates, keys
):
    single = secured(keys=keys, tls={"ca": str(certificates.stranger.certificate)})
    expect_unavailable(single, single.token())
    assert single.issuer.server.fetches == []


@pytest.mark.parametrize("identity", ["revoked", "revoked_intermediate"])
def test_keys_from_a_revoked_server_are_no_keys(secured, certificates, identity):
    single = secured(
        getattr(certificates, identity), tls={"ca": str(certificates.ca), "crl": str(certificates.crl)}
    )
    expect_unavailable(single, single.token())
    assert single.issuer.server.fetches == []


def test_keys_are_kept_while_their_source_shows_a_bad_certificate(secured, certificates):
    single = secured()
    assert ask(single, single.token()).status == 200
    single.issuer.server.tls = server_context(certificates.expired)
    assert ask(single, single.token()).status == 200
    unknown = ask(single, single.token(header={"kid": "key-9"}), timeout=20)
    assert unknown.status == 503


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_metadata_that_came_over_https_does_not_name_keys_in_cleartext(secured, issuer, scheme):
    """An http address on loopback is as bad as any other once somebody else names it."""

    def change(single):
        address = single.issuer.server.url + "/jwks"
        issuer.server.keys = single.issuer.server.keys
        single.issuer.server.metadata["jwks_uri"] = (
            issuer.server.url + "/jwks" if scheme == "http" else address
        )

    single = secured(keys="discover", change=change)
    if scheme == "https":
        assert ask(single, single.token()).status == 200
        return
    expect_unavailable(single, single.token())
    assert issuer.server.fetches == []


def test_verification_of_a_loopback_source_can_be_turned_off_and_of_a_discovered_one_not(
    secured, certificates
):
    single = secured(certificates.untrusted, tls={"verify": False})
    assert ask(single, single.token()).status == 200
    configuration = json.loads(single.gateway.configuration.read_text())
    configuration["issuers"]["corp"]["keys"] = "discover"
    path = single.directory / "check.json"
    path.write_text(json.dumps(configuration))
    result = run("check", "--config", str(path))
    assert result.returncode == 1 and "/issuers/corp/tls/verify" in result.stdout + result.stderr


def test_a_source_that_never_ends_its_handshake_delays_nobody(secured):
    class Stuck:
        """A context whose handshakes never begin."""

        def wrap_socket(self, carrier, server_side):
            time.sleep(30)
            raise OSError("never")

    issuer = Issuer(tls=Stuck())
    single = secured(issuer=issuer, ready_within=None)
    single.gateway.wait_until(lambda: single.gateway.health() is not None, 5, "listening")
    assert single.gateway.health() == 503, "not ready before the first fetch ended"
    assert ask(single, None).status == 401
