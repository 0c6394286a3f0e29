"""A fork server and its job processes, from the agent's side."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.site import gone
from triptych.agent.forks import Forks
from triptych.agent.process import Process
from triptych.agent.tree import stat
from triptych.clock import SystemClock
from triptych.errors import Unavailable
from triptych.messages import Answer, Pause, Refused, Start
from triptych.model import Place

ASK = Pause(job_id="j")
GONE = Refused(code="gone", message="gone")


@pytest.fixture(autouse=True)
def _tests_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[Forks]:
    async with running(Forks(Place(worker_id="w", data_dir=str(tmp_path)), SystemClock(), modules=["agent.entries", "no.such"])) as forks:
        yield forks


@asynccontextmanager
async def running(forks: Forks) -> AsyncIterator[Forks]:
    forks.start()
    yield forks
    await forks.close()


async def process(forks: Forks, entry: str) -> Process:
    made = Process("", await forks.fork(f"agent.entries:{entry}"), lambda *_: None, lambda lost: lost.settle(lambda _: GONE))
    made.listen()
    return made


async def test_a_job_process_answers_over_its_line(forks: Forks) -> None:
    one, two = await asyncio.gather(process(forks, "echo"), process(forks, "echo"))
    assert await one.ask(ASK) == Answer(data={"pid": one.pid, "worker": "w"})
    assert await two.ask(ASK) == Answer(data={"pid": two.pid, "worker": "w"})
    assert one.pid != two.pid
    for process_ in (one, two):
        process_.close()
        assert await process_.left == 0


async def test_a_job_process_has_only_its_line_and_default_signals(forks: Forks) -> None:
    """engine.md 2.4, workers S8: nothing of the fork server or of another job is open; only SIGPIPE is ignored.

    Signals 32 and 33 are the C library's own: whoever was begun by its posix_spawn, as all below make are, inherits them ignored.
    """
    first, second = await process(forks, "echo"), await process(forks, "look")
    reply = await second.ask(ASK)
    assert isinstance(reply, Answer)
    assert len(reply.data["descriptors"]) == 5
    of_libc = 0b11 << 31
    assert {name: masks & ~of_libc for name, masks in reply.data["signals"].items()} == {
        "SigBlk": 0,
        "SigIgn": 1 << (signal.SIGPIPE - 1),
        "SigCgt": 0,
    }
    assert reply.data["threads"] == 1
    first.close()
    second.close()


async def test_a_module_that_cannot_be_imported_is_told(forks: Forks) -> None:
    one = await process(forks, "echo")
    assert forks.ready
    assert set(forks.missing) == {"no.such"}
    one.close()


async def test_a_crash_is_an_exit_status(forks: Forks) -> None:
    one = await process(forks, "crash")
    assert await one.left == 1
    one.close()


async def test_what_a_killed_process_leaves_is_dead_before_its_end_is_told(forks: Forks) -> None:
    """Workers K8, third tier."""
    one = await process(forks, "desert")
    reply = await one.ask(ASK)
    assert isinstance(reply, Answer)
    one.ask(ASK)
    assert await one.left == -signal.SIGKILL
    assert stat(reply.data["left"]) is None
    one.close()


async def test_other_job_processes_are_spared(forks: Forks) -> None:
    one, other = await process(forks, "desert"), await process(forks, "echo")
    await one.ask(ASK)
    one.ask(ASK)
    await one.left
    assert await other.ask(ASK) == Answer(data={"pid": other.pid, "worker": "w"})
    one.close()
    other.close()


async def test_a_process_that_outlives_its_line_can_be_killed(forks: Forks) -> None:
    one = await process(forks, "linger")
    async with asyncio.timeout(30):
        while not one.closed:
            await asyncio.sleep(0.005)
    assert stat(one.pid) is not None
    forks.kill(one.pid)
    assert await one.left == -signal.SIGKILL
    forks.kill(one.pid)


async def test_a_dead_fork_server_is_started_again_and_its_processes_live(forks: Forks) -> None:
    """Workers F3."""
    one = await process(forks, "echo")
    before = forks.pid
    os.kill(before, signal.SIGKILL)
    assert await one.left is None
    two = await process(forks, "echo")
    assert forks.pid != before
    assert await one.ask(ASK) == Answer(data={"pid": one.pid, "worker": "w"})
    one.close()
    two.close()
    await gone(one.pid)


async def test_closing_ends_every_process_and_refuses_more(tmp_path: Path) -> None:
    async with running(Forks(Place(worker_id="w", data_dir=str(tmp_path)), SystemClock(), modules=["agent.entries"])) as forks:
        one = await process(forks, "echo")
        one.close()
    assert stat(one.pid) is None
    assert stat(forks.pid) is None
    with pytest.raises(Unavailable):
        await forks.fork("agent.entries:echo")


async def test_its_environment_is_set_before_its_imports(tmp_path: Path) -> None:
    """engine.md 2.4: the media fork server has one thread because of its environment."""
    env = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    place = Place(worker_id="w", data_dir=str(tmp_path))
    async with running(Forks(place, SystemClock(), modules=["numpy", "agent.entries"], env=env)) as forks:
        one = await process(forks, "look")
        reply = await one.ask(Start(job_id="j", kind="annotate", attempt=1, process="j", spec={}))
        assert isinstance(reply, Answer)
        assert reply.data["threads"] == 1
        assert len(os.listdir(f"/proc/{forks.pid}/task")) == 1  # noqa: PTH208 - /proc
        one.close()
