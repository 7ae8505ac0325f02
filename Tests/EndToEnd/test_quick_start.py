"""The commands of the quick start and of the README, run as they stand; what the documents show is what comes."""

import os
import re
import subprocess
import time

import pytest

from harness.documents import blocks, is_shown
from harness.gateway import binary, free_port

READY = "grep -q '\"Ready' messages.log"
WAIT = "for _ in $(seq 200); do {} && break; sleep 0.05; done\n"


@pytest.fixture
def shell(tmp_path):
    """Runs blocks in one shell, in a folder of its own, on ports that are free; gives their output."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "audgate").symlink_to(binary())
    ports = {each: str(free_port()) for each in ("8443", "8081", "9001", "9002", "3001", "3002")}

    def moved(text):
        text = text.replace("/tmp/first-route", str(tmp_path / "first-route"))
        return re.sub(r"(?<=:)(8443|8081|9001|9002|3001|3002)\b", lambda port: ports[port[0]], text)

    def run(document, heading=None):
        script = ["set -e\n"]
        for block in blocks(document, "sh", "json"):
            if heading and block.heading != heading:
                continue
            if block.language == "json":
                script.append(f"cat >gateway.json <<'END'\n{block.text}END\n")
                continue
            # The build has been done, and what comes of it is on the path.
            kept = [
                each for each in block.text.splitlines(True) if not re.match(r"scripts/|export PATH", each)
            ]
            if block.text.startswith("grep "):
                # A reader is slower than the log is written; a script is not.
                script.append(WAIT.format(block.text.strip() + " >/dev/null"))
            # `explain` says by its exit status that a token is refused.
            script.append(
                "set +e\n{}set -e\n".format("".join(kept)) if "explain" in block.text else "".join(kept)
            )
            script.append("echo\n")
            if "audgate serve" in block.text:
                script.append(WAIT.format(READY))
        text = moved("".join(script))
        assert text.count("audgate serve") == 1
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_PROXY": "*"}
        # In a process group of its own, so that what the script leaves running ends with it.
        process = subprocess.Popen(
            ["bash", "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
            process_group=0,
        )
        try:
            output, errors = process.communicate(timeout=40)
        finally:
            end_group(process.pid)
        assert process.returncode == 0, (output, errors)
        return output, moved

    return run


def end_group(leader):
    """Ends what still runs of a process group that a test began."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.killpg(leader, 15)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def test_the_quick_start_can_be_followed_as_it_stands(shell):
    output, moved = shell("docs/quick-start.md")
    shown = blocks("docs/quick-start.md", "text")
    assert len(shown) >= 6
    for block in shown:
        for line in moved(block.text).splitlines():
            assert is_shown(line, output), (line, output)
    assert re.findall(r"^HTTP/2 (\d+)", output, re.MULTILINE) == ["401", "200", "401"]


def test_the_first_route_of_the_readme_can_be_followed_as_it_stands(shell):
    output, moved = shell("README.md", "The first route in five minutes")
    assert "The configuration can be used: 2 routes." in output
    assert re.search(r"^HTTP/2 401", output, re.MULTILINE)
    metadata = moved("https://mcp.example.com/.well-known/oauth-protected-resource/files")
    assert f'resource_metadata="{metadata}"' in output
