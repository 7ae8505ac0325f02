"""A client of the SDK's 1.x line, run by the other environment: URL and token (or `oauth`) in, a JSON report out."""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientMetadata

CALLBACK = "http://127.0.0.1:1/callback"


class Memory:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


def oauth(url, report):
    landed = {}

    async def redirect(address):
        report["asked_for_resource"] = parse_qs(urlsplit(address).query)["resource"]
        async with httpx.AsyncClient() as client:
            response = await client.get(address)
        landed.update(parse_qs(urlsplit(response.headers["Location"]).query))

    async def callback():
        return landed["code"][0], landed["state"][0]

    metadata = OAuthClientMetadata.model_validate(
        {"client_name": "one", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    )
    return OAuthClientProvider(url, metadata, Memory(), redirect, callback)


async def main(url, token, tool, arguments):
    report = {"progress": []}
    headers = None if token == "oauth" else {"Authorization": f"Bearer {token}"}
    auth = oauth(url, report) if token == "oauth" else None
    async with streamablehttp_client(url, headers=headers, auth=auth) as (read, write, session_id):
        async with ClientSession(read, write) as session:
            opened = await session.initialize()
            report["version"] = opened.protocolVersion
            report["server"] = opened.serverInfo.name
            report["tools"] = [each.name for each in (await session.list_tools()).tools]

            async def progress(value, total, message):
                report["progress"].append([time.monotonic(), value])
                if "mark" in arguments:
                    Path(f"{arguments['mark']}.{value:g}").touch()

            result = await session.call_tool(tool, arguments, progress_callback=progress)
            report["result"] = result.content[0].text
            report["has_session"] = session_id() is not None
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))
