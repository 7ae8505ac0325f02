"""The Debian package, built of the binary under test, and what is in it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from harness.gateway import REPOSITORY, binary

DOCUMENTS = "usr/share/doc/audgate"


def build(folder: Path, program: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs scripts/build-package; the last line that it prints is the package's path."""
    command = [REPOSITORY / "scripts/build-package", "--binary", program or binary(), folder]
    return subprocess.run(command, capture_output=True, text=True)


class Package:
    def __init__(self, path: Path):
        self.path = path
        self.files = self._archive("--fsys-tarfile")
        self.control = self._archive("--ctrl-tarfile")

    @classmethod
    def built(cls, folder: Path) -> Package:
        result = build(folder)
        assert result.returncode == 0, result.stderr
        return cls(Path(result.stdout.strip()))

    def _archive(self, option: str) -> tarfile.TarFile:
        data = subprocess.run(["dpkg-deb", option, self.path], capture_output=True, check=True).stdout
        return tarfile.open(fileobj=io.BytesIO(data))

    def field(self, name: str) -> str:
        command = ["dpkg-deb", "--field", str(self.path), name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def read(self, path: str, archive: tarfile.TarFile | None = None) -> bytes:
        return (archive or self.files).extractfile(f"./{path}").read()
