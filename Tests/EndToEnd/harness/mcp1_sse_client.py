"""A client of HTTP with SSE (SDK 1.x), run by the other environment: URL, token, tool and arguments in, a report out."""

import asyncio
import json
import sys
import time

from mcp import ClientSession
from mcp.client.sse import sse_client


async def main(url, token, tool, arguments):
    report = {"progress": []}
    headers = {"Authorization": f"Bearer {token}"}
    async with sse_client(
        url, headers=headers, on_session_created=lambda each: report.update(session=each)
    ) as (
        read,
        write,
    ):
        async with ClientSession(read, write) as session:
            opened = await session.initialize()
            report["server"] = opened.serverInfo.name
            report["tools"] = [each.name for each in (await session.list_tools()).tools]

            async def progress(value, total, message):
                report["progress"].append([time.monotonic(), value])

            result = await session.call_tool(tool, arguments, progress_callback=progress)
            report["result"] = result.content[0].text
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))
