"""Serves the status page with the headers of the admin listener, and a status.json that a test writes."""

from __future__ import annotations

import copy
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.gateway import REPOSITORY

Status = dict[str, Any]
RESOURCES = REPOSITORY / "Sources/Server/Resources"
FILES = {
    "/": ("status.html", "text/html; charset=utf-8"),
    "/status.css": ("status.css", "text/css; charset=utf-8"),
    "/status.js": ("status.js", "text/javascript; charset=utf-8"),
}
# What the gateway sends; the test against the gateway compares.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NOW = datetime(2026, 7, 14, 9, 30, 0, tzinfo=UTC)


def time(seconds_ago: float = 0) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def route(resource: str, **members: Any) -> Status:
    return {
        "resource": resource,
        "issuers": ["corp"],
        "audiences": [resource],
        "scopes": [],
        "requests": {"allow": 0, "local": 0, "refuse": 0, "fail": 0},
        "reasons": {},
        "streams": 0,
        "latency_us": {"p50": 0, "p99": 0},
        "endpoints": ["10.0.0.5:3001"],
        **members,
    }


def endpoint(name: str, state: str = "up", **members: Any) -> Status:
    return {
        "name": name, "state": state, "active": 0, "idle": 1, "requests": 5, "failures": 0, "reason": "",
        "since": None, **members,
    }  # fmt: skip


def issuer(name: str, state: str = "ok", **members: Any) -> Status:
    return {
        "name": name, "issuer": f"https://{name}.example.com", "state": state, "keys": 2, "age_seconds": 12,
        "problem": "", **members,
    }  # fmt: skip


def replay(issued_for: str, presented_at: str, count: int, seconds_ago: float = 0) -> Status:
    return {
        "issued_for": issued_for, "presented_at": presented_at, "count": count, "last": time(seconds_ago)
    }  # fmt: skip


def fresh() -> Status:
    """A gateway that has just begun: two routes, no traffic."""
    return {
        "product": "audgate",
        "version": "1.0.0",
        "time": time(),
        "started": time(5),
        "pid": 4211,
        "ready": True,
        "draining": False,
        "configuration": {"hash": "9f2c41d07be3a856", "loaded": time(5), "last_reload": None},
        "listeners": [{"address": "0.0.0.0:8443", "tls": True}],
        "workers": [{"index": 0, "alive": True, "connections": 0, "streams": 0, "requests": 0}],
        "route_total": 2,
        "routes": [route("https://mcp.example.com/calendar"), route("https://mcp.example.com/files")],
        "endpoints": [endpoint("10.0.0.5:3001")],
        "issuers": [issuer("corp")],
        "replays": [],
        "limits": {"connections": 16384},
        "logs": {"access_dropped": 0, "audit_dropped": 0},
    }


def busy() -> Status:
    """An ordinary day: a dozen servers, and clients that send one token everywhere."""
    status = fresh()
    status |= {
        "started": time(273_840),
        "listeners": status["listeners"] + [{"address": "127.0.0.1:8080", "tls": False}],
    }
    status["configuration"] = {
        "hash": "9f2c41d07be3a856",
        "loaded": time(7_500),
        "last_reload": {"time": time(7_500), "outcome": "loaded", "problems": []},
    }
    names = [
        "calendar",
        "crm",
        "docs",
        "files",
        "github",
        "hr",
        "jira",
        "mail",
        "payments",
        "search",
        "slack",
        "wiki",
    ]
    status["routes"], status["endpoints"] = [], []
    for index, name in enumerate(names):
        allowed = 982_311 // (index + 1) + 137
        refused = 9_412 // (index * index + 1) + index
        machines = [f"{name}-{number}.internal:8443" for number in range(1, 2 + index % 3)]
        status["routes"].append(
            route(
                f"https://mcp.example.com/{name}",
                issuers=["corp", "partners"] if index % 5 == 3 else ["corp"],
                scopes=[f"{name}:read"],
                requests={"allow": allowed, "local": allowed // 40, "refuse": refused, "fail": index * 3 % 7},
                reasons={
                    "no_credentials": refused * 6 // 10,
                    "aud_other_route": refused * 2 // 10,
                    "expired": refused - refused * 6 // 10 - refused * 2 // 10,
                },
                streams=(index * 29) % 61,
                latency_us={"p50": 840 + 130 * index, "p99": 2_400 + 5_100 * (index * 7 % 11)},
                upstream_latency_us={"p50": 790 + 130 * index, "p99": 2_200 + 5_100 * (index * 7 % 11)},
                endpoints=machines,
            )
        )
        status["endpoints"] += [
            endpoint(
                machine, active=(index * 5) % 9, idle=4, requests=allowed // len(machines), failures=index % 2
            )
            for machine in machines
        ]
    status["route_total"] = len(names)
    status["workers"] = [
        {
            "index": index,
            "alive": True,
            "connections": 611 + 7 * index,
            "streams": 84 + index,
            "requests": 761_240 + 911 * index,
        }
        for index in range(4)
    ]
    status["issuers"] = [issuer("corp", keys=3, age_seconds=212), issuer("partners", age_seconds=1_904)]
    pairs = [
        ("files", "crm", 1_204, 41), ("files", "github", 388, 96), ("files", "payments", 37, 2_100),
        ("calendar", "mail", 512, 12), ("calendar", "hr", 3, 86_000), ("crm", "payments", 21, 610),
        ("github", "jira", 96, 75), ("github", "files", 8, 9_000), ("jira", "github", 64, 300),
        ("search", "wiki", 240, 33), ("search", "docs", 171, 33), ("search", "files", 166, 34),
        ("search", "crm", 158, 34), ("search", "hr", 149, 35), ("search", "payments", 1, 50_000),
        ("wiki", "docs", 12, 4_000), ("slack", "mail", 5, 20_000), ("mail", "slack", 1, 7_200),
    ]  # fmt: skip
    resource = "https://mcp.example.com/{}".format
    status["replays"] = [replay(resource(a), resource(b), count, ago) for a, b, count, ago in pairs]
    return status


def trouble() -> Status:
    """A bad day: endpoints are gone, keys too, a worker is stuck, and somebody wrote a wrong configuration."""
    status = busy()
    status["endpoints"][1] |= {
        "state": "down", "reason": "upstream_connect_failed", "since": time(195), "idle": 0, "failures": 71
    }  # fmt: skip
    status["endpoints"][4] |= {
        "state": "ejected", "reason": "upstream_timeout", "since": time(20), "failures": 5
    }  # fmt: skip
    status["issuers"] = [
        issuer(
            "corp",
            "stale",
            age_seconds=90_300,
            problem="https://corp.example.com/jwks: the certificate has expired",
        ),
        issuer("partners", "down", keys=0, problem="partners.example.com: no such name"),
    ]
    status["workers"][2]["alive"] = False
    status["configuration"]["last_reload"] = {
        "time": time(64),
        "outcome": "refused",
        "problems": [
            {
                "at": "/etc/audgate/routes.d/hr.json:14:21",
                "problem": '"https://mcp.example.com/HR" differs from the resource of another route by case alone.',
                "remedy": 'Write "https://mcp.example.com/hr", or remove one of the two routes.',
            },
            {
                "at": "/etc/audgate/gateway.json:9:5",
                "problem": 'Unknown member "upstreams".',
                "remedy": 'Did you mean "upstream"?',
            },
        ],
    }
    return status


def large(count: int = 10_000) -> Status:
    """As many routes as a gateway may have, and more pairs of servers than any page can show."""
    status = fresh()
    resources = [f"https://mcp.example.com/servers/{number:05}" for number in range(count)]
    status["routes"] = [
        route(
            each, requests={"allow": number * 7 % 9_973, "local": 0, "refuse": number * 11 % 997, "fail": 0}
        )
        for number, each in enumerate(resources)
    ]
    status["route_total"] = count
    status["replays"] = [
        replay(resources[7 * index], resources[11 * other + 1], 1 + (index * other) % 97)
        for index in range(60)
        for other in range(60)
    ]
    return status


class ScriptedStatus:
    """The server. What is in `status` is answered, cut and ordered as the query says; None: the connection is closed."""

    def __init__(self, status: Status | None = None):
        self.status = status if status is not None else fresh()
        self.code = 200
        self.questions: list[dict[str, str]] = []
        self.policy = POLICY
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def advance(self, seconds: float, **requests: int) -> None:
        """Lets the gateway's clock go on, and its first route and worker have further requests."""
        status = copy.deepcopy(self.status)
        now = datetime.strptime(status["time"], "%Y-%m-%dT%H:%M:%SZ") + timedelta(seconds=seconds)
        status["time"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        for outcome, count in requests.items():
            status["routes"][0]["requests"][outcome] += count
            status["workers"][0]["requests"] += count
        self.status = status

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        if url.path == "/status.json":
            query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            self.questions.append(query)
            if self.status is None:
                request.close_connection = True
                return
            body, kind = json.dumps(self._selected(query)).encode(), "application/json"
            code = self.code
        elif url.path in FILES:
            name, kind = FILES[url.path]
            body, code = (RESOURCES / name).read_bytes(), 200
        else:
            body, kind, code = b"", "text/plain", 404
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Content-Security-Policy", self.policy)
        request.send_header("X-Content-Type-Options", "nosniff")
        request.send_header("Cache-Control", "no-store")
        request.end_headers()
        request.wfile.write(body)

    def _selected(self, query: dict[str, str]) -> Any:
        status = self.status
        # What a test writes without a total is answered as it is.
        if not isinstance(status, dict) or not isinstance(status.get("route_total"), int):
            return status
        orders = {
            "name": lambda each: each["resource"],
            "traffic": lambda each: (-sum(each["requests"].values()), each["resource"]),
            "refused": lambda each: (-each["requests"]["refuse"], each["resource"]),
        }
        routes = [
            each for each in status["routes"] if query.get("filter", "").lower() in each["resource"].lower()
        ]
        routes.sort(key=orders[query.get("sort", "traffic")])
        first = int(query.get("offset", 0))
        count = int(query.get("routes", 200))
        return {**status, "route_total": len(routes), "routes": routes[first : first + count]}
