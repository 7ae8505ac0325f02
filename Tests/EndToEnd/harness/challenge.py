"""Reads a WWW-Authenticate value by the grammar of RFC 6750 and states what a refusal must look like."""

from __future__ import annotations

import re

from harness.raw_http import Response

PARAMETER = re.compile(r'([a-z_]+)="([\x20-\x21\x23-\x5b\x5d-\x7e]*)"')
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
ORDER = ["error", "scope", "resource_metadata", "error_description"]


def metadata_address(resource: str) -> str:
    """Where the metadata of a resource stands (RFC 9728 section 3.1)."""
    scheme, _, rest = resource.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority}/.well-known/oauth-protected-resource" + (slash + path if path else "")


def parse(value: str) -> dict[str, str]:
    """The parameters of one Bearer challenge; fails on anything that RFC 6750 section 3 does not allow."""
    scheme, space, rest = value.partition(" ")
    assert scheme == "Bearer" and space, value
    parameters: dict[str, str] = {}
    while match := PARAMETER.match(rest):
        assert match[1] not in parameters, f"{match[1]} twice in {value!r}"
        parameters[match[1]] = match[2]
        rest = rest[match.end() :]
        if not rest.startswith(", "):
            break
        rest = rest[2:]
    assert parameters and rest == "", f"{rest!r} in {value!r}"
    assert list(parameters) == [name for name in ORDER if name in parameters], f"order of {value!r}"
    if "scope" in parameters:
        assert SCOPE.fullmatch(parameters["scope"]), value
        assert "offline_access" not in parameters["scope"].split(), value
    description = parameters.get("error_description", "")
    assert not re.search(r"(scope|error|resource_metadata)=", description), value
    return parameters


def expect_error_body(response: Response, status: int, error: str | None = None) -> dict[str, str]:
    """Status, JSON body of exactly error and error_description, and no caching."""
    assert response.status == status, (response.status, response.headers, response.body[:300])
    assert response.one("Content-Type").split(";")[0] == "application/json"
    assert response.one("Cache-Control") == "no-store"
    body = response.json()
    assert set(body) == {"error", "error_description"}, body
    assert all(isinstance(value, str) and value for value in body.values()), body
    if error is not None:
        assert body["error"] == error, body
    return body


def expect_upstream_failure(response: Response, status: int, identifier: object = 7) -> None:
    """A JSON-RPC internal error that answers the request by its id and tells nothing of what is inside."""
    assert response.status == status, (response.status, response.headers, response.body[:300])
    assert response.one("Content-Type").split(";")[0] == "application/json"
    assert response.one("Cache-Control") == "no-store" and not response.all("WWW-Authenticate")
    body = response.json()
    assert (body["jsonrpc"], body["id"], body["error"]["code"]) == ("2.0", identifier, -32603), body
    assert not re.search(r"127\.0\.0\.1|localhost|:[0-9]{2,}", body["error"]["message"]), body


def expect_refusal(
    response: Response, status: int, resource: str, *, error: str | None, scope: str | None = None
) -> dict[str, str]:
    """A refusal with exactly one challenge, for this resource, naming exactly this scope and error."""
    body = expect_error_body(response, status, error)
    challenges = response.all("WWW-Authenticate")
    assert len(challenges) == 1, challenges
    parameters = parse(challenges[0])
    assert parameters["resource_metadata"] == metadata_address(resource), parameters
    assert parameters.get("scope") == scope, parameters
    assert parameters.get("error") == error, parameters
    if error is None:
        assert "error_description" not in parameters, parameters
    else:
        assert parameters["error_description"] == body["error_description"], (parameters, body)
    return parameters


def expect_no_credentials(response: Response, resource: str, scope: str | None = None) -> None:
    """401 that sends the client to the metadata and does not call the request an error (RFC 6750 section 3.1)."""
    expect_refusal(response, 401, resource, error=None, scope=scope)


def expect_invalid_token(response: Response, resource: str, scope: str | None = None) -> None:
    expect_refusal(response, 401, resource, error="invalid_token", scope=scope)
