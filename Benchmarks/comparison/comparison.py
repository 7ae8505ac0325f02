"""The series of `compare`: each starts the proxies that it needs, and adds its figures to the results."""

from __future__ import annotations

import shutil
import socket
import statistics
from collections.abc import Callable
from pathlib import Path

from comparison import bodies, disturbances, handshakes, idle, latency, requests, workers
from comparison.load import post
from comparison.peer import Peer, running
from comparison.results import Results, Series, alternate
from comparison.scale import Scale
from comparison.setting import Setting

P2_TARGETS = {"HAProxy": 1.1, "HAProxy RS256": 0.4}
P1_TARGETS = {"nginx": 0.85, "HAProxy RS256": 0.30, "Envoy": 0.22}
RELOADED_ROUTES = 10_000


class Comparison:
    """The series. Each starts the proxies anew."""

    def __init__(self, setting: Setting, results: Results):
        self.setting, self.results = setting, results
        self.options, self.load, self.directory = setting.options, setting.load, setting.directory
        requests.write_scripts(self.directory, next(iter(setting.tokens.values())))
        self.warm = self.load.write("warm", [post(next(iter(setting.tokens.values())))])
        # Where no token is looked at by the others, one HAProxy is enough.
        self.different = setting.named("audgate", "nginx", "HAProxy", "Envoy")
        self.all = setting.named("audgate", "nginx", "HAProxy", "HAProxy RS256", "Envoy")

    def warm_up(self, peers: list[Peer], file: Path) -> None:
        """Shows the tokens of a file to proxies that run."""
        for peer in peers:
            self.load.run(peer, file, count=requests.MANY)

    def alternate(
        self,
        name: str,
        title: str,
        peers: list[Peer],
        measure: Callable[[Peer], float],
        unit: str = "µs",
        **more: object,
    ) -> Series:
        """A series of which each run is of running proxies."""
        with running(peers, self.directory):
            figures = alternate(peers, self.options.runs, measure)
        series = Series(name, title, unit, figures, **more)
        self.results.add(series)
        return series

    def anew(self, measure: Callable[[Peer], float]) -> Callable[[Peer], float]:
        """A measurement of a proxy that has just started."""

        def measured(peer: Peer) -> float:
            with running([peer], self.directory):
                return measure(peer)

        return measured

    def p1(self) -> None:
        if not shutil.which("wrk"):
            return
        self.alternate(
            "P1",
            "a POST over HTTP/1.1, token known",
            [*self.all, self.setting.floor()],
            lambda peer: requests.http1(peer, self.directory, self.options.seconds),
            targets=P1_TARGETS,
            note="The floor copies octets between sockets in one epoll loop and does nothing else.",
        )

    def tokens(self) -> None:
        file, peers = requests.different_tokens(self.load, self.setting.issuer, "RS256"), self.setting.checking("RS256")
        with running(peers, self.directory):
            self.warm_up(peers, file)
            figures = alternate(peers, self.options.runs, lambda peer: self.load.cost(peer, file, self.options.seconds))
        self.results.add(Series("tokens", "as P1, 10,000 tokens in turn", "µs", figures))

    def bad(self) -> None:
        file = requests.one_in_twenty_bad(self.load, self.setting.issuer)
        self.alternate(
            "bad",
            "as P1, a forged token in every twentieth request",
            self.setting.checking("RS256"),
            lambda peer: self.load.cost(peer, file, self.options.seconds, refused=0.05),
        )

    def p2(self) -> None:
        if not shutil.which("h2load"):
            return
        token = next(iter(self.setting.tokens.values()))
        self.alternate(
            "P2",
            "a POST over TLS 1.3 and HTTP/2, token known",
            self.all,
            lambda peer: requests.http2(peer, self.directory, self.options.seconds, token),
            targets=P2_TARGETS,
        )

    def p3(self) -> None:
        for algorithm in ("RS256", "ES256"):
            file = requests.different_tokens(self.load, self.setting.issuer, algorithm)
            peers = self.setting.checking(algorithm)
            measure = self.anew(
                lambda peer, file=file: requests.first_sight(self.load, peer, self.warm_for(peer), file)
            )
            figures = alternate(peers, self.options.runs, measure)
            title = f"a POST over HTTP/1.1, each token seen for the first time, {algorithm}"
            targets = {f"HAProxy {algorithm}": 0.8}
            self.results.add(Series(f"P3 {algorithm}", title, "µs", figures, targets))

    def warm_for(self, peer: Peer) -> Path:
        algorithm = peer.algorithms[0]
        return self.load.write(f"warm-{algorithm}", [post(self.setting.issuer.token(algorithm=algorithm))])

    def p4(self) -> None:
        for kind, tls, targets in (("clear text", False, {}), ("TLS", True, {"HAProxy": 1.0})):
            note = "" if tls else "The target is 4 KiB."
            self.memory(
                f"P4 {kind}",
                f"an idle event stream, {kind}, HTTP/1.1",
                1,
                lambda peer, tls=tls: idle.http1(peer, self.setting.tokens, tls, stream=True),
                targets=targets,
                note=note,
            )

    def p5(self) -> None:
        peers, seconds = self.setting.named("audgate", "nginx", "HAProxy", "HAProxy RS256"), self.options.seconds
        with running(peers, self.directory):
            most = {
                peer.name: latency.saturation(self.load, peer, self.warm, seconds)
                for peer in [*peers, self.setting.backend]
            }
            figures = alternate(
                [*peers, self.setting.backend],
                self.options.runs,
                lambda peer: latency.at_rate(self.load, peer, self.warm, seconds, most[peer.name][0] / 2)["p99"],
            )
        rates = ", ".join(f"{name} {rate / 2:.0f} ({busy:.0%} busy at the most)" for name, (rate, busy) in most.items())
        note = f"Requests for each second: {rates}. The back end alone is what there is without a proxy."
        self.results.add(Series("P5", "p99 latency at half of the most", "µs", figures, {"HAProxy RS256": 1.0}, note))

    def p6(self) -> None:
        few, many = Scale(self.setting, 2, 1, 18070), Scale(self.setting, 10_000, 1000, 18071)
        for name, title, file in (
            ("P6 one", "one route and one token, of many and of few", Scale.one),
            ("P6 all", "all routes in turn, 10,000 tokens, of many and of few", Scale.spread),
        ):
            files = {scale.peer.name: file(scale) for scale in (many, few)}
            peers = [many.peer, few.peer]
            with running(peers, self.directory):
                for peer in peers:
                    self.warm_up([peer], files[peer.name])
                figures = alternate(
                    peers,
                    self.options.runs,
                    lambda peer, files=files: self.load.cost(peer, files[peer.name], self.options.seconds),
                )
            names = {many.peer.name: "10,000 routes, 1,000 issuers", few.peer.name: "2 routes, 1 issuer"}
            figures = {names[key]: values for key, values in figures.items()}
            self.results.add(Series(name, title, "µs", figures, {names[few.peer.name]: 1.03}))

    def p7(self) -> None:
        up, down = (make(self.load, self.setting.issuer) for make in (bodies.upload, bodies.download))
        seconds, targets = self.options.seconds, {"HAProxy": 1.2}
        self.alternate(
            "P7 up",
            "a MiB of a request body of 4 MiB",
            self.different,
            lambda peer: bodies.cost(self.load, peer, up, bodies.UPLOAD, seconds << 28),
            targets=targets,
        )
        self.alternate(
            "P7 down",
            "a MiB of an answer of 64 MiB",
            self.different,
            lambda peer: bodies.cost(self.load, peer, down, bodies.LARGE, seconds << 30),
            targets=targets,
        )
        for name, title, measure in (
            (
                "P7 peak",
                "growth at most, bodies of 4 MiB, four at a time",
                lambda peer: bodies.peak_kib(self.load, peer, up),
            ),
            (
                "P7 held",
                "for each answer of 64 MiB that is not read",
                lambda peer: bodies.held_kib(peer, self.setting.issuer),
            ),
        ):
            figures = alternate(self.different, 1, self.anew(measure))
            self.results.add(
                Series(name, title, "KiB", figures, note="audgate reads a body whole before it judges it.")
            )

    def p8(self) -> None:
        for kind, resumed in (("full", False), ("resumed", True)):
            self.alternate(
                f"P8 {kind}",
                f"a connection with a {kind} TLS 1.3 handshake",
                self.different,
                lambda peer, resumed=resumed: handshakes.cost(peer, self.options.seconds, resumed),
                targets={"HAProxy": 1.0},
            )

    def p9(self) -> None:
        two, one = peers = [
            self.setting.audgate("two workers", 18072, "0,1", workers=2),
            self.setting.audgate("one worker", 18071, workers=1),
        ]
        file = workers.forged(self.load, self.setting.issuer)
        ceilings = []

        def rate(peer: Peer) -> float:
            answers, ceiling = workers.refusals(self.load, peer, file, self.options.seconds)
            if peer is one:
                ceilings.append(ceiling)
            return answers

        with running(peers, self.directory):
            figures = alternate(peers, self.options.runs, rate)
        note = (
            "The target is a ratio of 1.8 or more. The load takes its share of the same two cores: if a refusal cost it"
            f" what it costs beside one worker, two could do {statistics.median(ceilings):.2f} times what one does; it"
            " costs less where the load sleeps less."
        )
        title = "refusals of forged Ed25519 tokens, two workers against one"
        self.results.add(Series("P9", title, "a second", figures, note=note))
        self.alternate(
            "P9 cost",
            "a POST as in P1, 4,000 a second",
            peers,
            lambda peer: self.load.cost(peer, self.warm, self.options.seconds, rate=4000),
        )

    def p10(self) -> None:
        scale = Scale(self.setting, RELOADED_ROUTES, 1, 18070)
        file = self.directory / scale.name / "gateway.json"
        requests_file, peer, seconds = scale.one(), scale.peer, 5 * self.options.seconds
        with running([peer], self.directory):
            most, _ = latency.saturation(self.load, peer, requests_file, self.options.seconds)
            calm = latency.at_rate(self.load, peer, requests_file, seconds, most / 2)
            with disturbances.repeated(disturbances.change(peer, file), 1):
                outcome = latency.at_rate(self.load, peer, requests_file, seconds, most / 2)
            pauses = [pause / 1000 for pause in disturbances.reloads(peer)]
        note = (
            f"{len(pauses)} reloads, one each second, at {most / 2:.0f} requests a second: of {outcome['sent']} requests"
            f" {outcome['failed']} failed, {outcome['refused']} were refused, {outcome['unanswered']} had no answer after two"
            f" seconds; p99 {outcome['p99'] / 1000:.1f} ms, longest"
            f" {outcome['max'] / 1000:.1f} ms, without reloads {calm['p99'] / 1000:.1f} and {calm['max'] / 1000:.1f} ms."
            " The thread that reads the configuration has the same core as the worker here. The target is 5 ms, and no failure."
        )
        title = "a reload of 10,000 routes: the pause of the worker"
        self.results.add(Series("P10", title, "ms", {"audgate": pauses}, note=note))

    def idle(self) -> None:
        tokens = self.setting.tokens
        self.memory(
            "idle HTTP/1.1",
            "an idle TLS connection, HTTP/1.1, after a request",
            1,
            lambda peer: idle.http1(peer, tokens, tls=True, stream=False),
        )
        self.memory(
            "idle HTTP/2",
            "an idle TLS connection, HTTP/2, after a request",
            1,
            lambda peer: idle.http2(peer, tokens, 0),
        )
        self.memory(
            "idle stream",
            "an idle event stream, TLS, HTTP/2",
            idle.STREAMS_PER_CONNECTION,
            lambda peer: idle.http2(peer, tokens, idle.STREAMS_PER_CONNECTION),
        )

    def memory(
        self, name: str, title: str, units: int, open_one: Callable[[Peer], socket.socket], **more: object
    ) -> None:
        figures = {}
        for peer in self.different:
            with running([peer], self.directory), idle.stream_server():
                figures[peer.name] = [idle.kib_for_each(peer, self.options.count, units, open_one)]
        self.results.add(Series(name, title, "KiB", figures, **more))
