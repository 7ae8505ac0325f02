"""HAProxy and nginx in front of gateways, each with its own way to notice that one of them goes."""

from __future__ import annotations

import csv
import subprocess
import time
from pathlib import Path

from harness import raw_http
from harness.gateway import free_port, wait_for_port
from harness.process import end_with_the_test

HAPROXY = """
global
    stats socket {folder}/haproxy.sock
    ssl-server-verify none
    log stdout format raw local0
defaults
    mode http
    log global
    # What went wrong, and nothing else.
    option httplog
    option dontlog-normal
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout check 2s
    {retries}
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host health.invalid
    http-check expect status 200
frontend front
    bind 127.0.0.1:{front}
    default_backend gateways
backend gateways
    balance roundrobin
{servers}
"""

# Its counters for failed checks, times that a server went down, connections and answers that failed, and what it did
# about them.
COMPLAINTS = ("chkfail", "chkdown", "econ", "eresp", "srv_abrt", "wretr", "wredis")

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateways {{
        {servers}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{front};
        keepalive_requests 100000;
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
        }}
    }}
}}
"""


class Balancer:
    """One process at the port `front`."""

    def __init__(self, folder: Path, command: list[str], front: int):
        self.folder, self.front = folder, front
        self.log = folder / "balancer.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL)
        end_with_the_test(self.stop)
        wait_for_port(front)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class HAProxy(Balancer):
    """Active checks of /healthz every `check` milliseconds; `how` is added to each server, such as `proto h2`.

    A handshake of a check may take as long as there is between two.
    A request is sent once, so that no failure of a server is hidden from the client, unless `retries` says otherwise.
    """

    def __init__(
        self,
        folder: Path,
        ports: list[int],
        how: str = "",
        retries: str = "retries 0",
        check: int = 100,
        front: int | None = None,
    ):
        folder.mkdir(exist_ok=True)
        front = front or free_port()
        servers = "\n".join(
            f"    server gateway-{port} 127.0.0.1:{port} check inter {check}ms fall 2 rise 1 {how}"
            for port in ports
        )
        path = folder / "haproxy.cfg"
        path.write_text(HAPROXY.format(folder=folder, front=front, retries=retries, servers=servers))
        super().__init__(folder, ["haproxy", "-db", "-f", str(path)], front)
        # Before its first check a server is "UP 1/2", and one failure takes it down.
        end = time.monotonic() + 10
        while not self.are_all_up():
            assert time.monotonic() < end, self.states()
            time.sleep(0.05)

    def are_all_up(self) -> bool:
        """Whether it has checked each server and found it well."""
        try:
            return set(self.states().values()) == {"UP"}
        except OSError:
            return False

    def states(self) -> dict[int, str]:
        """What it thinks of each server, by its port: UP, DOWN, or on the way from one to the other."""
        return {port: each["status"] for port, each in self._statistics().items()}

    def complaints(self) -> dict[str, int]:
        """What it counts against its servers, without what it counts nothing of."""
        rows = self._statistics().values()
        counts = {name: sum(int(each[name] or 0) for each in rows) for name in COMPLAINTS}
        return {name: count for name, count in counts.items() if count}

    def _statistics(self) -> dict[int, dict[str, str]]:
        with raw_http.dial(str(self.folder / "haproxy.sock")) as stats:
            stats.sendall(b"show stat\n")
            text = b"".join(iter(lambda: stats.recv(65536), b"")).decode()
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return {
            int(each["svname"].removeprefix("gateway-")): each
            for each in rows
            if each["svname"].startswith("gateway-")
        }


class NginxProxy(Balancer):
    """Passive checks: who refuses a connection gets none for a second, and the next one is asked."""

    def __init__(self, folder: Path, ports: list[int], front: int | None = None):
        folder.mkdir(exist_ok=True)
        front = front or free_port()
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;" for port in ports)
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, front=front, servers=servers))
        command = ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(path)]
        super().__init__(folder, command, front)

    def complaints(self) -> list[str]:
        """What it says against its servers, and all else that is at least an error."""
        levels = ("[error]", "[crit]", "[alert]", "[emerg]")
        lines = (self.folder / "error.log").read_text().splitlines()
        return [each for each in lines if any(level in each for level in levels)]
