"""One agent after the other on the same folder: jobs go on, and what became of the others is told."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from agent.site import Site, gone, marked
from triptych.agent.tree import stat
from triptych.messages import Answer, Pause, Paused, Reconcile, Refused, Resumed, Running, Stock, Stop
from triptych.model import EndReason

TICKS = "trap 'exit 5' USR1; n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"


async def pid_of(site: Site, job_id: str) -> int:
    report = await site.until(job_id, Running)
    assert isinstance(report.body, Running)
    return report.body.pid


async def leave(site: Site) -> None:
    """End the agent as SIGTERM does."""
    assert site.agent is not None
    await site.agent.close(stop_jobs=False)


async def stock(site: Site, *keys: tuple[str, int]) -> Stock:
    reply = await site.do(Reconcile(jobs=keys))
    assert isinstance(reply, Answer)
    return msgspec.convert(reply.data, Stock)


async def test_a_job_goes_on_and_every_byte_and_number_of_it_arrives(tmp_path: Path) -> None:
    """workers K11, L8: same pid, same attempt; nothing is missing and nothing comes in another order."""
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("bash", "-c", TICKS)
        pid = await pid_of(first, job_id)
        await first.written(job_id, 6)
        await leave(first)
        async with Site(tmp_path) as second:
            assert await stock(second, (job_id, 1)) == Stock(live={job_id: "running"})
            await second.written(job_id, len(first.output(job_id)) + 10)
            assert await pid_of(second, job_id) == pid
            os.kill(pid, signal.SIGUSR1)
            ended = await second.ended(job_id)
            assert (ended.end.reason, ended.end.exit_code) == (EndReason.EXITED, 5)
            output = second.output(job_id)
            assert output == b"".join(b"%d\n" % number for number in range(1, output.count(b"\n") + 1))
            assert output.startswith(first.output(job_id))
            assert [report.seq for report in second.of(job_id)] == list(range(1, len(second.of(job_id)) + 1))


async def test_a_job_that_ends_while_nobody_is_there_tells_its_true_end(tmp_path: Path) -> None:
    """workers F4."""
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("bash", "-c", "trap 'echo last; exit 5' USR1; echo first; while :; do sleep 0.02; done")
        pid = await pid_of(first, job_id)
        await first.written(job_id, 6)
        await leave(first)
        os.kill(pid, signal.SIGUSR1)
        await gone(pid)
        async with Site(tmp_path) as second:
            ended = await second.ended(job_id)
            assert (ended.end.reason, ended.end.exit_code) == (EndReason.EXITED, 5)
            assert second.output(job_id) == b"first\nlast\n"
            assert await stock(second, (job_id, 1)) == Stock(told=(job_id,))


async def test_an_adopted_job_is_paused_and_stopped_as_any_other(tmp_path: Path) -> None:
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("bash", "-c", "setsid sleep 1000 & sleep 1000")
        await pid_of(first, job_id)
        assert await first.do(Pause(job_id=job_id)) == Answer()
        await leave(first)
        async with Site(tmp_path) as second:
            await second.until(job_id, Paused)
            assert (await stock(second, (job_id, 1))).live == {job_id: "paused"}
            assert await second.stop(job_id) == Answer()
            assert (await second.ended(job_id)).end.reason is EndReason.STOPPED
            assert not any(isinstance(report.body, Resumed) for report in second.of(job_id))
            assert not marked(job_id)


async def test_what_nobody_holds_any_more_is_dead_and_gone_and_what_never_began_never_will(tmp_path: Path) -> None:
    """workers K12, L3, L6: whoever was killed with everything around it has its tree ended before anything new starts."""
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("bash", "-c", "setsid sleep 1000 & sleep 1000")
        pid = await pid_of(first, job_id)
        now = stat(pid)
        assert now is not None
        assert first.agent is not None
        server = first.agent._crew._forks["shim"].pid
        await leave(first)
        os.kill(server, signal.SIGKILL)
        os.kill(now.parent, signal.SIGKILL)
        await gone(now.parent)
        assert marked(job_id)
        async with Site(tmp_path) as second:
            assert not marked(job_id)
            assert await stock(second, (job_id, 1), ("other", 1)) == Stock(gone=(job_id,), never=("other",))
            _, reply = await second.run("true", job_id="other")
            assert isinstance(reply, Refused)
            assert not second.of("other")
        await asyncio.to_thread(os.waitpid, server, 0)


async def test_a_killed_shim_whose_fork_server_is_retired_is_swept(tmp_path: Path) -> None:
    """workers F3, K8: whoever sees that the shim is gone knows that its tree is."""
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("bash", "-c", "(env -i setsid sh -c 'echo $$ 1>&2; exec sleep 1000' &); sleep 1000")
        hidden = int(await first.written(job_id, 2, "stderr"))
        pid = await pid_of(first, job_id)
        await leave(first)
        async with Site(tmp_path) as second:
            now = stat(pid)
            assert now is not None
            os.kill(now.parent, signal.SIGKILL)
            assert (await second.ended(job_id)).end.reason is EndReason.WORKER_LOST
            assert stat(hidden) is None
            assert not marked(job_id)


async def test_strangers_are_told(tmp_path: Path) -> None:
    """workers L3."""
    async with Site(tmp_path) as site:
        job_id, _ = await site.run("sleep", "1000")
        assert await stock(site) == Stock(strangers=((job_id, 1),))
        await site.stop(job_id)


async def test_an_attempt_that_was_revoked_is_not_begun(tmp_path: Path) -> None:
    """workers L6: the start comes after the stop that revokes it."""
    async with Site(tmp_path) as site:
        revoked = await site.do(Stop(job_id="late", by="engine", attempt=1))
        assert revoked == Refused(code="job_not_found", message="job not found")
        _, reply = await site.run("true", job_id="late")
        assert isinstance(reply, Refused)
        _, reply = await site.run("true", job_id="late", attempt=2)
        assert isinstance(reply, Answer)
        assert await site.do(Stop(job_id="late", by="engine", attempt=1)) == revoked
        assert (await site.ended("late", attempt=2)).end.exit_code == 0


async def test_a_hundred_jobs_are_adopted_at_once(tmp_path: Path) -> None:
    """workers P8, on a small scale."""
    async with Site(tmp_path) as first:
        jobs = [job_id for job_id, _ in await asyncio.gather(*(first.run("sleep", "1000") for _ in range(100)))]
        await leave(first)
        async with asyncio.timeout(60):
            async with Site(tmp_path) as second:
                keys = tuple((job_id, 1) for job_id in jobs)
                assert (await stock(second, *keys)).live == dict.fromkeys(jobs, "running")
                assert second.agent is not None
                await second.agent.close(stop_jobs=True)
    assert not any(marked(job_id) for job_id in jobs)


async def test_not_a_byte_of_a_loud_job_is_missing_when_its_line_is_cut_amid_them(tmp_path: Path) -> None:
    """workers F1, O3: over several pages, while the line takes less than is written."""
    code = "import sys\nfor n in range(24_000): sys.stdout.write(f'{n:06d} ' * 143 + '\\n')"
    whole = b"".join(b"%06d " % number * 143 + b"\n" for number in range(24_000))
    async with Site(tmp_path) as first:
        job_id, _ = await first.run(sys.executable, "-c", code)
        await first.written(job_id, 1 << 20)
        await leave(first)
        async with Site(tmp_path) as second:
            await second.ended(job_id)
            assert second.output(job_id) == whole
            assert [report.seq for report in second.of(job_id)] == list(range(1, len(second.of(job_id)) + 1))


async def test_a_timeout_goes_on_through_a_change_of_agents(tmp_path: Path) -> None:
    """workers K11, K7: same timers."""
    async with Site(tmp_path) as first:
        job_id, _ = await first.run("sleep", "1000", timeout_s=1.0)
        await leave(first)
        async with Site(tmp_path) as second:
            assert (await second.ended(job_id)).end.reason is EndReason.TIMED_OUT
