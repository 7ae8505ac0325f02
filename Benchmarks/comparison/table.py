"""Alternating runs, and the tables that come out of them: ratios first."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from comparison.peer import Peer


def alternate(peers: list[Peer], runs: int, measure: Callable[[Peer], float]) -> dict[str, list[float]]:
    """`runs` runs of each peer, in turn, after one that does not count."""
    figures: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for run in range(runs + 1):
        for peer in peers:
            figure = measure(peer)
            if run > 0:
                figures[peer.name].append(figure)
        print(f"run {run} of {runs}", file=sys.stderr)
    return figures


def show(title: str, unit: str, figures: dict[str, list[float]]) -> None:
    """The first is audgate; the others stand against it."""
    own = statistics.median(next(iter(figures.values())))
    print(f"\n{title}\n\n| proxy | audgate / proxy | {unit}, median (min-max) |\n| --- | ---: | ---: |")
    for name, values in figures.items():
        middle = statistics.median(values)
        spread = f" ({min(values):.1f}-{max(values):.1f})" if len(values) > 1 else ""
        print(f"| {name} | {own / middle:.2f} | {middle:.1f}{spread} |", flush=True)
