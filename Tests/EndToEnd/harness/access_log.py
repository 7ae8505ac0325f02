"""What the tests read from access log entries; the member names of the log stand here and nowhere else."""

from __future__ import annotations

import json

from harness.gateway import Entry


def reason(entry: Entry) -> str:
    return entry["reason"]


def mentions(entry: Entry, text: str) -> bool:
    """The entry says `text` somewhere, in a name or in a value."""
    return text in json.dumps(entry, ensure_ascii=False)
