"""nginx as a server behind the gateway; it logs for each request what it knows of its connection."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from harness.certificates import Identity
from harness.gateway import free_port, wait_for_port
from harness.process import end_with_the_test

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    log_format facts escape=json '{{"connection":"$connection","requests":"$connection_requests",'
        '"reused":"$ssl_session_reused","version":"$ssl_protocol","name":"$ssl_server_name",'
        '"client":"$ssl_client_verify","subject":"$ssl_client_s_dn","protocol":"$server_protocol"}}';
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    keepalive_timeout {keep};
    server {{
        listen 127.0.0.1:{port} {listen};
        server_name _;
        {tls}
        {more}
        access_log {folder}/facts.log facts;
        location / {{ return 200 '{{"jsonrpc": "2.0", "id": 1, "result": {{"from": "nginx"}}}}'; }}
    }}
}}
"""

TLS = """
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:sessions:1m;
"""


class Nginx:
    """One server; `more` goes into its configuration, `keep` is how long it keeps idle connections."""

    def __init__(
        self,
        folder: Path,
        identity: Identity | None = None,
        http2: bool = False,
        more: str = "",
        keep: str = "60s",
    ):
        self.folder, self.port = folder, free_port()
        folder.mkdir(exist_ok=True)
        # nginx 1.22 speaks HTTP/2 on cleartext by prior knowledge alone when a listener says http2.
        listen = " ".join((["ssl"] if identity else []) + (["http2"] if http2 else []))
        tls = TLS.format(certificate=identity.certificate, key=identity.key) if identity else ""
        text = CONFIGURATION.format(
            folder=folder, port=self.port, listen=listen, tls=tls, more=more, keep=keep
        )
        (folder / "nginx.conf").write_text(text)
        command = [
            "nginx",
            "-e",
            str(folder / "error.log"),
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end_with_the_test(self.stop)
        wait_for_port(self.port)

    def facts(self, count: int, within: float = 5.0) -> list[dict[str, str]]:
        """What it logged, once there are `count` requests."""
        log, end = self.folder / "facts.log", time.monotonic() + within
        while True:
            lines = log.read_text().splitlines() if log.exists() else []
            if len(lines) >= count:
                return [json.loads(each) for each in lines]
            assert time.monotonic() < end, (len(lines), (self.folder / "error.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
