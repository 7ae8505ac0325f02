"""A machine of its own for a test: systemd as the first process, on a copy-on-write view of this system's files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

import pytest

# Becomes the first process of the new machine. What is the kernel's own and not the machine's is read-only, so that
# nothing that systemd does at a start reaches beyond it.
BOOT = """
set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
ip link set lo up
mkdir -p .old
pivot_root . .old
umount -l /.old
# What systemd expects of whoever starts it in a container.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=sysinit.target
"""


class Machine:
    """Needs root, or rather what namespaces, mounts and cgroups need."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None
        hierarchies = [
            each.split()[1] for each in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in each
        ]
        if os.geteuid() != 0 or not hierarchies or not Path("/lib/systemd/systemd").exists():
            pytest.skip("a machine of its own needs root, cgroup2 and systemd")
        self.cgroup = Path(hierarchies[0]) / f"audgate-test-{os.getpid()}"

    def start(self) -> Machine:
        # Overlays do not stack, and the folder of tests may be on one.
        self.directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.directory], check=True)
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir()
        self.cgroup.mkdir()
        command = [
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--cgroup",
        ]
        enter = f'echo $$ >{self.cgroup}/cgroup.procs && exec "$@"'
        self.process = subprocess.Popen(
            ["sh", "-c", enter, "sh", *command, "sh", "-c", BOOT, "sh", str(self.directory)],
            stdin=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while self.run("systemctl", "is-active", "sysinit.target", check=False).stdout.strip() != "active":
            assert self.process.poll() is None and time.monotonic() < end, "the machine does not start"
            time.sleep(0.1)
        return self

    @property
    def first_process(self) -> str:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return children[0] if children else str(self.process.pid)

    def path(self, path: str) -> Path:
        """A file of the machine, from here."""
        return Path(f"/proc/{self.first_process}/root{path}")

    def run(self, *command: str, check: bool = True, **more) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [*self._enter, *command], cwd="/", capture_output=True, text=True, timeout=60, **more
        )
        if check:
            assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
        return result

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """Starts a command there; its output is for the caller to read."""
        return subprocess.Popen([*self._enter, *command], cwd="/", stdout=subprocess.PIPE, text=True)

    @property
    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self.first_process}", "--all", "--root"]

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self._remove_cgroup()
        subprocess.run(["umount", "--lazy", self.directory], check=True)

    def _remove_cgroup(self) -> None:
        end = time.monotonic() + 10
        while self.cgroup.exists():
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            assert time.monotonic() < end, f"processes are left in {self.cgroup}"
            time.sleep(0.02)
