"""A worker's processes: which are kept, which are let go, and which are killed."""

import os
import signal

from agent.site import Site, marked
from triptych.agent.spool import pages_of
from triptych.agent.tree import stat
from triptych.messages import Running
from triptych.model import EndReason


async def shim_of(site: Site, job_id: str) -> int:
    report = await site.until(job_id, Running)
    assert isinstance(report.body, Running)
    now = stat(report.body.pid)
    assert now is not None
    return now.parent


async def test_a_frozen_shim_is_killed_and_its_job_is_lost(site: Site) -> None:
    """workers K13, F5: after five beats of a living agent without a word."""
    assert site.agent is not None
    frozen, _ = await site.run("bash", "-c", "setsid sleep 1000 & sleep 1000")
    awake, _ = await site.run("sleep", "1000")
    shim = await shim_of(site, frozen)
    os.kill(shim, signal.SIGSTOP)
    beats = 0
    while stat(shim) is not None:
        site.agent._crew.ping(site.agent._busy(), 0.0)
        beats += 1
        await site.do_nothing()
        assert beats < 1000
    assert beats > 5
    assert (await site.ended(frozen)).end.reason is EndReason.WORKER_LOST
    assert not marked(frozen)
    await site.stop(awake)
    assert (await site.ended(awake)).end.reason is EndReason.STOPPED


async def test_a_spool_goes_with_its_shim_once_nothing_on_it_is_missed(site: Site) -> None:
    """workers O5."""
    assert site.agent is not None
    crew = site.agent._crew
    jobs = [job_id for job_id, _ in [await site.run("true") for _ in range(3)]]
    for job_id in jobs:
        await site.ended(job_id)
    process = next(iter(crew))
    crew.receipts.take([(job_id, 1, 99) for job_id in jobs])
    assert pages_of(process.spool) == [1]
    process.close()
    await process.left
    async with site.patience():
        while pages_of(process.spool):
            await site.do_nothing()
