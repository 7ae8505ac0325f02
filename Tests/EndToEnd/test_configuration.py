"""`audgate check`: what it accepts, what it refuses, and how it says so."""

import copy
import json
import re

import pytest

from harness import bad_configurations, development
from harness.bad_configurations import GOOD
from harness.gateway import run

DIAGNOSTIC = re.compile(r"(?P<file>\S+):(?P<line>\d+):(?P<column>\d+): (?P<rest>.*)")


def check(tmp_path, configuration):
    path = tmp_path / "gateway.json"
    path.write_text(configuration if isinstance(configuration, str) else json.dumps(configuration, indent=2))
    result = run("check", "--config", str(path))
    return result.returncode, result.stdout + result.stderr, path


def diagnostics(output):
    """(line, column, pointer, text) of every diagnostic in the output."""
    found = []
    for line in output.splitlines():
        if match := DIAGNOSTIC.match(line):
            pointer, _, text = match["rest"].partition(": ")
            if pointer in ("error", "warning"):
                pointer, _, text = text.partition(": ")
            found.append((int(match["line"]), int(match["column"]), pointer, text))
    return found


def expect_refused(tmp_path, configuration, pointer, words=()):
    """Exit 1, and a diagnostic at the pointer, its parent or below it, of two sentences or more."""
    status, output, path = check(tmp_path, configuration)
    assert status == 1, (status, output)
    assert str(path.name) in output
    parent = pointer.rpartition("/")[0] or "/"
    # A clash between two routes may be reported at either of them.
    places = (pointer, pointer.replace("/routes/0/resource", "/routes/1/resource"))
    near = [each for each in diagnostics(output) if each[2].startswith(places) or each[2] == parent]
    assert near, output
    line, column, _, text = near[0]
    assert line >= 1 and column >= 1
    assert re.search(r"\w.*\.\s+\w.*\.?$", text), f"what is wrong, and what to do: {text!r}"
    for word in words:
        assert word in text, (word, text)


def test_a_good_configuration_is_clean_and_says_who_may_pass(tmp_path):
    status, output, _ = check(tmp_path, GOOD)
    assert status == 0, output
    for route in GOOD["routes"]:
        assert (
            route["resource"] in output and route["upstream"].removeprefix("http://").split("/")[0] in output
        )
    assert "https://as.example" in output


@pytest.mark.parametrize("pointer, value, words", bad_configurations.REFUSED)
def test_a_wrong_configuration_is_refused_where_it_is_wrong(tmp_path, pointer, value, words):
    configuration = copy.deepcopy(GOOD)
    bad_configurations.apply(configuration, pointer, value)
    expect_refused(tmp_path, configuration, pointer, words)


@pytest.mark.parametrize("pointer, value, words", bad_configurations.NOT_YET)
def test_what_is_not_yet_supported_is_refused_and_never_ignored(tmp_path, pointer, value, words):
    configuration = copy.deepcopy(GOOD)
    bad_configurations.apply(configuration, pointer, value)
    expect_refused(tmp_path, configuration, pointer, words)


@pytest.mark.parametrize(
    "pointer, value, words", bad_configurations.REFUSED[:3] + bad_configurations.NOT_YET[:3]
)
def test_serve_refuses_what_check_refuses(tmp_path, pointer, value, words):
    configuration = copy.deepcopy(GOOD)
    bad_configurations.apply(configuration, pointer, value)
    (tmp_path / "gateway.json").write_text(json.dumps(configuration))
    result = run("serve", "--config", str(tmp_path / "gateway.json"), timeout=5)
    assert result.returncode == 1
    assert (pointer.rpartition("/")[0] or pointer) in result.stdout + result.stderr


def test_all_problems_are_reported_at_once(tmp_path):
    configuration = copy.deepcopy(GOOD)
    wrong = {
        "/surprise": 1,
        "/routes/0/resource": "https://MCP.example.com/files",
        "/routes/0/scopes": ["offline_access"],
        "/routes/1/issuer": "nobody",
        "/issuers/corp/algorithms": ["HS256"],
    }
    for pointer, value in wrong.items():
        bad_configurations.apply(configuration, pointer, value)
    status, output, _ = check(tmp_path, configuration)
    assert status == 1
    pointers = [each[2] for each in diagnostics(output)]
    for pointer in wrong:
        assert any(each.startswith(pointer) for each in pointers), (pointer, output)


def test_a_diagnostic_has_the_line_and_column_of_the_value(tmp_path):
    text = '{\n  "listeners": [{"address": "127.0.0.1:8080"}],\n  "workers":   "two",\n  "issuers": {}, "routes": []\n}\n'
    _, output, _ = check(tmp_path, text)
    assert (3, 3) in [each[:2] for each in diagnostics(output)] or (3, 16) in [
        each[:2] for each in diagnostics(output)
    ], output


@pytest.mark.parametrize(
    "text, line",
    [
        ("", 1),
        ("{", 1),
        ('{\n"listeners": [\n}', 3),
        ('{"listeners": []}\n{}', 2),
        ('{\n"workers": 1,\n"workers": 2\n}', 3),
        ('{\n"workers": 1,\n}', 3),
        ('{\n// a comment\n"workers": 1}', 2),
        ("[]", 1),
        ('{"a": "\\ud800"}', 1),
    ],
)
def test_text_that_is_not_strict_json_is_refused_with_its_place(tmp_path, text, line):
    status, output, _ = check(tmp_path, text)
    assert status == 1
    assert any(each[0] == line for each in diagnostics(output)), output


def test_a_missing_file_is_an_error(tmp_path):
    result = run("check", "--config", str(tmp_path / "nowhere.json"))
    assert result.returncode == 1 and "nowhere.json" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"resource": "https://mcp.example.com/files"}, id="same"),
        pytest.param({"resource": "https://mcp.example.com/Files"}, id="case"),
        pytest.param(
            {"resource": "https://mcp.example.com/f%C3%A9", "twin": "https://mcp.example.com/f%c3%a9"},
            id="case-of-an-encoding",
        ),
        pytest.param({"resource": "http://localhost/files", "twin": "https://localhost/files"}, id="scheme"),
        pytest.param(
            {
                "resource": "https://mcp.example.com/a",
                "audience_aliases": ["api://one"],
                "twin_aliases": ["api://one"],
            },
            id="alias-on-two-routes",
        ),
        pytest.param(
            {"resource": "https://mcp.example.com/a", "match": {"host": "mcp.example.com", "path": "/files"}},
            id="same-place",
        ),
    ],
)
def test_two_routes_that_could_be_taken_for_each_other_are_refused(tmp_path, other):
    configuration = copy.deepcopy(GOOD)
    other = dict(other)
    if twin := other.pop("twin", None):
        configuration["routes"][0]["resource"] = twin
    if aliases := other.pop("twin_aliases", None):
        configuration["routes"][0]["audience_aliases"] = aliases
    configuration["routes"][1].update(other)
    status, output, _ = check(tmp_path, configuration)
    assert status == 1 and diagnostics(output), output


@pytest.mark.parametrize(
    "pointer, value",
    [
        pytest.param("/routes/0/resource", "https://mcp.example.com", id="resource-with-an-empty-path"),
        pytest.param(
            "/routes/0/resource", "https://mcp.example.com/calendar/files", id="path-below-another-route"
        ),
        pytest.param(
            "/issuers/corp/max_token_lifetime",
            bad_configurations.Absent,
            id="issuer-without-longest-lifetime",
        ),
        pytest.param("/listeners/0/address", "0.0.0.0:8080", id="cleartext-off-loopback"),
    ],
)
def test_what_is_doubtful_is_warned_about_and_accepted(tmp_path, pointer, value):
    configuration = copy.deepcopy(GOOD)
    bad_configurations.apply(configuration, pointer, value)
    clean = diagnostics(check(tmp_path, GOOD)[1])
    status, output, _ = check(tmp_path, configuration)
    assert status == 0, output
    assert len(diagnostics(output)) > len(clean), output


def test_development_servers_are_refused_on_a_listener_that_others_can_reach(tmp_path):
    configuration = development.configuration()
    configuration["listeners"] = [{"address": "0.0.0.0:8080"}]
    status, output, _ = check(tmp_path, configuration)
    assert status == 1 and diagnostics(output), output


def test_the_checked_in_configuration_is_clean():
    result = run("check", "--config", str(development.FILE))
    assert result.returncode == 0, result.stdout + result.stderr


def test_included_files_are_part_of_the_whole_and_named_in_diagnostics(tmp_path):
    (tmp_path / "routes.d").mkdir()
    more = {
        "routes": [
            {
                "resource": "https://mcp.example.com/wiki",
                "issuer": "corp",
                "upstream": "http://127.0.0.1:3003/mcp",
            }
        ]
    }
    (tmp_path / "routes.d/wiki.json").write_text(json.dumps(more))
    configuration = {**GOOD, "include": ["routes.d/*.json"]}
    status, output, _ = check(tmp_path, configuration)
    assert status == 0 and "https://mcp.example.com/wiki" in output
    more["routes"][0]["resource"] = "https://mcp.example.com/files"
    (tmp_path / "routes.d/wiki.json").write_text(json.dumps(more))
    status, output, _ = check(tmp_path, configuration)
    assert status == 1 and "wiki.json" in output
