"""Output as the commands pass it on: each byte once, whatever happens between (workers O3, O4, O9, O10)."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from panels.door import opened
from panels.system import WORKER_ID, System, running_system
from triptych.cli.address import Server
from triptych.cli.client import Client
from triptych.cli.output import frames, read
from triptych.cli.records import Frame
from triptych.messages import Ended
from triptych.model import End, EndReason, State, Submission
from triptych.settings import Settings
from triptych.wiring import PANELS


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, PANELS) as system:
        yield system


@asynccontextmanager
async def a_door(system: System, folder: Path, port: int = 0) -> AsyncIterator[int]:
    """Serve the system at a door that can be closed and opened again while its jobs go on; the port."""
    async with opened(PANELS, Settings(data_dir=folder, port=port), system.engine) as door:
        yield door.port


async def submitted(system: System) -> str:
    job = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}, worker_id=WORKER_ID))
    await system.job(job.id, State.RUNNING)
    return job.id


async def ended(system: System, job_id: str, size: int) -> None:
    facts = {"output": {"stdout": {"bytes": size, "gaps": []}}}
    await system.worker.report(job_id, Ended(end=End(reason=EndReason.EXITED, exit_code=0), facts=facts))
    await system.job(job_id, State.ENDED)


def _data(line: bytes) -> bytes:
    return msgspec.json.decode(line, type=Frame).data


async def _followed(client: Client, job_id: str, *, raw: bool) -> AsyncIterator[bytes]:
    async for piece in read(client, job_id, "stdout", follow=True) if raw else frames(client, job_id, follow=True):
        yield piece if raw else _data(piece)


@pytest.mark.parametrize("raw", [True, False], ids=["one stream", "both streams"])
async def test_who_follows_reads_on_when_the_server_is_back(system: System, tmp_path: Path, *, raw: bool) -> None:
    """workers O3, F1: each byte once, from two servers."""
    job_id = await submitted(system)
    async with AsyncExitStack() as first:
        port = await first.enter_async_context(a_door(system, tmp_path))
        async with Client(Server(server=f"http://127.0.0.1:{port}")) as client:
            pieces, got = _followed(client, job_id, raw=raw), b""
            await system.worker.write(job_id, b"before ")
            while got != b"before ":
                got += await anext(pieces)
            await first.aclose()
            await system.worker.write(job_id, b"after", 7)
            await ended(system, job_id, 12)
            async with a_door(system, tmp_path, port):
                got += b"".join([piece async for piece in pieces])
    assert got == b"before after"


async def test_a_gap_is_told_and_the_bytes_around_it_come(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    """workers O4, O9."""
    job_id = await submitted(system)
    await system.worker.write(job_id, b"012")
    await system.worker.write(job_id, b"6789", 6)
    await ended(system, job_id, 10)
    async with Client(Server(server=f"http://127.0.0.1:{system.door.port}")) as client:
        for follow in (True, False):
            assert b"".join([data async for data in read(client, job_id, "stdout", follow=follow)]) == b"0126789"
            assert capsys.readouterr().err == "triptych: bytes 3-6 of stdout were not kept\n"
            told = [msgspec.json.decode(line, type=Frame) async for line in frames(client, job_id, follow=follow)]
            assert [(frame.data, frame.gap) for frame in told] == [(b"012", None), (b"", (3, 6)), (b"6789", None)]


def test_lines_of_json_tell_both_streams(call):
    """workers O10."""
    job = json.loads(call("run", "--json", "--", "sh", "-c", "echo out; sleep 0.2; echo err >&2").stdout)
    told = [json.loads(line) for line in call("logs", "--json", job["id"]).stdout.splitlines()]
    assert [(frame["seq"], frame["stream"], frame["offset"], frame["data"]) for frame in told] == [
        (4, "stdout", 0, "b3V0Cg=="),
        (8, "stderr", 0, "ZXJyCg=="),
    ]
