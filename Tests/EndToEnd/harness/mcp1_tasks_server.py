"""A server of the SDK's 1.x line whose calls become tasks of 2025-11-25, without sessions: `mcp1_tasks_server.py PORT`.

Tasks live in the memory of the process, so that no other one knows them.
"""

import contextlib
import sys

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.experimental.tasks.in_memory_task_store import InMemoryTaskStore
from mcp.types import CallToolResult, CreateTaskResult, TextContent, Tool
from starlette.applications import Starlette
from starlette.routing import Mount


def application(name):
    server, store = Server("tasks"), InMemoryTaskStore()
    server.experimental.enable_tasks(store=store)

    @server.list_tools()
    async def list_tools():
        return [Tool(name="whoami", inputSchema={"type": "object"})]

    @server.call_tool()
    async def call_tool(tool, arguments):
        result = CallToolResult(content=[TextContent(type="text", text=name)])
        metadata = server.request_context.experimental.task_metadata
        if metadata is None:
            return result
        task = await store.create_task(metadata)
        await store.store_result(task.taskId, result)
        await store.update_task(task.taskId, status="completed")
        return CreateTaskResult(task=task)

    manager = StreamableHTTPSessionManager(app=server, stateless=True)

    @contextlib.asynccontextmanager
    async def lifespan(_):
        async with manager.run():
            yield

    return Starlette(routes=[Mount("/", app=manager.handle_request)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
