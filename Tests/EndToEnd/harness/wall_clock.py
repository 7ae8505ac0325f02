"""The wall clock of one process, which a test may set as an administrator or a time server would."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


class WallClock:
    """What a process with this `environment` takes for the time of day. Its monotonic clock stays the machine's."""

    def __init__(self, folder: Path):
        self.file, self.ahead = folder / "wall-clock", 0
        self.step(0)
        listed = subprocess.run(["dpkg", "-L", "libfaketime"], capture_output=True, text=True, check=True)
        library = next(each for each in listed.stdout.splitlines() if each.endswith("/libfaketimeMT.so.1"))
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            # It looks at the file each time that it is asked, and leaves the times of files alone.
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, seconds: int) -> None:
        """Set it forward, or back if negative."""
        self.ahead += seconds
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{self.ahead:+d}")
        draft.rename(self.file)

    def now(self) -> int:
        """Seconds since the Unix epoch, as it says."""
        return int(time.time()) + self.ahead
