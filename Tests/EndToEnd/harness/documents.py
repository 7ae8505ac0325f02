"""The handbook as the tests read it: its blocks of code, run and compared as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.gateway import REPOSITORY

HANDBOOK = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the heading above it."""

    language: str
    text: str
    heading: str


def blocks(document: str | Path, *languages: str) -> list[Block]:
    """The blocks of a document of the repository in their order, all of them or those of some languages."""
    found, heading, language, lines, indent = [], "", None, [], 0
    for line in (REPOSITORY / document).read_text().splitlines():
        if fence := re.match(r"( *)```(\w*)", line):
            if language is None:
                language, lines, indent = fence[2], [], len(fence[1])
                continue
            found.append(Block(language, "\n".join(lines) + "\n", heading))
            language = None
        elif language is not None:
            lines.append(line[indent:])
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    assert language is None, f"{document}: a block does not end"
    return [each for each in found if not languages or each.language in languages]


def replaced(text: str, replacements: dict[str, str]) -> str:
    """The text with each replacement made; one whose old text is not there is a mistake."""
    for old, new in replacements.items():
        assert old in text, f"{old!r} is not in {text!r}"
        text = text.replace(old, new)
    return text


def is_shown(line: str, output: str) -> bool:
    """Whether a line of a document is a whole line of the output; `…` stands for anything."""
    pattern = ".*".join(re.escape(each) for each in line.split("…"))
    return re.search(rf"^{pattern}\r?$", output, re.MULTILINE) is not None
