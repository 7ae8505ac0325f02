"""Latency at a constant rate: first what a proxy can do at most, then shares of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comparison.load import Load
from comparison.peer import Peer

SATURATING = 64
"""Connections of the closed loop that looks for the most."""
CONNECTIONS = 256
"""Of the open loop: enough that a request seldom waits for one."""


def saturation(load: Load, peer: Peer, requests: Path, seconds: float) -> tuple[float, float]:
    """Answers for each second in a closed loop, and the share of its core that the proxy was busy."""
    load.run(peer, requests, seconds / 2, connections=SATURATING)
    before = peer.cpu_seconds()
    outcome = load.run(peer, requests, seconds, connections=SATURATING)
    busy = (peer.cpu_seconds() - before) / outcome["seconds"]
    if outcome["failed"] or outcome["refused"]:
        raise SystemExit(f"{peer.name} did not answer as it should: {outcome}")
    return outcome["answered"] / outcome["seconds"], busy


def at_rate(load: Load, peer: Peer, requests: Path, seconds: float, rate: float) -> dict[str, Any]:
    """What became of a constant rate."""
    return load.run(peer, requests, seconds, rate=rate, connections=CONNECTIONS)
