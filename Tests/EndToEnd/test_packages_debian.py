"""The Debian package: what is in it. What it does is in test_packages_machine.py."""

import gzip
import hashlib
import json
import re
import secrets
import shutil
import subprocess

import pytest

from harness.debian import DOCUMENTS, Package, build
from harness.gateway import REPOSITORY, run

pytestmark = pytest.mark.timeout(180)

# What is neither a document nor a folder, with its mode.
FILES = {
    "etc/logrotate.d/audgate": 0o644,
    "usr/bin/audgate": 0o755,
    "usr/lib/systemd/system/audgate.service": 0o644,
    "usr/lib/systemd/system/audgate.socket": 0o644,
    "usr/lib/sysusers.d/audgate.conf": 0o644,
    "usr/lib/tmpfiles.d/audgate.conf": 0o644,
    "usr/share/audgate/gateway.schema.json": 0o644,
    "usr/share/lintian/overrides/audgate": 0o644,
    "usr/share/man/man1/audgate.1.gz": 0o644,
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return Package.built(tmp_path_factory.mktemp("package"))


def test_the_files_are_where_they_belong_and_root_owns_them(package):
    entries = {each.name.removeprefix("./"): each for each in package.files}
    regular = {name: entry.mode for name, entry in entries.items() if entry.isfile()}
    documents = {name for name in regular if name.startswith(f"{DOCUMENTS}/")}
    assert {name: mode for name, mode in regular.items() if name not in documents} == FILES
    assert {regular[each] for each in documents} == {0o644}
    assert all(each.isfile() or each.isdir() for each in entries.values())
    assert {each.mode for each in entries.values() if each.isdir()} == {0o755}
    assert {(each.uid, each.gid) for each in entries.values()} == {(0, 0)}
    assert entries["etc/audgate"].isdir()


def test_the_documents_and_examples_come_with_it(package):
    names = {each.name.removeprefix(f"./{DOCUMENTS}/") for each in package.files if each.isfile()}
    expected = {path.name for path in (REPOSITORY / "docs").glob("*.md")} | {"changelog.gz", "copyright"}
    expected |= {f"examples/{each}" for each in ("gateway.json", "credentials.conf", "privileged-ports.conf")}
    assert expected <= names


def test_its_version_is_that_of_the_binary(package):
    assert package.field("Version") == run("--version").stdout.strip()


def test_another_version_than_that_of_the_changelog_is_not_packaged(tmp_path):
    program = tmp_path / "audgate"
    program.write_text("#!/bin/sh\necho 99.0.0\n")
    program.chmod(0o755)
    result = build(tmp_path, str(program))
    assert result.returncode == 1 and "99.0.0" in result.stderr
    assert not list(tmp_path.glob("*.deb"))


def test_it_depends_on_the_libraries_that_the_binary_loads(package):
    depends = dict(
        re.fullmatch(r"(\S+)(?: \((.*)\))?", each).groups()
        for each in package.field("Depends").split(", ")
        if "|" not in each
    )
    assert {"libssl3", "libnghttp2-14", "libc6", "libstdc++6", "libgcc-s1"} <= depends.keys()
    assert all(
        depends[each] and depends[each].startswith(">= ") for each in depends if each.startswith("lib")
    )
    # Authorities to trust, and kill(1), which reloads.
    assert {"ca-certificates", "procps"} <= depends.keys()


def test_the_architecture_is_this_machines(package):
    native = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    assert package.field("Architecture") == native.stdout.strip()
    assert int(package.field("Installed-Size")) > 1000


def test_the_only_file_to_edit_is_that_of_logrotate(package):
    assert package.read("conffiles", package.control).decode().split() == ["/etc/logrotate.d/audgate"]


def test_the_checksums_are_those_of_the_files(package):
    sums = dict(
        reversed(line.split("  ", 1))
        for line in package.read("md5sums", package.control).decode().splitlines()
    )
    regular = {each.name.removeprefix("./") for each in package.files if each.isfile()}
    assert sums.keys() == regular
    for name, digest in sums.items():
        assert hashlib.md5(package.read(name), usedforsecurity=False).hexdigest() == digest, name


def test_the_same_binary_makes_the_same_package(package, tmp_path):
    assert Package.built(tmp_path).path.read_bytes() == package.path.read_bytes()


def test_lintian_has_nothing_to_say(package):
    command = ["lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", package.path]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0 and not result.stdout, result.stdout + result.stderr


def test_the_manual_page_has_every_command_and_is_good_troff(package, tmp_path):
    page = tmp_path / "audgate.1"
    page.write_bytes(gzip.decompress(package.read("usr/share/man/man1/audgate.1.gz")))
    command = ["man", "--warnings=w", "--encoding=utf8", "--local-file", str(page)]
    result = subprocess.run(
        command, capture_output=True, text=True, env={"MANWIDTH": "100", "PATH": "/usr/bin:/bin"}
    )
    assert result.returncode == 0 and not result.stderr, result.stderr
    dump = json.loads(run("--experimental-dump-help").stdout)["command"]
    shown = [each for each in dump["subcommands"] if each["commandName"] != "help"]
    assert len(shown) > 3
    for command in shown:
        assert f"audgate {command['commandName']}" in result.stdout
        for argument in command["arguments"]:
            if argument["shouldDisplay"] and argument["kind"] == "option":
                assert f"--{argument['preferredName']['name']}" in result.stdout


def test_check_accepts_the_example_with_the_files_that_it_names(package, tmp_path, certificates):
    (tmp_path / "gateway.json").write_bytes(package.read(f"{DOCUMENTS}/examples/gateway.json"))
    write_secrets(tmp_path, certificates)
    result = run("check", "--config", str(tmp_path / "gateway.json"))
    assert result.returncode == 0, result.stderr


def write_secrets(folder, certificates):
    """What the example names."""
    identity = certificates.intermediate.issue("mcp", "mcp.example.com")
    (folder / "tls").mkdir()
    shutil.copy(identity.certificate, folder / "tls/gateway.pem")
    shutil.copy(identity.key, folder / "tls/gateway.key")
    (folder / "sessions.key").write_text(secrets.token_urlsafe(48))
