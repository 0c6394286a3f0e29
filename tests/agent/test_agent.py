"""engine.md E5 and 2.4, workers K8 to K12: what an agent promises while its parts are killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.site import WORKER, Site, gone, marked
from triptych.agent.agent import Agent
from triptych.agent.tree import stat
from triptych.agent.verdicts import LEFT
from triptych.buses.memory import MemoryBus
from triptych.clock import SystemClock
from triptych.kinds import KINDS
from triptych.messages import Answer, Ask, Ended, Pause, Reconcile, Refused, Renew, Running, Start, Stock, Stop
from triptych.model import EndReason, Fault, Place, WorkerState

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
NAMED = {"camera": "work", "annotate": "work", "command": "hurry", "idler": "leave"}
SMALL_AGENT = """
import asyncio, sys
from pathlib import Path
from agent.site import Site

async def main():
    async with Site(Path(sys.argv[1])) as site:
        for job_id in sys.argv[2:]:
            await site.run("sh", "-c", "trap '' TERM; (setsid sleep 1000 &) ; echo ready; while :; do sleep 1; done", job_id=job_id)
            await site.written(job_id, 6)
        print("ready", flush=True)
        await asyncio.sleep(1000)

asyncio.run(main())
"""


def small_agent(folder: Path, *job_ids: str) -> "subprocess.Popen[bytes]":
    """An agent in a process of its own, with these jobs running once it said so."""
    agent = subprocess.Popen(
        [sys.executable, "-c", SMALL_AGENT, str(folder), *job_ids],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert agent.stdout is not None
    assert agent.stdout.readline() == b"ready\n"
    return agent


async def vanished(mark: str) -> None:
    """Wait until no process carries this mark."""
    async with asyncio.timeout(30):
        while marked(mark):
            await asyncio.sleep(0.01)


def fork_server(site: Site) -> int:
    assert site.agent is not None
    return site.agent._crew._forks["shim"].pid


async def shim_of(site: Site, job_id: str) -> int:
    report = await site.until(job_id, Running)
    assert isinstance(report.body, Running)
    now = stat(report.body.pid)
    assert now is not None
    return now.parent


async def test_it_announces_itself_with_its_slots_and_kill_tiers(site: Site) -> None:
    async with asyncio.timeout(30):
        while not site.workers:
            await asyncio.sleep(0.005)
    worker = site.workers[0]
    assert worker is not None
    assert (worker.id, worker.state, worker.slots) == (WORKER, WorkerState.READY, {"command": 256})
    assert worker.facts["kill_tiers"] == ["subreaper"]
    assert worker.boot_id == BOOT_ID


async def test_a_heartbeat_announces_it_again(site: Site) -> None:
    assert site.agent is not None
    before = len(site.workers)
    await site.agent.run_once()
    async with asyncio.timeout(30):
        while len(site.workers) <= before:
            await asyncio.sleep(0.005)


async def test_a_repeated_start_starts_nothing_twice(site: Site) -> None:
    """engine.md E5: at once, while it runs and when it is over."""
    start = ("sh", "-c", "echo once >> $TRIPTYCH_WORKDIR/../log; sleep 0.3")
    job_id = str(uuid.uuid4())
    replies = await asyncio.gather(*(site.run(*start, job_id=job_id) for _ in range(5)))
    await site.ended(job_id)
    again = await site.run(*start, job_id=job_id)
    assert len({repr(reply) for reply in (*replies, again)}) == 1
    assert (site.folder / "data" / "work" / "log").read_text() == "once\n"


async def test_a_repeated_start_that_failed_fails_with_the_same_words(site: Site) -> None:
    job_id, first = await site.run("nosuch")
    await site.ended(job_id)
    _, again = await site.run("nosuch", job_id=job_id)
    assert again == first


async def test_the_next_attempt_is_another_start(site: Site) -> None:
    job_id, _ = await site.run("true")
    await site.ended(job_id)
    _, reply = await site.run("true", job_id=job_id, attempt=2)
    assert isinstance(reply, Answer)
    assert (await site.ended(job_id, attempt=2)).end.exit_code == 0


async def test_many_starts_at_once_outrun_the_pool(site: Site) -> None:
    started = await asyncio.gather(*(site.run("sh", "-c", "echo $TRIPTYCH_JOB_ID") for _ in range(40)))
    for job_id, _ in started:
        await site.ended(job_id)
        assert site.output(job_id).decode().strip() == job_id


async def test_idle_shims_above_the_pools_size_go_again(site: Site) -> None:
    """Workers K10."""
    assert site.agent is not None
    jobs = [await site.run("sleep", "1000") for _ in range(20)]
    await asyncio.gather(*(site.stop(job_id) for job_id, _ in jobs))
    for _ in range(2):
        await site.agent.run_once()
    async with asyncio.timeout(30):
        while len(list(site.agent._crew)) > 8:
            await asyncio.sleep(0.01)
    assert not site.agent._held


async def test_a_killed_shim_is_a_lost_job_whose_tree_is_dead(site: Site) -> None:
    """Workers K8 (third tier), F3: orphans fall to the fork server."""
    job_id, _ = await site.run("sh", "-c", "(env -i setsid sh -c 'echo $$ 1>&2; exec sleep 1000' &); sleep 1000")
    hidden = int(await site.written(job_id, 2, "stderr"))
    os.kill(await shim_of(site, job_id), signal.SIGKILL)
    ended = await site.ended(job_id)
    assert ended.end.reason is EndReason.WORKER_LOST
    assert (ended.end.exit_code, ended.end.signal) == (None, None)
    assert not marked(job_id)
    assert stat(hidden) is None
    numbers = [report.seq for report in site.of(job_id)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_stop_of_a_job_whose_shim_dies_is_done(site: Site) -> None:
    job_id, _ = await site.run("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    await site.written(job_id, 6)
    shim = await shim_of(site, job_id)
    stop = asyncio.create_task(site.stop(job_id, grace_s=60))
    await asyncio.sleep(0)
    os.kill(shim, signal.SIGKILL)
    assert await stop == Answer()
    assert not marked(job_id)


async def test_a_killed_fork_server_loses_nothing_and_is_replaced(site: Site) -> None:
    """Workers F3."""
    job_id, _ = await site.run("sh", "-c", "echo ready; read line; sleep 1000; exit 3")
    await site.written(job_id, 6)
    before = fork_server(site)
    os.kill(before, signal.SIGKILL)
    await gone(before)
    others = await asyncio.gather(*(site.run("true") for _ in range(20)))
    for other, _ in others:
        assert (await site.ended(other)).end.exit_code == 0
    async with asyncio.timeout(30):
        while fork_server(site) == before:
            await asyncio.sleep(0.01)
    assert await site.stop(job_id) == Answer()
    assert (await site.ended(job_id)).end.reason is EndReason.STOPPED


async def test_a_shim_that_outlived_its_fork_server_is_mourned_too(site: Site) -> None:
    job_id, _ = await site.run("sh", "-c", "setsid sleep 1000 & echo ready; sleep 1000")
    await site.written(job_id, 6)
    os.kill(fork_server(site), signal.SIGKILL)
    await gone(fork_server(site))
    os.kill(await shim_of(site, job_id), signal.SIGKILL)
    assert (await site.ended(job_id)).end.reason is EndReason.WORKER_LOST
    assert not marked(job_id)


async def test_a_killed_agent_leaves_commands_to_the_next_and_nothing_else(tmp_path: Path) -> None:
    """workers K11, F2: kill -9 of the agent; shims go on, and end when their jobs do, the fork server after them."""
    jobs = [str(uuid.uuid4()) for _ in range(3)]
    agent = await asyncio.to_thread(small_agent, tmp_path, *jobs)
    below = _below(agent.pid)
    agent.kill()
    assert agent.stdout is not None
    agent.stdout.close()
    await asyncio.to_thread(agent.wait)
    async with Site(tmp_path) as heir:
        for job_id in jobs:
            report = await heir.until(job_id, Running)
            assert isinstance(report.body, Running)
            assert report.body.pid in below
            assert isinstance(await heir.stop(job_id, 0.2), Answer)
            assert (await heir.ended(job_id)).end.reason is EndReason.STOPPED
            assert not marked(job_id)
    for pid in below:
        await gone(pid)
    assert len(below) > 10


async def test_the_next_agent_knows_what_was_spawned_and_ends_what_is_left(tmp_path: Path) -> None:
    """Workers K12: all helpers die at once, the tree stays; the next start ends it before it announces itself."""
    job_id = str(uuid.uuid4())
    agent = await asyncio.to_thread(small_agent, tmp_path, job_id)
    for pid in (agent.pid, *(pid for pid in _below(agent.pid) if pid not in marked(job_id))):
        os.kill(pid, signal.SIGKILL)
    assert agent.stdout is not None
    agent.stdout.close()
    await asyncio.to_thread(agent.wait)
    assert marked(job_id)
    bus = MemoryBus()
    place = Place(worker_id=WORKER, data_dir=str(tmp_path / "data"))
    async with Agent(bus=bus, place=place, slots={"command": 4}, clock=SystemClock()) as heir:
        assert not marked(job_id)
        stock = await heir.handle(Reconcile(jobs=((job_id, 1),)))
        assert stock == Answer(data=msgspec.to_builtins(Stock(gone=(job_id,))))
    await bus.close()


async def test_what_could_not_be_spawned_is_told_or_never_was(site: Site) -> None:
    """workers L3."""
    good, _ = await site.run("true")
    bad, _ = await site.run("nosuch")
    await site.ended(good)
    await site.ended(bad)
    keys = ((good, 1), (bad, 1))
    assert await site.do(Reconcile(jobs=keys)) == Answer(data=msgspec.to_builtins(Stock(told=tuple(sorted((good, bad))))))
    assert await site.do(Renew(taken=((good, 1, 99), (bad, 1, 99)))) == Answer()
    assert await site.do(Reconcile(jobs=keys)) == Answer(data=msgspec.to_builtins(Stock(gone=(good,), never=(bad,))))


async def test_closing_ends_every_process_within_five_seconds(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        job_id, _ = await site.run("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
        await site.written(job_id, 6)
        server = fork_server(site)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert stat(server) is None
    assert not marked(job_id)
    assert site.workers[-1] is None


async def test_closing_with_stops_tells_each_end_first(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        assert site.agent is not None
        job_id, _ = await site.run("sleep", "1000")
        await site.agent.close(stop_jobs=True)
        assert (await site.ended(job_id)).end.reason is EndReason.STOPPED
        with pytest.raises(Exception, match="worker not connected"):
            await site.run("true")


async def test_a_kind_without_slots_is_refused(site: Site) -> None:
    refused = Refused(code="invalid", message="this worker runs no camera jobs")
    assert await site.do(Start(job_id="c", kind="camera", attempt=1, process="camera:1", spec={})) == refused
    assert await site.do(Ask(process="camera:1", kind="camera", spec={}, verb="look")) == refused


async def test_a_pause_of_an_unknown_job_is_refused(site: Site) -> None:
    assert await site.do(Pause(job_id="nobody")) == Refused(code="job_not_found", message="job not found")


async def test_nothing_of_a_finished_job_is_kept(site: Site) -> None:
    assert site.agent is not None
    for _ in range(3):
        job_id, _ = await site.run("true")
        await site.ended(job_id)
    assert not site.agent._held
    assert not any(outbox._reports for outbox in site.agent._crew._outboxes.values())


@pytest.fixture
async def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A worker whose kinds live in processes that have a name."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    kinds = {
        kind: replace(KINDS.get(kind, KINDS["camera"]), run=f"agent.entries:{entry}", fork_server="media") for kind, entry in NAMED.items()
    }
    async with Site(tmp_path, kinds=kinds) as site:
        yield site


def ask(kind: str, verb: str = "look", process: str = "camera:1") -> Ask:
    return Ask(process=process, kind=kind, spec={}, verb=verb)


def start(kind: str, job_id: str = "job", process: str = "camera:1") -> Start:
    return Start(job_id=job_id, kind=kind, attempt=1, process=process, spec={})


async def test_everything_of_one_name_reaches_one_process(named: Site) -> None:
    replies = await asyncio.gather(*(named.do(ask("camera")) for _ in range(5)), named.do(start("camera")))
    other = await named.do(ask("camera", process="camera:2"))
    assert len({repr(reply) for reply in replies}) == 1
    assert other != replies[0]


async def test_a_dead_camera_is_a_lost_job_and_the_next_call_starts_another(named: Site) -> None:
    first = await named.do(start("camera"))
    assert await named.do(ask("camera", "crash")) == Refused(code="worker_lost", message="the process died")
    ended = await named.ended("job")
    assert ended.end.reason is EndReason.WORKER_LOST
    assert [report.seq for report in named.of("job")] == [1, 2]
    again = await named.do(ask("camera"))
    assert isinstance(again, Answer)
    assert again != first


async def test_a_dead_annotation_failed(named: Site) -> None:
    reply = await named.do(start("annotate", process="job"))
    assert isinstance(reply, Answer)
    os.kill(reply.data["pid"], signal.SIGKILL)
    ended = await named.ended("job")
    assert ended.end.reason is EndReason.FAILED
    assert ended.end.fault == Fault(code="internal", message="the job process died (signal 9)")


@pytest.mark.parametrize("request_", [ask("command"), start("command", process="camera:1")])
async def test_a_process_that_ends_by_itself_just_then_is_followed_by_another(named: Site, request_: Ask | Start) -> None:
    assert isinstance(await named.do(request_), Answer)
    assert not any(isinstance(report.body, Ended) for report in named.reports)


async def test_a_process_that_always_ends_by_itself_is_given_up(named: Site) -> None:
    assert await named.do(ask("idler")) == LEFT
    assert await named.do(start("idler")) == LEFT
    assert await named.do(Stop(job_id="job", by="test")) == Answer()
    assert await named.do(Stop(job_id="job", by="test", attempt=1)) == Refused(code="job_not_found", message="job not found")


def _below(pid: int) -> list[int]:
    """Every process that descends from `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (now := stat(int(entry.name))) is not None:
            parents[int(entry.name)] = now.parent
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {pid})
