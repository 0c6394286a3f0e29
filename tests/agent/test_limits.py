"""Workers section 8: how limits are applied, watched and told."""

import os
import re
import resource
import signal
from pathlib import Path

import pytest

from agent.site import Site, refusal
from agent.tiers.grounds import made_cgroup, python, ready
from triptych.agent.limits import NO_LIMITS, Watchdog, means_of, plan
from triptych.agent.tiers.cgroup import CONTROLLERS
from triptych.agent.tiers.subreaper import Subreaper
from triptych.messages import Answer, Running
from triptych.model import EndReason

HOG = "data = bytearray(%d); import os; os.write(1, b'ready\\n'); import signal; signal.pause()"
FORKS = "import os, signal; os.write(1, b'ready\\n'); [os.fork() for _ in range(5)]; signal.pause()"


def test_without_limits_nothing_is_done() -> None:
    assert plan({}, CONTROLLERS) is NO_LIMITS
    assert (NO_LIMITS.inherited, NO_LIMITS.watched, NO_LIMITS.told()) == (False, False, {})


def test_each_limit_has_its_first_choice_and_its_fall_back() -> None:
    first, fallen = means_of(CONTROLLERS), means_of(())
    assert {name: (first[name], fallen[name]) for name in first} == {
        "memory_bytes": ("cgroup", "watchdog"),
        "cpu": ("cgroup", "none"),
        "processes": ("cgroup", "watchdog"),
        "cpu_seconds": ("rlimit", "rlimit"),
        "open_files": ("rlimit", "rlimit"),
        "file_bytes": ("rlimit", "rlimit"),
        "output_max_bytes": ("output", "output"),
    }


def test_a_cgroup_is_told_in_the_kernels_words() -> None:
    made = plan({"memory_bytes": 1 << 20, "cpu": 0.5, "processes": 7}, CONTROLLERS)
    assert made.leaf == {
        "memory.max": "1048576",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "50000 100000",
        "pids.max": "7",
    }
    assert (made.inherited, made.watched) == (False, False)


def test_what_a_cgroup_counted_is_told_beside_what_was_asked(tmp_path: Path) -> None:
    for file, text in {"memory.events": "oom_kill 1", "memory.peak": "99", "cpu.stat": "throttled_usec 5", "pids.peak": "3"}.items():
        (tmp_path / file).write_text(text + "\n")
    watchdog = Watchdog(plan({"memory_bytes": 90, "cpu": 1, "processes": 4}, CONTROLLERS), Subreaper(), str(tmp_path))
    assert watchdog.due_s is None
    assert watchdog.settle()
    assert watchdog.told() == {
        "memory_bytes": {"asked": 90, "by": "cgroup", "oom_kills": 1, "peak": 99, "overshoot_bytes": 0},
        "cpu": {"asked": 1, "by": "cgroup", "throttled_us": 5},
        "processes": {"asked": 4, "by": "cgroup", "peak": 3, "refused": 0},
    }


async def test_too_much_memory_ends_the_job_as_such(site: Site) -> None:
    """Workers section 8: by the watchdog, at once, with what it saw."""
    job_id = await ready(site, *python(HOG % 80_000_000), limits={"memory_bytes": 30_000_000})
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.OUT_OF_MEMORY, signal.SIGKILL)
    told = ended.facts["limits_enforced"]["memory_bytes"]
    assert (told["asked"], told["by"], told["exceeded"]) == (30_000_000, "watchdog", True)
    assert told["peak"] - 30_000_000 == told["overshoot_bytes"] > 50_000_000
    assert ended.facts["usage"]["peak_bytes"] == told["peak"]


async def test_memory_is_that_of_the_whole_tree(site: Site) -> None:
    """Workers section 8: what several processes share counts once."""
    code = "import os, signal; data = bytearray(40_000_000); os.write(1, b'ready\\n'); [os.fork() for _ in range(2)]; signal.pause()"
    job_id = await ready(site, *python(code), limits={"memory_bytes": 150_000_000})
    running = (await site.until(job_id, Running)).body
    assert running.facts["limits_enforced"] == {"memory_bytes": {"asked": 150_000_000, "by": "watchdog"}}
    async with site._news:
        held = site.agent._held[job_id]
    assert held.pid == running.pid
    assert await site.stop(job_id) == Answer()
    assert (await site.ended(job_id)).end.reason is EndReason.STOPPED


async def test_too_many_processes_are_killed(site: Site) -> None:
    job_id = await ready(site, *python(FORKS), limits={"processes": 10})
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.EXITED, signal.SIGKILL)
    told = ended.facts["limits_enforced"]["processes"]
    assert (told["asked"], told["by"], told["peak"], told["exceeded"]) == (10, "watchdog", 32, True)


async def test_a_share_of_the_processor_that_nothing_enforces_is_told_so(site: Site) -> None:
    """Workers section 8: `none`, and nice 10."""
    job_id, _ = await site.run("nice", limits={"cpu": 0.5})
    ended = await site.ended(job_id)
    assert ended.facts["limits_enforced"] == {"cpu": {"asked": 0.5, "by": "none"}}
    assert int(site.output(job_id)) == min(19, os.nice(0) + 10)
    plain, _ = await site.run("nice")
    await site.ended(plain)
    assert int(site.output(plain)) == os.nice(0), "the shim itself was not changed (workers K10)"


async def test_rlimits_are_of_the_job_alone(site: Site) -> None:
    """Workers section 8, K10."""
    asked = {"cpu_seconds": 7, "open_files": 99, "file_bytes": 5120}
    job_id, _ = await site.run("sh", "-c", "ulimit -t; ulimit -n; ulimit -Hn; ulimit -f", limits=asked)
    ended = await site.ended(job_id)
    assert site.output(job_id).split() == [b"7", b"99", b"99", b"10"]
    assert ended.facts["limits_enforced"] == {name: {"asked": value, "by": "rlimit", "value": value} for name, value in asked.items()}
    for _ in range(9):
        plain, _ = await site.run("sh", "-c", "ulimit -n")
        await site.ended(plain)
        assert site.output(plain).strip() == str(min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])).encode()


@pytest.mark.parametrize(
    ("program", "limits", "number"),
    [
        ("while :; do :; done", {"cpu_seconds": 1}, signal.SIGXCPU),
        ("exec head -c 9000 /dev/zero > big", {"file_bytes": 4096}, signal.SIGXFSZ),
    ],
)
async def test_the_kernel_ends_what_exceeds_an_rlimit(site: Site, program: str, limits: dict[str, float], number: int) -> None:
    job_id, _ = await site.run("sh", "-c", program, cwd="work", limits=limits)
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.EXITED, number)


async def test_a_limit_that_must_be_kept_and_cannot_be_is_refused(site: Site) -> None:
    job_id, reply = await site.run("true", limits={"cpu": 1.0}, strict_limits=True)
    assert refusal(reply) == "this worker cannot enforce the limit cpu"
    assert reply.code == "limit_not_enforced"
    assert (await site.ended(job_id)).end.reason is EndReason.NEVER_STARTED


async def test_a_worker_has_limits_of_its_own(tmp_path: Path) -> None:
    """Workers Q1."""
    async with Site(tmp_path, limits={"file_bytes": 4096}, max_limits={"open_files": 64}) as site:
        job_id, _ = await site.run("sh", "-c", "ulimit -f; ulimit -Hn")
        await site.ended(job_id)
        assert site.output(job_id).split() == [b"8", b"64"]
        _, reply = await site.run("true", limits={"open_files": 65})
        assert refusal(reply) == "limit open_files is above the greatest of this worker, 64"
        assert reply.code == "limit_too_high"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("/no/such",), "fork/exec /no/such: no such file or directory"),
        (("/etc/passwd",), "fork/exec /etc/passwd: permission denied"),
        (("sh", "a\0b"), "fork/exec sh: invalid argument"),
        (("sh", "x" * 200_000), "fork/exec sh: argument list too long"),
    ],
)
async def test_a_failure_on_the_long_way_has_the_same_words(site: Site, argv: tuple[str, ...], text: str) -> None:
    """Workers section 2."""
    _, reply = await site.run(*argv, limits={"open_files": 50})
    assert refusal(reply) == text


async def test_a_program_on_the_long_way_is_made_like_any_other(site: Site) -> None:
    """Workers S8."""
    look = "ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status; cat; umask; cat /proc/self/oom_score_adj"
    short, _ = await site.run("sh", "-c", look, stdin="text", umask=0o027)
    long, _ = await site.run("sh", "-c", look, stdin="text", umask=0o027, limits={"open_files": 50})
    await site.ended(short)
    await site.ended(long)
    assert _without_libcs_own(site.output(short)) == _without_libcs_own(site.output(long))
    assert b"text" in site.output(long)


def _without_libcs_own(told: bytes) -> bytes:
    """Clear signals 32 and 33 in the masks: the C library keeps them for itself, and whoever inherits one ignored cannot reset it."""
    return re.sub(rb"[0-9a-f]{16}", lambda mask: b"%016x" % (int(mask[0], 16) & ~(0b11 << 31)), told)


@pytest.mark.parametrize(
    ("controller", "limits", "program"),
    [
        ("memory", {"memory_bytes": 30_000_000}, python(HOG % 80_000_000)),
        ("cpu", {"cpu": 0.1}, ("timeout", "1", "sh", "-c", "while :; do :; done")),
        ("pids", {"processes": 5}, python(FORKS)),
    ],
)
async def test_the_kernel_keeps_a_limit_by_its_controller(
    tmp_path: Path, controller: str, limits: dict[str, float], program: tuple[str, ...]
) -> None:
    """Workers section 8: a machine without the controller says which one it lacks."""
    with made_cgroup() as group:
        if controller not in (group / "cgroup.controllers").read_text().split():
            pytest.skip(f"cgroup v2 controller {controller} is missing")
        (group / "cgroup.subtree_control").write_text(f"+{controller}")
        async with Site(tmp_path, kill_tiers=("cgroup", "subreaper"), cgroup=str(group), controllers=(controller,)) as site:
            job_id, _ = await site.run(*program, limits=limits)
            ended = await site.ended(job_id)
    (told,) = ended.facts["limits_enforced"].values()
    assert told["by"] == "cgroup"
    assert (ended.end.reason is EndReason.OUT_OF_MEMORY) is (controller == "memory")
    assert told[{"memory": "oom_kills", "cpu": "throttled_us", "pids": "refused"}[controller]] > 0
