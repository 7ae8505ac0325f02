"""Alternating runs, and what becomes of them: tables on the screen, and files for the README."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import platform
import re
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from comparison.peer import Peer

FIRST = "audgate"


@dataclass
class Series:
    """Figures of one kind of work: those of all runs, for each proxy, the first of which the others stand against."""

    name: str
    title: str
    unit: str
    figures: dict[str, list[float]]
    targets: dict[str, float] = field(default_factory=dict)
    """Greatest ratio of the first to another that is aimed at."""
    note: str = ""

    def ratios(self, name: str) -> list[float]:
        """The first against another, run by run: those of one number were next to each other in time."""
        own = next(iter(self.figures.values()))
        return [one / other if other else math.nan for one, other in zip(own, self.figures[name], strict=True)]

    def table(self) -> str:
        first = next(iter(self.figures))
        lines = [
            f"### {self.name}: {self.title}\n",
            f"| | {first} / it | {self.unit} | target |",
            "| --- | ---: | ---: | ---: |",
        ]
        for name, values in self.figures.items():
            ratio = "1" if name == first else spread(self.ratios(name), 2)
            target = f"≤ {self.targets[name]:.2f}" if name in self.targets else ""
            lines.append(f"| {name} | {ratio} | {spread(values, 1)} | {target} |")
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


def spread(values: list[float], digits: int) -> str:
    """Median, and the smallest and the largest."""
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def alternate(peers: list[Peer], runs: int, measure: Callable[[Peer], float]) -> dict[str, list[float]]:
    """`runs` runs of each peer, in turn, after one that does not count."""
    figures: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for run in range(runs + 1):
        # Every other round the other way round, so that none is always behind the same.
        for peer in peers if run % 2 else reversed(peers):
            figure = measure(peer)
            if run > 0:
                figures[peer.name].append(figure)
        print(f"run {run} of {runs}", file=sys.stderr)
    return figures


def machine() -> str:
    """What the figures were measured on, and when."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    kernel = platform.release()
    return f"{processor[1] if processor else platform.machine()}, Linux {kernel}, {datetime.date.today()}"


class Results:
    """The figures of a program: kept as JSON, to which a run of some series adds, and shown as Markdown."""

    def __init__(self, folder: Path, name: str, length: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.data, self.text = folder / f"{name}.json", folder / f"{name}.md"
        kept = json.loads(self.data.read_text()) if self.data.exists() else {}
        self.series = {key: Series(**value["series"]) for key, value in kept.items()}
        self.places = {key: value["measured"] for key, value in kept.items()}
        self.measured = f"{machine()}, {length}"

    def add(self, series: Series) -> None:
        """Shows a series, and writes it at once: what follows may fail."""
        self.series[series.name], self.places[series.name] = series, self.measured
        print(f"\n{series.table()}", flush=True)
        kept = {
            key: {"measured": self.places[key], "series": dataclasses.asdict(each)} for key, each in self.series.items()
        }
        self.data.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        parts = [f"{each.table()}\n\nMeasured on {self.places[key]}." for key, each in self.series.items()]
        self.text.write_text("\n\n".join(parts) + "\n")
