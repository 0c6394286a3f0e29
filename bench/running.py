"""A server for a bench, alone on a temporary data folder."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from triptych.cli.demo.server import Server


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Server, str]]:
    """Give a ready server and the id of its worker."""
    with tempfile.TemporaryDirectory(prefix="triptych-bench-", ignore_cleanup_errors=True) as folder:
        async with Server(Path(folder)) as server:
            yield server, await worker_id(server)


async def worker_id(server: Server) -> str:
    """Return the id of the only worker."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        return str((await client.get("/api/v1/workers")).raise_for_status().json()["workers"][0]["id"])
