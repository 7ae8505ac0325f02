"""`audgate health`: what a container asks that has no other program."""

import json
import signal

import pytest

from harness import mcp_requests
from harness import recorder as upstreams
from harness.gateway import free_port, run


def health(single, *arguments, directory=None):
    path = (directory or single.directory) / "gateway.json"
    return run("health", "--config", str(path), *arguments)


def expect(process, is_healthy, *words):
    assert process.returncode == (0 if is_healthy else 1), process.stdout + process.stderr
    assert process.stdout.startswith("Healthy: " if is_healthy else "Not healthy: "), process.stdout
    assert all(word in process.stdout for word in words), process.stdout


TRANSPORTS = ["http1", "tls2"]


def test_a_gateway_that_serves_is_healthy(single):
    single.start()
    expect(health(single), True, single.host, "200", "/healthz")


def test_one_that_is_not_there_is_not(single):
    single.start()
    single.gateway.stop()
    expect(health(single), False, "Connection refused")


def test_one_that_waits_for_the_first_keys_is_not(single):
    single.issuer.server.mode = "hang"
    gateway = single.start(ready_within=None)
    gateway.wait_until(lambda: gateway.health() is not None, 5, "listening")
    expect(health(single), False, "503")
    single.issuer.server.released.set()
    single.issuer.server.mode = "ok"


def test_one_that_drains_is_not(single):
    gateway = single.start()
    events = upstreams.event_stream([b"data: 1\n\n"] * 20, 0.1)
    with single.recorder.answering(events), gateway.connect() as connection:
        connection.send(mcp_requests.post(single.host, "/mcp", single.token()))
        connection.read_head()
        gateway.signal(signal.SIGTERM)
        gateway.wait_until(lambda: health(single).returncode == 1, 5, "draining")


def test_for_programs(single):
    single.start()
    process = health(single, "--json")
    assert process.returncode == 0
    document = json.loads(process.stdout)
    assert (document["healthy"], document["status"], document["address"]) == (True, 200, single.host)
    single.gateway.stop()
    process = health(single, "--json")
    assert process.returncode == 1
    document = json.loads(process.stdout)
    assert document["healthy"] is False and "status" not in document


@pytest.mark.parametrize("pair", ["http1", "tls2"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_listener_on_every_address_is_asked_on_loopback(over, pair, host):
    single = over(pair)
    configuration = single.configuration()
    port = free_port("::1" if host == "::" else "127.0.0.1")
    single.address = ("::1" if host == "::" else "127.0.0.1", port)
    configuration["listeners"][0]["address"] = f"[::]:{port}" if host == "::" else f"0.0.0.0:{port}"
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), True, f":{port}")


def test_the_certificate_may_be_for_any_name_and_of_any_age(over, certificates):
    """The process has a good one; what is on disk by now, or whether it names this machine, does not matter."""
    single = over("tls1")
    configuration = single.configuration()
    configuration["listeners"][0]["tls"] = {"certificates": [certificates.wrong_name.members]}
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), True)
    configuration["listeners"][0]["tls"] = {"certificates": [certificates.expired.members]}
    configuration["routes"] = "broken"
    single.gateway.configuration.write_text(json.dumps(configuration))
    expect(health(single), True)


def test_a_listener_behind_a_balancer_gets_its_header(over):
    single = over("http1")
    configuration = single.configuration()
    configuration["listeners"][0]["proxy_protocol"] = ["127.0.0.0/8"]
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), True)


def test_a_listener_that_demands_certificates_is_passed_over(over, certificates):
    single = over("tls1")
    configuration = single.configuration()
    clients = {"ca": str(certificates.clients.certificate)}
    configuration["listeners"][0]["tls"]["client_certificates"] = clients
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), False, "client's certificate", "loopback")
    single.gateway.stop()
    second = f"127.0.0.1:{free_port()}"
    configuration["listeners"].append({"address": second, "health_path": "/up"})
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), True, second, "/up")
    clients["mode"] = "request"
    configuration["listeners"].pop()
    single.gateway.stop()
    single.start(configuration)
    expect(health(single), True, single.host)


def test_a_unix_socket(over, tmp_path):
    single = over("http1")
    configuration = single.configuration()
    configuration["listeners"] = [{"address": f"unix:{tmp_path}/gateway.sock"}]
    single.start(configuration, ready_within=None)
    single.gateway.wait_until(single.gateway.is_ready, 10, "ready")
    expect(health(single), True, "gateway.sock")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"listeners": []}', '{"listeners": [{"address": "x"}]}'])
def test_without_a_listener_there_is_nothing_to_ask(tmp_path, text):
    (tmp_path / "gateway.json").write_text(text)
    process = run("health", "--config", str(tmp_path / "gateway.json"))
    assert process.returncode == 1 and "gateway.json:" in process.stderr and not process.stdout


def test_wrong_usage():
    assert run("health", "--port", "1").returncode == 64
    process = run("health", "--config", "/nowhere/gateway.json")
    assert process.returncode == 1 and "/nowhere/gateway.json" in process.stderr
