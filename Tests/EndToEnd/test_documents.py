"""What the documents point to is there: files and headings, tests, settings and reason codes, configurations."""

import ast
import json
import re
from pathlib import Path

import pytest

from harness.documents import HANDBOOK, blocks
from harness.gateway import REPOSITORY, run

ROOT_DOCUMENTS = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "Benchmarks/README.md"]
DOCUMENTS = [*HANDBOOK, *(REPOSITORY / each for each in ROOT_DOCUMENTS)]


def prose(document):
    """The text of a document without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(document):
    """The headings of a document as links name them."""
    titles = re.findall(r"^#+ (.*)", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in titles}


def named(document):
    return str(document.relative_to(REPOSITORY))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(document):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    for link in links:
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_names_every_page_of_the_handbook():
    index = (REPOSITORY / "docs/README.md").read_text()
    for document in filter(Path.is_file, (REPOSITORY / "docs").iterdir()):
        assert document.name == "README.md" or f"]({document.name}" in index, document.name


def rows(heading):
    """The cells of the table under a heading of the page for auditors."""
    text = (REPOSITORY / "docs/auditors.md").read_text()
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    found = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return found[2:]


def functions(path):
    return {each.name for each in ast.parse(path.read_text()).body if isinstance(each, ast.FunctionDef)}


def test_every_control_names_tests_that_exist():
    for control, _, _, _, tests in rows("Controls"):
        names = re.findall(r"`([^`]*)`", tests)
        assert names, control
        for name in names:
            file, _, function = name.partition("::")
            assert function in functions(REPOSITORY / "Tests/EndToEnd" / file), name


def test_every_control_names_settings_that_exist():
    reference = (REPOSITORY / "docs/reference.md").read_text()
    members = set(re.findall(r"^\| `(\w+)` \|", reference, re.MULTILINE))
    for control, _, settings, _, _ in rows("Controls"):
        paths = re.findall(r"`([^`]*)`", settings)
        assert paths or settings == "always", control
        for path in paths:
            assert set(re.findall(r"\w+", path)) - {"NAME"} <= members, path


def test_every_control_names_reasons_that_exist():
    reasons = set(re.findall(r"^\| `(\w+)` \|", (REPOSITORY / "docs/reasons.md").read_text(), re.MULTILINE))
    members = set(re.findall(r"`(\w+)`", (REPOSITORY / "docs/configuration.md").read_text()))
    for control, _, _, records, _ in rows("Controls"):
        unknown = set(re.findall(r"`(\w+)`", records)) - reasons - members
        assert not unknown, control


def test_every_control_that_a_framework_points_to_is_there():
    text = (REPOSITORY / "docs/auditors.md").read_text()
    controls = {each[0].strip("*") for each in rows("Controls")}
    assert set(re.findall(r"\bC\d+\b", text)) <= controls


def whole_configurations():
    for document in HANDBOOK:
        for number, block in enumerate(blocks(named(document), "json")):
            if "listeners" in json.loads(block.text):
                yield pytest.param(block.text, id=f"{named(document)}-{number}")


@pytest.mark.parametrize("text", [*whole_configurations()])
def test_every_configuration_shown_can_be_used(certificates, tmp_path, text):
    for name in sorted(set(re.findall(r'"([\w/.-]+\.(?:pem|key|ocsp|json|log|token))"', text))):
        text = provided(certificates, tmp_path, name, text)
    file = tmp_path / "gateway.json"
    file.write_text(text)
    result = run("check", "--config", str(file))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "can be used" in result.stdout


def provided(certificates, folder, name, text):
    """The text with a file that it names put in its place."""
    sources = {
        "ca.pem": certificates.ca,
        "client.pem": certificates.client.certificate,
        "client.key": certificates.client.key,
        "gateway.ocsp": certificates.staple,
    }
    kind = name.rpartition(".")[2]
    target = folder / name.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "log":
        return text.replace(f'"{name}"', f'"{target}"')
    if kind == "token" or name.endswith("sessions.key"):
        target.write_text("x" * 48)
    elif kind == "json":
        target.write_text('{"keys": []}')
    else:
        other = certificates.server.key if kind == "key" else certificates.server.certificate
        target.write_bytes(sources.get(target.name, other).read_bytes())
    return text
