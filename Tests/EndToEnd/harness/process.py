"""What the kernel says of a process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def resident(process: subprocess.Popen[bytes]) -> int:
    """Bytes of memory that it has."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def anonymous(process: subprocess.Popen[bytes]) -> int:
    """Bytes of memory that is its own: heap and stacks, without pages of files."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Anonymous:"))


def descriptors(process: subprocess.Popen[bytes]) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def processor_time(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time that it has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
