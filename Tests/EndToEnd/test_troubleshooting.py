"""docs/troubleshooting.md shows what `explain` prints: each example is made again and compared."""

import json
import re
import time

import pytest

from harness.documents import blocks, is_shown
from harness.gateway import run
from harness.issuer import Issuer

RESOURCE = "https://mcp.example.com/files"
ISSUER = "https://login.example.com"
NOW = int(time.time())

# The token of each example: its audience, and what is otherwise unlike a good one.
TOKENS = {
    "aud_near_miss": (RESOURCE + "/", {}),
    "aud_mismatch": ("account", {}),
    "aud_not_exclusive": ([RESOURCE, ISSUER + "/userinfo"], {}),
    "issuer_unknown": (RESOURCE, {"iss": ISSUER + "/"}),
    "not_access_token": (
        "client-1",
        {"header": {"typ": "JWT"}, "client_id": None, "scope": None, "nonce": "n"},
    ),
    "token_malformed": (None, {}),
    "insufficient_scope": (RESOURCE, {"scope": "files:write"}),
    "lifetime_too_long": (RESOURCE, {"iat": NOW, "exp": NOW + 86_400}),
}


def shown():
    """The examples of the document by their reason."""
    examples = {}
    for block in blocks("docs/troubleshooting.md", "text"):
        reason = re.search(r"reason (\w+)\.", block.text)[1]
        assert reason == block.heading and reason not in examples
        examples[reason] = block.text
    return examples


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer(ISSUER)
    yield issuer
    issuer.stop()


def token(issuer, audience, changes):
    if audience is None:
        return "ya29.a0AfH6SMBx"
    return issuer.mint(audience, **{"scope": "files:read", **changes})


def test_every_example_is_made_again():
    assert shown().keys() == TOKENS.keys()


@pytest.mark.parametrize("reason", TOKENS)
def test_explain_prints_what_the_document_shows(issuer, tmp_path, reason):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": issuer.server.keys}))
    issuers = {"corp": {"issuer": ISSUER, "keys": {"file": "keys.json"}, "max_token_lifetime": "1h"}}
    upstream = "http://127.0.0.1:3001/mcp"
    route = {"resource": RESOURCE, "issuer": "corp", "scopes": ["files:read"], "upstream": upstream}
    configuration = {"listeners": [{"address": "127.0.0.1:8080"}], "issuers": issuers, "routes": [route]}
    file = tmp_path / "gateway.json"
    file.write_text(json.dumps(configuration))
    sent = token(issuer, *TOKENS[reason])
    result = run("explain", "--config", str(file), "--route", RESOURCE, stdin=sent)
    assert result.returncode == 1, result.stderr
    for line in shown()[reason].splitlines():
        assert is_shown(line, result.stdout), (line, result.stdout)
