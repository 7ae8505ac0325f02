"""An SDK server of the 2.x line with resources, prompts, elicitation, subscriptions and resumable streams: PORT."""

import asyncio
import sys
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp.server.streamable_http import EventMessage, EventStore
from pydantic import BaseModel


class Answer(BaseModel):
    confirmed: bool


def ask() -> Elicit[Answer]:
    return Elicit("Really?", Answer)


class Events(EventStore):
    """Everything that was sent, in the order in which it was."""

    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send_callback):
        position = int(last_event_id)
        stream = self.events[position - 1][0]
        for number, (other, message) in enumerate(self.events[position:], position + 1):
            if other == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def server():
    application = MCPServer("features", version="1")

    @application.tool()
    def whoami() -> str:
        """The name of this server."""
        return "features"

    @application.tool()
    def delete_file(path: str) -> str:
        """Takes away a file."""
        return f"deleted {path}"

    @application.tool()
    async def confirm(answer: Annotated[Answer, Resolve(ask)]) -> str:
        """Ask the user first."""
        return f"confirmed {answer.confirmed}"

    @application.tool()
    async def count(steps: int, pause: float, context: Context) -> str:
        """Report progress after each pause."""
        for step in range(steps):
            await asyncio.sleep(pause)
            await context.report_progress(step + 1, steps)
        return f"counted to {steps}"

    @application.tool()
    async def hang_up(context: Context) -> str:
        """Close the stream of this call, and answer later."""
        await context.close_sse_stream()
        await asyncio.sleep(0.5)
        return "came back"

    @application.tool()
    async def change(context: Context) -> str:
        """Tell the subscribers that the tools have changed."""
        await context.notify_tools_changed()
        return "told"

    @application.resource("note://one")
    def note() -> str:
        """A note."""
        return "text of the note"

    @application.resource("note://by-name/{name}")
    def named(name: str) -> str:
        """A note by its name."""
        return f"text of {name}"

    @application.prompt()
    def greeting(name: str) -> str:
        """How to greet."""
        return f"Hello {name}"

    return application


if __name__ == "__main__":
    server().run(
        "streamable-http", host="127.0.0.1", port=int(sys.argv[1]), event_store=Events(), retry_interval=100
    )
