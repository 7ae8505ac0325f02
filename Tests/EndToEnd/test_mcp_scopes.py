"""Scopes by tool and by method, taken from the body alone, and lists of tools cut to them (cases 70 to 80)."""

import json
import time

import pytest

from harness import mcp_requests, messages
from harness import recorder as upstreams
from harness.challenge import expect_refusal
from harness.messages import legacy, modern
from harness.raw_http import ConnectionEnded
from harness.recorder import STREAM_HEAD, canned, chunk

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

RULES = {
    "scopes": ["notion.read"],
    "tools": {
        "delete_page": ["notion.write"],
        "purge": ["notion.write", "notion.purge"],
        "天気": ["sky"],
    },
    "methods": {"resources/read": ["notion.content"], "completion/complete": ["notion.write"]},
}
ROUTES = {
    "notion": RULES,
    "strict": {"tools": {"open": [], "*": ["any"]}},
    "hidden": {**RULES, "hide_unauthorized_tools": True},
}


MEMBERS = {
    "scope_implications": {"notion.admin": ["notion.write"], "notion.write": ["notion.read"]},
}


def call(name, make=modern, **params):
    return make("tools/call", {"name": name, "arguments": {}, **params})


def expect_lacking(gate, post, lacking, scope="notion.read", name="notion"):
    """403 with one challenge that names exactly what is missing."""
    response = gate.send(name, post, gate.token(name, scope))
    expect_refusal(response, 403, gate.resource(name), error="insufficient_scope", scope=lacking)
    gate.assert_nothing_forwarded()
    assert gate.entry()["reason"] == "insufficient_scope"


def expect_allowed(gate, post, scope="notion.read", name="notion"):
    response = gate.send(name, post, gate.token(name, scope))
    assert response.status == 200, (response.status, response.body)
    assert gate.arrived(name).body == post.body


@pytest.mark.parametrize("make", [modern, legacy])
def test_case_70_a_tool_needs_its_scope(gate, make):
    expect_lacking(gate, call("delete_page", make), "notion.write")
    assert gate.entry()["mcp_tool"] == "delete_page"


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize("scope", ["notion.read notion.write", "notion.write", "notion.admin"])
def test_case_71_its_scope_or_one_that_implies_it_will_do(gate, make, scope):
    expect_allowed(gate, call("delete_page", make), scope)


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize("name", ["read_page", "unnamed", "Delete_page", "delete_pag", "delete_page "])
def test_other_tools_need_the_scopes_of_the_route_alone(gate, make, name):
    expect_allowed(gate, call(name, make).set(Mcp_Name=messages.encoded(name)))


@pytest.mark.parametrize("make", [modern, legacy])
def test_case_72_all_that_is_missing_stands_in_one_challenge(gate, make):
    response = gate.send("notion", call("purge", make), gate.token("notion", "notion.read"))
    scope = expect_refusal_with(response, gate)
    assert sorted(scope.split()) == ["notion.purge", "notion.write"]
    gate.clear()
    expect_lacking(gate, call("purge", make), "notion.purge", "notion.write")


def expect_refusal_with(response, gate):
    from harness.challenge import parse

    assert response.status == 403
    (challenge,) = response.all("WWW-Authenticate")
    return parse(challenge)["scope"]


def test_case_73_another_name_in_the_head_is_no_way_round(gate):
    post = call("delete_page").set(Mcp_Name="read_page")
    messages.expect_rpc_error(gate.send("notion", post, gate.token("notion", "notion.read")), -32020)
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("said", ["read_page", None, "delete_page"])
def test_case_74_legacy_requests_are_judged_by_the_body(gate, said):
    post = call("delete_page", legacy).set(Mcp_Name=said)
    response = gate.send("notion", post, gate.token("notion", "notion.read"))
    assert response.status == 400 if said == "read_page" else 403
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("version", [None, "2025-03-26"])
def test_case_75_every_element_of_a_batch_counts(gate, order, version):
    posts = [call("read_page", legacy), legacy("ping")]
    posts.insert(order, call("delete_page", legacy))
    body = b"[" + b",".join(each.body for each in posts) + b"]"
    expect_lacking(gate, messages.with_fields(body, version), "notion.write")
    gate.clear()
    expect_allowed(gate, messages.with_fields(body, version), "notion.write")


def test_case_75_a_batch_names_all_that_its_elements_lack(gate):
    calls = [call("delete_page", legacy), legacy("resources/read", {"uri": "a:b"}), call("purge", legacy)]
    body = b"[" + b",".join(each.body for each in calls) + b"]"
    response = gate.send("notion", messages.with_fields(body), gate.token("notion", "notion.read"))
    scope = expect_refusal_with(response, gate)
    assert sorted(scope.split()) == ["notion.content", "notion.purge", "notion.write"]
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize(
    "method", [rb"tools\/call", rb"tools\u002fcall", rb"\u0074ools/call", rb"tools\u002Fcal\u006C"]
)
@pytest.mark.parametrize("name", [b"delete_page", rb"delete\u005fpage", rb"\u0064elete_page"])
def test_case_76_escapes_change_nothing(gate, make, method, name):
    post = call("delete_page", make)
    post.body = post.body.replace(b"tools/call", method).replace(
        b'"name": "delete_page"', b'"n\\u0061me": "%s"' % name
    )
    expect_lacking(gate, post, "notion.write")


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize("name", ["天気", "\\u5929\\u6c17", "\\u5929気"])
def test_case_76_names_beyond_ascii_are_compared_decoded(gate, make, name):
    post = call("天気", make)
    post.body = post.body.replace(rb"\u5929\u6c17", name.encode())
    expect_lacking(gate, post, "sky")
    gate.clear()
    expect_allowed(gate, post, "notion.read sky")


@pytest.mark.parametrize("first, second", [("read_page", "delete_page"), ("delete_page", "read_page")])
@pytest.mark.parametrize("member", ["name", "Name", "NAME", "n\\u0061me"])
def test_case_77_two_names_are_refused(gate, first, second, member):
    post = call(first, legacy)
    post.body = post.body.replace(b'"arguments"', f'"{member}": "{second}", "arguments"'.encode())
    messages.expect_rpc_error(gate.send("notion", post, gate.token("notion", "notion.read")), -32600)
    gate.assert_nothing_forwarded()


def test_case_78_a_retry_with_answers_is_judged_like_the_first_call(gate):
    retry = {"inputResponses": {"ok": {"action": "accept"}}, "requestState": "opaque"}
    expect_lacking(gate, call("delete_page", **retry), "notion.write")
    gate.clear()
    expect_allowed(gate, call("delete_page", **retry), "notion.write")


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize(
    "method, params, lacking",
    [
        ("resources/read", {"uri": "file:///x"}, "notion.content"),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "delete_page"}}, "notion.write"),
    ],
)
def test_a_method_needs_its_scope(gate, make, method, params, lacking):
    expect_lacking(gate, make(method, params), lacking)
    gate.clear()
    expect_allowed(gate, make(method, params), f"notion.read {lacking}")


def test_a_notification_of_a_tool_call_needs_the_scope_too(gate):
    post = legacy("tools/call", {"name": "delete_page"}, identifier=None)
    expect_lacking(gate, post, "notion.write")


@pytest.mark.parametrize("method", ["prompts/get", "vendor/tools/call", "TOOLS/CALL", "tools/call "])
def test_the_name_of_a_tool_means_nothing_to_other_methods(gate, method):
    expect_allowed(gate, legacy(method, {"name": "delete_page"}))


@pytest.mark.parametrize("make", [modern, legacy])
def test_the_star_stands_for_all_tools_that_are_not_named(gate, make):
    expect_lacking(gate, call("unnamed", make), "any", None, "strict")
    gate.clear()
    expect_lacking(gate, call("*", make), "any", None, "strict")
    gate.clear()
    expect_allowed(gate, call("open", make), None, "strict")


@pytest.mark.parametrize("params", [{}, {"arguments": {}}, None])
def test_a_call_without_a_name_passes_no_star(gate, params):
    post = legacy("ping").set()
    post.body = messages.text("tools/call", params)
    response = gate.send("strict", post)
    assert response.status in (400, 403), response.status
    gate.assert_nothing_forwarded()


# Lists of tools.

TOOLS = [
    {"name": each, "inputSchema": {"type": "object"}}
    for each in ("purge", "read_page", "delete_page", "other")
]
CALLABLE = {"notion.read": ["read_page", "other"], "notion.write": ["read_page", "delete_page", "other"]}


def result(tools=TOOLS, **members):
    return {"jsonrpc": "2.0", "id": 7, "result": {"tools": tools, **members}}


def event(message, kind=b"message", end=b"\n"):
    return b"event: " + kind + end + b"data: " + json.dumps(message).encode() + end + end


def streamed(*pieces):
    def script(_, connection):
        connection.send(STREAM_HEAD)
        for piece in pieces:
            connection.send(chunk(piece))
            time.sleep(0.002)
        connection.send(b"0\r\n\r\n")

    return script


def listed(gate, script, scope="notion.read", make=modern, name="hidden"):
    with gate.recorders[name].answering(script):
        return gate.send(name, make("tools/list"), gate.token(name, scope))


def names(message):
    return [each["name"] for each in message["result"]["tools"]]


def messages_in(stream):
    """What the events of a stream say, by the grammar of server-sent events."""
    events = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    found = []
    for each in events:
        data = [line[5:].removeprefix(b" ") for line in each.split(b"\n") if line.startswith(b"data:")]
        if b"".join(data).strip():
            found.append(json.loads(b"\n".join(data)))
    return found


@pytest.mark.parametrize("make", [modern, legacy])
@pytest.mark.parametrize("scope", CALLABLE)
def test_a_json_list_shows_what_the_token_may_call(gate, make, scope):
    body = json.dumps(result(nextCursor="2", ttlMs=5, cacheScope="public")).encode()
    response = listed(gate, canned(body=body), scope, make)
    assert response.status == 200
    assert names(response.json()) == CALLABLE[scope]
    assert response.json()["result"]["nextCursor"] == "2"
    assert response.json()["result"]["cacheScope"] == "private"
    assert response.json()["result"]["ttlMs"] == 5 and response.json()["id"] == 7
    kept = [each for each in TOOLS if each["name"] in CALLABLE[scope]]
    assert response.json()["result"]["tools"] == kept


def test_a_list_without_hints_for_caches_stays_without(gate):
    response = listed(gate, canned(body=json.dumps(result()).encode()))
    assert names(response.json()) == CALLABLE["notion.read"]
    assert response.json()["result"].get("cacheScope") in (None, "private")


def test_an_unlisted_scope_of_caches_becomes_private_where_there_is_a_time_to_live(gate):
    response = listed(gate, canned(body=json.dumps(result(ttlMs=60_000)).encode()))
    assert response.json()["result"]["cacheScope"] == "private"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_an_event_stream_shows_what_the_token_may_call(gate, end, size):
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
    whole = b": hello" + end + end + event(progress, end=end) + event(result(cacheScope="public"), end=end)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    response = listed(gate, streamed(*pieces))
    assert response.status == 200
    assert response.body.startswith(b": hello" + end)
    first, last = messages_in(response.body)
    assert first == progress
    assert names(last) == CALLABLE["notion.read"] and last["result"]["cacheScope"] == "private"


def test_a_list_over_several_data_lines(gate):
    lines = json.dumps(result(), indent=1).encode().replace(b"\n", b"\ndata: ")
    response = listed(gate, streamed(b"data: " + lines + b"\n\n"))
    if response.status == 200:
        (message,) = messages_in(response.body)
        assert names(message) == CALLABLE["notion.read"]


def test_every_page_is_cut(gate):
    for cursor in (None, "2", "3"):
        gate.clear()
        answer = json.dumps(result(nextCursor="x")).encode()
        with gate.recorders["hidden"].answering(canned(body=answer)):
            post = modern("tools/list", {"cursor": cursor} if cursor else {})
            response = gate.send("hidden", post, gate.token("hidden", "notion.read"))
        assert names(response.json()) == CALLABLE["notion.read"]


def test_a_batch_of_answers_is_cut_too(gate):
    body = json.dumps([{"jsonrpc": "2.0", "id": 1, "result": {}}, result()]).encode()
    post = messages.with_fields(b"[" + legacy("ping").body + b"," + legacy("tools/list").body + b"]")
    with gate.recorders["hidden"].answering(canned(body=body)):
        response = gate.send("hidden", post, gate.token("hidden", "notion.read"))
    if response.status == 200:
        assert names(response.json()[1]) == CALLABLE["notion.read"]
    else:
        assert response.status == 502


def test_a_list_that_is_replayed_on_a_get_stream_is_cut(gate):
    with gate.recorders["hidden"].answering(streamed(b"id: 9\n" + event(result()))):
        response = gate.ask(
            "hidden", headers=[("Last-Event-ID", "8")], token=gate.token("hidden", "notion.read")
        )
    (message,) = messages_in(response.body)
    assert names(message) == CALLABLE["notion.read"]
    assert b"id: 9" in response.body


@pytest.mark.parametrize("status", [201, 203, 206, 226, 400, 404, 500])
def test_a_list_under_another_status_is_cut_too(gate, status):
    response = listed(gate, canned(status, body=json.dumps(result()).encode()))
    assert b"delete_page" not in response.body


def member(text, value):
    return json.dumps(result()).encode().replace(text, value)


MALFORMED = {
    "truncated": json.dumps(result()).encode()[:-2],
    "trailing": json.dumps(result()).encode() + b"}",
    "two names": member(b'"name": "delete_page"', b'"name": "read_page", "name": "delete_page"'),
    "two names, other way": member(b'"name": "delete_page"', b'"name": "delete_page", "name": "read_page"'),
    "two lists": member(b'"result": {', b'"result": {"tools": [], '),
    "two results": member(b'"result"', b'"result": {}, "result"'),
    "variant of the name": member(b'"name": "delete_page"', b'"Name": "delete_page"'),
    "variant beside the name": member(
        b'"name": "delete_page"', b'"name": "read_page", "Name": "delete_page"'
    ),
    "variant of the list": member(b'"tools"', b'"Tools"'),
    "variant of the result": member(b'"result"', b'"RESULT"'),
    "name is no string": member(b'"delete_page"', b'["delete_page"]'),
    "no name": member(b'"name": "delete_page"', b'"title": "delete_page"'),
    "list is no array": json.dumps(result({"0": TOOLS[2]})).encode(),
    "tools are strings": json.dumps(result(["delete_page"])).encode(),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(result()).encode(),
    "utf-16": json.dumps(result()).encode("utf-16"),
    "broken utf-8": member(b'"delete_page"', b'"delete_page\xff"'),
}


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("form", ["json", "event stream"])
def test_a_malformed_list_never_shows_a_hidden_tool(gate, kind, form):
    body = MALFORMED[kind]
    script = canned(body=body) if form == "json" else streamed(b"event: message\ndata: " + body + b"\n\n")
    try:
        response = listed(gate, script)
    except ConnectionEnded as ended:
        assert b"delete_page" not in ended.received
        return
    assert b"delete_page" not in response.body, response.body
    assert b"purge" not in response.body


@pytest.mark.parametrize("kind", ["escaped", "escaped member", "escaped list"])
def test_escapes_hide_no_tool_from_the_filter(gate, kind):
    body = {
        "escaped": member(b'"delete_page"', b'"delete\\u005fpage"'),
        "escaped member": member(b'"name": "delete_page"', b'"n\\u0061me": "delete_page"'),
        "escaped list": member(b'"tools"', b'"t\\u006fols"'),
    }[kind]
    response = listed(gate, canned(body=body))
    assert response.status == 502 or names(response.json()) == CALLABLE["notion.read"]


@pytest.mark.parametrize("fields", [[("Content-Type", "text/plain")], [("Content-Encoding", "gzip")]])
def test_what_cannot_be_read_does_not_pass(gate, fields):
    response = listed(gate, canned(headers=fields, body=json.dumps(result()).encode()))
    assert response.status == 502 and b"delete_page" not in response.body


def test_an_event_without_its_end_does_not_pass(gate):
    whole = event(result()).rstrip(b"\n")
    try:
        response = listed(gate, streamed(whole))
        assert b"delete_page" not in response.body
    except ConnectionEnded as ended:
        assert b"delete_page" not in ended.received


def test_without_the_setting_lists_pass_as_they_are(gate):
    body = json.dumps(result(cacheScope="public")).encode()
    response = listed(gate, canned(body=body), name="notion")
    assert response.body == body


@pytest.mark.parametrize("method", ["tools/call", "resources/list"])
def test_other_answers_pass_octet_for_octet(gate, method):
    body = b'{ "jsonrpc":"2.0","id":7 , "result":{"content":[{"type":"text","text":"\\u00e4 1.0E2"}],"x":1.50}}\n'
    with gate.recorders["hidden"].answering(canned(body=body)):
        response = gate.send("hidden", modern(method), gate.token("hidden", "notion.read"))
    assert (response.status, response.body) == (200, body)


def test_events_of_other_answers_come_as_they_are_sent(gate):
    events = [b": keep-alive\n\n", b"id: 1\nretry: 5\ndata:\n\n", b'data: {"jsonrpc":"2.0","method":"n"}\n\n']
    response = listed(gate, streamed(*events))
    assert response.body == b"".join(events)


@pytest.mark.parametrize(
    "parameters",
    [
        "; v=1; charset=utf-7",
        ";charset =utf-7",
        ";;charset=utf-7",
        ';x="a;b";charset=utf-7',
        ";charset*=utf-8''utf-7",
    ],
)
def test_a_charset_that_servers_may_decode_by_is_refused_wherever_it_stands(single, parameters):
    gateway = single.start()
    request = mcp_requests.post(
        single.host, "/mcp", single.token(), Content_Type="application/json" + parameters
    )
    assert gateway.exchange(request).status == 415
    assert single.recorder.requests == []


@pytest.mark.parametrize("status", [202, 404, 405, 500])
@pytest.mark.parametrize("body", [b"", b"not found"])
def test_an_answer_that_is_no_list_passes_a_route_that_hides_tools_at_once(single, status, body):
    configuration = single.configuration()
    configuration["routes"][0].update(hide_unauthorized_tools=True, tools={"delete_file": ["files:write"]})
    gateway = single.start(configuration)
    answer = b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    chunks = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    with single.recorder.answering(upstreams.raw(answer + chunks)):
        response = gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()), timeout=3)
    assert (response.status, response.body) == (status, body)
