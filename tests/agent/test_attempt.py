"""One attempt's own rules: its usage and its clock."""

import signal
import time
from pathlib import Path

import pytest

from agent.site import Site
from triptych.agent.ending import boot_s

CORES = Path("/proc/sys/kernel/core_pattern").read_text()


def test_the_clock_counts_suspended_time() -> None:
    """Workers K7."""
    assert abs(boot_s() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


async def test_the_whole_trees_use_is_counted(site: Site) -> None:
    work = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done"
    job_id, _ = await site.run("sh", "-c", f"({work}) & ({work}) & wait")
    usage = (await site.ended(job_id)).facts["usage"]
    assert usage["user_s"] > 0
    assert set(usage) >= {"user_s", "system_s"}


async def test_a_peak_is_told_only_where_it_can_be_known(site: Site) -> None:
    small, _ = await site.run("true")
    large, _ = await site.run("head", "-c", "80000000", "/dev/zero")
    assert "peak_bytes" not in (await site.ended(small)).facts["usage"]
    hungry, _ = await site.run("sh", "-c", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}")
    assert (await site.ended(hungry)).facts["usage"]["peak_bytes"] > 60_000_000
    assert (await site.ended(large)).end.exit_code == 0


async def test_without_a_core_none_is_told(site: Site) -> None:
    """Workers W11: ` (core dumped)` only when a core was written."""
    job_id, _ = await site.run("sh", "-c", "ulimit -c 0; kill -SEGV $$")
    ended = await site.ended(job_id)
    assert (ended.end.signal, ended.end.core_dumped) == (signal.SIGSEGV, False)


async def test_a_core_that_was_written_is_told(site: Site) -> None:
    """Workers W11."""
    if not CORES.startswith("core"):
        pytest.skip("the kernel hands core dumps to a program")
    job_id, _ = await site.run("sh", "-c", "ulimit -c unlimited; kill -SEGV $$", cwd="work")
    assert (await site.ended(job_id)).end.core_dumped
