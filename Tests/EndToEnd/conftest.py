"""Fixtures: the shared house of routes, a clean slate for each test, and gateways made for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.gateway import Gateway, free_port  # noqa: E402
from harness.house import House  # noqa: E402
from harness.issuer import Issuer  # noqa: E402
from harness.recorder import Recorder  # noqa: E402


@pytest.fixture(scope="session")
def running_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    try:
        yield house.start()
    finally:
        house.stop()


@pytest.fixture
def house(running_house: House) -> House:
    """The shared gateway, with every recorder emptied."""
    running_house.clear()
    return running_house


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer whose identifier is the address of its own server."""
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.stop()


class Single:
    """A gateway for one test: one route at /mcp in front of one recorder, changed as the test asks."""

    def __init__(self, directory: Path, issuer: Issuer, recorder: Recorder):
        self.directory, self.issuer, self.recorder = directory, issuer, recorder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.resource = f"http://{self.host}/mcp"
        self.gateway: Gateway | None = None

    def configuration(self, keys: Any = None, **members: Any) -> dict[str, Any]:
        keys = keys or {"uri": self.issuer.server.url + "/jwks"}
        return {
            "listeners": [{"address": f"127.0.0.1:{self.port}"}],
            "workers": 1,
            "issuers": {
                "corp": {
                    "issuer": self.issuer.identifier,
                    "keys": keys,
                    "algorithms": [self.issuer.algorithm],
                }
            },
            "routes": [{"resource": self.resource, "issuer": "corp", "upstream": self.recorder.url + "/mcp"}],
            **members,
        }

    def start(
        self, configuration: dict[str, Any] | None = None, ready_within: float | None = 10.0, **more: Any
    ) -> Gateway:
        configuration = configuration or self.configuration()
        self.gateway = Gateway(configuration, self.directory, ("127.0.0.1", self.port), **more)
        return self.gateway.start(ready_within)

    def token(self, **changes: Any) -> str:
        return self.issuer.mint(self.resource, **changes)


@pytest.fixture
def single(tmp_path: Path, issuer: Issuer, recorder: Recorder) -> Iterator[Single]:
    single = Single(tmp_path, issuer, recorder)
    yield single
    if single.gateway and single.gateway.process and single.gateway.process.poll() is None:
        single.gateway.stop()
