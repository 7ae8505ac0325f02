"""The command `openssl s_client`: one handshake, and what it says of it."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from harness import raw_http

ASK = raw_http.request("GET", "/healthz", "probe.invalid", [("Connection", "close")])


class Handshake:
    """The report of one run."""

    def __init__(self, status: int, report: str):
        self.status, self.report = status, report

    def one(self, pattern: str) -> str | None:
        """The group of the only place that the pattern matches."""
        found = set(re.findall(pattern, self.report, re.MULTILINE))
        assert len(found) <= 1, (pattern, self.report)
        return found.pop() if found else None

    @property
    def succeeded(self) -> bool:
        return re.search(
            r"^New, \(NONE\), Cipher is \(NONE\)|handshake failure|alert", self.report, re.M
        ) is None and ("BEGIN SSL SESSION" in self.report or self.cipher is not None)

    @property
    def cipher(self) -> str | None:
        return self.one(r"^(?:New|Reused), TLSv[\d.]+, Cipher is (\S+)$")

    @property
    def version(self) -> str | None:
        return self.one(r"^(?:New|Reused), (TLSv[\d.]+), Cipher is")

    @property
    def was_reused(self) -> bool:
        return self.one(r"^(New|Reused), TLSv") == "Reused"

    @property
    def protocol(self) -> str | None:
        return self.one(r"^ALPN protocol: (.+)$")

    @property
    def subject(self) -> str | None:
        return self.one(r"^subject=CN = (.+)$")

    @property
    def answered(self) -> bool:
        """The request behind the handshake was answered with 200."""
        return "HTTP/1.1 200 " in self.report


def s_client(
    port: int,
    *options: str,
    ca: Path | None = None,
    data: bytes = ASK,
    wait: float = 0.0,
    commands: bool = False,
) -> Handshake:
    """Connect, send `data`, and read to the end; `-servername` only if the options have it.

    With `commands` lines of `data` such as `R` are commands, and the end of `data` is the end.
    """
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options]
    if not commands:
        command.append("-ign_eof")
    if "-servername" not in options:
        command.append("-noservername")
    if ca:
        command += ["-CAfile", str(ca), "-verify_return_error"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        process.stdin.write(data)
        process.stdin.flush()
        # Until the handshake is over and commands have been seen; only some callers need it.
        time.sleep(wait)
        output, _ = process.communicate(timeout=10)
    except BrokenPipeError:
        output = process.stdout.read()
        process.wait(10)
    finally:
        process.kill()
    return Handshake(process.returncode, output.decode("latin-1"))
