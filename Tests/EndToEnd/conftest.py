"""Fixtures: the shared house of routes, a clean slate for each test, and gateways made for one test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

sys.path.insert(0, str(Path(__file__).parent))

from harness.certificates import Certificates, Identity  # noqa: E402
from harness.gate import Gate  # noqa: E402
from harness.gateway import Gateway, free_port, wait_for_port  # noqa: E402
from harness.house import House  # noqa: E402
from harness.issuer import Issuer  # noqa: E402
from harness.process import end_what_is_left  # noqa: E402
from harness.recorder import Recorder  # noqa: E402
from harness.transports import CLIENTS, MATRIX, Client, Transports, acceptor, listener, upstream  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--transports",
        default=os.environ.get("AUDGATE_TRANSPORTS", "all"),
        help="CLIENT/UPSTREAM pairs with commas between, such as tls2/https2,h2c; `all` is the whole matrix",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "http1(side, reason): what the test is about exists in HTTP/1.1 alone, on the side of the `client` or of"
        " the `upstream`",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that uses a gateway runs once for each pair of transports that can carry it.

    A module whose tests are about what stands above the transports names those that it needs in TRANSPORTS.
    """
    if "transports" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--transports")
    whole = getattr(metafunc.module, "TRANSPORTS", None)
    matrix = MATRIX if whole is None else [Transports.named(each) for each in whole]
    pairs = matrix if chosen == "all" else [Transports.named(each) for each in chosen.split(",")]
    for marker in metafunc.definition.iter_markers("http1"):
        side, _reason = marker.args
        pairs = [each for each in pairs if not getattr(each, side).uses_http2]
    metafunc.parametrize("transports", pairs, ids=str, scope="session", indirect=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """What shares a gateway or a port stays in one process when several run tests: a file, and a pair of transports."""
    # In the order of collection, which keeps the files of a pair together and so starts few houses.
    config.option.loadscopereorder = False
    return ByGateway(config, log)


class ByGateway(LoadScopeScheduling):
    # Not `--dist loadgroup`, which writes to a member of items that this pytest no longer has.
    def _split_scope(self, nodeid: str) -> str:
        pair = re.search(rf"\[((?:{'|'.join(CLIENTS)})/\w+)", nodeid)
        return f"{pair[1] if pair else ''} {nodeid.partition('::')[0]}"


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    end_what_is_left()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def transports(request: pytest.FixtureRequest) -> Transports:
    return request.param


@pytest.fixture(scope="session")
def running_house(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, transports: Transports
) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), certificates, transports)
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

    def __init__(self, directory: Path, issuer: Issuer, certificates: Certificates, transports: Transports):
        self.directory, self.issuer = directory, issuer
        self.certificates, self.transports = certificates, transports
        self.client = Client.trusting(certificates, transports.client)
        self.uses_http2 = transports.client.uses_http2
        tls = acceptor(transports.upstream, certificates)
        self.recorder = Recorder(tls=tls, http2=transports.upstream.uses_http2)
        self.listen("127.0.0.1", free_port())
        self.gateway: Gateway | None = None

    def listen(self, host: str, port: int) -> None:
        """Where the gateway is to listen, and so what its resources are called."""
        self.address = (host, port)
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.resource = self.at("/mcp")

    @property
    def port(self) -> int:
        return self.address[1]

    def at(self, path: str) -> str:
        """The resource of a path."""
        return f"{self.client.scheme}://{self.host}{path}"

    def listener(self, address: str | None = None, **members: Any) -> dict[str, Any]:
        return listener(address or self.host, self.transports.client, self.certificates, **members)

    def endpoint(self, authority: str | None = None, path: str = "/mcp") -> str:
        return f"{self.transports.upstream.scheme}://{authority or self.recorder.authority}{path}"

    def upstream(self, *endpoints: str, **members: Any) -> dict[str, Any]:
        """The recorder, or other endpoints that are reached as it is."""
        named = list(endpoints) or [self.endpoint()]
        return upstream(named, self.transports.upstream, self.certificates, **members)

    def configuration(self, keys: Any = None, **members: Any) -> dict[str, Any]:
        keys = keys or {"uri": self.issuer.server.url + "/jwks"}
        return {
            "listeners": [self.listener()],
            "workers": 1,
            "issuers": {
                "corp": {
                    "issuer": self.issuer.identifier,
                    "keys": keys,
                    "algorithms": [self.issuer.algorithm],
                }
            },
            "routes": [{"resource": self.resource, "issuer": "corp", "upstream": self.upstream()}],
            **members,
        }

    def start(
        self, configuration: dict[str, Any] | None = None, ready_within: float | None = 10.0, **more: Any
    ) -> Gateway:
        configuration = configuration or self.configuration()
        more.setdefault("client", self.client)
        self.gateway = Gateway(configuration, self.directory, self.address, **more)
        return self.gateway.start(ready_within)

    def token(self, **changes: Any) -> str:
        return self.issuer.mint(self.resource, **changes)

    def stop(self) -> None:
        if self.gateway and self.gateway.process and self.gateway.process.poll() is None:
            self.gateway.stop()
        self.recorder.stop()


@pytest.fixture
def single(
    tmp_path: Path, issuer: Issuer, certificates: Certificates, transports: Transports
) -> Iterator[Single]:
    single = Single(tmp_path, issuer, certificates, transports)
    yield single
    single.stop()


@pytest.fixture
def over(tmp_path: Path, issuer: Issuer, certificates: Certificates) -> Iterator[Callable[[str], Single]]:
    """Makes the same for transports that the test names, `client/upstream`, instead of all of them."""
    made: list[Single] = []

    def make(transports: str = "http1") -> Single:
        made.append(Single(tmp_path, issuer, certificates, Transports.named(transports)))
        return made[-1]

    yield make
    for single in made:
        single.stop()


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Callable[..., Single]]:
    """Makes them for a whole module; `listener` changes the first one, which answers health checks unless `ready` is not."""
    made: list[Single] = []

    def make(
        transports: str, listener: dict[str, Any] | None = None, ready: bool = True, **members: Any
    ) -> Single:
        directory = tmp_path_factory.mktemp("standing")
        single = Single(directory, Issuer(), certificates, Transports.named(transports))
        made.append(single)
        configuration = single.configuration(**members)
        configuration["listeners"][0] |= listener or {}
        gateway = single.start(configuration, ready_within=10 if ready else None)
        if not ready:
            gateway.wait_until(gateway.is_ready, 10, "ready")
        return single

    yield make
    for single in made:
        single.stop()
        single.issuer.stop()


@pytest.fixture
def nghttpd() -> Iterator[Callable[..., int]]:
    """Starts nghttpd on the files of a folder, over TLS when it gets an identity; gives its port."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, identity: Identity | None = None, *options: str) -> int:
        port = free_port()
        files = [str(identity.key), str(identity.certificate)] if identity else ["--no-tls"]
        command = ["nghttpd", "-a", "127.0.0.1", "-d", str(folder), *options, str(port), *files]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for_port(port)
        return port

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _make_gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    module = request.module
    return Gate(
        tmp_path_factory.mktemp("gate"),
        request.getfixturevalue("certificates"),
        module.ROUTES,
        request.getfixturevalue("transports"),
        **getattr(module, "MEMBERS", {}),
    )


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificates: Certificates,
    transports: Transports,
) -> Iterator[Gate]:
    """A module's gateway with the routes of its ROUTES and the further members of its MEMBERS."""
    gate = _make_gate(request, tmp_path_factory)
    try:
        gate.start()
        yield gate
    finally:
        gate.stop()


@pytest.fixture
def gate(running: Gate) -> Gate:
    """The module's gateway, with a clean slate."""
    running.clear()
    return running


@pytest.fixture
def fresh(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificates: Certificates,
    transports: Transports,
) -> Iterator[Gate]:
    """Like the module's, but the test starts it itself, as often as it likes."""
    gate = _make_gate(request, tmp_path_factory)
    yield gate
    gate.stop()
