"""The same work as configuration of each proxy.

`/mcp` goes to a back end, `/stream` to a server of event streams, and `/healthz` is answered by the proxy itself, on a
cleartext listener and on one with TLS 1.3, HTTP/2 and HTTP/1.1. Bodies and answers are not held back on disk.
"""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from comparison.credentials import HOST, RESOURCE, STREAM_RESOURCE

ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The weather is fine."}],"ok":true}}'
BACKEND, STREAMS = 18090, 18092
TLS_OFFSET = 100
# One suite for all, the first of audgate's, so that no proxy wins by its preference.
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"
LARGE = 64 << 20
"""Octets of the answer at /large of the back end."""
UPLOAD_RESOURCE, LARGE_RESOURCE = (f"https://{HOST}/{name}" for name in ("upload", "large"))


def nginx(name: str, servers: str, directory: Path) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"  {kind}_temp_path {directory}/{name}-{kind};" for kind in kinds)
    (directory / f"{name}.conf").write_text(f"""
worker_processes 1; daemon off; pid {directory}/{name}.pid; error_log {directory}/{name}.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
http {{
{temporary}
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type application/json;
  client_max_body_size 0;
  {servers}
}}
""")
    return ["nginx", "-c", f"{directory}/{name}.conf"]


def nginx_proxy(listen: int, directory: Path) -> str:
    return f"""
  upstream back {{ server 127.0.0.1:{BACKEND}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{listen} backlog=4096;
    listen 127.0.0.1:{listen + TLS_OFFSET} ssl http2 backlog=4096;
    ssl_certificate {directory}/certificate.pem; ssl_certificate_key {directory}/key.pem;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {CIPHER_SUITE};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 600s; proxy_max_temp_file_size 0;
    location / {{ proxy_pass http://back; client_body_buffer_size 5m; }}
    location /stream {{ proxy_pass http://127.0.0.1:{STREAMS}; proxy_buffering off; }}
    location = /large {{ proxy_pass http://back; proxy_buffering off; }}
    location = /healthz {{ return 200; }}
  }}"""


def haproxy(name: str, listen: int, directory: Path, algorithm: str | None) -> list[str]:
    """`algorithm` is that of the tokens, None if they are not looked at."""
    checks = f"""
  acl checked path /mcp
  http-request set-var(txn.b) http_auth_bearer if checked
  http-request deny if checked !{{ var(txn.b),jwt_header_query('$.alg') -m str {algorithm} }}
  http-request deny if checked !{{ var(txn.b),jwt_payload_query('$.iss') -m str https://as.example }}
  http-request deny if checked !{{ var(txn.b),jwt_payload_query('$.aud') -m str {RESOURCE} }}
  http-request set-var(txn.now) date() if checked
  http-request deny if checked {{ var(txn.b),jwt_payload_query('$.exp','int'),sub(txn.now) -m int lt 0 }}
  http-request deny if checked !{{ var(txn.b),jwt_verify("{algorithm}","{directory}/{algorithm}.pem") -m int 1 }}"""
    (directory / f"{name}.cfg").write_text(f"""
global
  nbthread 1
  maxconn 9500
  ssl-default-bind-ciphersuites {CIPHER_SUITE}
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option http-keep-alive
frontend f
  bind 127.0.0.1:{listen} backlog 4096
  bind 127.0.0.1:{listen + TLS_OFFSET} backlog 4096 ssl crt {directory}/both.pem alpn h2,http/1.1
  monitor-uri /healthz{checks if algorithm else ""}
  use_backend streams if {{ path /stream }}
  default_backend back
backend back
  http-reuse always
  server s 127.0.0.1:{BACKEND}
backend streams
  option http-no-delay
  server s 127.0.0.1:{STREAMS}
""")
    return ["haproxy", "-db", "-f", f"{name}.cfg"]


def audgate(listen: int, directory: Path, **members: Any) -> dict[str, Any]:
    """The configuration, with keys and certificate in `directory`; `members` take the place of its own."""
    certificate = {"certificate": f"{directory}/certificate.pem", "key": {"file": f"{directory}/key.pem"}}
    tls = {"certificates": [certificate], "minimum_version": "1.3"}
    routes = {
        RESOURCE: f"{BACKEND}/mcp",
        STREAM_RESOURCE: f"{STREAMS}/stream",
        UPLOAD_RESOURCE: f"{BACKEND}/upload",
        LARGE_RESOURCE: f"{BACKEND}/large",
    }
    return {
        "listeners": [
            {"address": f"127.0.0.1:{listen}"},
            {"address": f"127.0.0.1:{listen + TLS_OFFSET}", "tls": tls},
        ],
        "workers": 1,
        "issuers": {
            "as": {
                "issuer": "https://as.example",
                "keys": {"file": f"{directory}/keys.json"},
                "algorithms": ["RS256", "ES256", "Ed25519"],
                "token_type": "at+jwt",
            }
        },
        "routes": [
            {"resource": resource, "issuer": "as", "scopes": ["mcp:use"], "upstream": f"http://127.0.0.1:{place}"}
            for resource, place in routes.items()
        ],
        "limits": {"idle_timeout": "10m", "idle_upstream_connections": 256},
        "log": {"access": {"file": "access.log"}, "level": "notice"},
        **members,
    }


@functools.cache
def single_address_limits(binary: str, directory: Path) -> dict[str, Any]:
    """Limits that are there for strangers: all clients here have one address, and some send bad tokens.

    Those that this audgate knows: a member that it does not know is an error of the configuration.
    """
    known = {}
    file = directory / "probe.json"
    for name, value in {
        "connections": 16_384,
        "connections_per_address": 1_000_000,
        "rates": {"handshakes": "off", "refusals": "off"},
    }.items():
        file.write_text(json.dumps(audgate(1, directory, limits={name: value})))
        if subprocess.run([binary, "check", "--config", str(file)], capture_output=True).returncode == 0:
            known[name] = value
    return known


def backend(directory: Path) -> list[str]:
    """An nginx with a fixed answer, at /upload when it has read the whole body, and one of 64 MiB at /large."""
    with (directory / "large").open("wb") as file:
        file.truncate(LARGE)
    server = f"""server {{
    listen 127.0.0.1:{BACKEND} backlog=4096;
    location / {{ return 200 '{ANSWER}'; }}
    location = /large {{ root {directory}; sendfile on; }}
    location = /upload {{
      client_body_buffer_size 5m; proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_pass http://127.0.0.1:{BACKEND}/;
    }}
  }}"""
    return nginx("backend", server, directory)
