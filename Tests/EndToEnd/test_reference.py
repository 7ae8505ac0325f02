"""docs/reference.md is what scripts/generate-reference makes of the schema, and leaves nothing out."""

import json
import re
import subprocess

import pytest

from harness.gateway import REPOSITORY

SCRIPT = REPOSITORY / "scripts/generate-reference"
SCHEMA = REPOSITORY / "docs/gateway.schema.json"
REFERENCE = REPOSITORY / "docs/reference.md"


def generated(script=SCRIPT):
    result = subprocess.run([script, "-"], capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stderr
    return result.stdout


def generated_from(schema, folder):
    """What the script makes of another schema: it looks for it beside itself."""
    (folder / "scripts").mkdir()
    (folder / "docs").mkdir()
    script = folder / "scripts/generate-reference"
    script.write_bytes(SCRIPT.read_bytes())
    script.chmod(0o755)
    (folder / "docs/gateway.schema.json").write_text(json.dumps(schema))
    return generated(script)


def rows(text):
    """The cells of each member's row, by the heading that it stands under and its name."""
    found, heading = {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| `"):
            cells = re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))
            found[heading, cells[0].strip("`")] = cells
    return found


def objects(schema):
    """Each object of the schema with its title."""
    yield "Top level", schema
    for name, definition in schema["$defs"].items():
        if "properties" in definition:
            yield definition.get("title", name.replace("_", " ").capitalize()), definition


def test_the_reference_is_what_the_schema_says():
    assert REFERENCE.read_text() == generated(), "run scripts/generate-reference"


def test_every_member_has_one_row_with_its_meaning_and_default():
    schema = json.loads(SCHEMA.read_text())
    found = rows(REFERENCE.read_text())
    expected = {(title, name) for title, each in objects(schema) for name in each["properties"]}
    assert set(found) == expected
    for title, each in objects(schema):
        for name, member in each["properties"].items():
            _, kind, default, meaning = found[title, name]
            assert kind and len(meaning) > 5, (title, name)
            if name in each.get("required", []):
                assert default == "required", (title, name)
            elif "default" in member:
                assert json.loads(default.strip("`")) == member["default"], (title, name)


def test_every_link_of_the_reference_leads_to_a_heading():
    text = REFERENCE.read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.*)", text, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links and links <= headings


MEMBERS = {
    "a plain number": ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, 1 to 9"),
    "one bound": ({"type": "integer", "minimum": 1}, "integer, at least 1"),
    "words": ({"enum": ["a", "b"]}, '`"a"` or `"b"`'),
    "either": ({"oneOf": [{"type": "boolean"}, {"$ref": "#/$defs/duration"}]}, "boolean or [duration]"),
    "several types": ({"type": ["string", "integer"]}, "string or integer"),
    "a list": (
        {"type": "array", "items": {"$ref": "#/$defs/inner"}, "maxItems": 3},
        "list of [inner](#inner), at most 3",
    ),
    "a map": (
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "object; by name: list of strings",
    ),
    "a named choice": ({"$ref": "#/$defs/choice"}, '[inner](#inner) or `"off"`'),
    "itself again": ({"type": "array", "items": {"$ref": "#/$defs/again"}}, "list of [again](#again)"),
    "nothing known": ({}, "any value"),
    "what is not there": ({"$ref": "#/$defs/lost"}, "any value"),
}


@pytest.mark.parametrize("member, kind", MEMBERS.values(), ids=MEMBERS.keys())
def test_a_member_of_any_form_gets_a_row(tmp_path, member, kind):
    again = {"type": "object", "properties": {"next": {"$ref": "#/$defs/again", "description": "Once more."}}}
    schema = {
        "type": "object",
        "properties": {
            "it": {**member, "description": 'This | that, such as {"a": ["b"]}.', "default": None}
        },
        "$defs": {
            "duration": {"type": "string", "description": "A time."},
            "choice": {"anyOf": [{"$ref": "#/$defs/inner"}, {"const": "off"}]},
            "inner": {"type": "object", "properties": {"x": {"type": "string"}}},
            "again": again,
        },
    }
    text = generated_from(schema, tmp_path)
    cells = rows(text)["Top level", "it"]
    assert cells[1].startswith(kind)
    assert cells[2] == "`null`"
    assert cells[3] == 'This \\| that, such as `{"a": ["b"]}`.'
    assert "| duration | A time. |" in text and "| choice |" not in text
    assert ("Again", "next") in rows(text) and ("Inner", "x") in rows(text)
