"""Workers K1 to K9 in every kill tier that this machine has."""

import os
import signal
import time
from pathlib import Path

import pytest

from agent.site import Site, gone, marked
from agent.tiers.grounds import DEAF, RESISTANT, ready
from triptych.agent.tiers import TIERS, choose
from triptych.agent.tree import stat
from triptych.messages import Answer, Pause, Paused, Resume, Running
from triptych.model import EndReason


def tier_of(site: Site) -> str:
    return site.place.kill_tiers[0]


def touch(folder: str, name: str) -> None:
    Path(folder, name).touch()


def test_the_order_is_that_of_the_specification() -> None:
    """Workers K8."""
    assert tuple(TIERS) == ("cgroup", "pidns", "subreaper")
    assert choose(("cgroup", "pidns"), needs_setuid=True) == "cgroup"
    assert choose(("pidns", "subreaper"), needs_setuid=False) == "pidns"
    assert choose(("pidns", "subreaper"), needs_setuid=True) == "subreaper"
    assert choose(("pidns",), needs_setuid=True) == "subreaper"


@pytest.mark.parametrize("resistance", RESISTANT)
async def test_whatever_resists_is_dead_when_the_stop_is_answered(site: Site, resistance: str) -> None:
    """Workers K2, K8: in 20 of 20 runs."""
    for _ in range(20):
        job_id = await ready(site, *RESISTANT[resistance])
        assert await site.stop(job_id, grace_s=0.1) == Answer()
        assert not marked(job_id)
        ended = await site.ended(job_id)
        assert (ended.end.reason, ended.facts["kill_tier"]) == (EndReason.STOPPED, tier_of(site))


async def test_the_record_names_the_tier_and_the_hosts_pid(site: Site) -> None:
    """Workers K8, N0."""
    job_id, reply = await site.run("sleep", "1000")
    running = (await site.until(job_id, Running)).body
    assert isinstance(running, Running)
    assert reply == Answer(data={"pid": running.pid})
    assert running.facts["kill_tier"] == tier_of(site)
    assert marked(job_id) == [running.pid]
    assert await site.stop(job_id) == Answer()
    assert stat(running.pid) is None


async def test_a_stop_asks_before_it_kills(site: Site) -> None:
    """Workers K1."""
    job_id = await ready(site, "sh", "-c", "trap 'echo term; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
    assert await site.stop(job_id) == Answer()
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.STOPPED, 7)
    assert site.output(job_id) == b"ready\nterm\n"


async def test_the_grace_is_kept(site: Site) -> None:
    """Workers K1."""
    job_id = await ready(site, "sh", "-c", DEAF)
    begun = time.monotonic()
    assert await site.stop(job_id, grace_s=0.5) == Answer()
    assert time.monotonic() - begun >= 0.5
    assert (await site.ended(job_id)).end.signal == signal.SIGKILL


async def test_what_the_main_process_leaves_is_ended_and_counted(site: Site) -> None:
    """Workers K6."""
    job_id, _ = await site.run("sh", "-c", "sleep 1000 & sleep 1000 & setsid sleep 1000 & exit 4")
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code, ended.facts["leftovers_killed"]) == (EndReason.EXITED, 4, 3)
    assert not marked(job_id)


async def test_leftovers_that_are_waited_for_keep_the_job_running(site: Site) -> None:
    """Workers K6: `leftovers: wait`."""
    late = "(while [ ! -e go ]; do sleep 0.01; done; echo late) & echo ready; exit 4"
    job_id = await ready(site, "sh", "-c", late, cwd="work", leftovers="wait")
    await gone((await site.until(job_id, Running)).body.pid)
    touch((await site.until(job_id, Running)).body.facts["work_dir"], "go")
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code, ended.facts["leftovers_killed"]) == (EndReason.EXITED, 4, 0)
    assert site.output(job_id) == b"ready\nlate\n"


async def test_a_stop_of_leftovers_that_are_waited_for_is_a_stop(site: Site) -> None:
    """Workers K4, K6: the job runs, so a user ends it; the exit code stays that of the main process."""
    job_id = await ready(site, "sh", "-c", "sleep 1000 & echo ready; exit 4", leftovers="wait")
    await gone((await site.until(job_id, Running)).body.pid)
    assert await site.stop(job_id) == Answer()
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.STOPPED, 4)
    assert not marked(job_id)


async def test_a_pause_stops_every_process_and_a_resume_wakes_it(site: Site) -> None:
    """Workers section 7."""
    job_id = await ready(site, "sh", "-c", "(while :; do :; done) & echo ready; while :; do :; done")
    assert await site.do(Pause(job_id=job_id)) == Answer()
    await site.until(job_id, Paused)
    assert {now.state for pid in marked(job_id) if (now := stat(pid))} == {"T"}
    assert await site.do(Resume(job_id=job_id)) == Answer()
    assert {now.state for pid in marked(job_id) if (now := stat(pid))} == {"R"}
    assert await site.stop(job_id) == Answer()
    assert not marked(job_id)


async def test_a_killed_shim_takes_its_tree_with_it(site: Site) -> None:
    """Workers K8: whichever way its tier has, the tree of a shim killed by force is dead when the job is lost."""
    job_id = await ready(site, "sh", "-c", "setsid sh -c 'trap \"\" TERM; sleep 1000 & wait' & echo ready; wait")
    (held,) = [held for held in site.agent._held.values() if held.job_id == job_id]
    os.kill(held.process.result().pid, signal.SIGKILL)
    assert (await site.ended(job_id)).end.reason is EndReason.WORKER_LOST
    assert not marked(job_id)


async def test_a_shim_takes_the_next_job(site: Site) -> None:
    """Workers K10: every job of a row runs in a shim whose tree was empty, however the last one ended."""
    for number in range(20):
        job_id = await ready(site, "sh", "-c", "setsid sleep 1000 & echo ready; exit 3")
        assert (await site.ended(job_id)).end.exit_code == 3, number
        assert not marked(job_id)
