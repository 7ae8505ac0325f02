"""TLS and HTTP/2 towards servers: whom the gateway trusts, what it tells when it does not, and how it shares connections."""

import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import replace

import pytest

from harness import access_log, frames, mcp_requests, raw_http
from harness import recorder as upstreams
from harness.challenge import expect_upstream_failure
from harness.frames import FrameSplitter, frame
from harness.gateway import free_port, run
from harness.nginx import Nginx
from harness.process import resident
from harness.recorder import Recorder
from harness.tls import server_context

NAMES = ("localhost", "127.0.0.1", "::1")


@pytest.fixture
def serve(over):
    """Starts a gateway whose only upstream is as given; gives the Single."""

    def start(*endpoints, limits=None, **members):
        single = over("http1")
        configuration = single.configuration(limits=limits or {})
        configuration["routes"][0]["upstream"] = {"endpoints": list(endpoints), **members}
        single.start(configuration)
        return single

    return start


@pytest.fixture
def showing(certificates):
    """Starts a recorder that shows this identity."""
    made = []

    def start(identity, *protocols, clients=None, **more):
        tls = server_context(identity, *(protocols or ("http/1.1",)), clients=clients)
        made.append(Recorder(tls=tls, http2="h2" in protocols, **more))
        return made[-1]

    yield start
    for each in made:
        each.stop()


@pytest.fixture
def nginx(tmp_path):
    made = []

    def start(identity=None, **options):
        made.append(Nginx(tmp_path / f"nginx-{len(made)}", identity, **options))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def call(single, timeout=10.0):
    return single.gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()), timeout=timeout)


def expect_untrusted(single, *words):
    """502, and an access log entry that names the reason; twice, so that no state is left that lets it pass."""
    for _ in range(2):
        since = single.gateway.log_position()
        expect_upstream_failure(call(single), 502)
        entry = single.gateway.wait_for_access(since)[0]
        assert (entry["status"], access_log.reason(entry)) == (502, "upstream_tls_failed"), entry
        assert any(word in entry["detail"].lower() for word in words), entry


# Whom the gateway trusts


BAD = {
    "expired": ("expired", ("expired",)),
    "not-yet-valid": ("not_yet_valid", ("not yet valid",)),
    "wrong-name": ("wrong_name", ("mismatch", "name")),
    "untrusted": (
        "untrusted",
        ("local issuer", "self-signed", "self signed", "not trusted", "unable to get"),
    ),
}


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("identity, words", BAD.values(), ids=BAD.keys())
def test_a_certificate_that_does_not_hold_is_refused_and_the_log_says_why(
    serve, showing, certificates, identity, words, http2
):
    server = showing(getattr(certificates, identity), "h2" if http2 else "http/1.1")
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)}, http2=http2)
    expect_untrusted(single, *words)
    server.assert_untouched()


@pytest.mark.parametrize("identity", ["revoked", "revoked_intermediate"])
def test_a_revoked_certificate_anywhere_in_the_chain_is_refused(serve, showing, certificates, identity):
    server = showing(getattr(certificates, identity))
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca), "crl": str(certificates.crl)})
    expect_untrusted(single, "revoked")
    server.assert_untouched()


def test_a_good_certificate_passes_the_revocation_lists(serve, showing, certificates):
    server = showing(certificates.server)
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca), "crl": str(certificates.crl)})
    assert call(single).status == 200


def test_without_the_list_of_an_authority_nothing_it_issued_is_trusted(
    serve, showing, certificates, tmp_path
):
    alone = tmp_path / "root.crl"
    alone.write_bytes(certificates.root.revocations())
    server = showing(certificates.server)
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca), "crl": str(alone)})
    expect_untrusted(single, "crl")


def test_the_system_does_not_know_a_private_authority(serve, showing, certificates):
    server = showing(certificates.server)
    single = serve(server.url + "/mcp")
    expect_untrusted(single, *BAD["untrusted"][1])
    server.assert_untouched()


def test_a_server_that_leaves_out_its_chain_is_refused(serve, showing, certificates, tmp_path):
    pem = certificates.server.certificate.read_text()
    lonely = tmp_path / "lonely.pem"
    lonely.write_text(pem[: pem.index("-----END CERTIFICATE-----") + 26])
    server = showing(replace(certificates.server, certificate=lonely))
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})
    expect_untrusted(single, *BAD["untrusted"][1])


def test_a_certificate_for_clients_is_none_for_servers(serve, showing, certificates):
    server = showing(certificates.intermediate.issue("client-as-server", *NAMES, for_clients=True))
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})
    expect_untrusted(single, "purpose", "unsuitable", "unsupported")
    server.assert_untouched()


def test_what_failed_is_tried_anew_and_works_when_it_was_put_right(serve, showing, certificates):
    server = showing(certificates.expired)
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})
    expect_untrusted(single, "expired")
    server.tls = server_context(certificates.server, "http/1.1")
    assert call(single).status == 200


def test_an_endpoint_with_a_bad_certificate_gives_way_to_a_good_one(serve, showing, certificates):
    bad, good = showing(certificates.expired), showing(certificates.server)
    single = serve(bad.url + "/mcp", good.url + "/mcp", tls={"ca": str(certificates.ca)})
    statuses = [call(single).status for _ in range(6)]
    # Whether a failed handshake moves on to the next endpoint at once is the gateway's choice; no token goes astray.
    assert set(statuses) <= {200, 502} and 200 in statuses
    bad.assert_untouched()


# Names


@pytest.mark.parametrize(
    "name, is_good", [("files.internal", True), ("FILES.internal", True), ("other.internal", False)]
)
def test_a_server_name_of_its_own_is_asked_for_and_checked(serve, nginx, certificates, name, is_good):
    server = nginx(certificates.intermediate.issue("files", "files.internal"))
    single = serve(
        f"https://127.0.0.1:{server.port}/mcp", tls={"ca": str(certificates.ca), "server_name": name.lower()}
    )
    if is_good:
        assert call(single).status == 200
        assert server.facts(1)[0]["name"] == "files.internal"
    else:
        expect_untrusted(single, "mismatch", "name")


def test_the_host_of_the_endpoint_is_asked_for_and_checked(serve, nginx, certificates):
    server = nginx(certificates.server)
    single = serve(f"https://localhost:{server.port}/mcp", tls={"ca": str(certificates.ca)})
    assert call(single).status == 200
    assert server.facts(1)[0]["name"] == "localhost"


def test_an_address_is_checked_and_not_sent_as_a_name(serve, nginx, certificates):
    server = nginx(certificates.server)
    single = serve(f"https://127.0.0.1:{server.port}/mcp", tls={"ca": str(certificates.ca)})
    assert call(single).status == 200
    assert server.facts(1)[0]["name"] == ""


def test_a_name_does_not_vouch_for_an_address(serve, showing, certificates):
    server = showing(certificates.intermediate.issue("name-alone", "localhost"))
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})
    expect_untrusted(single, "mismatch", "address")


@pytest.mark.parametrize(
    "host, is_good", [("a.wild.example", True), ("a.b.wild.example", False), ("wild.example", False)]
)
def test_a_wildcard_stands_for_one_label(serve, nginx, certificates, host, is_good):
    server = nginx(certificates.wildcard)
    tls = {"ca": str(certificates.ca), "server_name": host}
    single = serve(f"https://127.0.0.1:{server.port}/mcp", tls=tls)
    if is_good:
        assert call(single).status == 200
    else:
        expect_untrusted(single, "mismatch", "name")


# Verification off


def test_verification_can_be_turned_off_for_loopback(serve, showing, certificates):
    server = showing(certificates.untrusted)
    single = serve(server.url + "/mcp", tls={"verify": False})
    assert call(single).status == 200


@pytest.mark.parametrize(
    "endpoint", ["https://10.0.0.5/mcp", "https://files.internal/mcp", "https://[2001:db8::1]/mcp"]
)
def test_verification_cannot_be_turned_off_for_others(over, endpoint):
    single = over("http1")
    configuration = single.configuration()
    configuration["routes"][0]["upstream"] = {
        "endpoints": ["https://127.0.0.1:1/", endpoint],
        "tls": {"verify": False},
    }
    path = single.directory / "check.json"
    path.write_text(json.dumps(configuration))
    result = run("check", "--config", str(path))
    assert result.returncode == 1 and "/routes/0/upstream/tls/verify" in result.stdout + result.stderr


# Mutual TLS


def test_the_gateway_shows_its_certificate_to_a_server_that_asks(serve, nginx, certificates):
    more = f"ssl_client_certificate {certificates.clients.certificate}; ssl_verify_client on;"
    server = nginx(certificates.server, more=more)
    endpoint = f"https://127.0.0.1:{server.port}/mcp"
    single = serve(endpoint, tls={"ca": str(certificates.ca), "certificate": certificates.client.members})
    assert call(single).status == 200
    facts = server.facts(1)[0]
    assert facts["client"] == "SUCCESS" and "client" in facts["subject"]


@pytest.mark.parametrize("shown", ["none", "untrusted"])
def test_a_server_that_demands_another_certificate_is_a_502(serve, showing, certificates, shown):
    server = showing(certificates.server, clients=certificates.clients.certificate)
    tls = {"ca": str(certificates.ca)}
    if shown == "untrusted":
        foreign = certificates.stranger.issue("foreign-client", for_clients=True)
        tls["certificate"] = foreign.members
    single = serve(server.url + "/mcp", tls=tls)
    since = single.gateway.log_position()
    expect_upstream_failure(call(single), 502)
    entry = single.gateway.wait_for_access(since)[0]
    # With TLS 1.3 the server's alert comes after the handshake, so that it may look like a connection that failed.
    assert access_log.reason(entry).startswith("upstream_"), entry
    server.assert_untouched()


# Other troubles of a handshake


def test_a_server_without_tls_is_a_502_that_says_so(serve, recorder, certificates):
    single = serve(f"https://127.0.0.1:{recorder.port}/mcp", tls={"ca": str(certificates.ca)})
    recorder.script = upstreams.raw(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
    since = single.gateway.log_position()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        expect = threading.Thread(target=answer_in_plain, args=(server,))
        configuration = single.configuration()
        configuration["routes"][0]["upstream"] = {
            "endpoints": [f"https://127.0.0.1:{server.getsockname()[1]}/mcp"],
            "tls": {"ca": str(certificates.ca)},
        }
        single.gateway.stop()
        single.start(configuration)
        expect.start()
        since = 0
        expect_upstream_failure(call(single), 502)
        expect.join()
    entry = single.gateway.wait_for_access(since)[0]
    assert access_log.reason(entry) == "upstream_tls_failed", entry


def answer_in_plain(server):
    try:
        carrier, _ = server.accept()
        carrier.recv(65536)
        carrier.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        carrier.close()
    except OSError:
        pass


@pytest.mark.parametrize("http2", [False, True])
def test_a_handshake_that_never_ends_is_cut_off_at_the_limit_for_connecting(serve, certificates, http2):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}/mcp"
        single = serve(endpoint, tls={"ca": str(certificates.ca)}, connect_timeout="1s", http2=http2)
        started = time.monotonic()
        response = call(single)
    assert response.status in (502, 504) and 0.8 < time.monotonic() - started < 3


def test_a_server_of_older_versions_is_refused(serve, certificates):
    context = server_context(certificates.server)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    server = Recorder(tls=context)
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})
    expect_untrusted(single, "version", "alert", "protocol")
    server.stop()


def test_an_answer_that_is_cut_off_without_close_notify_is_not_whole(serve, showing, certificates):
    server = showing(certificates.server)
    single = serve(server.url + "/mcp", tls={"ca": str(certificates.ca)})

    def cut(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
        time.sleep(0.05)
        connection.socket.carrier.shutdown(socket.SHUT_RDWR)

    with server.answering(cut):
        try:
            response = call(single)
        except raw_http.ConnectionEnded:
            return
        assert response.status == 502, "a truncated answer was passed off as whole"


# Sessions


@pytest.mark.parametrize("versions", ["TLSv1.2", "TLSv1.3"])
def test_a_session_is_resumed_on_the_next_connection(serve, nginx, certificates, versions):
    server = nginx(certificates.server, more=f"ssl_protocols {versions}; keepalive_requests 1;")
    single = serve(f"https://127.0.0.1:{server.port}/mcp", tls={"ca": str(certificates.ca)})
    for _ in range(6):
        assert call(single).status == 200
        time.sleep(0.02)
    facts = server.facts(6)
    assert len({each["connection"] for each in facts}) == 6
    assert [each["reused"] for each in facts][0] == "."
    assert [each["reused"] for each in facts[1:]].count("r") >= 4, facts


def test_connections_are_reused(serve, nginx, certificates):
    server = nginx(certificates.server)
    single = serve(f"https://127.0.0.1:{server.port}/mcp", tls={"ca": str(certificates.ca)})
    for _ in range(10):
        assert call(single).status == 200
    assert len({each["connection"] for each in server.facts(10)}) == 1


def test_a_session_of_one_upstream_is_not_shown_to_another_trust(over, nginx, certificates):
    """Two routes reach one server, one of them with an authority that does not know it."""
    server = nginx(certificates.server, more="keepalive_requests 1;")
    single = over("http1")
    configuration = single.configuration()
    endpoint = f"https://127.0.0.1:{server.port}/mcp"
    configuration["routes"][0]["upstream"] = {"endpoints": [endpoint], "tls": {"ca": str(certificates.ca)}}
    other = single.at("/other")
    tls = {"ca": str(certificates.stranger.certificate)}
    configuration["routes"].append(
        {"resource": other, "issuer": "corp", "upstream": {"endpoints": [endpoint], "tls": tls}}
    )
    gateway = single.start(configuration)
    for _ in range(3):
        assert call(single).status == 200
        response = gateway.exchange(mcp_requests.post(single.host, "/other", single.issuer.mint(other)))
        assert response.status == 502, "a resumed session or a shared connection skipped the check"


# HTTP/2


@pytest.mark.parametrize("tls", [True, False])
def test_nghttpd_answers_over_http_2(serve, nghttpd, certificates, tmp_path, tls):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "mcp").write_bytes(bytes(range(256)) * 4096)
    port = nghttpd(folder, certificates.server if tls else None)
    scheme = "https" if tls else "http"
    trust = {"tls": {"ca": str(certificates.ca)}} if tls else {}
    single = serve(f"{scheme}://localhost:{port}/mcp", http2=True, **trust)
    for _ in range(5):
        response = call(single)
        assert response.status == 200 and response.body == bytes(range(256)) * 4096


@pytest.mark.parametrize("http2", [False, True])
def test_nginx_answers_over_https(serve, nginx, certificates, http2):
    server = nginx(certificates.server, http2=http2)
    single = serve(f"https://127.0.0.1:{server.port}/mcp", http2=http2, tls={"ca": str(certificates.ca)})
    for _ in range(5):
        assert call(single).json()["result"] == {"from": "nginx"}
    assert {each["protocol"] for each in server.facts(5)} == {"HTTP/2.0" if http2 else "HTTP/1.1"}


def test_a_server_that_chooses_http_1_1_is_spoken_to_in_http_1_1(serve, showing, nginx, certificates):
    for server in (showing(certificates.server, "http/1.1"), nginx(certificates.server)):
        single = serve(f"https://127.0.0.1:{server.port}/mcp", http2=True, tls={"ca": str(certificates.ca)})
        assert [call(single).status for _ in range(3)] == [200] * 3
        single.gateway.stop()


def test_without_the_member_http_2_is_not_offered(serve, nginx, certificates):
    server = nginx(certificates.server, http2=True)
    single = serve(f"https://127.0.0.1:{server.port}/mcp", tls={"ca": str(certificates.ca)})
    assert call(single).status == 200
    assert server.facts(1)[0]["protocol"] == "HTTP/1.1"


@pytest.fixture(params=["https2", "h2c"])
def multiplexed(request, over):
    """A gateway whose upstream speaks HTTP/2."""
    return over(f"http1/{request.param}")


def many_calls(single, count, statuses, timeout=20.0):
    crowd = [
        threading.Thread(target=lambda: statuses.append(call(single, timeout).status)) for _ in range(count)
    ]
    for each in crowd:
        each.start()
    return crowd


def test_many_exchanges_share_few_connections(multiplexed):
    multiplexed.start()
    statuses = []
    with multiplexed.recorder.answering(upstreams.event_stream([b"data: 1\n\n"] * 5, 0.1)):
        call(multiplexed)
        for each in many_calls(multiplexed, 60, statuses):
            each.join()
    assert statuses == [200] * 60
    assert multiplexed.recorder.accepted <= 3, multiplexed.recorder.accepted


def test_the_streams_that_the_server_allows_are_kept_to_and_more_connections_are_opened(multiplexed):
    multiplexed.recorder.concurrent_streams = 4
    multiplexed.start()
    running, most, lock = {}, {}, threading.Lock()

    def script(request, connection):
        with lock:
            running[request.connection] = running.get(request.connection, 0) + 1
            most[request.connection] = max(most.get(request.connection, 0), running[request.connection])
        time.sleep(0.4)
        with lock:
            running[request.connection] -= 1
        upstreams.canned()(request, connection)

    statuses = []
    with multiplexed.recorder.answering(script):
        for each in many_calls(multiplexed, 24, statuses):
            each.join()
    assert statuses == [200] * 24
    assert max(most.values()) <= 4, most
    assert 2 <= multiplexed.recorder.accepted <= 12, multiplexed.recorder.accepted


def test_an_idle_connection_that_the_server_ends_costs_no_request(multiplexed):
    multiplexed.start()
    for _ in range(5):
        assert call(multiplexed).status == 200
        multiplexed.recorder.drop_connections()
    assert len(multiplexed.recorder.requests) == 5


def test_a_server_that_dies_takes_its_streams_along_and_is_used_again(multiplexed):
    multiplexed.start()
    statuses = []
    with multiplexed.recorder.answering(upstreams.never):
        crowd = many_calls(multiplexed, 10, statuses)
        multiplexed.recorder.wait_for(10)
        multiplexed.recorder.drop_connections()
        for each in crowd:
            each.join()
    assert statuses == [502] * 10
    assert len(multiplexed.recorder.requests) == 10, "a request that may have been processed was sent twice"
    assert call(multiplexed).status == 200


class FrameServer:
    """An HTTP/2 server in cleartext that does with each connection what its script says, frame by frame."""

    def __init__(self, script):
        self.script, self.listener = script, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.heads = 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                carrier, _ = self.listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            threading.Thread(target=self._serve, args=(carrier, number), daemon=True).start()

    def _serve(self, carrier, number):
        splitter = FrameSplitter(frames.PREFACE)
        try:
            carrier.sendall(frames.settings())
            while data := carrier.recv(65536):
                for read, _ in splitter.feed(data):
                    if read.type == frames.SETTINGS and not read.flags:
                        carrier.sendall(frame(frames.SETTINGS, frames.ACK))
                    elif read.type == frames.HEADERS:
                        self.heads.append((number, read.stream))
                    self.script(carrier, number, read)
        except OSError:
            pass

    def stop(self):
        # Wakes the accepting thread: after a close alone it could take a connection of the next server.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


OK = frames.block([(":status", "200"), ("content-type", "application/json")])


def answer(stream, body=b"{}"):
    return frame(frames.HEADERS, frames.END_HEADERS, stream, OK) + frame(
        frames.DATA, frames.END_STREAM, stream, body
    )


def go_away(last, code=frames.NO_ERROR):
    return frame(frames.GOAWAY, payload=struct.pack(">II", last, code))


@pytest.fixture
def behind(serve):
    """A gateway in front of a FrameServer with this script."""
    made = []

    def start(script, **members):
        made.append(FrameServer(script))
        return serve(f"http://127.0.0.1:{made[-1].port}/mcp", http2=True, **members), made[-1]

    yield start
    for each in made:
        each.stop()


def ends_request(read):
    return read.type in (frames.HEADERS, frames.DATA) and bool(read.flags & frames.END_STREAM)


def test_a_refused_stream_is_tried_again(behind):
    refused = []

    def script(carrier, number, read):
        if ends_request(read):
            if len(refused) < 1:
                refused.append(read.stream)
                carrier.sendall(frames.reset(read.stream, frames.REFUSED_STREAM))
            else:
                carrier.sendall(answer(read.stream))

    single, server = behind(script)
    assert call(single).status == 200
    assert len(server.heads) == 2


def test_a_stream_that_is_refused_again_and_again_is_given_up(behind):
    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(frames.reset(read.stream, frames.REFUSED_STREAM))

    single, server = behind(script)
    assert call(single).status in (502, 503)
    assert len(server.heads) <= 5, server.heads


@pytest.mark.parametrize(
    "code",
    [frames.NO_ERROR, frames.PROTOCOL_ERROR, frames.INTERNAL_ERROR, frames.CANCEL, frames.ENHANCE_YOUR_CALM],
)
def test_a_stream_that_is_reset_for_another_reason_is_not_tried_again(behind, code):
    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(frames.reset(read.stream, code))

    single, server = behind(script)
    expect_upstream_failure(call(single), 502)
    assert len(server.heads) == 1


def test_a_stream_above_the_last_of_a_goodbye_is_tried_on_another_connection(behind):
    def script(carrier, number, read):
        if ends_request(read):
            if number == 0:
                carrier.sendall(go_away(0))
                time.sleep(0.05)
                carrier.close()
            else:
                carrier.sendall(answer(read.stream))

    single, server = behind(script)
    assert call(single).status == 200
    assert [number for number, _ in server.heads] == [0, 1]


def test_a_stream_below_the_last_of_a_goodbye_is_finished_and_not_tried_again(behind):
    def script(carrier, number, read):
        if ends_request(read) and number == 0:
            carrier.sendall(go_away(read.stream))
            time.sleep(0.3)
            carrier.sendall(answer(read.stream, b'{"finished":1}'))
        elif ends_request(read):
            carrier.sendall(answer(read.stream, b'{"fresh":1}'))

    single, server = behind(script)
    assert call(single).body == b'{"finished":1}'
    assert call(single).body == b'{"fresh":1}'
    assert [number for number, _ in server.heads] == [0, 1]


def test_a_stream_below_the_last_of_a_goodbye_that_is_not_finished_is_502(behind):
    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(go_away(read.stream))
            time.sleep(0.05)
            carrier.close()

    single, server = behind(script)
    expect_upstream_failure(call(single), 502)
    assert len(server.heads) == 1


def test_a_goodbye_with_the_highest_stream_lets_running_ones_go_on_and_takes_no_new_ones(behind):
    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(go_away(0x7FFF_FFFF))
            carrier.sendall(answer(read.stream))

    single, server = behind(script)
    assert [call(single).status for _ in range(3)] == [200] * 3
    assert [number for number, _ in server.heads] == [0, 1, 2]


BAD_FRAMES = {
    "push-promise": lambda stream: frame(frames.PUSH_PROMISE, frames.END_HEADERS, stream, b"\0\0\0\2" + OK),
    "headers-without-a-status": lambda stream: frames.headers(stream, [("x", "y")]),
    "status-not-a-number": lambda stream: frames.headers(stream, [(":status", "abc")]),
    "status-101": lambda stream: frames.headers(stream, [(":status", "101")]),
    "status-twice": lambda stream: frames.headers(stream, [(":status", "200"), (":status", "200")]),
    "field-in-upper-case": lambda stream: frames.headers(stream, [(":status", "200"), ("X", "y")]),
    "field-of-a-connection": lambda stream: frames.headers(
        stream, [(":status", "200"), ("connection", "close")]
    ),
    "value-with-crlf": lambda stream: frames.headers(
        stream, [(":status", "200"), ("x", "a\r\nset-cookie: b")]
    ),
    "request-pseudo-field": lambda stream: frames.headers(stream, [(":status", "200"), (":path", "/")]),
    "data-before-headers": lambda stream: frame(frames.DATA, frames.END_STREAM, stream, b"{}"),
    "less-than-its-length": lambda stream: (
        frames.headers(stream, [(":status", "200"), ("content-length", "5")], ends=False)
        + frame(frames.DATA, frames.END_STREAM, stream, b"{}")
    ),
    "more-than-its-length": lambda stream: (
        frames.headers(stream, [(":status", "200"), ("content-length", "1")], ends=False)
        + frame(frames.DATA, frames.END_STREAM, stream, b"{}")
    ),
    "no-body-where-a-length-was-named": lambda stream: frames.headers(
        stream, [(":status", "200"), ("content-length", "5")]
    ),
    "window-overflow": lambda _: frames.window_update(0, 0x7FFF_FFFF),
    "data-on-an-idle-stream": lambda _: frame(frames.DATA, 0, 99, b"x"),
    "headers-on-an-even-stream": lambda _: frame(frames.HEADERS, frames.END_HEADERS, 2, OK),
    "table-index-of-nowhere": lambda stream: frames.headers(stream, b"\xff\xff\xff\x0f"),
    "frame-of-16-MiB": lambda stream: frame(frames.DATA, 0, stream, b"x" * 100, length=0xFF_FFFF),
    "settings-that-are-wrong": lambda _: frame(frames.SETTINGS, payload=b"12345"),
    "http-1.1": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "head-over-the-limit": lambda stream: (
        frames.headers(
            stream, [(":status", "200"), *((f"x-{number}", "y" * 100) for number in range(90))], ends=False
        )[:0]
        + frame(frames.HEADERS, 0, stream, OK)
        + b"".join(
            frame(frames.CONTINUATION, 0, stream, frames.block([("x", "y" * 10_000)])) for _ in range(50)
        )
    ),
    "continuations-without-end": lambda stream: (
        frame(frames.HEADERS, 0, stream, OK) + frame(frames.CONTINUATION, 0, stream) * 1000
    ),
}


@pytest.mark.parametrize("make", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_a_server_that_breaks_the_rules_ends_its_own_exchange_and_nothing_else(behind, make):
    good = []

    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(answer(read.stream) if good else make(read.stream))

    single, server = behind(script, response_timeout="2s")
    try:
        response = call(single)
        assert response.status in (502, 504), response
        assert not response.all("set-cookie")
    except raw_http.ConnectionEnded:
        assert "length" in str(make.__code__.co_consts), (
            "only a body that breaks off may break the answer off"
        )
    good.append(True)
    assert call(single).status == 200
    assert single.gateway.health() == 200


FLOODS = {
    "ping": lambda _: frames.ping() * 200_000,
    "settings": lambda _: frames.settings() * 100_000,
    "empty-data": lambda stream: (
        frame(frames.HEADERS, frames.END_HEADERS, stream, OK) + frame(frames.DATA, 0, stream) * 100_000
    ),
    "window-updates": lambda _: frames.window_update(0, 1) * 100_000,
    "priority": lambda stream: frames.priority(stream, 99) * 100_000,
}


@pytest.mark.parametrize("make", FLOODS.values(), ids=FLOODS.keys())
def test_a_server_that_floods_harms_nobody_else(behind, over, make):
    flooding = [True]

    def script(carrier, number, read):
        if ends_request(read):
            carrier.sendall(make(read.stream) if flooding else answer(read.stream))

    single, server = behind(script, response_timeout="3s")
    before = resident(single.gateway.process)
    try:
        assert call(single).status in (502, 504)
    except raw_http.ConnectionEnded:
        pass
    assert resident(single.gateway.process) - before < 16 * 1024 * 1024
    flooding.clear()
    assert call(single).status == 200


def test_a_window_that_stays_closed_slows_the_client_and_holds_little(behind):
    def script(carrier, number, read):
        pass  # takes what the first window allows and says nothing

    single, server = behind(script, response_timeout="2s", limits={"drain_timeout": "1s"})
    before = resident(single.gateway.process)
    with single.gateway.connect() as connection:
        headers = mcp_requests.modern_headers(single.token()) + [("Content-Length", str(4 * 1024 * 1024))]
        connection.send_as_far_as_possible(
            mcp_requests.raw_http.request("POST", "/mcp", single.host, headers)
        )
        connection.socket.settimeout(1)
        try:
            connection.send_as_far_as_possible(b" " * (4 * 1024 * 1024))
        except TimeoutError:
            pass
        assert resident(single.gateway.process) - before < 16 * 1024 * 1024
    assert single.gateway.health() == 200


def test_a_slow_server_name_or_closed_port_over_https_is_502(serve, certificates):
    single = serve(f"https://127.0.0.1:{free_port()}/mcp", tls={"ca": str(certificates.ca)})
    since = single.gateway.log_position()
    expect_upstream_failure(call(single), 502)
    assert access_log.reason(single.gateway.wait_for_access(since)[0]) != "upstream_tls_failed"
