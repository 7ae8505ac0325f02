"""The wall clock is set while the gateway runs: it judges tokens and certificates, and nothing else waits for it."""

import email.utils
import json
import signal
import threading
import time
from datetime import datetime, timedelta

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.access_log import reason
from harness.certificates import LOOPBACK
from harness.challenge import expect_invalid_token
from harness.recorder import Recorder
from harness.tls import server_context
from harness.wall_clock import WallClock

HOUR = 3600
EVENTS = [b"data: %d\n\n" % number for number in range(15)]
SHORT = timedelta(minutes=30)

both_ways = pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path)


@pytest.fixture
def single(over):
    return over("http1")


def start(single, clock, keys=None, **members):
    return single.start(single.configuration(keys, **members), environment=clock.environment)


def token(single, clock, **changes):
    """One that is good by the clock of the gateway, for longer than any step here."""
    return single.token(**{"iat": clock.now(), "exp": clock.now() + 3 * HOUR, **changes})


def post(single, token):
    return mcp_requests.post(single.host, "/mcp", token)


def ask(single, token):
    return single.gateway.exchange(post(single, token))


def refused_for(single, token):
    """The reason for which the token is a bad one."""
    since = single.gateway.log_position()
    expect_invalid_token(ask(single, token), single.resource)
    return reason(single.gateway.wait_for_access(since)[0])


def elapsed(since):
    return time.monotonic() - since


# Tokens


def test_a_remembered_token_ends_when_the_clock_is_set_beyond_its_end(single, clock):
    start(single, clock)
    short = token(single, clock, exp=clock.now() + 600)
    fresh = token(single, clock, exp=clock.now() + 600)
    assert [ask(single, short).status for _ in range(2)] == [200, 200]
    clock.step(HOUR)
    assert refused_for(single, short) == "expired"
    assert refused_for(single, fresh) == "expired"
    assert len(single.recorder.requests) == 2
    assert ask(single, token(single, clock)).status == 200


def test_tokens_that_are_to_come_are_refused_when_the_clock_is_set_back(single, clock):
    start(single, clock)
    issued_now = token(single, clock)
    begins_now = token(single, clock, iat=clock.now() - 2 * HOUR, nbf=clock.now())
    clock.step(-HOUR)
    assert refused_for(single, issued_now) == "issued_in_future"
    assert refused_for(single, begins_now) == "not_yet_valid"
    single.recorder.assert_untouched()
    assert ask(single, token(single, clock)).status == 200
    clock.step(HOUR)
    assert [ask(single, each).status for each in (issued_now, begins_now)] == [200, 200]


# Keys


@both_ways
@pytest.mark.parametrize("mode", ["ok", "fail"])
def test_keys_stay_whether_their_source_is_up_or_down_and_are_fetched_once_at_most(single, clock, step, mode):
    start(single, clock)
    assert single.issuer.server.count() == 1
    single.issuer.server.mode = mode
    clock.step(step)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        # An unknown key has the gateway look at what is due.
        ask(single, token(single, clock, header={"kid": "unknown"}))
        assert ask(single, token(single, clock)).status == 200
        assert single.gateway.health() == 200
        time.sleep(0.05)
    # What failed is tried again after 5 s, and another unknown key counts after 10.
    assert single.issuer.server.count() == 2


@both_ways
def test_a_new_key_is_learnt_behind_a_step(single, clock, step):
    start(single, clock)
    clock.step(step)
    single.issuer.add_key("key-2", "ES256")
    assert ask(single, token(single, clock)).status == 200


# Time that passes


@both_ways
def test_streams_requests_and_idle_connections_live_on(single, clock, step):
    gateway = start(single, clock)
    with gateway.connect() as idle, gateway.connect() as streaming, gateway.connect() as waiting:
        assert idle.exchange(post(single, token(single, clock))).status == 200
        with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)):
            streaming.send(post(single, token(single, clock)))
            head = streaming.read_head()
        answer = threading.Event()

        def late(request, connection):
            answer.wait(20)
            upstreams.canned()(request, connection)

        with single.recorder.answering(late):
            waiting.send(post(single, token(single, clock)))
            single.recorder.wait_for(3)
        clock.step(step)
        assert gateway.health() == 200
        assert b"".join(streaming.pieces(head)) == b"".join(EVENTS)
        answer.set()
        assert waiting.read_response("POST").status == 200
        before = single.recorder.accepted
        assert idle.exchange(post(single, token(single, clock))).status == 200
        assert single.recorder.accepted == before, "the connections to the server were closed"
    assert {each["reason"] for each in gateway.access_log()} == {"allowed"}


def test_a_busy_stream_ends_when_the_clock_is_set_beyond_the_end_of_its_token(single, clock):
    gateway = start(single, clock)
    with single.recorder.answering(upstreams.event_stream(EVENTS, 0.1)), gateway.connect() as streaming:
        streaming.send(post(single, token(single, clock, exp=clock.now() + 600)))
        head = streaming.read_head()
        clock.step(HOUR)
        with pytest.raises(raw_http.ConnectionEnded):
            list(streaming.pieces(head))
    (entry,) = gateway.wait_for_access(0)
    assert reason(entry) == "stream_token_expired"


@both_ways
def test_timeouts_come_after_their_time(single, clock, step):
    configuration = single.configuration(limits={"idle_timeout": "2s"})
    configuration["routes"][0]["upstream"]["response_timeout"] = "2s"
    gateway = single.start(configuration, environment=clock.environment)
    with single.recorder.answering(upstreams.never), gateway.connect() as idle, gateway.connect() as waiting:
        assert idle.exchange(raw_http.request("GET", "/healthz", "probe.invalid")).status == 200
        began = time.monotonic()
        waiting.send(post(single, token(single, clock)))
        single.recorder.wait_for(1)
        time.sleep(0.3)
        clock.step(step)
        assert waiting.read_response("POST").status == 504
        assert 1.9 < elapsed(began) < 4
        assert idle.is_closed_by_peer(within=3)
        assert 1.9 < elapsed(began) < 5


@both_ways
def test_a_drain_takes_as_long_as_it_may(single, clock, step):
    gateway = start(single, clock, limits={"drain_delay": "1s", "drain_timeout": "1s"})
    with single.recorder.answering(upstreams.event_stream(EVENTS * 4, 0.2)), gateway.connect() as connection:
        connection.send(post(single, token(single, clock)))
        head = connection.read_head()
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_message("Draining.")
        clock.step(step)
        with pytest.raises(raw_http.ConnectionEnded):
            list(connection.pieces(head))
        assert 1.9 < elapsed(began) < 4.5
    assert gateway.process.wait(5) == 0


def test_a_rate_does_not_burst_when_the_clock_is_set_forward(single, clock):
    start(single, clock, limits={"rates": {"principal": {"count": 3, "per": "1h", "burst": 3}}})
    good = token(single, clock)
    assert [ask(single, good).status for _ in range(4)] == [200, 200, 200, 429]
    clock.step(HOUR)
    assert [ask(single, good).status for _ in range(3)] == [429, 429, 429]


def test_a_rate_does_not_freeze_when_the_clock_is_set_back(single, clock):
    start(single, clock, limits={"rates": {"principal": {"count": 1, "per": "1s", "burst": 1}}})
    # Issued before both times.
    good = token(single, clock, iat=clock.now() - 2 * HOUR)
    assert ask(single, good).status == 200
    while (refused := ask(single, good)).status == 200:
        pass
    assert refused.status == 429
    clock.step(-HOUR)
    time.sleep(int(refused.one("Retry-After")))
    assert ask(single, good).status == 200


# What tells the time


@both_ways
def test_date_and_logs_tell_the_new_time_and_durations_the_true_one(single, clock, step):
    gateway = start(single, clock)

    def late(request, connection):
        clock.step(step)
        time.sleep(0.5)
        upstreams.canned()(request, connection)

    good = token(single, clock)
    since = gateway.log_position()
    with single.recorder.answering(late):
        answer = ask(single, good)
    told = email.utils.parsedate_to_datetime(answer.one("Date")).timestamp()
    assert abs(told - clock.now()) < 5
    (entry,) = gateway.wait_for_access(since)
    assert abs(datetime.fromisoformat(entry["time"]).timestamp() - clock.now()) < 5
    assert 500_000 <= entry["duration_us"] < 5_000_000
    gateway.signal(signal.SIGHUP)
    reloaded = gateway.wait_for_message("Reloaded.")
    assert abs(datetime.fromisoformat(reloaded["time"]).timestamp() - clock.now()) < 5


# Certificates


def test_a_certificate_is_too_old_for_a_reload_by_the_wall_clock(over, clock, certificates):
    single = over("tls1")
    configuration = single.configuration()
    identity = certificates.intermediate.issue("half-an-hour", *LOOPBACK, ends=SHORT)
    configuration["listeners"][0]["tls"]["certificates"] = [identity.members]
    gateway = single.start(configuration, environment=clock.environment)
    clock.step(HOUR)
    configuration["routes"][0]["scopes"] = ["mcp:read"]
    gateway.configuration.write_text(json.dumps(configuration))
    gateway.signal(signal.SIGHUP)
    said = gateway.wait_for_message("Nothing was reloaded")
    assert "The certificate expired at" in said["message"]
    assert ask(single, token(single, clock)).status == 200, "it goes on as before"
    clock.step(-HOUR)
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_message("Reloaded.")
    assert ask(single, token(single, clock)).status == 403


def test_the_certificate_of_a_server_is_judged_by_the_wall_clock(over, clock, certificates):
    single = over("http1/https1")
    single.recorder.stop()
    identity = certificates.intermediate.issue("soon-old", *LOOPBACK, ends=SHORT)
    shown = server_context(identity, "http/1.1")
    # A session that is resumed shows no certificate.
    shown.num_tickets = 0
    single.recorder = Recorder(tls=shown)
    gateway = start(single, clock)
    for step, status in ((0, 200), (HOUR, 502), (-HOUR, 200)):
        clock.step(step)
        # What was verified once stays as long as its connection.
        single.recorder.drop_connections()
        time.sleep(0.1)
        assert ask(single, token(single, clock)).status == status
    # The third is the last that was asked.
    entries = gateway.wait_for_access(0, 3)
    assert [each["reason"] for each in entries].count("upstream_tls_failed") == 1


def test_remembered_tokens_that_are_to_come_are_refused_when_the_clock_is_set_back(single, clock):
    start(single, clock)
    issued_now = token(single, clock)
    begins_now = token(single, clock, iat=clock.now() - 2 * HOUR, nbf=clock.now())
    assert [ask(single, each).status for each in (issued_now, begins_now)] == [200, 200]
    clock.step(-HOUR)
    assert [refused_for(single, each) for each in (issued_now, begins_now)] == [
        "issued_in_future",
        "not_yet_valid",
    ]


def test_a_hold_off_ends_although_the_clock_is_set_back(single, clock):
    start(single, clock)
    assert refused_for(single, token(single, clock, header={"kid": "unknown"})) == "unknown_key"
    clock.step(-HOUR)
    single.issuer.add_key("key-2", "ES256")
    # It lasts 10 s.
    single.gateway.wait_until(
        lambda: ask(single, token(single, clock)).status == 200, 13, "knowing the new key"
    )


def test_a_source_that_was_down_is_asked_again_although_the_clock_is_set_back(single, clock):
    single.issuer.server.mode = "fail"
    start(single, clock)
    assert ask(single, token(single, clock)).status == 503
    clock.step(-HOUR)
    single.issuer.server.mode = "ok"
    # It is asked again after 5 s.
    single.gateway.wait_until(lambda: ask(single, token(single, clock)).status == 200, 8, "serving")


def test_keys_do_not_grow_old_when_the_clock_is_set_forward(single, clock):
    start(single, clock)
    single.issuer.server.mode = "fail"
    clock.step(25 * HOUR)
    good = token(single, clock)
    # Has the gateway look at its keys.
    ask(single, token(single, clock, header={"kid": "unknown"}))
    assert ask(single, good).status == 200


def test_a_resumed_session_does_not_outlive_the_certificate_of_the_server(over, clock, certificates):
    single = over("http1/https1")
    single.recorder.stop()
    identity = certificates.intermediate.issue("soon-older", *LOOPBACK, ends=SHORT)
    single.recorder = Recorder(tls=server_context(identity, "http/1.1"))
    start(single, clock)
    for step, status in ((0, 200), (HOUR, 502), (-HOUR, 200)):
        clock.step(step)
        single.recorder.drop_connections()
        time.sleep(0.1)
        assert ask(single, token(single, clock)).status == status
