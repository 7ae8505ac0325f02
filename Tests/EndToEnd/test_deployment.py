"""The fronts of docs/deployment.md, run as the document configures them, and what it says of memory."""

import shutil
import signal
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.documents import blocks
from harness.front import DOCUMENT, Front
from harness.process import resident
from harness.transports import CLIENTS, Client

pytestmark = pytest.mark.skipif(
    not (shutil.which("haproxy") and shutil.which("nginx")), reason="there is no haproxy or no nginx"
)

# Heading of the document, how the gateway listens, how clients come to the front, and whether the front tells who they are.
FRONTS = {
    "HAProxy without opening TLS": ("tls2", "tls2", True),
    "HAProxy opening TLS": ("http1", "tls2", True),
    "nginx without opening TLS": ("tls2", "tls2", True),
    "nginx opening TLS": ("http1", "tls2", False),
}
EVENTS = [b'event: message\ndata: {"n": %d}\n\n' % number for number in range(5)]


class Setting:
    """A gateway with a front before it, and a client of the front."""

    def __init__(self, single, front, client, tells_client):
        self.single, self.front, self.client, self.tells_client = single, front, client, tells_client

    def connect(self, **options):
        return self.client.connect(("127.0.0.1", self.front.port), 10, **options)

    def post(self, body=None):
        return mcp_requests.post(self.single.host, "/mcp", self.single.token(), body=body)


@pytest.fixture(scope="module")
def standing_front(standing, certificates, tmp_path_factory):
    made = {}

    def make(heading):
        if heading not in made:
            listens, comes, tells = FRONTS[heading]
            more = {"listener": {"proxy_protocol": ["127.0.0.1"]}, "ready": False} if tells else {}
            single = standing(listens, **more)
            front = Front(
                heading, tmp_path_factory.mktemp("front"), single.port, certificates.server, certificates.ca
            )
            client = Client.trusting(certificates, CLIENTS[comes])
            made[heading] = Setting(single, front, client, tells)
        made[heading].single.recorder.clear()
        return made[heading]

    yield make
    for each in made.values():
        each.front.stop()


@pytest.fixture(params=FRONTS)
def setting(standing_front, request):
    return standing_front(request.param)


def test_every_front_of_the_document_is_run():
    assert {each.heading for each in blocks(DOCUMENT, "haproxy", "nginx")} == set(FRONTS)


def test_a_request_passes_with_the_host_and_path_that_the_client_sent(setting):
    with setting.connect() as connection:
        assert connection.exchange(setting.post()).status == 200
        without = connection.exchange(mcp_requests.post(setting.single.host, "/mcp"))
        document = "/.well-known/oauth-protected-resource/mcp"
        metadata = connection.exchange(raw_http.request("GET", document, setting.single.host))
    assert without.status == 401
    assert f'resource_metadata="{setting.single.at(document)}"' in without.one("WWW-Authenticate")
    assert metadata.status == 200 and metadata.json()["resource"] == setting.single.resource


def test_each_event_of_a_stream_arrives_as_it_is_sent(setting):
    """The next one is sent when the one before has been received: nobody gathers them."""
    received = threading.Semaphore(0)
    script = upstreams.stream_in_step(EVENTS, received)
    with setting.single.recorder.answering(script), setting.connect() as connection:
        connection.send(setting.post())
        head = connection.read_head()
        assert head.one("Content-Type") == "text/event-stream"
        pieces = connection.pieces(head)
        for event in EVENTS:
            arrived = b""
            while len(arrived) < len(event):
                arrived += next(pieces)
            assert arrived == event
            received.release()
        assert list(pieces) == []


@pytest.mark.parametrize("moment", ["before-the-head", "mid-stream"])
def test_a_client_that_leaves_is_seen_by_the_server(setting, moment):
    gone = []

    def script(_, connection):
        if moment == "mid-stream":
            connection.send(upstreams.STREAM_HEAD + upstreams.chunk(EVENTS[0]))
        gone.append(connection.wait_for_peer_to_close(8))

    with setting.single.recorder.answering(script):
        connection = setting.connect()
        connection.send(setting.post())
        setting.single.recorder.wait_for(1)
        if moment == "mid-stream":
            connection.read_head()
        connection.close()
        end = time.monotonic() + 9
        while not gone and time.monotonic() < end:
            time.sleep(0.02)
    assert gone == [True], "the connection to the server stayed open"


def test_the_largest_body_passes(setting):
    body = mcp_requests.call_of_size(4 * 1024 * 1024)
    with setting.connect() as connection:
        assert connection.exchange(setting.post(body)).status == 200
    assert setting.single.recorder.the_request().body == body


def test_the_log_has_the_address_that_the_document_says(setting):
    since = setting.single.gateway.log_position()
    # From another address of this machine, so that the front's own would be noticed.
    with setting.connect(source="127.0.0.9") as connection:
        assert connection.exchange(setting.post()).status == 200
    entries = [each for each in setting.single.gateway.wait_for_access(since) if each["reason"] == "allowed"]
    assert entries[-1]["client"] == ("127.0.0.9" if setting.tells_client else "127.0.0.1")


def test_an_ambiguous_path_is_not_made_a_good_one_on_the_way(setting):
    with setting.connect() as connection:
        answer = connection.exchange(mcp_requests.post(setting.single.host, "//mcp", setting.single.token()))
    assert answer.status in (400, 404)
    setting.single.recorder.assert_untouched()


@pytest.mark.parametrize("heading", [each for each in FRONTS if each.startswith("HAProxy")])
def test_the_health_check_of_haproxy_passes_until_the_gateway_ends(over, certificates, tmp_path, heading):
    single = over(FRONTS[heading][0])
    configuration = single.configuration()
    configuration["listeners"] = [single.listener(proxy_protocol=["127.0.0.1"])]
    gateway = single.start(configuration, ready_within=None)
    gateway.wait_until(gateway.is_ready, 10, "ready")
    folder = tmp_path / "front"
    folder.mkdir()
    front = Front(heading, folder, single.port, certificates.server, certificates.ca)
    try:
        front.wait_for_checks("L7OK")
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        front.wait_for_checks("L4CON", within=15)
    finally:
        front.stop()


@pytest.mark.parametrize("transport", ["http1", "tls1"])
def test_answers_that_nobody_reads_hold_no_more_than_the_document_says(over, transport):
    window, clients = 64, 40
    single = over(transport)
    gateway = single.start(single.configuration(limits={"window_bytes": f"{window}KiB"}))
    gateway.exchange(mcp_requests.post(single.host, "/mcp", single.token()))
    before = resident(gateway.process)

    def endless(_, connection):
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n"
        )
        while True:
            connection.send(bytes(65536))

    crowd = []
    with single.recorder.answering(endless):
        for _ in range(clients):
            crowd.append(single.client.connect(single.address))
            crowd[-1].send(mcp_requests.post(single.host, "/mcp", single.token()))
        grown = settled(gateway.process) - before
        for each in crowd:
            each.close()
    # A row for the answers, one for the connections of clients, one for those to servers.
    bound = clients * (2 * (window + 64) + 36 + 16) * 1024
    assert clients * window * 1024 / 2 < grown < bound + 2 * 1024 * 1024


def settled(process, within=15.0):
    """The memory of a process once it has not grown in three looks."""
    end, last, quiet = time.monotonic() + within, 0, 0
    while quiet < 3:
        assert time.monotonic() < end, "it grows and grows"
        time.sleep(0.7)
        now = resident(process)
        quiet = quiet + 1 if now <= last + 65536 else 0
        last = now
    return last
