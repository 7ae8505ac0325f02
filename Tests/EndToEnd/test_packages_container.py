"""The container image: the Dockerfile, and the file system that it makes with the gateway running in it."""

import contextlib
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.gateway import REPOSITORY, binary, free_port
from harness.issuer import Issuer
from harness.raw_http import request
from harness.tls import server_context
from harness.transports import Client

FOLDER = REPOSITORY / "deploy/docker"
DOCKERFILE = FOLDER / "Dockerfile"
USER = 65532


class Instruction:
    def __init__(self, line):
        self.name, _, self.text = line.partition(" ")
        words = shlex.split(self.text) if self.name in ("FROM", "COPY", "USER") else []
        self.options = dict(each[2:].split("=") for each in words if each.startswith("--"))
        self.words = [each for each in words if not each.startswith("--")]


def stages():
    """Instructions by stage, in order."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = []
    for line in filter(None, text.splitlines()):
        instruction = Instruction(line)
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def only(name, stage):
    (found,) = [each for each in stage if each.name == name]
    return found


def command(text):
    """The program and arguments of the form that needs no shell."""
    return json.loads(text[text.index("[") :])


def is_sent(path):
    """Whether Dockerfile.dockerignore lets a path through: the last pattern that fits it or a folder above it decides."""
    path = Path(path)
    sent = True
    for pattern in (DOCKERFILE.with_name("Dockerfile.dockerignore")).read_text().splitlines():
        names = [str(each) for each in (path, *path.parents) if str(each) != "."]
        if (
            pattern
            and not pattern.startswith("#")
            and any(fnmatch.fnmatch(each, pattern.lstrip("!")) for each in names)
        ):
            sent = pattern.startswith("!")
    return sent


# -- The Dockerfile.


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stdout, result.stdout + result.stderr


def test_what_is_copied_exists_and_is_sent():
    named = set()
    for stage in stages():
        for copy in (each for each in stage if each.name == "COPY"):
            if "from" in copy.options:
                assert copy.options["from"] in named
                continue
            for source in copy.words[:-1]:
                assert (REPOSITORY / source).exists(), source
                assert is_sent(source), source
        if len(stage[0].words) == 3:
            named.add(stage[0].words[2])
    assert named


def test_what_the_build_needs_is_sent_and_nothing_else_of_the_repository():
    for each in ("Package.swift", "Sources/audgate/Audgate.swift", "Tests/HTTPTests/x.swift", "gateway.json"):
        assert is_sent(each), each
    for each in (
        ".git",
        ".build",
        "docs/mcp.md",
        "Tests/EndToEnd/conftest.py",
        "deploy/debian/control",
        ".venv",
    ):
        assert not is_sent(each), each


def test_the_image_is_made_from_nothing_and_runs_without_root_or_shell():
    last = stages()[-1]
    assert last[0].words == ["scratch"]
    assert only("USER", last).words == [f"{USER}:{USER}"]
    assert not [each for each in last if each.name in ("RUN", "ADD", "SHELL")]
    for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
        assert command(only(name, last).text), name


def test_what_is_installed_is_what_the_binary_loads():
    (run,) = [each for each in stages()[1] if each.name == "RUN" and "apt-get" in each.text]
    installed = {each for each in run.text.split(" install ")[1].split() if not each.startswith("--")}
    assert installed == packages_of(libraries()) | {"ca-certificates"}


def libraries():
    output = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=True).stdout
    return {each for each in re.findall(r"/\S+", output)}


def packages_of(paths):
    packages = set()
    for path in paths:
        for spelling in (path, os.path.realpath(path), f"/usr{path}"):
            found = subprocess.run(["dpkg-query", "--search", spelling], capture_output=True, text=True)
            if found.returncode == 0:
                packages.add(found.stdout.partition(":")[0])
                break
        else:
            raise AssertionError(f"no package has {path}")
    return packages


# -- The file system.


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("an image has files of another user, which only root can make")
    root = tmp_path_factory.mktemp("image") / "root"
    subprocess.run([FOLDER / "assemble-root", binary(), root], check=True)
    return root


def test_the_only_program_in_the_image_is_the_gateway(image):
    files = [each for each in image.rglob("*") if each.is_file() and not each.is_symlink()]
    executable = {f"/{each.relative_to(image)}" for each in files if each.stat().st_mode & 0o111}
    assert executable - libraries() == {"/usr/bin/audgate"}
    assert libraries() <= {f"/{each.relative_to(image)}" for each in files}


def test_nothing_in_the_image_is_privileged_or_for_everybody_to_write(image):
    modes = [each.lstat().st_mode for each in image.rglob("*") if not each.is_symlink()]
    assert not [mode for mode in modes if mode & 0o6002]
    assert {each.lstat().st_uid for each in image.rglob("*")} == {0, USER}


def test_every_package_of_the_image_has_its_record_and_its_licence(image):
    expected = packages_of(libraries()) | {"ca-certificates"}
    assert {each.name for each in (image / "var/lib/dpkg/status.d").iterdir()} == expected
    for package in expected:
        assert (image / f"usr/share/doc/{package}/copyright").stat().st_size > 0
        assert f"Package: {package}\n" in (image / f"var/lib/dpkg/status.d/{package}").read_text()


class Container:
    """Runs in the image as an engine would: other processes out of sight, another user, no capability."""

    def __init__(self, image, directory):
        self.root = directory / "root"
        shutil.copytree(image, self.root, symlinks=True)
        (self.root / "proc").mkdir()
        # Engines write this one.
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost upstream.internal\n")
        self.processes = []

    def command(self, *arguments):
        namespaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts"]
        inside = f'mount -t proc proc "$0/proc" && exec setpriv --no-new-privs chroot --userspec={USER}:{USER} "$0" "$@"'
        return [*namespaces, "sh", "-c", inside, str(self.root), *arguments]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=20)

    def write(self, configuration):
        (self.root / "etc/audgate/gateway.json").write_text(json.dumps(configuration))

    def start(self, port):
        """The image's own command; waits until it is ready."""
        last = stages()[-1]
        command = [*json.loads(only("ENTRYPOINT", last).text), *json.loads(only("CMD", last).text)]
        self.processes.append(subprocess.Popen(self.command(*command), stdout=subprocess.DEVNULL))
        end = time.monotonic() + 10
        while self.health(port) != 200:
            assert self.processes[-1].poll() is None and time.monotonic() < end, (
                "the container does not become ready"
            )
            time.sleep(0.05)

    @staticmethod
    def health(port):
        with contextlib.suppress(OSError):
            return Client().exchange(("127.0.0.1", port), request("GET", "/healthz", "probe.invalid")).status

    def check_health(self):
        return self.run(*command(only("HEALTHCHECK", stages()[-1]).text)).returncode

    def stop(self):
        for process in self.processes:
            # A change of user clears what --kill-child has asked for.
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for each in children:
                os.kill(int(each), signal.SIGKILL)
            process.kill()
            process.wait()


@pytest.fixture
def container(image, tmp_path):
    container = Container(image, tmp_path)
    yield container
    container.stop()


def configuration(port, resource, **members):
    return {
        "listeners": [{"address": f"127.0.0.1:{port}"}],
        "workers": 1,
        "issuers": {"corp": {"issuer": "https://login.example.com", "keys": {"file": "keys.json"}}},
        "routes": [{"resource": resource, "issuer": "corp", "upstream": "http://127.0.0.1:9/mcp"}],
        **members,
    }


def test_the_image_has_all_that_the_gateway_needs_to_run(container):
    result = container.run("/usr/bin/audgate", "--version")
    assert result.returncode == 0 and result.stdout.strip(), result.stderr


def test_a_request_passes_with_the_images_authorities_names_and_user(container, certificates, recorder):
    """Keys are fetched over https under the authorities of the image, and the server is found by its name."""
    issuer = Issuer(tls=server_context(certificates.server))
    try:
        (container.root / "etc/ssl/certs/ca-certificates.crt").write_bytes(certificates.ca.read_bytes())
        port = free_port()
        resource = f"http://127.0.0.1:{port}/mcp"
        corp = {
            "issuer": issuer.identifier,
            "keys": {"uri": issuer.server.url + "/jwks"},
            "algorithms": ["ES256"],
        }
        route = {
            "resource": resource,
            "issuer": "corp",
            "upstream": f"http://upstream.internal:{recorder.authority.rpartition(':')[2]}/mcp",
        }
        container.write(configuration(port, resource, issuers={"corp": corp}, routes=[route]))
        container.start(port)
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
        fields = [("Authorization", f"Bearer {issuer.mint(resource)}"), ("Content-Type", "application/json")]
        fields += [("Accept", "application/json, text/event-stream")]
        ask = request("POST", "/mcp", f"127.0.0.1:{port}", fields, body)
        answer = Client().exchange(("127.0.0.1", port), ask, "POST")
        assert answer.status == 200, answer
    finally:
        issuer.stop()


def test_the_health_check_of_the_image_says_what_the_health_path_says(container):
    port = free_port()
    container.write(configuration(port, f"http://127.0.0.1:{port}/mcp"))
    (container.root / "etc/audgate/keys.json").write_text('{"keys": []}')
    assert container.check_health() == 1
    container.start(port)
    assert container.check_health() == 0
