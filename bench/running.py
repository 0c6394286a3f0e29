"""A server for a bench, alone on a temporary data folder."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from triptych.cli.demo.server import Server


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Server, str]]:
    """Give a ready server and the id of its worker."""
    with tempfile.TemporaryDirectory(prefix="triptych-bench-", ignore_cleanup_errors=True) as folder:
        async with Server(Path(folder)) as server:
            yield server, server.worker_id
