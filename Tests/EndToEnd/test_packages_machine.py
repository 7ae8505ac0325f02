"""The Debian package on a machine of its own, where systemd runs the gateway as the unit says."""

import json
import secrets
import shutil
import time

import pytest

from harness.debian import DOCUMENTS, Package
from harness.machine import Machine

pytestmark = pytest.mark.timeout(180)

CONFIGURATION = {
    "listeners": [{"address": "127.0.0.1:8080"}],
    "workers": 2,
    "session_keys": [{"file": "sessions.key"}],
    "issuers": {"corp": {"issuer": "https://login.example.com", "keys": {"file": "keys.json"}}},
    "routes": [
        {
            "resource": "https://mcp.example.com/files",
            "issuer": "corp",
            "upstream": "http://localhost:3001/mcp",
        }
    ],
}
# A system call that the unit does not allow ends the process here, where in production it only fails.
STRICT = "[Service]\nSystemCallErrorNumber=kill\n"
HEALTH = "http://127.0.0.1:8080/healthz"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return Package.built(tmp_path_factory.mktemp("package"))


class Host(Machine):
    """A machine with the package installed."""

    def install(self, package):
        # The images of containers forbid packages to start and stop services.
        self.path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
        shutil.copy(package.path, self.path("/srv/audgate.deb"))
        self.run("dpkg", "--install", "/srv/audgate.deb")

    def configure(self, configuration=CONFIGURATION, **dropins):
        """Writes a configuration and the drop-ins that are named, as an operator would."""
        self.path("/etc/audgate/sessions.key").write_text(secrets.token_urlsafe(48))
        self.path("/etc/audgate/keys.json").write_text('{"keys": []}')
        self.path("/etc/audgate/gateway.json").write_text(json.dumps(configuration))
        self.run("sh", "-c", "chgrp audgate /etc/audgate/* && chmod 640 /etc/audgate/*")
        folder = self.path("/etc/systemd/system/audgate.service.d")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"strict": STRICT, **dropins}.items():
            (folder / f"{name}.conf").write_text(text)
        self.run("systemctl", "daemon-reload")

    def start_gateway(self):
        result = self.run("systemctl", "start", "audgate.service", check=False)
        assert result.returncode == 0, self.journal()

    def show(self, name, unit="audgate.service"):
        return self.run("systemctl", "show", f"--property={name}", "--value", unit).stdout.strip()

    def status(self, url=HEALTH, *options):
        """The status of an answer; 000 if there is none."""
        command = [
            "curl",
            "--silent",
            "--max-time",
            "5",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ]
        return self.run(*command, *options, url, check=False).stdout

    def journal(self):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit=audgate.service").stdout

    def wait_until(self, holds, what, within=20.0):
        end = time.monotonic() + within
        while not holds():
            assert time.monotonic() < end, f"not {what}:\n{self.journal()}"
            time.sleep(0.05)


@pytest.fixture
def host(package, tmp_path):
    host = Host(tmp_path / "machine")
    try:
        host.start().install(package)
        yield host
    finally:
        host.stop()


def test_installing_makes_the_user_and_starts_nothing(host):
    assert host.run("id", "--user", "--name", "audgate").stdout == "audgate\n"
    assert host.run("stat", "--format=%U:%G %a", "/etc/audgate").stdout == "root:audgate 750\n"
    assert host.show("ActiveState") == host.show("ActiveState", "audgate.socket") == "inactive"
    assert host.show("UnitFileState") == host.show("UnitFileState", "audgate.socket") == "disabled"
    assert host.run("systemd-analyze", "verify", "audgate.service", "audgate.socket").stderr == ""


def test_the_service_serves_without_privileges(host):
    host.configure()
    host.start_gateway()
    assert host.status() == "200"
    content = [
        "--header",
        "Host: mcp.example.com",
        "--header",
        "Content-Type: application/json",
        "--data",
        "{}",
    ]
    assert host.status("http://127.0.0.1:8080/files", *content) == "401"
    process = host.show("MainPID")
    lines = host.run("cat", f"/proc/{process}/status").stdout.splitlines()
    status = {name: value.split() for name, value in (line.split(":", 1) for line in lines)}
    assert status["Uid"] == [host.run("id", "--user", "audgate").stdout.strip()] * 4
    assert all(int(status[each][0], 16) == 0 for each in ("CapPrm", "CapEff", "CapBnd", "CapAmb"))
    assert status["NoNewPrivs"] == ["1"] and status["Seccomp"] == ["2"]


def test_a_reload_keeps_the_process(host):
    host.configure()
    host.start_gateway()
    process = host.show("MainPID")
    before = host.journal()
    host.run("systemctl", "reload", "audgate.service")
    host.wait_until(lambda: len(host.journal()) > len(before), "heard of")
    assert host.show("MainPID") == process and host.status() == "200"


def test_stopping_is_a_clean_end(host):
    host.configure()
    host.start_gateway()
    host.run("systemctl", "stop", "audgate.service")
    assert host.show("ActiveState") == "inactive" and host.show("Result") == "success"
    assert host.status() == "000"


def test_a_broken_configuration_is_said_once_and_not_tried_again(host):
    host.configure({**CONFIGURATION, "routes": []})
    assert host.run("systemctl", "start", "audgate.service", check=False).returncode != 0
    assert host.show("ActiveState") == "failed" and host.show("NRestarts") == "0"
    assert "/etc/audgate/gateway.json:1:" in host.journal()


def test_a_process_that_dies_is_started_again(host):
    host.configure()
    host.start_gateway()
    process = host.show("MainPID")
    host.run("kill", "-SEGV", process)
    host.wait_until(lambda: host.show("MainPID") not in ("0", process) and host.status() == "200", "back")
    assert host.show("NRestarts") == "1"


def test_a_process_that_hangs_is_started_again(host):
    host.configure(watchdog="[Service]\nWatchdogSec=2s\n")
    host.start_gateway()
    process, heard = host.show("MainPID"), host.show("WatchdogTimestampMonotonic")
    host.wait_until(lambda: host.show("WatchdogTimestampMonotonic") != heard, "heard of again")
    assert host.show("MainPID") == process
    host.run("kill", "-STOP", process)
    host.wait_until(lambda: host.show("MainPID") not in ("0", process) and host.status() == "200", "back")


def test_secrets_that_only_root_can_read_come_as_credentials(host, package):
    host.configure(
        {**CONFIGURATION, "session_keys": [{"file": "/run/credentials/audgate.service/sessions.key"}]},
        credentials=package.read(f"{DOCUMENTS}/examples/credentials.conf").decode(),
    )
    host.path("/etc/audgate/admin.token").write_text(secrets.token_hex(32))
    host.run(
        "sh", "-c", "chown root:root /etc/audgate/*.key /etc/audgate/*.token && chmod 600 /etc/audgate/*.key"
    )
    host.start_gateway()
    assert host.status() == "200"


PRIVILEGED = {**CONFIGURATION, "listeners": [{"address": "127.0.0.1:443"}]}


def test_a_port_below_1024_needs_the_drop_in_or_the_socket(host):
    host.configure(PRIVILEGED)
    assert host.run("systemctl", "start", "audgate.service", check=False).returncode != 0
    assert "Cannot listen on 127.0.0.1:443" in host.journal()


def test_a_port_below_1024_is_opened_with_the_drop_in(host, package):
    text = package.read(f"{DOCUMENTS}/examples/privileged-ports.conf").decode()
    host.configure(PRIVILEGED, **{"privileged-ports": text})
    host.start_gateway()
    assert host.status("http://127.0.0.1:443/healthz") == "200"


def test_a_port_below_1024_is_opened_by_the_socket_and_the_service_starts_with_the_first_client(host):
    listeners = [{"address": "0.0.0.0:443"}, {"address": "[::]:443"}]
    host.configure({**CONFIGURATION, "listeners": listeners})
    host.run("systemctl", "start", "audgate.socket")
    assert host.show("ActiveState") == "inactive"
    # The first client is answered, by the word that its keys are not all there if it comes before them.
    assert host.status("http://127.0.0.1:443/healthz") in ("200", "503")
    host.wait_until(lambda: host.status("http://127.0.0.1:443/healthz") == "200", "healthy")
    assert host.status("http://[::1]:443/healthz") == "200"
    # It answers before it has told systemd that it is ready.
    host.wait_until(lambda: host.show("ActiveState") == "active", "active")


def test_the_access_log_is_rotated_and_written_on(host):
    host.configure({**CONFIGURATION, "log": {"access": {"file": "/var/log/audgate/access.log"}}})
    host.start_gateway()
    log = host.path("/var/log/audgate/access.log")
    assert host.status() == "200"
    host.wait_until(lambda: log.stat().st_size > 0, "logged")
    host.run("logrotate", "--force", "/etc/logrotate.d/audgate")
    assert log.with_suffix(".log.1").stat().st_size > 0
    host.wait_until(log.exists, "opened anew")
    assert host.status() == "200"
    host.wait_until(lambda: log.stat().st_size > 0, "logged again")
    assert (
        host.run("stat", "--format=%U:%G %a", "/var/log/audgate/access.log").stdout == "audgate:audgate 640\n"
    )


def test_an_upgrade_replaces_the_process_and_nobody_is_refused(host):
    host.configure()
    host.start_gateway()
    process = host.show("MainPID")
    ask = f"while [ ! -e /run/enough ]; do curl --silent --fail --output /dev/null {HEALTH} || echo refused; done"
    client = host.popen("sh", "-c", ask)
    host.run("dpkg", "--install", "/srv/audgate.deb")
    host.wait_until(lambda: host.show("MainPID") not in ("0", process), "another process")
    host.wait_until(lambda: not host.path(f"/proc/{process}").exists(), "rid of the old process")
    host.path("/run/enough").touch()
    assert client.communicate(timeout=20)[0] == ""
    assert host.show("ActiveState") == "active" and host.show("NRestarts") == "0"


def test_removing_stops_the_service_and_purging_leaves_the_operators_files_alone(host):
    host.configure()
    host.start_gateway()
    host.run("systemctl", "enable", "audgate.service", "audgate.socket")
    host.run("dpkg", "--purge", "audgate")
    assert host.status() == "000"
    assert host.path("/etc/audgate/sessions.key").exists()
    left = host.run(
        "find", "/etc/systemd/system", "/var/log", "/usr/bin", "-name", "audgate*", "-not", "-name", "*.d"
    )
    assert left.stdout == ""
