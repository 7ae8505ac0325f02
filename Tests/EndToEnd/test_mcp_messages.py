"""Head and body of a message judged together: mirrors, eras, and what is no message (cases 91 to 124, 145 to 149)."""

import base64
import json

import pytest

from harness import messages
from harness.mcp_requests import META, VERSION
from harness.messages import ABSENT, CAPABILITIES, PROTOCOL_VERSION, expect_rpc_error, legacy, modern
from harness.recorder import canned

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")


ROUTES = {"a": {}}


def expect_forwarded(gate, post, name="a"):
    response = gate.send(name, post)
    assert response.status == 200, (response.status, response.body)
    assert gate.arrived(name).body == post.body
    return gate.arrived(name)


def expect_refused(gate, post, code, identifier=7, reason=None):
    expect_rpc_error(gate.send("a", post), code, identifier)
    gate.assert_nothing_forwarded()
    entry = gate.entry()
    assert (entry["status"], entry["decision"]) == (400, "refuse"), entry
    if reason:
        assert entry["reason"] == reason, entry


@pytest.mark.parametrize(
    "method, params",
    [
        ("tools/list", {}),
        ("tools/list", {"cursor": "next"}),
        ("tools/call", {"name": "get_weather", "arguments": {"city": "Graz"}}),
        ("prompts/get", {"name": "greeting"}),
        ("resources/read", {"uri": "file:///a b?c#d"}),
        ("server/discover", {}),
        ("subscriptions/listen", {"notifications": {"toolsListChanged": True}}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}}),
    ],
)
def test_case_91_a_good_message_arrives_byte_for_byte(gate, method, params):
    arrived = expect_forwarded(gate, modern(method, params))
    assert arrived.one("Mcp-Method") == method
    assert gate.entry()["mcp_method"] == method


@pytest.mark.parametrize("blanks", [b" ", b"\n\t ", b"\r\n" * 50])
def test_case_91_white_space_and_order_stay_as_they_were(gate, blanks):
    meta = json.dumps(META).encode()
    body = blanks.join(
        [b"", b"{", b'"params"', b":", b'{"_meta":' + meta + b', "arguments":{"b":1,"a":[1.0E+2,-0]},'
         b'"name":"echo"}', b",", b'"id"', b":", b'"\\u0037"', b",", b'"jsonrpc"', b":", b'"2.0"', b",",
         b'"method":"tools/call"', b"}", b""]
    )  # fmt: skip
    post = modern()
    post.body = body
    expect_forwarded(gate, post)


@pytest.mark.parametrize(
    "said, meant",
    [
        ("tools/list", "tools/call"),
        ("tools/call", "tools/list"),
        ("server/discover", "tools/call"),
        ("", "tools/call"),
        ("tools/call, tools/list", "tools/call"),
        ("=?base64?dG9vbHMvY2FsbA==?=", "tools/call"),
        ("tools%2Fcall", "tools/call"),
        ("tools/call\x7f", "tools/call"),
    ],
)
def test_case_92_another_method_than_the_body_has(gate, said, meant):
    post = modern(meant).set(Mcp_Method=said)
    if "\x7f" in said:
        assert gate.send("a", post).status == 400
        return gate.assert_nothing_forwarded()
    expect_refused(gate, post, -32020)


@pytest.mark.parametrize("identifier", [7, 0, -1, "seven", "", 9007199254740993, 'ä"\\\n', "\u2028"])
def test_case_93_without_the_method_in_the_head_the_id_is_echoed(gate, identifier):
    expect_refused(gate, modern(identifier=identifier).set(Mcp_Method=None), -32020, identifier)


@pytest.mark.parametrize("method", ["TOOLS/CALL", "Tools/call", "tools/Call"])
def test_case_94_values_are_case_sensitive(gate, method):
    expect_refused(gate, modern().set(Mcp_Method=method), -32020, reason="mcp_method_mismatch")


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_case_95_field_names_are_not(gate, change):
    post = modern()
    post.fields = [(change(name), value) for name, value in post.fields]
    expect_forwarded(gate, post)


@pytest.mark.parametrize("name", ["  echo  ", "\techo", "echo \t"])
def test_case_96_blanks_around_a_value_do_not_count(gate, name):
    expect_forwarded(gate, modern().set(Mcp_Name=name))


NAMED = [("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")]


@pytest.mark.parametrize("method, member", NAMED)
@pytest.mark.parametrize("said", [None, "", "other", "ECHO", "ech", "echoo", "echo,echo", "e cho"])
def test_case_97_the_name_must_stand_in_the_head(gate, method, member, said):
    expect_refused(
        gate, modern(method, {member: "echo"}).set(Mcp_Name=said), -32020, reason="mcp_name_mismatch"
    )


@pytest.mark.parametrize("method, member", NAMED)
@pytest.mark.parametrize("name", ["echo", "天気", " padded ", "=?base64?ZWNobw==?=", "a\u0301", "x" * 300])
def test_case_98_an_encoded_name_counts_as_what_it_encodes(gate, method, member, name):
    expect_forwarded(gate, modern(method, {member: name}).set(Mcp_Name=messages.encoded(name)))


@pytest.mark.parametrize(
    "said",
    ["=?BASE64?ZWNobw==?=", "=?Base64?ZWNobw==?=", "=?base64?ZWNobw==", "ZWNobw==?=", "=?base64?ZWNobw==?"],
)
def test_case_99_other_marks_are_literal(gate, said):
    expect_refused(gate, modern().set(Mcp_Name=said), -32020)
    gate.clear()
    expect_forwarded(gate, modern("tools/call", {"name": said}).set(Mcp_Name=said))


@pytest.mark.parametrize(
    "said",
    [
        "!!!",
        "ZWNobw",
        "ZWNobw=",
        "ZWNobw===",
        "ZWNo bw==",
        "ZWNobx==",
        "4pyT_4-",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"\xed\xa0\x80").decode(),
        base64.b64encode(b"\xc0\xaf").decode(),
        "",
    ],
)
def test_case_100_what_cannot_be_decoded_is_refused(gate, said):
    expect_refused(gate, modern().set(Mcp_Name=f"=?base64?{said}?="), -32020)


def test_case_101_a_name_that_is_not_ascii_must_be_encoded(gate):
    post = modern("tools/call", {"name": "天気"})
    expect_forwarded(gate, post)
    gate.clear()
    raw = "天気".encode().decode("latin-1")
    expect_refused(gate, modern("tools/call", {"name": "天気"}).set(Mcp_Name=raw), -32020)


@pytest.mark.parametrize(
    "field", ["Mcp-Name", "Mcp-Method", "MCP-Protocol-Version", "mcp-name", "mcp-method"]
)
@pytest.mark.parametrize("value", ["same", "other", ""])
def test_case_102_a_mirrored_field_stands_there_once(gate, field, value):
    post = modern()
    present = {name.lower(): said for name, said in post.fields}[field.lower()]
    expect_refused(
        gate, post.add(field, present if value == "same" else value), -32020, reason="mcp_repeated_field"
    )


@pytest.mark.parametrize(
    "said, meant",
    [
        (VERSION, "2025-11-25"),
        ("2025-11-25", VERSION),
        (VERSION, "2027-01-01"),
        ("2027-01-01", VERSION),
        (VERSION, "2026-07-28 "),
        (VERSION, "1999-01-01"),
        ("2025-06-18", "2025-11-25"),
        ("v999.0.0", VERSION),
    ],
)
def test_case_103_105_two_versions(gate, said, meant):
    expect_refused(gate, modern(version=meant).set(MCP_Protocol_Version=said), -32020)


def test_case_104_a_modern_body_without_the_version_in_the_head(gate):
    expect_refused(gate, modern().set(MCP_Protocol_Version=None), -32020, reason="mcp_version_mismatch")


@pytest.mark.parametrize(
    "meta",
    [
        ABSENT,
        {},
        None,
        [],
        "x",
        {CAPABILITIES: {}},
        {PROTOCOL_VERSION: VERSION},
        {PROTOCOL_VERSION: VERSION, CAPABILITIES: None},
        {PROTOCOL_VERSION: VERSION, CAPABILITIES: []},
        {PROTOCOL_VERSION: VERSION, CAPABILITIES: True},
        {PROTOCOL_VERSION: 20260728, CAPABILITIES: {}},
        {PROTOCOL_VERSION: None, CAPABILITIES: {}},
        {PROTOCOL_VERSION: [VERSION], CAPABILITIES: {}},
    ],
)
@pytest.mark.parametrize("version", [VERSION, "2027-01-01"])
def test_case_106_the_meta_of_a_modern_request_is_complete(gate, meta, version):
    expect_refused(gate, modern(meta=meta).set(MCP_Protocol_Version=version), -32602)


def test_case_106_params_that_are_not_there(gate):
    post = modern("tools/list")
    post.body = messages.text("tools/list")
    expect_refused(gate, post, -32602)


def test_case_107_client_info_may_be_absent(gate):
    expect_forwarded(gate, modern(meta={PROTOCOL_VERSION: VERSION, CAPABILITIES: {}}))


@pytest.mark.parametrize("version", ["v999.0.0", "2027-01-01", "abc"])
def test_case_108_a_version_to_come_is_the_upstreams_to_refuse(gate, version):
    answer = b'{"jsonrpc":"2.0","id":7,"error":{"code":-32022,"message":"no","data":{"supported":["x"]}}}'
    with gate.recorders["a"].answering(canned(400, body=answer)):
        response = gate.send("a", modern(version=version))
    assert (response.status, response.body) == (400, answer)
    gate.clear()
    expect_refused(gate, modern(version=version).set(Mcp_Name="other"), -32020)


@pytest.mark.parametrize("version", ["2023-01-01", "1999-01-01", "0", "2025-12-31", "2026-07-27", "2026"])
@pytest.mark.parametrize("meta", ["equal", ABSENT])
def test_case_145_an_unknown_version_of_the_past_is_refused(gate, version, meta):
    post = modern(version=version) if meta == "equal" else legacy(version=version)
    expect_refused(gate, post, -32600, reason="mcp_unknown_version")


@pytest.mark.parametrize("method", ["unknown/method", "initialize"])
def test_case_109_110_what_the_upstream_does_not_know_it_says_itself(gate, method):
    answer = b'{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found"}}'
    with gate.recorders["a"].answering(canned(404, body=answer)):
        response = gate.send("a", modern(method))
    assert (response.status, response.body) == (404, answer)


def test_case_111_a_legacy_initialize_with_a_modern_version_in_the_head(gate):
    expect_refused(gate, messages.initialize().set(MCP_Protocol_Version=VERSION), -32602)


def batch(*posts):
    return messages.with_fields(b"[" + b",".join(each.body for each in posts) + b"]")


@pytest.mark.parametrize("version", [VERSION, "2027-01-01", "2025-06-18", "2025-11-25", "2024-11-05x"])
def test_case_112_147_a_batch_where_there_are_none(gate, version):
    post = batch(legacy("ping"), legacy("ping", identifier=8)).set(MCP_Protocol_Version=version)
    expect_refused(gate, post, -32600, ABSENT)


@pytest.mark.parametrize("version", [None, "2025-03-26"])
def test_case_112_a_batch_with_a_modern_element(gate, version):
    post = batch(legacy("ping"), modern()).set(MCP_Protocol_Version=version)
    expect_refused(gate, post, -32600, ABSENT)


@pytest.mark.parametrize("answer", [{"result": {}}, {"error": {"code": 1, "message": "x"}}])
@pytest.mark.parametrize("identifier", [7, "seven"])
def test_case_113_a_response_in_the_modern_era(gate, answer, identifier):
    post = legacy(None, identifier=identifier, **answer).set(MCP_Protocol_Version=VERSION)
    expect_refused(gate, post, -32600, ABSENT, "mcp_response_not_allowed")


@pytest.mark.parametrize("mirrors", [True, False])
@pytest.mark.parametrize("meta", [META, ABSENT])
def test_case_114_a_notification_needs_no_mirrors(gate, mirrors, meta):
    post = modern("notifications/vendor", identifier=None, meta=meta)
    if not mirrors:
        post.set(Mcp_Method=None)
    with gate.recorders["a"].answering(canned(202, body=b"")):
        response = gate.send("a", post)
    assert (response.status, response.body) == (202, b"")
    assert gate.arrived("a").body == post.body


def test_case_114_mirrors_of_a_notification_must_be_right(gate):
    post = modern("notifications/vendor", identifier=None).set(Mcp_Method="notifications/other")
    expect_refused(gate, post, -32020, ABSENT)


def test_case_115_session_fields_mean_nothing_in_the_modern_era(gate):
    post = modern().set(Mcp_Session_Id="x", Last_Event_ID="1")
    with gate.recorders["a"].answering(canned(200, [("Mcp-Session-Id", "minted")])):
        response = gate.send("a", post)
    assert response.status == 200
    assert not response.all("Mcp-Session-Id"), "an id of the upstream reached the client unsealed"
    assert gate.arrived("a").body == post.body


@pytest.mark.parametrize("value", ["abc", "=?base64?!!!?=", "=?base64?5aSp?=", "a, b", ""])
def test_case_116_unknown_parameters_pass_as_they_are(gate, value):
    arrived = expect_forwarded(gate, modern().set(Mcp_Param_Unknown=value))
    assert arrived.one("Mcp-Param-Unknown") == value


def test_case_116_a_parameter_that_is_there_twice(gate):
    post = modern().add("Mcp-Param-Region", "eu").add("mcp-param-REGION", "eu")
    expect_refused(gate, post, -32020, reason="mcp_repeated_parameter")


def test_case_117_a_parameter_that_differs_is_the_upstreams_to_refuse(gate):
    answer = b'{"jsonrpc":"2.0","id":7,"error":{"code":-32020,"message":"Mcp-Param-Region"}}'
    post = modern("tools/call", {"name": "echo", "arguments": {"region": "us"}}).set(Mcp_Param_Region="eu")
    with gate.recorders["a"].answering(canned(400, body=answer)):
        response = gate.send("a", post)
    assert (response.status, response.body) == (400, answer)


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_case_118_tasks_may_say_their_id(gate, method):
    expect_forwarded(gate, modern(method, {"taskId": "t-1"}))
    gate.clear()
    expect_forwarded(gate, modern(method, {"taskId": "t-1"}).set(Mcp_Name=None))
    gate.clear()
    expect_refused(gate, modern(method, {"taskId": "t-1"}).set(Mcp_Name="t-2"), -32020)


def test_case_119_a_name_beside_a_method_that_has_none(gate):
    post = modern("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}}).set(Mcp_Name="y")
    expect_forwarded(gate, post)


def test_case_119_a_name_that_differs_from_the_one_of_an_unknown_method(gate):
    expect_forwarded(gate, modern("vendor/do", {"name": "x"}).set(Mcp_Name="x"))
    gate.clear()
    expect_refused(gate, modern("vendor/do", {"name": "x"}).set(Mcp_Name="y"), -32020)


@pytest.mark.parametrize("method, member", NAMED)
def test_a_name_in_the_head_alone_is_refused_and_a_missing_one_is_the_upstreams(gate, method, member):
    expect_forwarded(gate, modern(method, {"x": 1}).set(Mcp_Name=None))
    gate.clear()
    expect_refused(gate, modern(method, {"x": 1}).set(Mcp_Name="echo"), -32020)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("version", [VERSION, "2027-01-01", "v999.0.0"])
def test_case_120_the_modern_era_has_post_only(gate, method, version):
    response = gate.ask("a", method, [("MCP-Protocol-Version", version)])
    assert response.status == 405
    allowed = {each.strip() for each in response.one("Allow").split(",")}
    assert allowed in ({"POST"}, {"POST", "OPTIONS"})
    gate.assert_nothing_forwarded()
    assert gate.entry()["reason"] in ("mcp_method_not_allowed", "method_not_allowed")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("version", [None, "2025-03-26", "2025-06-18", "2025-11-25"])
def test_case_120_earlier_eras_have_more(gate, method, version):
    headers = [("MCP-Protocol-Version", version)] if version else []
    assert gate.ask("a", method, headers).status == 200
    assert gate.arrived("a").method == method


GOOD = modern().body
BROKEN = {
    "empty": b"",
    "blank": b"  ",
    "truncated": GOOD[:-1],
    "half": GOOD[: len(GOOD) // 2],
    "trailing": GOOD + b"x",
    "two": GOOD + GOOD,
    "comma": GOOD[:-1] + b",}",
    "utf-8": GOOD.replace(b'"echo"', b'"ech\xff"'),
    "surrogate": GOOD.replace(b'"echo"', b'"ech\xed\xa0\x80"'),
    "overlong": GOOD.replace(b'"echo"', b'"ech\xc1\xaf"'),
    "half a pair": GOOD.replace(b'"echo"', b'"ech\\ud800"'),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "comment": GOOD.replace(b"{", b"{/**/", 1),
    "single quotes": GOOD.replace(b'"', b"'"),
    "NaN": GOOD.replace(b'"arguments": {}', b'"arguments": {"x": NaN}'),
    "Infinity": GOOD.replace(b'"arguments": {}', b'"arguments": {"x": -Infinity}'),
    "leading zero": GOOD.replace(b'"arguments": {}', b'"arguments": {"x": 01}'),
    "control": GOOD.replace(b'"echo"', b'"ec\x01ho"'),
    "escape": GOOD.replace(b'"echo"', b'"ec\\xho"'),
    "nul": GOOD + b"\0",
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("version", [VERSION, "2025-11-25", None])
def test_case_122_what_is_no_json(gate, kind, version):
    post = modern().set(MCP_Protocol_Version=version)
    post.body = BROKEN[kind]
    response = gate.send("a", post)
    assert response.status == 400
    assert response.json()["error"]["code"] == -32700, response.body
    # Where the id was read before the fault it may be echoed, but it is never null.
    assert response.json().get("id", 7) == 7
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        GOOD.replace(b'"arguments": {}', b'"arguments": ' + b"[" * 10_000 + b"]" * 10_000),
        GOOD.replace(b'"arguments": {}', b'"arguments": {"x": ' + b"9" * 1_000_000 + b"}"),
        GOOD.replace(b'"id": 7', b'"id": ' + b"9" * 1_000_000),
        b'{"jsonrpc":"2.0","id":7,"method":"' + b"x" * 1_000_000 + b'"}',
        b"[" + b",".join([b'{"jsonrpc":"2.0","method":"x"}'] * 1000) + b"]",
        b"{" + b",".join(b'"m%d":1' % number for number in range(10_000)) + b"}",
    ],
    ids=["arrays", "objects", "arguments", "number", "id", "method", "batch", "members"],
)
def test_case_123_what_is_too_deep_or_too_long(gate, body):
    post = modern().set(MCP_Protocol_Version=None, Mcp_Method=None, Mcp_Name=None)
    post.body = body
    response = gate.send("a", post)
    assert response.status == 400 and response.json()["error"]["code"] in (-32700, -32600), response.body
    gate.assert_nothing_forwarded()
    assert gate.entry()["duration_us"] < 1_000_000


def put(text, before):
    """`text` as one more member in front of one of the good message."""
    assert GOOD.count(before) == 1
    return GOOD.replace(before, text + b", " + before)


REPEATED = {
    "method": put(b'"method": "tools/list"', b'"method"'),
    "method, equal": put(b'"method": "tools/call"', b'"method"'),
    "method, escaped": put(b'"meth\\u006fd": "tools/list"', b'"method"'),
    "Method": put(b'"Method": "tools/list"', b'"method"'),
    "METHOD, escaped": put(b'"\\u004dETHOD": "tools/list"', b'"method"'),
    "params": put(b'"params": {}', b'"params"'),
    "Params": put(b'"PARAMS": {}', b'"params"'),
    "_meta": put(b'"_meta": {}', b'"_meta"'),
    "_Meta": put(b'"_Meta": {}', b'"_meta"'),
    "name": put(b'"name": "other"', b'"name": "echo"'),
    "name, escaped": put(b'"n\\u0061me": "other"', b'"name": "echo"'),
    "Name": put(b'"Name": "other"', b'"name": "echo"'),
    "uri": put(b'"uri": "a", "uri": "b"', b'"name": "echo"'),
    "taskid": put(b'"taskid": "a"', b'"name": "echo"'),
    "TaskID": put(b'"TaskID": "a"', b'"name": "echo"'),
    "version": put(b'"%s": "2025-11-25"' % PROTOCOL_VERSION.encode(), b'"%s"' % PROTOCOL_VERSION.encode()),
    "Version": put(b'"%s": "x"' % PROTOCOL_VERSION.upper().encode(), b'"%s"' % PROTOCOL_VERSION.encode()),
    "jsonrpc": put(b'"jsonrpc": "1.0"', b'"jsonrpc"'),
    "JSONRPC": put(b'"JSONRPC": "1.0"', b'"jsonrpc"'),
    "arguments": put(b'"arguments": {"x": 1}', b'"arguments"'),
    "unknown": put(b'"x": 1, "x": 2', b'"method"'),
    "long s": put(b'"param\xc5\xbf": {}', b'"params"'),
    "kelvin": put(b'"tas\xe2\x84\xaaId": "a"', b'"name": "echo"'),
}


@pytest.mark.parametrize("kind", REPEATED)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_case_124_77_members_that_two_readers_take_differently(gate, kind, era):
    post = modern()
    post.body = REPEATED[kind]
    if era == "legacy":
        post.body = post.body.replace(VERSION.encode(), b"2025-11-25")
        post.set(MCP_Protocol_Version="2025-11-25")
    expect_refused(gate, post, -32600)


@pytest.mark.parametrize(
    "body", [b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', b'{"jsonrpc":"2.0","ID":2,"method":"ping"}']
)
def test_case_124_an_id_that_is_ambiguous_is_not_echoed(gate, body):
    expect_refused(gate, messages.with_fields(body), -32600, ABSENT)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"1",
        b'"x"',
        b"true",
        b"{}",
        b"[]",
        b"[[]]",
        b"[1]",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"},1]',
        b'{"id":7,"method":"ping"}',
        b'{"jsonrpc":2.0,"id":7,"method":"ping"}',
        b'{"jsonrpc":"1.0","id":7,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":7}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":[7],"method":"ping"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":7,"method":1}',
        b'{"jsonrpc":"2.0","id":7,"method":null}',
        b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}',
        b'{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}',
        b'{"jsonrpc":"2.0","id":7,"method":"ping","params":null}',
        b'{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}',
        b'{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":1}}',
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":["echo"]}}',
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":null}}',
        b'{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":{}}}',
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a\\u0000b"}}',
    ],
)
def test_what_is_json_but_no_message(gate, body):
    response = gate.send("a", messages.with_fields(body))
    assert response.status == 400 and response.json()["error"]["code"] in (-32600, -32602), response.body
    assert response.json().get("id", 7) == 7 and "null" not in response.body.decode()
    gate.assert_nothing_forwarded()


def test_case_130_one_very_long_parameter_is_431(gate):
    response = gate.send("a", modern().set(Mcp_Param_X="x" * 65_536))
    assert response.status == 431
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("version", [None, "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
@pytest.mark.parametrize("method", ["tools/call", "ping", "initialize", "tools/list"])
def test_case_145_legacy_requests_pass(gate, version, method):
    expect_forwarded(gate, legacy(method, version=version))


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
def test_case_145_a_legacy_version_may_stand_in_the_body_too(gate, version):
    expect_forwarded(gate, modern(version=version))
    gate.clear()
    expect_forwarded(gate, modern(version=version).set(MCP_Protocol_Version=None))


@pytest.mark.parametrize(
    "version", ["", "2025-11-25, 2025-11-25", "2025-11-25,2026-07-28", "2025-11-25;x", "latin\xe4"]
)
def test_case_145_a_version_that_is_none(gate, version):
    response = gate.send("a", legacy(version=version))
    assert response.status == 400 and response.json()["error"]["code"] in (-32020, -32600), response.body
    gate.assert_nothing_forwarded()


@pytest.mark.parametrize("version", [None, "2025-03-26"])
def test_case_146_a_batch_of_its_time_passes(gate, version):
    notification = legacy("notifications/progress", identifier=None)
    answer = legacy(None, identifier="r", result={})
    expect_forwarded(gate, batch(legacy("ping"), notification, answer).set(MCP_Protocol_Version=version))


@pytest.mark.parametrize("version", [None, "2025-03-26"])
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("method", [b'"initialize"', b'"\\u0069nitialize"'])
def test_case_148_initialize_is_never_in_a_batch(gate, version, position, method):
    posts = [legacy("ping", identifier=8)]
    posts.insert(position, messages.initialize())
    post = batch(*posts).set(MCP_Protocol_Version=version)
    post.body = post.body.replace(b'"initialize"', method)
    expect_refused(gate, post, -32600, ABSENT, "mcp_initialize_in_batch")


@pytest.mark.parametrize("version", [None, "2025-03-26", "2025-06-18", "2025-11-25"])
@pytest.mark.parametrize(
    "post",
    [
        {"method": None, "result": {"action": "accept"}},
        {"method": None, "error": {"code": -1, "message": "declined"}},
        {"method": "notifications/cancelled", "identifier": None, "params": {"requestId": 3}},
        {"method": "notifications/initialized", "identifier": None},
    ],
)
def test_case_149_answers_and_notifications_of_clients_are_accepted(gate, version, post):
    post = legacy(version=version, **post)
    with gate.recorders["a"].answering(canned(202, body=b"")):
        response = gate.send("a", post)
    assert (response.status, response.body) == (202, b"")
    assert gate.arrived("a").body == post.body
