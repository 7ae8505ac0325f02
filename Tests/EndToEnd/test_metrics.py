"""Metrics: what they count, that Prometheus reads them, and that they stay few and never go down."""

from __future__ import annotations

import collections
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from harness import mcp_requests, process, raw_http
from harness import recorder as upstreams
from harness.admin import OPENMETRICS, Admin, promtool, total, value
from harness.gateway import REPOSITORY, free_port

TRANSPORTS = ["http1"]
DOCUMENT = REPOSITORY / "docs/metrics.md"
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")


@pytest.fixture
def admin():
    return Admin()


def started(single, admin, **members):
    gateway = single.start(single.configuration(admin=admin.member, **members))
    admin.wait_until_open(gateway)
    return gateway


def post(single, token=None):
    return mcp_requests.post(single.host, "/mcp", token or single.token())


def slowly(seconds):
    def script(*exchange):
        time.sleep(seconds)
        upstreams.canned()(*exchange)

    return script


def busy(single, gateway):
    """One of everything: served, refused, replayed, failed, streamed, malformed."""
    for _ in range(3):
        assert gateway.exchange(post(single)).status == 200
    assert gateway.exchange(raw_http.request("GET", "/mcp", single.host)).status == 401
    assert gateway.exchange(post(single, "x.y.z")).status == 401
    assert gateway.exchange(raw_http.request("GET", "/nowhere", single.host)).status == 404
    gateway.exchange(b"BAD\r\n\r\n")
    with single.recorder.answering(upstreams.reset_at_once):
        assert gateway.exchange(post(single)).status == 502
    with single.recorder.answering(upstreams.event_stream([b"data: 1\n\n"], 0)):
        gateway.exchange(post(single))


@needs_promtool
def test_promtool_finds_nothing_to_complain_of(single, admin):
    gateway = started(single, admin)
    busy(single, gateway)
    checked = promtool("check", "metrics", stdin=admin.text())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_both_formats_say_the_same(single, admin):
    gateway = started(single, admin)
    busy(single, gateway)
    response = admin.ask("/metrics")
    assert response.one("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    response = admin.ask("/metrics", [("Accept", OPENMETRICS + ";q=0.8"), ("Accept", "text/plain;q=0.5")])
    assert response.one("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert response.body.endswith(b"# EOF\n")

    def steady(samples):
        return {key: each for key, each in samples.items() if key[0].startswith("audgate_")}

    assert steady(admin.metrics()) == steady(admin.open_metrics())


def test_requests_count_as_the_access_log_has_them(single, admin):
    gateway = started(single, admin)
    since = gateway.log_position()
    busy(single, gateway)
    logged = collections.Counter(
        (each.get("route", "none"), each["decision"], each["reason"])
        for each in gateway.wait_for_access(since, 9)
        if each["reason"] not in ("admin", "health")
    )
    counted = {
        (labels["route"], labels["decision"], labels["reason"]): each
        for (name, own), each in admin.metrics().items()
        if name == "audgate_requests_total" and each > 0 and (labels := dict(own))["reason"] != "health"
    }
    assert counted == logged
    assert sum(logged.values()) == 9


def test_times_are_in_their_classes_and_streams_count_to_their_head(single, admin):
    gateway = started(single, admin)
    route = {"route": single.resource}
    events = [b"data: %d\n\n" % each for each in range(6)]
    with single.recorder.answering(upstreams.event_stream(events, 0.6)), gateway.connect() as connection:
        began = time.monotonic()
        connection.send(post(single))
        head = connection.read_head()
        elapsed = time.monotonic() - began
        assert b"".join(connection.pieces(head)) == b"".join(events)
    with single.recorder.answering(slowly(3)):
        began = time.monotonic()
        gateway.exchange(post(single))
        elapsed += time.monotonic() - began
    gateway.exchange(raw_http.request("GET", "/mcp", single.host))
    samples = admin.metrics()
    for name in ("audgate_request_duration_seconds", "audgate_upstream_duration_seconds"):
        assert value(samples, f"{name}_count", **route) == 2, "what was refused took no time of a server"
        assert value(samples, f"{name}_bucket", le="2.5", **route) == 1
        assert value(samples, f"{name}_bucket", le="+Inf", **route) == 2
        assert 3 <= value(samples, f"{name}_sum", **route) <= elapsed


def test_what_is_under_way_is_shown_while_it_is(single, admin):
    gateway = started(single, admin)
    events = [b"data: %d\n\n" % number for number in range(100)]
    with single.recorder.answering(upstreams.event_stream(events, 0.1)), gateway.connect() as connection:
        connection.send(post(single))
        connection.read_head()
        samples = admin.metrics()
        endpoint = {"endpoint": single.recorder.authority}
        assert value(samples, "audgate_event_streams", route=single.resource) == 1
        assert value(samples, "audgate_requests_in_flight") == 1
        assert value(samples, "audgate_connections") == 1
        assert value(samples, "audgate_upstream_active_requests", **endpoint) == 1
        assert value(samples, "audgate_upstream_connections", **endpoint) == 1

    def is_quiet():
        now = admin.metrics()
        names = ("audgate_requests_in_flight", "audgate_connections", "audgate_upstream_active_requests")
        return all(value(now, name) == 0 for name in names) and total(now, "audgate_event_streams") == 0

    gateway.wait_until(is_quiet, 5, "quiet")
    assert value(admin.metrics(), "audgate_requests_total", reason="client_aborted", decision="fail") == 1


def test_remembered_tokens_and_replays_are_counted(single, admin):
    configuration = single.configuration(admin=admin.member)
    other = single.at("/other")
    configuration["routes"].append({**configuration["routes"][0], "resource": other})
    gateway = single.start(configuration)
    token = single.token()
    for _ in range(4):
        gateway.exchange(post(single, token))
    for _ in range(2):
        gateway.exchange(post(single, single.issuer.mint(other)))
    samples = admin.metrics()
    assert value(samples, "audgate_token_cache_hits_total") == 3
    assert value(samples, "audgate_token_cache_misses_total") == 3
    assert value(samples, "audgate_token_cache_entries") == 3
    pair = {"issued_for": other, "presented_at": single.resource}
    assert value(samples, "audgate_replays_total", **pair) == 2


def test_handshakes_and_connections_that_fail_are_counted(over, admin):
    single = over("tls1/https1")
    gateway = single.start(single.configuration(admin=admin.member))
    before = admin.metrics()
    with gateway.connect() as connection:
        assert connection.exchange(post(single)).status == 200
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05junk!"):
        with socket.create_connection(gateway.address) as plain:
            plain.sendall(junk)
            plain.settimeout(5)
            while plain.recv(1000):
                pass
    samples = admin.metrics()

    def more(name, **labels):
        return total(samples, name, **labels) - total(before, name, **labels)

    assert more("audgate_tls_handshakes_total", side="client", version="1.3", resumed="false") == 1
    assert more("audgate_tls_handshakes_total", side="upstream", resumed="false") == 1
    assert more("audgate_tls_failures_total", side="client") == 2
    assert more("audgate_connections_refused_total", reason="tls") == 2
    assert more("audgate_connections_accepted_total") == 3


def test_connections_beyond_what_an_address_may_have_are_counted(single, admin):
    limits = {"connections_per_address": 3}
    gateway = single.start(single.configuration(admin=admin.member, limits=limits))
    held = [gateway.connect() for _ in range(3)]
    assert [each.exchange(post(single)).status for each in held] == [200] * 3
    with pytest.raises((OSError, raw_http.ConnectionEnded)):
        gateway.exchange(post(single))
    for each in held:
        each.close()

    def is_counted():
        try:
            refused = total(
                admin.metrics(), "audgate_connections_refused_total", reason="address_connections"
            )
        except (OSError, raw_http.ConnectionEnded):
            return False
        return refused == 1

    gateway.wait_until(is_counted, 5, "the refused one counted")


def test_the_keys_of_issuers_have_an_age_and_a_state(single, admin):
    gateway = started(single, admin)
    samples = admin.metrics()
    assert value(samples, "audgate_key_set_up", issuer="corp") == 1
    assert value(samples, "audgate_key_set_keys", issuer="corp") >= 1
    assert 0 <= value(samples, "audgate_key_set_age_seconds", issuer="corp") < 60
    assert value(samples, "audgate_issuers", state="ok") == 1
    single.issuer.server.stop()
    # A key that nobody knows makes the gateway look for it.
    single.issuer.add_key("key-2", "ES256", publish=False)
    gateway.exchange(post(single))
    gateway.wait_until(lambda: value(admin.metrics(), "audgate_issuers", state="stale") == 1, 5, "stale")
    assert value(admin.metrics(), "audgate_key_set_up", issuer="corp") == 0


def test_the_process_is_shown_as_the_kernel_has_it(single, admin):
    gateway = started(single, admin)
    samples = admin.metrics()
    assert value(samples, "process_open_fds") == pytest.approx(process.descriptors(gateway.process), abs=2)
    resident = process.resident(gateway.process)
    assert value(samples, "process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    assert value(samples, "process_start_time_seconds") == pytest.approx(time.time(), abs=30)
    assert value(samples, "audgate_ready") == 1
    assert value(samples, "audgate_worker_up", worker="0") == 1
    assert value(samples, "audgate_build_info", version=admin.status()["version"]) == 1
    assert value(samples, "audgate_configuration_info", hash=admin.status()["configuration"]["hash"]) == 1


# Reloads


def with_routes(single, names, admin, **members):
    configuration = single.configuration(admin=admin.member, **members)
    (route,) = configuration["routes"]
    configuration["routes"] = [{**route, "resource": single.at(f"/{name}")} for name in names]
    return configuration


def reload(gateway, admin, configuration, outcome="loaded"):
    before = value(admin.metrics(), "audgate_reloads_total", outcome=outcome)
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)

    def is_done():
        return value(admin.metrics(), "audgate_reloads_total", outcome=outcome) == before + 1

    gateway.wait_until(is_done, 5, outcome)


def knock(single, gateway, *names):
    for name in names:
        assert gateway.exchange(raw_http.request("GET", f"/{name}", single.host)).status == 401


def counters(samples):
    """What must never go down: counters, and the parts of histograms."""
    return {
        key: each
        for key, each in samples.items()
        if re.search("_(total|bucket|sum|count)$", key[0]) and key[0].startswith("audgate_")
    }


def test_no_counter_goes_down_over_reloads(single, admin):
    names = [f"r{number}" for number in range(12)]
    admin.member["metrics_routes"] = 3
    gateway = single.start(with_routes(single, names[:8], admin))
    admin.wait_until_open(gateway)
    before = counters(admin.metrics())
    for turn in range(1, 8):
        kept = names[:2] + names[2 + turn % 3 : 8 + turn % 4]
        reload(gateway, admin, with_routes(single, kept, admin, limits={"tokens": 100 + turn}))
        knock(single, gateway, *kept * 2, "r0")
        assert (
            gateway.exchange(
                mcp_requests.post(single.host, "/r0", single.issuer.mint(single.at("/r0")))
            ).status
            == 200
        )
        now = counters(admin.metrics())
        gone = {single.at(f"/{name}") for name in names if name not in kept}
        for key, each in before.items():
            if not gone & {label for _, label in key[1]}:
                assert now.get(key, -1) >= each, key
        before = now
    samples = admin.metrics()
    assert value(samples, "audgate_requests_total", route=single.at("/r0"), decision="allow") == 7
    assert value(samples, "audgate_requests_total", route=single.at("/r0"), decision="refuse") == 21
    assert value(samples, "audgate_token_cache_misses_total") == 7


def test_streams_of_a_route_that_goes_and_comes_back_are_its_own_again(single, admin):
    gateway = single.start(with_routes(single, ["a", "b"], admin))
    token = single.issuer.mint(single.at("/a"))
    may_end = threading.Event()
    held = upstreams.held_stream([b"data: 1\n\n", b"data: 2\n\n"], may_end)
    with single.recorder.answering(held), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/a", token))
        head = connection.read_head()
        for names in (["b"], ["b", "c"], ["c", "a"]):
            reload(gateway, admin, with_routes(single, names, admin))
        route = single.at("/a")

        def streams():
            return value(admin.metrics(), "audgate_event_streams", route=route)

        gateway.wait_until(lambda: streams() == 1, 5, "counted")
        may_end.set()
        assert len(list(connection.pieces(head))) == 2
    gateway.wait_until(lambda: streams() == 0, 5, "ended")
    ended = {"route": route, "decision": "allow", "reason": "allowed"}
    assert value(admin.metrics(), "audgate_requests_total", **ended) == 1


def test_a_refused_reload_is_counted_and_changes_nothing(single, admin):
    gateway = started(single, admin)
    gateway.exchange(post(single))
    before = admin.metrics()
    reload(gateway, admin, {"listeners": []}, outcome="refused")
    samples = admin.metrics()
    assert value(samples, "audgate_last_reload_successful") == 0
    assert value(samples, "audgate_reloads_total", outcome="loaded") == 0
    for name in ("audgate_configuration_info", "audgate_configuration_loaded_timestamp_seconds"):
        assert [each for each in samples.items() if each[0][0] == name] == [
            each for each in before.items() if each[0][0] == name
        ]
    assert value(samples, "audgate_requests_total", decision="allow") == 1


# Few labels


def test_many_routes_have_few_labels(single, admin):
    names = [f"r{number}" for number in range(400)]
    admin.member["metrics_routes"] = 5
    gateway = single.start(with_routes(single, names, admin))
    admin.wait_until_open(gateway)
    with gateway.connect() as connection:
        for name in names + names[7:9] * 3:
            connection.exchange(raw_http.request("GET", f"/{name}", single.host))
    samples = admin.metrics()
    labels = {dict(own)["route"] for (name, own) in samples if name == "audgate_requests_total"}
    assert len(labels - {"other", "none"}) == 5
    assert {single.at("/r7"), single.at("/r8"), "other"} <= labels
    assert total(samples, "audgate_requests_total", reason="no_credentials") == 406
    assert value(samples, "audgate_requests_total", route="other", reason="no_credentials") == 395
    endpoints = {
        dict(own)["endpoint"] for (name, own) in samples if name.startswith("audgate_upstream_requests")
    }
    assert len(endpoints) <= 6
    assert value(samples, "audgate_routes") == 400
    assert len(samples) < 1000


ROUTES = 10_000


def test_reading_about_10000_routes_stops_no_worker(over, admin, tmp_path):
    single = over("http1")
    configuration = with_routes(single, [f"r{number}" for number in range(ROUTES)], admin)
    gateway = single.start(configuration, ready_within=30)
    admin.wait_until_open(gateway)
    # Every route has counters of its own, in every page of them.
    with gateway.connect(30) as connection:
        for first in range(0, ROUTES, 500):
            asks = [raw_http.request("GET", f"/r{first + each}", single.host) for each in range(500)]
            connection.send(b"".join(asks))
            for _ in asks:
                assert connection.read_response("GET").status == 401

    def latencies(seconds):
        """Of requests one after the other, each at another page of counters, in order of their size."""
        asks = [raw_http.request("GET", f"/r{number * 37 % ROUTES}", single.host) for number in range(ROUTES)]
        found, number, end = [], 0, time.monotonic() + seconds
        with gateway.connect() as connection:
            while time.monotonic() < end:
                begun = time.perf_counter()
                connection.exchange(asks[number % ROUTES])
                found.append(time.perf_counter() - begun)
                number += 1
        return sorted(found)

    quiet = latencies(2)
    url = f"http://{admin.authority}"
    script = tmp_path / "scrape.sh"
    script.write_text(
        f"while :; do curl -s -o /dev/null -w '%{{time_total}}\\n' {url}/metrics;"
        f" curl -s -o /dev/null -w '%{{time_total}}\\n' '{url}/status.json?routes=1000&sort=refused'; done\n"
    )
    with (tmp_path / "times").open("wb") as times:
        scraper = subprocess.Popen(["sh", str(script)], stdout=times)
        try:
            during = latencies(4)
        finally:
            scraper.kill()
            scraper.wait()
    scrapes = sorted(float(line) for line in (tmp_path / "times").read_text().split())
    assert len(scrapes) >= 10
    usual = scrapes[len(scrapes) // 2]
    late = during[len(during) * 99 // 100]
    print(
        f"quiet: median {quiet[len(quiet) // 2] * 1e6:.0f} µs, 99 % {quiet[len(quiet) * 99 // 100] * 1e6:.0f} µs;"
        f" during {len(scrapes)} scrapes of {usual * 1e3:.1f} ms: median {during[len(during) // 2] * 1e6:.0f} µs,"
        f" 99 % {late * 1e6:.0f} µs, longest {during[-1] * 1e3:.1f} ms"
    )
    # A worker that waited for a scrape would be as slow as the scrape, for every request that falls into one.
    assert late < usual / 2


# Prometheus itself


PROMETHEUS = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: audgate
    static_configs:
      - targets: ["{target}"]
"""


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus")
def test_prometheus_scrapes_it_and_its_rates_are_right(single, admin, tmp_path):
    gateway = started(single, admin)
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(target=admin.authority))
    command = [
        "prometheus",
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
    ]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(expression):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expression)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [float(each["value"][1]) for each in json.load(answer)["data"]["result"]]

    def is_scraped():
        try:
            return query("up") == [1]
        except OSError:
            return False

    try:
        gateway.wait_until(is_scraped, 20, "scraped")
        requests = f'audgate_requests_total{{route="{single.resource}",decision="allow"}}'
        gateway.wait_until(lambda: query(requests) == [0], 10, "known before its first request")
        for _ in range(5):
            gateway.exchange(post(single))
        gateway.wait_until(lambda: query(requests) == [5], 10, "counted")
        configuration = single.configuration(admin=admin.member)
        configuration["routes"].append({**configuration["routes"][0], "resource": single.at("/other")})
        reload(gateway, admin, configuration)
        for _ in range(4):
            gateway.exchange(post(single))
        gateway.wait_until(lambda: query(requests) == [9], 10, "counted on")
        assert query(f"resets({requests}[1m])") == [0]
        (increase,) = query(f"increase({requests}[1m])")
        assert 8 < increase < 60, "extrapolated, but no restart from zero"
        # What is asked of the last scrape has no answer when that one was late.
        bucket = f'audgate_request_duration_seconds_bucket{{route="{single.resource}"}}'
        for wanted in (
            "scrape_samples_post_metric_relabeling > 50",
            f"histogram_quantile(0.5, {bucket}) > 0",
        ):
            gateway.wait_until(lambda wanted=wanted: query(wanted), 10, wanted)
    finally:
        server.kill()
        server.wait()


# What the document says


def documented():
    """Name and labels of each metric in the tables of the document."""
    rows = re.findall(r"^\| `((?:audgate|process)_\w+)` \| (\w+) \|([^|]*)\|", DOCUMENT.read_text(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_the_document_has_each_metric_with_its_labels(over, admin, tmp_path):
    single = over("http1")
    configuration = single.configuration(admin=admin.member)
    other = single.at("/other")
    configuration["routes"].append({**configuration["routes"][0], "resource": other})
    gateway = single.start(configuration)
    busy(single, gateway)
    gateway.exchange(post(single, single.issuer.mint(other)))
    from prometheus_client import parser

    found = {}
    for family in parser.text_string_to_metric_families(admin.text()):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        kind = "info" if name.endswith("_info") else family.type
        found[name] = (kind, labels)
    assert documented() == found


@needs_promtool
def test_promtool_takes_the_alerts_of_the_document(tmp_path: Path):
    (rules,) = re.findall(r"^```yaml\n(groups:.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    path = tmp_path / "rules.yml"
    path.write_text(rules)
    checked = promtool("check", "rules", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    used = set(re.findall(r"\b(?:audgate|process)_\w+\b", rules))
    known = set(documented()) | {f"{name}_bucket" for name in documented()}
    assert used <= known, used - known
