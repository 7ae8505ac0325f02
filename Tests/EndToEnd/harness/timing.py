"""How long something takes, on a machine that may stand still for a moment."""

import time
from collections.abc import Callable


def quickest(ask: Callable[[], None], enough: float = 1.0, rounds: int = 3) -> float:
    """Seconds of the best round; there are no more once one took less than `enough`.

    A pause of the machine spoils one round, a gateway that is held up all of them.
    """
    times = []
    for _ in range(rounds):
        started = time.monotonic()
        ask()
        times.append(time.monotonic() - started)
        if times[-1] < enough:
            break
    return min(times)
