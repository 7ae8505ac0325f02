"""The admin listener of a gateway, as operators and their programs ask it."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

from prometheus_client import parser as plain_parser
from prometheus_client.openmetrics import parser as open_parser

from harness import raw_http
from harness.gateway import Gateway, free_port
from harness.raw_http import Headers, Response
from harness.transports import Client

TOKEN = "5YtD2uJ0m3G7yq1XwK8bR6vS9cN4fZ2hL5aT0eP3oQw="
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def basic(password: str, user: str = "anybody") -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Admin:
    """A member for a configuration, and requests to what it opens."""

    def __init__(self, host: str = "127.0.0.1", client: Client | None = None, **members: Any):
        self.address = (host, free_port(host))
        self.authority = f"{host}:{self.address[1]}"
        self.client = client or Client()
        self.member = {"address": self.authority, **members}

    def ask(
        self,
        target: str,
        headers: Headers | None = None,
        method: str = "GET",
        host: str | None = "",
        timeout: float = 10.0,
    ) -> Response:
        data = raw_http.request(method, target, self.authority if host == "" else host, headers)
        return self.client.exchange(self.address, data, method, timeout)

    def status(self, query: str = "", **options: Any) -> dict[str, Any]:
        response = self.ask(f"/status.json{query}", **options)
        assert response.status == 200, response
        return json.loads(response.body)

    def text(self, accept: str | None = None, headers: Headers | None = None) -> str:
        fields = [*(headers or []), *([("Accept", accept)] if accept else [])]
        response = self.ask("/metrics", fields)
        assert response.status == 200, response
        return response.body.decode()

    def metrics(self) -> Samples:
        """Every sample of a scrape."""
        return samples(plain_parser.text_string_to_metric_families(self.text()))

    def open_metrics(self) -> Samples:
        return samples(open_parser.text_string_to_metric_families(self.text(OPENMETRICS)))

    def wait_until_open(self, gateway: Gateway) -> None:
        def is_open() -> bool:
            try:
                return self.ask("/livez").status == 200
            except (OSError, raw_http.ConnectionEnded):
                return False

        gateway.wait_until(is_open, 5, "open for operators")


def samples(families: Any) -> Samples:
    found: Samples = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} stands there twice"
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """The only sample with this name that has these labels among its own."""
    wanted = set(labels.items())
    fitting = [each for (key, own), each in samples.items() if key == name and wanted <= own]
    assert len(fitting) <= 1, f"{name}{labels}: {len(fitting)} samples"
    return fitting[0] if fitting else None


def total(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(each for (key, own), each in samples.items() if key == name and wanted <= own)


def promtool(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=30, check=False
    )
