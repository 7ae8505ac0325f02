"""The budget for all bodies that are held at once, and what the upstream's failures look like in JSON-RPC."""

import threading
import time

import pytest

from harness import messages
from harness.messages import expect_rpc_error, legacy, modern
from harness.raw_http import Response
from harness.recorder import canned, reset_at_once

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

MIB = 1024 * 1024
LIMITS = {"body_bytes": "1MiB", "buffered_bytes": "1MiB", "body_timeout": "20s"}


ROUTES = {"a": {}}
MEMBERS = {"limits": LIMITS}


def large(size, identifier=7):
    return legacy("tools/call", {"name": "echo", "arguments": {"x": "y" * size}}, identifier)


def pieces(gate, post, share=0.9):
    """A request in two parts."""
    data = post.request(gate.authority, "/a", gate.token("a"))
    at = int(len(data) * share)
    return data[:at], data[at:]


def test_a_body_that_does_not_fit_waits_until_others_have_gone_on(gate):
    first, rest = pieces(gate, large(700_000, 1))
    second = large(700_000, 2).request(gate.authority, "/a", gate.token("a"))
    with gate.gateway.connect() as holder, gate.gateway.connect() as waiter:
        holder.send(first)
        time.sleep(0.3)
        begin = time.monotonic()
        answers: list[Response] = []
        sender = threading.Thread(target=lambda: answers.append(waiter.exchange(second, "POST")), daemon=True)
        sender.start()
        time.sleep(1)
        assert gate.recorders["a"].requests == [], "the second did not wait"
        holder.send(rest)
        assert holder.read_response("POST").status == 200
        sender.join(8)
        assert [each.status for each in answers] == [200]
        assert time.monotonic() - begin < 4.5
    assert sorted(len(each.body) for each in gate.recorders["a"].requests) == [len(large(700_000).body)] * 2


def test_a_body_that_never_fits_is_503_and_the_gateway_recovers(gate):
    first, rest = pieces(gate, large(700_000, 1))
    with gate.gateway.connect() as holder:
        holder.send(first)
        time.sleep(0.3)
        begin = time.monotonic()
        with gate.gateway.connect(15) as waiter:
            waiter.send_as_far_as_possible(large(700_000, 2).request(gate.authority, "/a", gate.token("a")))
            response = waiter.read_response("POST")
        waited = time.monotonic() - begin
        assert response.status == 503, (response.status, response.body)
        assert 4 < waited < 7, waited
        assert response.all("Retry-After"), response.headers
        gate.wait_for_reason("gateway_overloaded")
        assert gate.recorders["a"].requests == []
        # What is small still fits, and is not held up by what does not.
        assert gate.send("a", legacy()).status == 200
        holder.send(rest)
        assert holder.read_response("POST").status == 200
    gate.clear()
    for identifier in range(3):
        assert gate.send("a", large(900_000, identifier)).status == 200


def test_bodies_of_clients_that_leave_are_given_back(gate):
    for _ in range(8):
        first, _ = pieces(gate, large(900_000))
        with gate.gateway.connect() as connection:
            connection.send(first)
            time.sleep(0.05)
    begin = time.monotonic()
    assert gate.send("a", large(900_000)).status == 200
    assert time.monotonic() - begin < 3


def test_refused_bodies_are_given_back(gate):
    for number in range(8):
        post = large(900_000)
        post.body = post.body[:-1] if number % 2 else post.body.replace(b'"method"', b'"Method"')
        assert gate.send("a", post).status == 400
    assert gate.send("a", large(900_000)).status == 200


@pytest.mark.parametrize("identifier", [7, "seven", 0, ""])
@pytest.mark.parametrize("make", [modern, legacy])
def test_case_158_a_failure_of_the_upstream_answers_with_the_id(gate, identifier, make):
    with gate.recorders["a"].answering(reset_at_once):
        response = gate.send("a", make(identifier=identifier))
    expect_rpc_error(response, -32603, identifier, 502)
    assert len(gate.recorders["a"].requests) == 1


@pytest.mark.parametrize("post", ["notification", "batch"])
def test_case_158_where_there_is_no_one_id_none_is_sent(gate, post):
    post = {
        "notification": legacy("notifications/x", identifier=None),
        "batch": messages.with_fields(b"[" + legacy("ping").body + b"]"),
    }[post]
    with gate.recorders["a"].answering(reset_at_once):
        response = gate.send("a", post)
    assert response.status == 502
    if response.body:
        assert "id" not in response.json()


@pytest.mark.parametrize(
    "status, body",
    [
        (404, b'{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"x"}}'),
        (400, b'{"jsonrpc":"2.0","id":7,"error":{"code":-32021,"message":"x","data":{"requiredCapabilities":{}}}}'),
        (400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}'),
        (200, b'{ "jsonrpc" : "2.0", "id" : 7, "error" : {"code": -32602, "message": "\\u00e4"} }\r\n'),
        (500, b'{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"x"}}'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [modern, legacy])
def test_case_164_errors_of_the_upstream_pass_bit_for_bit(gate, status, body, make):
    with gate.recorders["a"].answering(canned(status, body=body)):
        response = gate.send("a", make())
    assert (response.status, response.body) == (status, body)
