"""The same work as configuration of each proxy.

`/mcp` goes to a back end, `/stream` to a server of event streams, and `/healthz` is answered by the proxy itself, on a
cleartext listener and on one with TLS 1.3, HTTP/2 and HTTP/1.1.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from comparison.credentials import HOST, RESOURCE, STREAM_RESOURCE
from comparison.peer import LOAD_CORE, Peer

ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The weather is fine."}],"ok":true}}'
BACKEND, STREAMS = 18090, 18092
TLS_OFFSET = 100
# One suite for all, the first of audgate's, so that no proxy wins by its preference.
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"


def nginx(name: str, servers: str, directory: Path) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"  {kind}_temp_path {directory}/{name}-{kind};" for kind in kinds)
    (directory / f"{name}.conf").write_text(f"""
worker_processes 1; daemon off; pid {directory}/{name}.pid; error_log {directory}/{name}.log;
events {{ worker_connections 9000; }}
http {{
{temporary}
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type application/json;
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
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 600s;
    location /mcp {{ proxy_pass http://back; }}
    location /stream {{ proxy_pass http://127.0.0.1:{STREAMS}; proxy_buffering off; }}
    location = /healthz {{ return 200; }}
  }}"""


def haproxy(name: str, listen: int, directory: Path, checks_token: bool) -> list[str]:
    checks = f"""
  http-request set-var(txn.b) http_auth_bearer
  http-request deny unless {{ var(txn.b),jwt_header_query('$.alg') -m str RS256 }}
  http-request deny unless {{ var(txn.b),jwt_payload_query('$.iss') -m str https://as.example }}
  http-request deny unless {{ var(txn.b),jwt_payload_query('$.aud') -m str {RESOURCE} }}
  http-request set-var(txn.now) date()
  http-request deny if {{ var(txn.b),jwt_payload_query('$.exp','int'),sub(txn.now) -m int lt 0 }}
  http-request deny unless {{ var(txn.b),jwt_verify("RS256","{directory}/issuer.pem") -m int 1 }}"""
    (directory / f"{name}.cfg").write_text(f"""
global
  nbthread 1
  maxconn 9000
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
  monitor-uri /healthz{checks if checks_token else ""}
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


def audgate(binary: str, listen: int, directory: Path) -> list[str]:
    certificate = {"certificate": "certificate.pem", "key": {"file": "key.pem"}}
    (directory / "gateway.json").write_text(json.dumps({
        "listeners": [
            {"address": f"127.0.0.1:{listen}"},
            {"address": f"127.0.0.1:{listen + TLS_OFFSET}",
             "tls": {"certificates": [certificate], "minimum_version": "1.3"}},
        ],
        "workers": 1,
        "issuers": {"as": {"issuer": "https://as.example", "keys": {"file": "keys.json"},
                           "algorithms": ["RS256"], "token_type": "at+jwt"}},
        "routes": [
            {"resource": RESOURCE, "issuer": "as", "scopes": ["mcp:use"],
             "upstream": f"http://127.0.0.1:{BACKEND}/mcp"},
            {"resource": STREAM_RESOURCE, "issuer": "as", "upstream": f"http://127.0.0.1:{STREAMS}/stream"},
        ],
        # All clients have one address.
        "limits": {"idle_timeout": "10m", "idle_upstream_connections": 256, "connections_per_address": 1_000_000,
                   "rates": {"handshakes": "off"}},
        "log": {"access": "stdout", "level": "error"},
    }))
    return [binary, "serve", "--config", "gateway.json"]


def find_peers(directory: Path, binary: str) -> list[Peer]:
    """audgate, and whichever of the others are installed."""
    peers = [Peer("audgate", audgate(binary, 18080, directory), 18080, 18180, True)]
    if shutil.which("nginx"):
        command = nginx("nginx", nginx_proxy(18081, directory), directory)
        peers.append(Peer("nginx no-auth", command, 18081, 18181))
    if shutil.which("haproxy"):
        peers.append(Peer("haproxy no-auth", haproxy("plain", 18082, directory, False), 18082, 18182))
        peers.append(Peer("haproxy RS256", haproxy("jwt", 18083, directory, True), 18083, 18183, True))
    return peers


def backend(directory: Path) -> Peer:
    """An nginx with a fixed answer, beside the load."""
    server = f"server {{ listen 127.0.0.1:{BACKEND} backlog=4096; location / {{ return 200 '{ANSWER}'; }} }}"
    return Peer("backend", nginx("backend", server, directory), BACKEND, 0, core=LOAD_CORE)
