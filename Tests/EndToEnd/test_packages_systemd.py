"""The systemd units: what systemd itself says of them. What running them does is in test_packages_machine.py."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.gateway import REPOSITORY

UNITS = REPOSITORY / "deploy/systemd"
SYSTEM = "usr/lib/systemd/system"
# The scale of systemd-analyze ends at 100; it prints a tenth of it.
CONFINED = 15


@pytest.fixture
def root(tmp_path):
    """A system with the units, what they start, and the targets that they name."""
    folder = tmp_path / SYSTEM
    folder.mkdir(parents=True)
    for unit in ("audgate.service", "audgate.socket"):
        shutil.copy(UNITS / unit, folder)
    for target in Path("/", SYSTEM).glob("*.target"):
        shutil.copy(target, folder, follow_symlinks=True)
    (tmp_path / "usr/bin").mkdir()
    for program in ("audgate", "kill"):
        (tmp_path / "usr/bin" / program).touch(0o755)
    return tmp_path


def add(root, name):
    """One of the drop-ins that are examples."""
    folder = root / SYSTEM / "audgate.service.d"
    folder.mkdir()
    shutil.copy(UNITS / name, folder)


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def verify(root):
    units = [f"/{SYSTEM}/{each}" for each in ("audgate.service", "audgate.socket")]
    return analyze("verify", f"--root={root}", "--man=no", "--recursive-errors=one", *units)


def exposure(root, threshold):
    """Succeeds for what is not exposed beyond the threshold."""
    options = ["--offline=true", "--no-pager", f"--root={root}", f"--threshold={threshold}"]
    return analyze("security", *options, "audgate.service")


def test_systemd_understands_every_line(root):
    result = verify(root)
    assert result.returncode == 0 and not result.stderr, result.stderr


@pytest.mark.parametrize("name", ["credentials.conf", "privileged-ports.conf"])
def test_systemd_understands_the_examples(root, name):
    add(root, name)
    result = verify(root)
    assert result.returncode == 0 and not result.stderr, result.stderr


@pytest.mark.parametrize(
    "change", [("ProtectProc", "ProtectPrco"), ("/usr/bin/audgate", "/usr/bin/elsewhere")]
)
def test_a_slip_would_be_noticed(root, change):
    unit = root / SYSTEM / "audgate.service"
    unit.write_text(unit.read_text().replace(*change))
    assert verify(root).returncode != 0


def test_the_service_is_confined(root):
    result = exposure(root, CONFINED)
    assert result.returncode == 0, result.stdout


def test_the_service_is_still_confined_with_ports_below_1024(root):
    add(root, "privileged-ports.conf")
    assert exposure(root, 2 * CONFINED).returncode == 0


@pytest.mark.parametrize("line", ["CapabilityBoundingSet=", "RestrictNamespaces=yes", "User=audgate"])
def test_less_confinement_would_be_noticed(root, line):
    unit = root / SYSTEM / "audgate.service"
    text = unit.read_text()
    assert f"\n{line}\n" in text
    unit.write_text(text.replace(f"\n{line}\n", "\n"))
    assert exposure(root, CONFINED).returncode != 0
