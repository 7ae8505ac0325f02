"""A gateway with two routes under a public name, all that is around it, and what `audgate check --live` says of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from harness.certificates import Certificates
from harness.gateway import Gateway, free_port, run
from harness.issuer import Issuer
from harness.recorder import Recorder

NAME = "mcp.example.com"
FILES = f"https://{NAME}/files"
CALENDAR = f"https://{NAME}/calendar"
DOCUMENT = "/.well-known/oauth-protected-resource"


class Outside:
    """The public name leads to `port`, where the gateway listens unless a test puts something else there."""

    def __init__(self, directory: Path, certificates: Certificates):
        self.directory, self.certificates = directory, certificates
        self.identity = certificates.intermediate.issue("public", NAME)
        self.issuer = Issuer()
        self.files, self.calendar = Recorder(), Recorder()
        self.port = free_port()
        self.gateway: Gateway | None = None

    def configuration(self, **members: Any) -> dict[str, Any]:
        tls = {"certificates": [self.identity.members]}
        return {
            "listeners": [{"address": f"127.0.0.1:{self.port}", "tls": tls}],
            "workers": 1,
            "issuers": {
                "corp": {
                    "issuer": self.issuer.identifier,
                    "algorithms": [self.issuer.algorithm],
                    "max_token_lifetime": "1h",
                }
            },
            "routes": [
                {"resource": FILES, "issuer": "corp", "upstream": self.files.url + "/mcp"},
                {"resource": CALENDAR, "issuer": "corp", "upstream": self.calendar.url + "/mcp"},
            ],
            **members,
        }

    def serve(self, configuration: dict[str, Any] | None = None) -> Gateway:
        """Start the gateway with a configuration of its own."""
        folder = self.directory / "gateway"
        folder.mkdir(exist_ok=True)
        self.gateway = Gateway(configuration or self.configuration(), folder, ("127.0.0.1", self.port))
        self.gateway.start(ready_within=None)
        self.gateway.wait_until(self.gateway.is_ready, 10, "ready")
        return self.gateway

    def run(
        self,
        *arguments: str,
        configuration: dict[str, Any] | None = None,
        port: int | None = None,
        stdin: str | None = None,
        trusting: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """`audgate check --live` at the public name, which is on this machine for once."""
        path = self.directory / "checked.json"
        path.write_text(json.dumps(configuration or self.configuration()))
        names = ["--connect-to", f"127.0.0.1:{port or self.port}"]
        trust = ["--ca", str(trusting or self.certificates.ca)]
        command = ["check", "--live", "--config", str(path), *names, *trust, *arguments]
        return run(*command, stdin=stdin, timeout=90)

    def check(self, *arguments: str, **options: Any) -> Findings:
        return Findings(self.run("--json", *arguments, **options))

    def stop(self) -> None:
        if self.gateway and self.gateway.process and self.gateway.process.poll() is None:
            self.gateway.stop()
        self.issuer.stop()
        self.files.stop()
        self.calendar.stop()


class Findings:
    """What one check has found, by subject and step."""

    def __init__(self, process: subprocess.CompletedProcess[str]):
        self.process = process
        document = json.loads(process.stdout)
        assert set(document["live"]) == {"problems", "warnings", "subjects"}
        self.live = document["live"]
        for result, count in (("problem", "problems"), ("warning", "warnings")):
            assert self.live[count] == len(self.all(result))
        assert process.returncode == (1 if self.live["problems"] else 0), process.stderr

    def all(self, *results: str) -> list[dict[str, str]]:
        """Every finding with one of these results."""
        return [
            finding
            for subject in self.live["subjects"]
            for finding in subject["findings"]
            if finding["result"] in results
        ]

    def of(self, name: str | None, step: str) -> dict[str, str]:
        """The only finding of a step; the token has no name."""
        findings = [
            finding
            for subject in self.live["subjects"]
            if subject.get("name") == name
            for finding in subject["findings"]
            if finding["step"] == step
        ]
        assert len(findings) == 1, (name, step, self.live)
        return findings[0]

    def result(self, name: str | None, step: str) -> str:
        return self.of(name, step)["result"]

    def expect(self, name: str | None, step: str, result: str, *words: str) -> None:
        """A finding with this result that says these words; what is wrong comes with what to do."""
        finding = self.of(name, step)
        text = finding["found"] + " " + finding.get("remedy", "")
        assert finding["result"] == result, finding
        assert all(word in text for word in words), (words, text)
        assert result not in ("problem", "warning") or finding["remedy"], finding

    def expect_only(self, *wrong: tuple[str | None, str]) -> None:
        """Nothing is wrong but these steps."""
        found = {
            (subject.get("name"), finding["step"])
            for subject in self.live["subjects"]
            for finding in subject["findings"]
            if finding["result"] in ("problem", "warning")
        }
        assert found == set(wrong), self.live
