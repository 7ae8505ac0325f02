"""Two MCP servers made with the official SDK, each a process of its own: `python mcp_servers.py NAME PORT`."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer

MARKS = Path(os.environ.get("MCP_SERVER_MARKS", "/nonexistent"))


def server(name: str) -> MCPServer:
    application = MCPServer(name, version="1")

    @application.tool()
    def whoami() -> str:
        """The name of this server."""
        return name

    @application.tool()
    def echo(text: str) -> str:
        """The text that came in."""
        return text

    @application.tool()
    def digest(text: str) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(text.encode()).hexdigest()

    @application.tool()
    def large(size: int) -> str:
        """A text of so many characters."""
        return "x" * size

    @application.tool()
    async def count(steps: int, mark: str, context: Context) -> str:
        """Report progress, and go on when the client has left a mark that it has received it."""
        for step in range(1, steps + 1):
            await context.report_progress(step, steps, f"step {step}")
            with anyio.fail_after(10):
                while not Path(f"{mark}.{step}").exists():
                    await anyio.sleep(0.01)
        return f"counted to {steps}"

    @application.tool()
    async def linger(mark: str) -> str:
        """Wait for long, and leave a mark when cancelled."""
        (MARKS / f"{mark}.started").touch()
        try:
            await anyio.sleep(30)
            return "never cancelled"
        except anyio.get_cancelled_exc_class():
            (MARKS / f"{mark}.cancelled").touch()
            raise

    @application.tool()
    async def die() -> str:
        """End the whole process without an answer."""
        os.kill(os.getpid(), signal.SIGKILL)
        return "unreachable"

    return application


class ServerProcess:
    """One such server, started and stopped by a test."""

    def __init__(self, name: str, port: int, marks: Path):
        self.name, self.port, self.marks = name, port, marks
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def start(self, within: float = 15.0) -> ServerProcess:
        from harness import raw_http

        environment = {**os.environ, "MCP_SERVER_MARKS": str(self.marks)}
        log = (self.marks / f"{self.name}.log").open("ab")
        command = [sys.executable, __file__, self.name, str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + within
        while True:
            try:
                raw_http.exchange(("127.0.0.1", self.port), raw_http.request("GET", "/", "127.0.0.1"))
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, (
                    self.marks / f"{self.name}.log"
                ).read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()


if __name__ == "__main__":
    server(sys.argv[1]).run(
        "streamable-http", host="127.0.0.1", port=int(sys.argv[2]), max_request_body_size=16 * 1024 * 1024
    )
