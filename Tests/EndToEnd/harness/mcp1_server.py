"""Servers of the SDK's 1.x line, run by the other environment: `python mcp1_server.py sse|streamable-http PORT`."""

import asyncio
import os
import sys

from mcp.server.fastmcp import Context, FastMCP


def server(port):
    application = FastMCP(
        "one",
        host="127.0.0.1",
        port=port,
        sse_path=os.environ.get("SSE_PATH", "/sse"),
        message_path=os.environ.get("MESSAGE_PATH", "/messages/"),
    )

    @application.tool()
    def whoami() -> str:
        """The name of this server."""
        return "one"

    @application.tool()
    def echo(text: str) -> str:
        """The text that came in."""
        return text

    @application.tool()
    async def count(steps: int, pause: float, context: Context) -> str:
        """Report progress after each pause."""
        for step in range(steps):
            await asyncio.sleep(pause)
            await context.report_progress(step + 1, steps)
        return f"counted to {steps}"

    return application


if __name__ == "__main__":
    server(int(sys.argv[2])).run(sys.argv[1])
