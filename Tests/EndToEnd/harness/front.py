"""A proxy of others in front of the gateway, with a configuration that stands in the handbook."""

from __future__ import annotations

import csv
import io
import socket
import subprocess
import time
from pathlib import Path

from harness.certificates import Identity
from harness.documents import blocks, replaced
from harness.gateway import free_port, wait_for_port

DOCUMENT = "docs/deployment.md"

# What surrounds the block of the document, so that it runs in a folder without rights of root.
HAPROXY = """
global
    stats socket {folder}/control
{block}
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
{block}
"""
NGINX_HTTP = """
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{block}
}}
"""


class Front:
    """The program that the document configures under a heading, in front of a gateway that listens on `gateway`."""

    def __init__(self, heading: str, folder: Path, gateway: int, identity: Identity, ca: Path):
        self.folder, self.port = folder, free_port()
        (block,) = [each for each in blocks(DOCUMENT, "haproxy", "nginx") if each.heading == heading]
        both = folder / "both.pem"
        both.write_bytes(identity.certificate.read_bytes() + identity.key.read_bytes())
        files = {
            "/etc/haproxy/ca.pem": str(ca),
            "/etc/haproxy/mcp.pem": str(both),
            "/etc/nginx/gateway.pem": str(identity.certificate),
            "/etc/nginx/gateway.key": str(identity.key),
            # The test's certificate has this machine's name.
            "check-sni mcp.example.com": "check-sni localhost",
        }
        text = block.text
        text = replaced(text, {old: new for old, new in files.items() if old in text})
        listens = "bind :443" if block.language == "haproxy" else "listen 443"
        text = replaced(text, {listens: listens.replace("443", "").rstrip(" :") + f" 127.0.0.1:{self.port}"})
        for replica in ("10.0.0.11", "10.0.0.12"):
            secured = f"{replica}:8443" in text
            text = replaced(text, {f"{replica}:{8443 if secured else 8080}": f"127.0.0.1:{gateway}"})
        self.process = self._start_haproxy(text) if block.language == "haproxy" else self._start_nginx(text)
        wait_for_port(self.port)

    def _start_haproxy(self, block: str) -> subprocess.Popen[bytes]:
        file = self.folder / "haproxy.cfg"
        file.write_text(HAPROXY.format(folder=self.folder, block=block))
        errors = (self.folder / "error.log").open("wb")
        return subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdout=errors, stderr=errors)

    def _start_nginx(self, block: str) -> subprocess.Popen[bytes]:
        if not block.startswith("stream"):
            block = NGINX_HTTP.format(folder=self.folder, block=block)
        file = self.folder / "front.conf"
        file.write_text(NGINX.format(folder=self.folder, block=block))
        log = str(self.folder / "error.log")
        command = ["nginx", "-e", log, "-p", str(self.folder), "-c", str(file)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def checks(self) -> dict[str, str]:
        """What HAProxy says of the health of each server, such as `L7OK`."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "control"))
            control.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        rows = csv.DictReader(io.StringIO(answer.removeprefix("# ")))
        return {
            each["svname"]: each["check_status"] for each in rows if each["svname"].startswith("gateway-")
        }

    def wait_for_checks(self, expected: str, within: float = 10.0) -> None:
        end = time.monotonic() + within
        while set((now := self.checks()).values()) != {expected}:
            assert time.monotonic() < end, now
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
