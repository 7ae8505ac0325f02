"""Spans on their way to a collector: in batches, to one that is slow, broken or not there, and at no cost to requests."""

import json
import signal
import statistics
import time

import pytest

from harness import mcp_requests
from harness.collector import PATH, Collector, Delivery
from harness.tls import server_context
from harness.tracing import PARENT, TRACE, ask, exported, flood, lost, start, told


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture
def single(over):
    return over("http1")


# How spans are sent


def test_spans_are_sent_together_and_after_a_while(single, collector):
    start(single, collector)
    began = time.monotonic()
    for _ in range(20):
        assert ask(single).status == 200
    collector.wait_for_spans(40)
    (delivery,) = collector.deliveries
    assert 4 < delivery.arrived - began < 12
    assert delivery.path == PATH and delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"] == "audgate"
    assert exported(single, collector) and len(collector.deliveries) == 1


def test_no_batch_has_more_than_512_spans(single, collector, tmp_path):
    start(single, collector)
    flood(single, 3000, tmp_path)
    spans = exported(single, collector)
    assert len(spans) == 6000 and len({(each.trace, each.id) for each in spans}) == 6000
    assert max(len(each.spans) for each in collector.deliveries) <= 512
    assert lost(single.gateway) == []


def test_the_collector_gets_the_fields_that_it_wants_and_a_new_secret_after_a_signal(
    single, collector, tmp_path
):
    secret = tmp_path / "token"
    secret.write_text("Bearer first\n")
    headers = {"Authorization": {"file": str(secret)}, "X-Scope": {"env": "SCOPE"}}
    configuration = single.configuration(traces={"endpoint": collector.endpoint, "headers": headers})
    gateway = single.start(configuration, environment={"SCOPE": "tenant-1"})
    assert ask(single).status == 200
    collector.wait_for_spans(2)
    secret.write_text("Bearer second\n")
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: told(gateway, "Reloaded."), 5, "reloaded")
    assert ask(single).status == 200
    assert len(exported(single, collector)) == 4
    first, second = collector.deliveries
    assert first.headers["authorization"] == "Bearer first" and first.headers["x-scope"] == "tenant-1"
    assert second.headers["authorization"] == "Bearer second"
    assert b"Bearer first" not in gateway.stderr.read_bytes() + gateway.stdout.read_bytes()


def test_an_https_collector_is_verified(over, certificates, tmp_path):
    for trusted, count in ((certificates.ca, 2), (None, 0)):
        single = over("http1")
        collector = Collector(server_context(certificates.server, "http/1.1"))
        try:
            start(single, collector, tls={"ca": str(trusted)} if trusted else {})
            assert ask(single).status == 200
            assert len(exported(single, collector)) == count
            losses = lost(single.gateway)
            assert [each["spans"] for each in losses] == ([] if trusted else ["2"])
            assert trusted or "certificate" in losses[0]["reason"]
        finally:
            collector.stop()


def test_what_waits_is_sent_when_the_process_ends(single, collector):
    start(single, collector)
    assert ask(single).status == 200
    assert collector.deliveries == []
    assert single.gateway.stop() == 0
    assert len(collector.spans) == 2


# Collectors in trouble


def test_a_collector_that_is_away_for_a_while_loses_nothing(single, collector):
    start(single, collector)
    collector.close()
    for _ in range(5):
        assert ask(single).status == 200
    # The batch is due after 5 s, and refused for the first time then.
    time.sleep(6.5)
    collector.listen()
    assert len(collector.wait_for_spans(10, within=20)) == 10
    assert len(exported(single, collector)) == 10
    assert lost(single.gateway) == []


def test_a_collector_that_asks_for_time_gets_it(single, collector):
    collector.answer = lambda number: (503, {"Retry-After": "3"}, b"") if number == 1 else 200
    start(single, collector)
    assert ask(single).status == 200
    collector.wait_for_spans(2, within=20)
    first, second = collector.deliveries
    assert first.body == second.body
    assert 2.9 < second.arrived - first.arrived < 8
    assert len(exported(single, collector)) == 2
    assert lost(single.gateway) == []


@pytest.mark.parametrize("status", [400, 401, 404, 500, 302])
def test_a_batch_that_is_refused_is_not_sent_again(single, collector, status):
    collector.answer = lambda number: (status, {"Location": "/v1/elsewhere"}, b"") if number == 1 else 200
    gateway = start(single, collector)
    assert ask(single).status == 200
    gateway.wait_until(lambda: lost(gateway), 10, "told")
    (loss,) = lost(gateway)
    assert loss["spans"] == "2" and f"status {status}" in loss["reason"] and loss["level"] == "warning"
    assert ask(single).status == 200
    assert len(exported(single, collector)) == 2 and len(collector.deliveries) == 2
    assert len(told(gateway, "The collector takes spans again.")) == 1


def test_what_a_collector_rejects_of_a_batch_is_counted(single, collector):
    partial = {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too long ago"}}
    collector.answer = lambda number: (200, {}, json.dumps(partial).encode())
    gateway = start(single, collector)
    for _ in range(2):
        assert ask(single).status == 200
    assert len(exported(single, collector)) == 4
    (loss,) = lost(gateway)
    assert loss["spans"] == "3" and "too long ago" in loss["reason"]


@pytest.mark.parametrize(
    "answer",
    [b"nonsense", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b""],
    ids=["text", "short", "nothing"],
)
def test_an_answer_that_is_none_loses_a_batch_and_no_more(single, collector, answer):
    class Broken(Collector):
        def handle(self, request):
            if self.deliveries:
                return super().handle(request)
            request.rfile.read(int(request.headers["Content-Length"]))
            with self.changed:
                self.deliveries.append(Delivery(time.monotonic(), request.path, {}, b"", 0))
            request.wfile.write(answer)
            request.close_connection = True

    collector = Broken()
    try:
        gateway = start(single, collector)
        assert ask(single).status == 200
        gateway.wait_until(lambda: lost(gateway), 10, "told")
        assert ask(single).status == 200
        assert len(exported(single, collector)) == 2
    finally:
        collector.stop()


@pytest.mark.timeout(150)
def test_a_collector_that_hangs_costs_spans_and_no_memory(single, collector, tmp_path):
    """The sink has room for 8 MiB; what comes beyond is dropped, counted, and said at most once a minute."""
    collector.answer = lambda number: None
    gateway = start(single, collector)
    flood(single, 1000, tmp_path)
    collector.wait_for_deliveries(1)
    before = resident(gateway)
    count = 15_000
    flood(single, count, tmp_path)
    grown = resident(gateway) - before
    assert grown < 40 << 20, f"{grown >> 20} MiB"
    collector.answer = lambda number: 200
    collector.ending.set()
    gateway.wait_until(lambda: lost(gateway), 20, "told")
    # Spans arrive in their order: behind this one there are no others.
    assert ask(single, extra=[("traceparent", f"00-{TRACE}-{PARENT}-01")]).status == 200
    collector.wait(lambda: any(each.trace == TRACE for each in collector.spans), "there", 30)
    spans = exported(single, collector)
    losses = [int(each["spans"]) for each in lost(gateway)]
    # One line at first, and one for the rest at the end of the process at most.
    assert 1 <= len(losses) <= 2
    assert len(spans) + sum(losses) == 2 * (count + 1000 + 1)
    assert sum(losses) > count / 2
    assert len(spans) > 1000


def resident(gateway):
    """Bytes of memory that the process holds."""
    with open(f"/proc/{gateway.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("state", ["hangs", "refuses"])
def test_a_collector_in_trouble_costs_requests_no_time(over, collector, state, tmp_path):
    """Requests to two gateways in turn, of which one traces everything; the medians stay close."""
    collector.answer = lambda number: None
    plain, traced = over("http1"), over("http1")
    plain.directory, traced.directory = tmp_path / "plain", tmp_path / "traced"
    for each in (plain, traced):
        each.directory.mkdir()
    plain.start()
    start(traced, collector)
    if state == "refuses":
        collector.close()
    data = {each: mcp_requests.post(each.host, "/mcp", each.token()) for each in (plain, traced)}
    connections = {each: each.gateway.connect() for each in (plain, traced)}
    times = {plain: [], traced: []}
    until = time.monotonic() + 9
    while time.monotonic() < until:
        for each in (plain, traced):
            began = time.perf_counter()
            assert connections[each].exchange(data[each], "POST").status == 200
            times[each].append(time.perf_counter() - began)
    if state == "hangs":
        # While some of them were served, the exporter was stuck.
        assert collector.deliveries
    assert len(times[plain]) > 500
    assert statistics.median(times[traced]) < 1.5 * statistics.median(times[plain])
    slow = [statistics.quantiles(times[each], n=10)[8] for each in (plain, traced)]
    # Where some requests wait for a turn of the machine's, the 90th percentile is now among them and now not.
    assert slow[1] < 2 * slow[0] + 0.005, slow
    if state == "refuses":
        collector.listen()


def test_a_collector_that_hangs_does_not_keep_the_process(single, collector):
    collector.answer = lambda number: None
    gateway = start(single, collector)
    for _ in range(3):
        assert ask(single).status == 200
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 8
    assert sum(int(each["spans"]) for each in lost(gateway)) == 6
