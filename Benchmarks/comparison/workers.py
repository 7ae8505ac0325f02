"""P9: two workers against one, as far as two cores for proxy, load and back end can show it.

The load and the back end need a core themselves. So the work here is what the proxy does nearly alone: it refuses
tokens with a forged Ed25519 signature, each of which it verifies, and no back end is asked. One worker has a core to
itself; two have both cores and share them with the load. What the load takes of them bounds the ratio: that bound is
said beside it.
"""

from __future__ import annotations

from pathlib import Path

from comparison.credentials import Issuer
from comparison.load import Load, post
from comparison.peer import Peer


def forged(load: Load, issuer: Issuer) -> Path:
    """One token will do: refusals are not remembered."""
    return load.write("forged", [post(issuer.forged("Ed25519"))])


def refusals(load: Load, peer: Peer, requests: Path, seconds: int) -> tuple[float, float]:
    """Refusals for each second, and the most that so many workers could do more than one, with this load."""
    before = peer.cpu_seconds()
    outcome = load.run(peer, requests, seconds)
    spent = peer.cpu_seconds() - before
    if outcome["failed"] or outcome["good"]:
        raise SystemExit(f"{peer.name} did not refuse: {outcome}")
    return outcome["answered"] / outcome["seconds"], 2 * spent / (spent + outcome["cpu_seconds"])
