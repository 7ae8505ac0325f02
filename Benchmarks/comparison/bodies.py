"""P7: processor time for large bodies, and the memory that they take."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from comparison.configurations import LARGE, LARGE_RESOURCE, UPLOAD_RESOURCE
from comparison.credentials import Issuer
from comparison.load import Load, get, post
from comparison.peer import Peer

UPLOAD = 4 << 20
MIB = 1 << 20
AT_A_TIME = 4
SLOW = 32
"""Clients that ask for 64 MiB and do not read."""


def upload(load: Load, issuer: Issuer) -> Path:
    """A call with 4 MiB of base64 in its arguments."""
    front = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"put","arguments":{"data":"'
    back = '"}}}'
    body = front + "A" * (UPLOAD - len(front + back)) + back
    return load.write("upload", [post(issuer.token(UPLOAD_RESOURCE), "/upload", body)])


def download(load: Load, issuer: Issuer) -> Path:
    return load.write("download", [get(issuer.token(LARGE_RESOURCE), "/large")])


def cost(load: Load, peer: Peer, requests: Path, octets: int, total: int) -> float:
    """Microseconds for each MiB, four bodies at a time, until `total` octets have passed."""
    return load.cost(peer, requests, connections=AT_A_TIME, count=total // octets) / (octets / MIB)


def peak_kib(load: Load, peer: Peer, requests: Path) -> float:
    """What the memory of a proxy that has just started grows by at most while 64 bodies pass, four at a time."""
    before = peer.resident_kib()
    load.cost(peer, requests, connections=AT_A_TIME, count=64)
    return peer.resident_kib("VmHWM") - before


def held_kib(peer: Peer, issuer: Issuer) -> float:
    """Memory for each answer of 64 MiB whose client does not read."""
    request = get(issuer.token(LARGE_RESOURCE), "/large")
    before = peer.memory_kib()
    clients = []
    for _ in range(SLOW):
        client = socket.socket()
        # Little room on this side, so that the proxy is left with the rest.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", peer.port))
        client.sendall(request)
        clients.append(client)
    time.sleep(2)
    after = peer.memory_kib()
    for client in clients:
        if f"content-length: {LARGE}".encode() not in client.recv(4096).lower():
            raise SystemExit(f"{peer.name} does not send 64 MiB")
        client.close()
    return (after - before) / SLOW
