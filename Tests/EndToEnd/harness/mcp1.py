"""Runs a client of the SDK's 1.x line in the environment that has it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from harness.gateway import REPOSITORY

PYTHON = Path(os.environ.get("AUDGATE_MCP1_PYTHON", REPOSITORY / ".venv-mcp1/bin/python"))
CLIENT = Path(__file__).parent / "mcp1_client.py"


def mcp1(
    url: str, token: str, tool: str, arguments: dict[str, Any], ca: Path | None = None
) -> dict[str, Any]:
    """Connect with the token (or by `oauth`), trusting `ca`, call the tool, and give the client's report."""
    environment = {**os.environ, **({"SSL_CERT_FILE": str(ca)} if ca else {})}
    command = [str(PYTHON), str(CLIENT), url, token, tool, json.dumps(arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=40, env=environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
