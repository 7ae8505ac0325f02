"""Thousands of JSON texts, read by the gateway and by Python: what is forwarded means the same to both."""

import json
import random

import pytest

from harness import messages
from harness.gate import Gate
from harness.recorder import canned

# HTTP/1.1 in clear text, and HTTP/2 over TLS on both sides: what carries a message makes no difference to it.
TRANSPORTS = ("http1", "tls2/https2")

ROUNDS, TEXTS = 12, 400
METHODS = [
    "tools/call",
    "tools/list",
    "ping",
    "initialize",
    "prompts/get",
    "resources/read",
    "x",
    "天気",
    'a"b\\c/d',
]
NAMES = [
    "echo",
    "delete_page",
    "天気",
    "a/b",
    'q"uote',
    "back\\slash",
    "tab\t",
    "\U0001f600",
    "x" * 60,
    "é",
    "e\u0301",
    "",
]
KEYS = [
    "method",
    "Method",
    "meth\u00f6d",
    "params",
    "name",
    "Name",
    "uri",
    "taskId",
    "_meta",
    "arguments",
    "id",
    "jsonrpc",
    "x",
    "result",
]
MEMBERS = ("method", "params", "id", "jsonrpc", "result", "error")
RESERVED = {"jsonrpc", "id", "method", "params", "result", "error"}
RESERVED_PARAMS = {"name", "uri", "taskid", "arguments", "_meta"}


class Doubtful(Exception):
    """Two readers could take the text differently."""


class Pairs(list):
    """An object as the pairs that stand in it."""


def invent(chance, depth=0):
    """Some value."""
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return chance.choice([0, -1, 7, 2**53, 1.5, -0.0, 1e300, 123456789012345678901234567890])
    if kind in (1, 2):
        return chance.choice(NAMES + METHODS)
    if kind in (3, 4, 5):
        return chance.choice([None, True, False, "", "\u0000", "\x7f", "\ufeff", "\u2028"])
    if kind == 6:
        return [invent(chance, depth + 1) for _ in range(chance.randrange(4))]
    return Pairs((chance.choice(KEYS), invent(chance, depth + 1)) for _ in range(chance.randrange(4)))


def compose(chance):
    """A message, mostly a good one."""
    params = Pairs([("name", chance.choice(NAMES)), ("arguments", invent(chance))])
    pairs = [
        ("jsonrpc", "2.0"),
        ("id", chance.choice([1, "a", 0])),
        ("method", chance.choice(METHODS)),
        ("params", params),
    ]
    for target, likely in ((params, 0.2), (pairs, 0.15)):
        if chance.random() < likely:
            target.insert(chance.randrange(len(target) + 1), (chance.choice(KEYS), invent(chance)))
        if chance.random() < likely / 2 and target:
            target.pop(chance.randrange(len(target)))
        if chance.random() < likely / 2 and target:
            target.append(chance.choice(target))
        if chance.random() < 0.5:
            chance.shuffle(target)
    return Pairs(pairs)


def spell(chance, value):
    """The JSON of a value: any spacing, any escapes."""
    blank = chance.choice(["", "", "", " ", "\n", "\t", "\r\n"])
    if isinstance(value, Pairs):
        inner = ("," + blank).join(
            f"{spell(chance, name)}{blank}:{spell(chance, member)}" for name, member in value
        )
        return "{" + blank + inner + blank + "}"
    if isinstance(value, list):
        return "[" + blank + ",".join(spell(chance, each) for each in value) + blank + "]"
    if isinstance(value, str):
        return '"' + "".join(letter(chance, each) for each in value) + '"'
    return blank + json.dumps(value) + blank


def letter(chance, character):
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\t": "\\t", "\n": "\\n"}
    if character in short and (character not in "/" or chance.random() < 0.3):
        return short[character]
    if ord(character) < 0x20 or chance.random() < 0.08:
        units = character.encode("utf-16-be").hex()
        spelt = "".join("\\u" + units[at : at + 4] for at in range(0, len(units), 4))
        return (
            spelt.replace("\\u", "\\u")
            if chance.random() < 0.5
            else "".join(part.upper() if part != "u" else part for part in spelt)
        )
    return character


HOSTILE = [
    b"\\ud800", b"\\udc00", b"\\ud83d\\ud83d", b"\\u0000", b"\\x41", b"\\", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\x00", b"\x1f", b"\xef\xbb\xbf", b"\xc2\xa0", b"NaN", b"Infinity", b"-", b"01", b"1.", b".5", b"1e", b"1e999", b"+1", b"0x1",
    b'"', b",", b":", b"{", b"}", b"[", b"]", b"null", b"/*x*/", b"//", b"'", b"\xe2\x80\xa8", b"\\u00", b"\\U0041", b"\\/",
]  # fmt: skip


def mutate(chance, data):
    """A few octets other than they were."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data = data[:at] + chance.choice(HOSTILE) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + chance.randrange(1, 4) :]
        elif kind == 2:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif kind == 3:
            end = min(len(data), at + chance.randrange(1, 30))
            data = data[:end] + data[at:end] + data[end:]
        else:
            data = data.replace(
                chance.choice([b"name", b"method", b"params", b"{", b'"']),
                chance.choice(
                    [b"Name", b"METHOD", b"n\\u0061me", b"para\\u006ds", b"\xc5\xbfname", b"{", b'"', b"name"]
                ),
                1,
            )
    return data


def strict(value):
    raise Doubtful(f"{value} is no JSON")


def finite(value):
    number = float(value)
    if number in (float("inf"), float("-inf")):
        raise Doubtful("too large")
    return number


def member_of(pairs, reserved):
    """The members of an object by name; doubtful when a name stands there twice, or nearly."""
    found = {}
    for name, value in pairs:
        if name in found:
            raise Doubtful(f"{name} twice")
        if "\0" in name or any(name != each and name.casefold() == each.casefold() for each in reserved):
            raise Doubtful(f"{name!r} is nearly a reserved name")
        found[name] = value
    return found


def read(data):
    """Method and name of the message as Python reads them; raises when there is doubt, or no message."""
    try:
        decoded = data.decode("utf-8", "strict")
        if decoded.startswith("\ufeff"):
            raise Doubtful("byte order mark")
        value = json.loads(decoded, object_pairs_hook=Pairs, parse_constant=strict, parse_float=finite)
        json.dumps(value).encode()
        for each in strings(value):
            each.encode("utf-8", "strict")
    except (ValueError, RecursionError) as error:
        raise Doubtful(str(error)) from None
    if not isinstance(value, Pairs):
        raise Doubtful("no object")
    message = member_of(value, RESERVED)
    if message.get("jsonrpc") != "2.0":
        raise Doubtful("no JSON-RPC")
    method, params = message.get("method"), message.get("params", Pairs())
    outcomes = {"result", "error"} & message.keys()
    if "method" in message and (not isinstance(method, str) or outcomes or "\0" in method):
        raise Doubtful("method")
    if "method" not in message and (len(outcomes) != 1):
        raise Doubtful("no method")
    identifier = message.get("id", 0)
    if isinstance(identifier, bool) or not isinstance(identifier, (int, str)):
        raise Doubtful("id")
    if not isinstance(params, Pairs):
        raise Doubtful("params")
    members = member_of(params, {"name", "uri", "taskId", "arguments", "_meta"})
    meta = members.get("_meta")
    if isinstance(meta, Pairs):
        member_of(meta, set())
    needed = messages.MIRRORED.get(method)
    if needed in members and not isinstance(members[needed], str):
        raise Doubtful("name is no string")
    name = members.get("name")
    return method, name if isinstance(name, str) and method == "tools/call" else None


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            for part in each if isinstance(each, tuple) else [each]:
                yield from strings(part)


@pytest.fixture(scope="module")
def gate(tmp_path_factory, certificates):
    gate = Gate(tmp_path_factory.mktemp("text"), certificates, {"a": {}})
    try:
        gate.start()
        yield gate
    finally:
        gate.stop()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_is_forwarded_means_the_same_to_another_reader(gate, seed):
    chance = random.Random(seed)
    gate.clear()
    gate.recorders["a"].script = canned(body=b"{}")
    token, texts, forwarded = gate.token("a"), [], []
    with gate.gateway.connect() as connection:
        for _ in range(TEXTS):
            data = spell(chance, compose(chance)).encode("utf-8", "surrogatepass")
            if chance.random() < 0.5:
                data = mutate(chance, data)
            response = gate.send("a", messages.with_fields(data), token, connection=connection)
            texts.append((data, response.status))
            assert response.status in (200, 400), (data, response.status, response.body)
            if response.status == 200:
                forwarded.append(data)
    entries = gate.entries(TEXTS)
    assert [each.body for each in gate.recorders["a"].requests] == forwarded
    passed = 0
    for (data, status), entry in zip(texts, entries, strict=True):
        assert entry["status"] == status
        try:
            method, name = read(data)
        except Doubtful as doubt:
            assert status == 400, (data, str(doubt), entry)
            continue
        if status == 200:
            passed += 1
            assert entry.get("mcp_method") == (method or None), (data, entry)
            assert entry.get("mcp_tool") == (name or None), (data, entry)
        else:
            assert is_stricter(entry["reason"], data), (data, entry)
    assert TEXTS / 6 < passed < TEXTS, passed


def is_stricter(reason, data):
    """What Python has no doubts about and the gateway refuses, for reasons that it names."""
    allowed = {"json_null_character", "json_variant_member", "json_duplicate_member", "mcp_incomplete_meta"}
    return reason in allowed or reason == "rpc_invalid_id"
