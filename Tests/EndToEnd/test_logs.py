"""Logs that go elsewhere, fill up or are not read: requests never wait for them, and what is lost is said."""

import json
import os
import select
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import binary, wait_for_port
from harness.messages import modern

TRANSPORTS = ("http1",)
ROUTES = {"a": {}, "b": {}}


@pytest.fixture
def gate(fresh):
    return fresh


def lines(path):
    return [json.loads(each) for each in path.read_text().splitlines()]


def wait_for(gate, path, holds):
    gate.gateway.wait_until(
        lambda: path.exists() and bool(lines(path)) and holds(lines(path)), 5, f"in {path.name}"
    )
    return lines(path)


def test_the_audit_log_holds_refusals_replays_reloads_and_changes_of_keys(gate, tmp_path):
    path = tmp_path / "audit.log"
    gateway = gate.start(log={"audit": {"file": str(path)}}, watch=False)
    assert gate.send("a", modern("tools/list")).status == 200
    assert gate.send("a", modern("tools/list"), gate.token("b")).status == 401
    assert gate.send("a", modern("tools/list"), None).status == 401
    entries = wait_for(gate, path, lambda found: len(found) >= 4)
    assert {each["event"] for each in entries[:2]} == {"started", "keys_changed"}
    changed = next(each for each in entries if each["event"] == "keys_changed")
    assert changed["issuer"] == "corp" and changed["added"] and not changed["removed"]
    replay, refusal = entries[2:]
    assert replay["event"] == "cross_audience_replay" and replay["reason"] == "aud_other_route"
    assert (replay["issued_for"], replay["route"]) == (gate.resource("b"), gate.resource("a"))
    assert refusal["event"] == "refusal" and refusal["status"] == 401
    configuration = json.loads(gateway.configuration.read_text())
    gateway.configuration.write_text(json.dumps({**configuration, "routes": configuration["routes"][:1]}))
    gateway.signal(signal.SIGHUP)
    wait_for(gate, path, lambda found: found[-1]["event"] == "reloaded")
    gateway.configuration.write_text("{}")
    gateway.signal(signal.SIGHUP)
    refused = wait_for(gate, path, lambda found: found[-1]["event"] == "reload_refused")[-1]
    assert "gateway.json:" in refused["at"] and refused["problem"]
    assert gateway.stop() == 0
    assert lines(path)[-1]["event"] == "ended"
    assert gate.token("b").split(".")[2] not in path.read_text()


def test_a_reload_moves_the_logs_and_refuses_one_that_cannot_be_opened(gate, tmp_path):
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    gateway = gate.start(log={"access": {"file": str(first)}})
    assert gate.send("a", modern("tools/list")).status == 200
    # The health check of the start stands in the first one, too.
    wait_for(gate, first, lambda found: found[-1]["reason"] == "allowed")
    configuration = json.loads(gateway.configuration.read_text())
    for place, says in (
        ({"file": str(second)}, "Reloaded."),
        ({"file": str(tmp_path / "missing" / "x.log")}, "Nothing was reloaded"),
    ):
        gateway.configuration.write_text(json.dumps({**configuration, "log": {"access": place}}))
        gateway.signal(signal.SIGHUP)
        gateway.wait_until(
            lambda says=says: any(says in each["message"] for each in gateway.operational_log()), 5, says
        )
    count = len(lines(first))
    assert gate.send("a", modern("tools/list"), None).status == 401
    wait_for(gate, second, lambda found: found and found[-1]["status"] == 401)
    assert len(lines(first)) == count


def test_a_log_that_was_moved_away_goes_on_in_a_new_file(gate, tmp_path):
    access, audit = tmp_path / "access.log", tmp_path / "audit.log"
    gateway = gate.start(log={"access": {"file": str(access)}, "audit": {"file": str(audit)}})
    assert gate.send("a", modern("tools/list"), None).status == 401
    wait_for(gate, audit, lambda found: found[-1]["event"] == "refusal")
    for path in (access, audit):
        path.rename(path.with_suffix(".1"))
    gateway.signal(signal.SIGUSR1)
    gateway.wait_until(lambda: access.exists() and audit.exists(), 5, "opened anew")
    assert gate.send("b", modern("tools/list"), None).status == 401
    wait_for(gate, audit, lambda found: found)
    (entry,) = wait_for(gate, access, lambda found: found)
    assert entry["route"] == gate.resource("b")


def test_a_pipe_that_nobody_reads_is_an_error_and_nobody_waits_for_it(gate, tmp_path):
    pipe, audit = tmp_path / "access.pipe", tmp_path / "audit.log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    gateway = gate.start(log={"access": {"file": str(pipe)}, "audit": {"file": str(audit)}})
    assert gate.send("a", modern("tools/list")).status == 200
    gateway.wait_until(lambda: select.select([reader], [], [], 0)[0], 5, "in the pipe")
    os.close(reader)
    for _ in range(2):
        gateway.signal(signal.SIGUSR1)
        assert (
            "The old file is written on" in gateway.wait_for_message("Cannot write the access log")["message"]
        )
        assert gate.send("a", modern("tools/list"), None).status == 401
    wait_for(gate, audit, lambda found: len(found) >= 2)
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0
    said = subprocess.run(
        [binary(), "serve", "--config", str(gateway.configuration)],
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert said.returncode != 0 and "access.pipe" in said.stderr


@pytest.mark.parametrize("how", ["device", "limit"])
def test_a_full_disk_loses_lines_and_no_request(gate, tmp_path, how):
    """A device that is always full, and a file that may grow to a few KiB only."""
    path = tmp_path / "access.log"
    gateway = gate.start(log={"access": {"file": "/dev/full" if how == "device" else str(path)}})
    if how == "limit":
        subprocess.run(["prlimit", f"--pid={gateway.process.pid}", "--fsize=8192:8192"], check=True)
    for _ in range(60):
        assert gate.send("a", modern("tools/list")).status == 200
    gateway.wait_until(
        lambda: any(each["message"] == "Lines of a log were lost." for each in gateway.operational_log()),
        5,
        "said",
    )
    said = [each for each in gateway.operational_log() if each["message"] == "Lines of a log were lost."]
    assert len(said) == 1, "at most every ten seconds"
    assert said[0]["log"] == "access" and int(said[0]["lines"]) >= 1
    assert ("No space left" if how == "device" else "too large") in said[0]["reason"]


def test_room_that_comes_back_is_used_and_no_two_lines_are_glued_together(gate, tmp_path):
    path = tmp_path / "access.log"
    gateway = gate.start(log={"access": {"file": str(path)}})
    subprocess.run(["prlimit", f"--pid={gateway.process.pid}", "--fsize=5000:unlimited"], check=True)
    for _ in range(40):
        assert gate.send("a", modern("tools/list")).status == 200
    gateway.wait_until(lambda: path.stat().st_size == 5000, 5, "full")
    subprocess.run(["prlimit", f"--pid={gateway.process.pid}", "--fsize=unlimited:unlimited"], check=True)
    assert gate.send("b", modern("tools/list"), None).status == 401
    gateway.wait_until(lambda: '"status":401' in path.read_text(), 5, "written again")
    broken = []
    for each in path.read_text().splitlines():
        try:
            json.loads(each)
        except ValueError:
            broken.append(each)
    assert len(broken) == 1, "the line that was cut off when the disk was full"


class Piped:
    """A gateway whose standard output is a pipe that nobody reads yet, and which holds 64 KiB."""

    def __init__(self, gate, folder, log):
        self.gate, self.errors = gate, folder / "errors"
        path = folder / "gateway.json"
        path.write_text(json.dumps({**gate.configuration(), "log": log}))
        self.reading, writing = os.pipe()
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [binary(), "serve", "--config", str(path)], stdout=writing, stderr=errors
            )
        os.close(writing)
        self.call = modern("tools/list").request(gate.authority, "/a", gate.token("a"))
        end = time.monotonic() + 10
        while not self.is_served():
            assert self.process.poll() is None and time.monotonic() < end
            time.sleep(0.05)

    def is_served(self):
        try:
            with self.gate.client.connect(("127.0.0.1", self.gate.port), 5) as connection:
                return connection.exchange(self.call, "POST").status == 200
        except OSError:
            return False

    def ask(self):
        """1200 requests that pass, the lines of which are some 600 KB, and four that are refused."""

        def many():
            with self.gate.client.connect(("127.0.0.1", self.gate.port), 5) as connection:
                for _ in range(300):
                    assert connection.exchange(self.call, "POST").status == 200
                refused = modern("tools/list").request(self.gate.authority, "/a", self.gate.token("b"))
                assert connection.exchange(refused, "POST").status == 401

        crowd = [threading.Thread(target=many) for _ in range(4)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()

    def read(self):
        """All that comes until the gateway has ended; each line must be whole."""
        text = b""
        while piece := os.read(self.reading, 65536):
            text += piece
        return [json.loads(line) for line in text.splitlines()]

    def lost(self):
        """How many lines it says that it lost, by log."""
        said = Counter()
        for line in map(json.loads, self.errors.read_text().splitlines()):
            if line["message"] == "Lines of a log were lost.":
                said[line["log"]] += int(line["lines"])
        return said

    def stop(self):
        self.process.kill()
        self.process.wait()
        os.close(self.reading)


@pytest.fixture
def piped(gate, tmp_path):
    made = []

    def make(**log):
        made.append(Piped(gate, tmp_path, log))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_nobody_reads_standard_output_and_the_other_logs_and_all_requests_go_on(piped, tmp_path):
    audit = tmp_path / "audit.log"
    gateway = piped(access="stdout", audit={"file": str(audit)})
    gateway.ask()
    end = time.monotonic() + 5
    while audit.read_text().count("cross_audience_replay") < 4:
        assert time.monotonic() < end, "the audit log stands still"
        time.sleep(0.05)
    # Whoever reads again finds whole lines.
    text = b""
    while text.count(b"\n") < 1200:
        text += os.read(gateway.reading, 65536)
    assert all(json.loads(each) for each in text[: text.rfind(b"\n")].splitlines())


def test_whoever_reads_slowly_gets_all_lines_before_the_end(piped):
    gateway = piped(access="stdout")
    gateway.ask()
    gateway.process.terminate()
    time.sleep(0.5)
    reasons = Counter(line["reason"] for line in gateway.read() if line["route"])
    assert reasons["allowed"] > 1200 and reasons["aud_other_route"] == 4
    assert gateway.process.wait(10) == 0 and not gateway.lost()


def test_lines_that_nobody_reads_before_the_end_are_counted_and_said(piped):
    gateway = piped(access="stdout")
    gateway.ask()
    gateway.process.terminate()
    assert gateway.process.wait(20) == 0
    lines = gateway.read()
    assert lines and 1204 < len(lines) + gateway.lost()["access"] < 1300


def test_two_logs_in_one_pipe_keep_their_lines_whole(piped):
    gateway = piped(access="stdout", audit="stdout")
    # Longer than what a pipe takes at once.
    long = modern("tools/call", {"name": "x" * 3000, "arguments": {}})
    gateway.call = long.request(gateway.gate.authority, "/a", gateway.gate.token("a"))
    reader = ThreadPoolExecutor(1).submit(gateway.read)
    gateway.ask()
    gateway.process.terminate()
    lines = reader.result(20)
    assert gateway.process.wait(10) == 0 and not gateway.lost()
    assert Counter(each.get("event") for each in lines)["ended"] == 1
    assert sum(each.get("reason") == "aud_other_route" for each in lines) == 8, "in either log"


def test_nobody_reads_standard_error_and_the_gateway_goes_on(gate, tmp_path):
    """Messages that are longer than what a pipe takes at once, until it is full."""
    configuration = gate.configuration()
    path = tmp_path / "gateway.json"
    path.write_text(json.dumps(configuration))
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [binary(), "serve", "--config", str(path)], stdout=subprocess.DEVNULL, stderr=writing
    )
    os.close(writing)
    try:
        end = time.monotonic() + 10
        while not select.select([reading], [], [], 0)[0]:
            assert time.monotonic() < end
        wait_for_port(gate.port)
        path.write_text(json.dumps({**configuration, "x" * 12_000: 1}))
        for _ in range(20):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        with gate.client.connect(("127.0.0.1", gate.port), 5) as connection:
            call = modern("tools/list").request(gate.authority, "/a", gate.token("a"))
            assert connection.exchange(call, "POST").status == 200
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
