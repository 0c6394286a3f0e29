"""A system that ends with whoever started it."""

import signal
import subprocess
import sys

import httpx
import pytest

from cli.deserted import is_deserted
from triptych.cli.demo.server import Server
from triptych.errors import Unavailable

HOLDER = """
import asyncio, sys
from pathlib import Path
from triptych.cli.demo.server import Server
async def hold():
    async with Server(Path(sys.argv[1])):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""


async def test_it_is_ready_while_it_is_entered_and_gone_afterwards(tmp_path):
    async with Server(tmp_path / "data") as server, httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/readyz")).status_code == 200
    assert is_deserted(tmp_path / "data")


async def test_a_server_that_cannot_start_tells_why(tmp_path):
    async with Server(tmp_path / "data") as server:
        with pytest.raises(Unavailable, match=str(server.port)):
            await Server(tmp_path / "other", port=server.port).__aenter__()


def test_it_ends_with_a_holder_that_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "data"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        holder.send_signal(signal.SIGKILL)
    assert is_deserted(tmp_path / "data")
