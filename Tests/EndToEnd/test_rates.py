"""Rates: who may send how much, and what a flood of bad tokens costs those who have good ones."""

import json
import math
import re
import statistics
import subprocess
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness.issuer import Issuer
from harness.process import processor_time

TRANSPORTS = ["http1", "tls2"]

# Long enough that no turn comes back while a test runs.
SLOW = "1h"


def limited(single, **rates):
    return single.start(single.configuration(limits={"rates": rates}))


def post(single, token=None, **changes):
    return mcp_requests.post(single.host, "/mcp", token or single.token(), **changes)


def call(single, tool, token=None):
    return post(single, token, body=mcp_requests.call(tool), Mcp_Name=tool)


def expect_too_many(response, identifier=7):
    """429 as MCP clients can read it; the seconds after which to try again."""
    assert response.status == 429
    assert not response.all("WWW-Authenticate")
    assert response.json()["error"]["code"] == 429
    assert response.json()["id"] == identifier
    return int(response.one("Retry-After"))


def test_a_principal_gets_what_its_rate_allows_and_more_after_the_time_that_it_was_told(single):
    gateway = limited(single, principal={"count": 1, "per": "1s", "burst": 3})
    since = gateway.log_position()
    with gateway.connect() as connection:
        token = single.token()
        answers = [connection.exchange(post(single, token)) for _ in range(8)]
        passed = [each.status for each in answers].count(200)
        assert 3 <= passed <= 5
        assert [each.status for each in answers[:3]] == [200] * 3
        refused = connection.exchange(post(single, token))
        while refused.status == 200:
            passed += 1
            refused = connection.exchange(post(single, token))
        seconds = expect_too_many(refused)
        assert seconds == 1
        time.sleep(seconds)
        assert connection.exchange(post(single, token)).status == 200
    assert len(single.recorder.requests) == passed + 1
    entries = [each for each in gateway.wait_for_access(since, 9) if each["status"] == 429]
    assert entries
    for each in entries:
        assert (each["reason"], each["decision"]) == ("rate_principal", "refuse")
        assert each["client_id"] == "client-1" and each["sub_hash"] and "upstream" not in each


def test_each_principal_has_turns_of_its_own_and_one_that_is_refused_loses_none(single):
    gateway = limited(single, principal={"count": 1, "per": SLOW})
    alice, bob = single.token(), single.token(sub="bob")
    with gateway.connect() as connection:
        bad = post(single, alice, body=b'{"jsonrpc":"1.0"}')
        for _ in range(3):
            assert connection.exchange(bad).status == 400
        assert connection.exchange(post(single, alice)).status == 200
        expect_too_many(connection.exchange(post(single, alice)))
        # Another token of the same principal is the same principal.
        expect_too_many(connection.exchange(post(single, single.token())))
        assert connection.exchange(post(single, bob)).status == 200
    assert len(single.recorder.requests) == 2


def test_a_request_without_a_message_is_refused_without_one(single):
    gateway = limited(single, client={"count": 1, "per": "10s"})
    get = mcp_requests.get(single.host, "/mcp", single.token())
    with gateway.connect() as connection:
        assert connection.exchange(get).status == 200
        refused = connection.exchange(get)
    assert refused.status == 429 and refused.json()["error"] == "too_many_requests"
    assert 8 <= int(refused.one("Retry-After")) <= 10


def test_the_users_of_one_client_share_its_turns(single):
    gateway = limited(single, client={"count": 2, "per": SLOW})
    since = gateway.log_position()
    tokens = [single.token(sub=f"user-{number}") for number in range(3)]
    answers = [gateway.exchange(post(single, token)) for token in tokens]
    assert [each.status for each in answers] == [200, 200, 429]
    assert gateway.exchange(post(single, single.token(client_id="other"))).status == 200
    assert [each["reason"] for each in gateway.wait_for_access(since, 4)].count("rate_client") == 1


def test_tools_have_rates_of_their_own(single):
    rates = {
        "delete_file": {"count": 1, "per": SLOW},
        "list_files": "off",
        "*": {"count": 2, "per": SLOW},
    }
    gateway = limited(single, tools=rates)
    with gateway.connect() as connection:
        token = single.token()

        def status(tool):
            return connection.exchange(call(single, tool, token)).status

        assert [status("delete_file") for _ in range(3)] == [200, 429, 429]
        assert [status("list_files") for _ in range(5)] == [200] * 5
        assert [status(f"invented-{number}") for number in range(4)] == [200, 200, 429, 429]
        expect_too_many(connection.exchange(call(single, "delete_file", token)))
    assert single.recorder.wait_for(8)[-1].one("Mcp-Name") == "invented-1"


def test_each_call_of_a_batch_counts(single):
    gateway = limited(single, tools={"echo": {"count": 3, "per": SLOW}})

    def batch(count):
        one = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo"}}
        headers = [
            ("Authorization", f"Bearer {single.token()}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", "2025-03-26"),
        ]
        body = json.dumps([one] * count).encode()
        return raw_http.request("POST", "/mcp", single.host, headers, body)

    statuses = [gateway.exchange(batch(count)).status for count in (4, 2, 2, 1, 1)]
    assert statuses == [429, 200, 429, 200, 429]


def test_all_workers_count_together(single):
    configuration = single.configuration(
        limits={"rates": {"principal": {"count": 20, "per": SLOW}}}, workers=4
    )
    gateway = single.start(configuration)
    token = single.token()
    statuses = []

    def client():
        for _ in range(5):
            statuses.append(gateway.exchange(post(single, token)).status)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (statuses.count(200), statuses.count(429)) == (20, 20)


def spoilt(token):
    """The token with another signature, which can be told by verifying it alone."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"


def test_new_tokens_of_an_address_that_is_refused_too_often_are_not_looked_at(single):
    gateway = limited(single, refusals={"count": 1, "per": "6s", "burst": 5})
    known = single.token()
    assert gateway.exchange(post(single, known)).status == 200
    since = gateway.log_position()
    with gateway.connect() as connection:
        answers = [connection.exchange(post(single, spoilt(single.token()))) for _ in range(9)]
        assert [each.status for each in answers] == [401] * 5 + [429] * 4
        assert answers[-1].json()["error"] == "too_many_requests"
        assert 1 <= int(answers[-1].one("Retry-After")) <= 6
        # Good or bad, that is not known: only who was there before goes on.
        assert connection.exchange(post(single)).status == 429
        for _ in range(10):
            assert connection.exchange(post(single, known)).status == 200
        # And who has no token learns where to get one.
        assert connection.exchange(mcp_requests.post(single.host, "/mcp")).status == 401
        time.sleep(6.1)
        assert connection.exchange(post(single)).status == 200
    reasons = [each["reason"] for each in gateway.wait_for_access(since, 22)]
    assert reasons.count("rate_refusals") == 5 and reasons.count("signature_invalid") == 5


def test_a_token_that_one_worker_has_verified_is_good_at_all(single):
    rates = {"refusals": {"count": 1, "per": SLOW, "burst": 5}}
    gateway = single.start(single.configuration(limits={"rates": rates}, workers=4))
    known = single.token()
    assert gateway.exchange(post(single, known)).status == 200
    while gateway.exchange(post(single, spoilt(single.token()))).status != 429:
        pass
    # Each connection is at some worker.
    assert {gateway.exchange(post(single, known)).status for _ in range(30)} == {200}
    assert {gateway.exchange(post(single)).status for _ in range(5)} == {429}


class Flood:
    """Requests with a bad token on many connections, for as long as it is not left."""

    def __init__(self, single, token, connections=16, requests=None):
        amount = "-D30" if requests is None else f"-n{requests}"
        headers = [f"-H{name}: {value}" for name, value in mcp_requests.modern_headers(token)]
        self.command = [
            "h2load", "--h1", f"-c{connections}", "-t1", amount, *headers, f"http://{single.host}/mcp",
        ]  # fmt: skip

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def run(self):
        """To its end; how many requests were refused."""
        output = subprocess.run(self.command, capture_output=True, text=True, timeout=60).stdout
        return int(re.search(r"(\d+) 4xx", output)[1])


def latencies(single, token, seconds=2.0):
    """How long each request of one client takes."""
    taken = []
    with single.gateway.connect() as connection:
        end = time.monotonic() + seconds
        while (started := time.monotonic()) < end:
            assert connection.exchange(post(single, token)).status == 200
            taken.append(time.monotonic() - started)
            time.sleep(0.002)
    return taken


def test_a_flood_of_bad_tokens_costs_a_fraction_of_what_verifying_each_would(over, tmp_path, certificates):
    """Processor time of the gateway for each bad token, which says what is left for good clients on any machine.

    Their latency is printed beside it, and not compared: on a busy machine it is that of the machine.
    """
    single = over("http1")
    # The signature that takes longest to check, so that it is the tokens that cost.
    single.issuer.stop()
    single.issuer = Issuer(algorithm="ES512")
    bad = spoilt(single.token())
    costs, medians = [], []
    for refusals in ("off", {"count": 10, "per": "1s", "burst": 10}):
        gateway = single.start(
            single.configuration(limits={"rates": {"refusals": refusals}}, log={"access": "off"})
        )
        token = single.token()
        assert gateway.exchange(post(single, token)).status == 200
        before = processor_time(gateway.process)
        flood = Flood(single, bad, requests=3000)
        assert flood.run() == 3000
        costs.append(processor_time(gateway.process) - before)
        with Flood(single, bad):
            medians.append(statistics.median(latencies(single, token)))
        gateway.stop()
    print(f"processor seconds: {costs}; a good client's median latency: {medians}")
    assert costs[0] > 3 * costs[1]


def test_a_flood_of_bad_tokens_is_verified_no_more_often_than_its_rate(over):
    single = over("http1")
    gateway = limited(single, refusals={"count": 50, "per": "1s", "burst": 100})
    since = gateway.log_position()
    started = time.monotonic()
    with Flood(single, spoilt(single.token())):
        time.sleep(2)
    taken = time.monotonic() - started
    time.sleep(0.3)
    reasons = [each["reason"] for each in gateway.access_log(since)]
    assert reasons.count("rate_refusals") > 1000
    assert reasons.count("signature_invalid") <= 100 + 50 * math.ceil(taken) + 1


@pytest.mark.parametrize("rates", [{}, {"refusals": "off", "handshakes": "off"}], ids=["defaults", "off"])
def test_without_rates_nobody_is_too_fast(single, rates):
    gateway = limited(single, **rates)
    with gateway.connect() as connection:
        token = single.token()
        assert {connection.exchange(post(single, token)).status for _ in range(300)} == {200}
