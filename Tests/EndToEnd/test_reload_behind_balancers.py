"""Reloads behind HAProxy and nginx, under load and with open event streams: neither they nor their clients notice."""

import itertools
import json
import shutil
import signal
import ssl
import threading
import time

import pytest

from harness import mcp_requests, raw_http
from harness import recorder as upstreams
from harness.admin import Admin
from harness.balancers import HAProxy, NginxProxy
from harness.certificates import LOOPBACK
from harness.gateway import free_port
from harness.http2_client import Http2Connection
from harness.load import H2load, Wrk
from harness.nginx import Nginx
from harness.recorder import Recorder


def event(number):
    return b"data: %d\n\n" % number


class Site:
    """One gateway, so that nobody can stand in for it, behind one balancer.

    /load leads to nginx, which can bear it, /stream and /moved to recorders.
    """

    def __init__(self, single, folder, balancer, how=""):
        self.single, self.folder, self.front = single, folder, free_port()
        self.host = f"127.0.0.1:{self.front}"
        self.nginx, self.recorders, self.admin = Nginx(folder / "server"), [Recorder(), Recorder()], Admin()
        self.included = folder / "routes.d"
        self.included.mkdir()
        self.configuration = single.configuration(admin=self.admin.member, workers=2)
        self.configuration["include"] = [f"{self.included}/*.json"]
        self.configuration["routes"] = [
            self.route("load", f"http://127.0.0.1:{self.nginx.port}/mcp"),
            self.route("stream", self.recorders[0].url + "/mcp"),
            self.route("moved", self.recorders[0].url + "/mcp"),
        ]
        if single.transports.client.uses_tls:
            self.show(single.certificates.server)
            certificate = {"certificate": str(folder / "tls.pem"), "key": {"file": str(folder / "tls.key")}}
            self.configuration["listeners"][0]["tls"]["certificates"] = [certificate]
        self.loads, self.streams, self.sent, self.is_over = [], [], [], threading.Event()
        self.gateway = single.start(self.configuration)
        more = {"how": how} if how else {}
        self.balancer = balancer(folder / "balancer", [single.port], front=self.front, **more)

    def show(self, identity):
        """Put a certificate where the configuration expects one."""
        shutil.copy(identity.certificate, self.folder / "tls.pem")
        shutil.copy(identity.key, self.folder / "tls.key")

    def resource(self, name):
        return f"http://{self.host}/{name}"

    def route(self, name, endpoint, **members):
        upstream = {"endpoints": [endpoint]}
        return {"resource": self.resource(name), "issuer": "corp", "upstream": upstream, **members}

    def token(self, name):
        return self.single.issuer.mint(self.resource(name))

    def ask(self, name):
        """The status of a call, through the balancer."""
        call = mcp_requests.post(self.host, f"/{name}", self.token(name))
        return raw_http.exchange(("127.0.0.1", self.front), call, "POST").status

    def begin(self, *loads, streams=(raw_http.Connection,)):
        """Until it is finished, load on /load, and event streams on /stream, each over a kind of connection."""
        url, token = self.resource("load"), self.token("load")
        self.recorders[0].script = self.events_until_it_is_over
        for connect in streams:
            connection = connect(("127.0.0.1", self.front), 20)
            connection.send(mcp_requests.post(self.host, "/stream", self.token("stream")))
            self.streams.append((connection, connection.read_head()))
        self.recorders[0].script = None
        self.loads = [load(self.folder, url, token) for load in loads]

    def events_until_it_is_over(self, _, connection):
        connection.send(upstreams.STREAM_HEAD)
        for number in itertools.count():
            connection.send(upstreams.chunk(event(number)))
            if self.is_over.wait(0.2):
                self.sent.append(number + 1)
                connection.send(upstreams.chunk(b""))
                return

    def reload(self, by_signal=True):
        """Have the configuration read anew, which must give another one; all of it happens under the load."""
        before = len(self.reloads())
        if by_signal:
            self.gateway.configuration.write_text(json.dumps(self.configuration))
            self.gateway.signal(signal.SIGHUP)
        # Whoever reads it gives way to the workers, who are as busy as can be.
        self.gateway.wait_until(lambda: len(self.reloads()) > before, 60, "reloaded")
        now = self.reloads()[-1]["configuration"]
        assert self.admin.status()["configuration"]["hash"] == now
        assert all(load.is_running() for load in self.loads)
        return now

    def reloads(self):
        return [each for each in self.gateway.operational_log() if each["message"] == "Reloaded."]

    def finish(self):
        """Everybody got what there was to get, and the balancer counts nothing against the gateway."""
        self.is_over.set()
        received = []
        for connection, head in self.streams:
            with connection:
                assert head.status == 200
                received.append(b"".join(connection.pieces(head)))
        assert sorted(received) == sorted(b"".join(map(event, range(count))) for count in self.sent)
        for load in self.loads:
            load.outcome().assert_flawless()
        assert not self.balancer.complaints()
        assert self.gateway.health() == 200 and self.gateway.process.poll() is None
        self.gateway.log_position()
        log = self.gateway.access_log()
        ends = {
            name: [each["reason"] for each in log if each.get("route") == self.resource(name)]
            for name in ("load", "stream")
        }
        assert ends["stream"] == ["allowed"] * len(self.streams)
        # wrk and h2load close their connections when their time is over, in the middle of requests.
        assert set(ends["load"]) <= {"allowed", "client_aborted"}

    def stop(self):
        self.is_over.set()
        self.balancer.stop()
        for each in self.loads:
            each.kill()
        for each in self.recorders:
            each.stop()
        self.nginx.stop()


@pytest.fixture
def site(over, tmp_path):
    made = []

    def make(transport, balancer, **more):
        made.append(Site(over(transport), tmp_path, balancer, **more))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def add_a_route(site):
    assert site.ask("added") == 404
    site.configuration["routes"].append(site.route("added", site.recorders[0].url + "/mcp"))
    site.reload()
    assert site.ask("added") == 200


def move_a_server(site):
    def served():
        site.recorders[0].clear()
        site.recorders[1].clear()
        assert site.ask("moved") == 200
        return [len(each.requests) for each in site.recorders]

    assert served() == [1, 0]
    site.configuration["routes"][2]["upstream"]["endpoints"] = [site.recorders[1].url + "/mcp"]
    site.reload()
    assert served() == [0, 1]


def remove_the_route(site):
    assert site.ask("added") == 200
    del site.configuration["routes"][3]
    site.reload()
    assert site.ask("added") == 404


def renew_the_certificate(site):
    renewed = site.single.certificates.intermediate.issue("renewed", *LOOPBACK)

    def shown():
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(site.single.address))

    assert shown() == site.single.certificates.server.der
    site.show(renewed)
    site.reload()
    assert shown() == renewed.der


CHANGES = [add_a_route, move_a_server, remove_the_route]


@pytest.mark.parametrize(
    ("transport", "how", "changes"),
    [
        ("http1", "", CHANGES),
        # HAProxy verifies what it is shown; each of its checks is a connection of its own.
        (
            "tls2",
            "ssl verify required ca-file {ca} sni str(localhost) check-sni localhost alpn h2 check-alpn h2",
            [*CHANGES, renew_the_certificate],
        ),
    ],
    ids=["http1", "tls2"],
)
def test_haproxy_and_its_clients_notice_none_of_several_reloads(site, certificates, transport, how, changes):
    site = site(transport, HAProxy, how=how.format(ca=certificates.ca))
    site.begin(Wrk, H2load, streams=(raw_http.Connection, Http2Connection))
    for change in changes:
        time.sleep(0.3)
        change(site)
        assert site.balancer.are_all_up() and not site.balancer.complaints()
    site.finish()
    assert len(site.reloads()) == len(changes)


def test_nginx_and_its_clients_notice_none_of_several_reloads(site):
    site = site("http1", NginxProxy)
    site.begin(Wrk, streams=(raw_http.Connection, raw_http.Connection))
    for change in CHANGES:
        time.sleep(0.3)
        change(site)
        assert not site.balancer.complaints()
    site.finish()
    assert len(site.reloads()) == len(CHANGES)


def test_nobody_notices_that_watched_files_of_routes_come_and_go(site):
    site = site("http1", HAProxy)
    site.configuration["watch"] = True
    first = site.reload()
    site.begin(Wrk, H2load)
    file = site.included / "added.json"
    file.write_text(json.dumps({"routes": [site.route("added", site.recorders[0].url + "/mcp")]}))
    second = site.reload(by_signal=False)
    assert site.ask("added") == 200
    file.unlink()
    assert site.reload(by_signal=False) == first != second
    assert site.ask("added") == 404
    site.finish()


def test_haproxy_and_its_clients_do_not_notice_that_ten_thousand_routes_come_change_and_go(site):
    site = site("http1", HAProxy)
    few = site.configuration["routes"]
    site.begin(Wrk, H2load, streams=(raw_http.Connection, Http2Connection))
    for scopes, status in (([], 200), (["mcp:read"], 403)):
        endpoint = site.recorders[1].url + "/mcp"
        many = [site.route(f"many/{number}", endpoint, scopes=scopes) for number in range(10_000)]
        site.configuration["routes"] = few + many
        site.reload()
        assert (site.ask("many/0"), site.ask("many/9999")) == (status, status)
    site.configuration["routes"] = few
    site.reload()
    assert site.ask("many/9999") == 404
    site.finish()
