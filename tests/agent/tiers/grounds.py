"""What tests of kill tiers stand on: a worker for each tier that this machine has, and programs that resist their end."""

import os
import shutil
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from agent.site import Site
from triptych.agent.survey import probe
from triptych.agent.tiers import TIERS
from triptych.messages import Answer

DOUBLE_FORKS = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN if %r else signal.SIG_DFL)
os.write(1, b"ready\\n")
if os.fork():
    signal.pause()
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
"""
FORK_STORM = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"ready\\n")
for _ in range(5):
    os.fork()
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.05)
        os._exit(0)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""
SETSID_LOOP = "while :; do setsid sh -c 'trap \"\" TERM; sleep 0.2' & echo ready; sleep 0.001; done"
STOPPED = "sh -c 'kill -STOP $$' & echo ready; kill -STOP $$"
DEAF = "trap '' TERM; echo ready; while :; do sleep 1; done"


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", textwrap.dedent(code)


RESISTANT = {
    "a double fork": python(DOUBLE_FORKS % False),
    "a double fork that ignores TERM": python(DOUBLE_FORKS % True),
    "a fork storm": python(FORK_STORM),
    "a setsid loop": ("bash", "-c", SETSID_LOOP),
    "a stopped tree": ("sh", "-c", STOPPED),
    "a program that ignores TERM": ("sh", "-c", DEAF),
}


def cgroup_mount() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] == "cgroup2":
            return Path(left.split()[4])
    return None


def can_make_cgroups() -> bool:
    """Say whether this account may make a cgroup anywhere, as only root may."""
    mount = cgroup_mount()
    return mount is not None and os.access(mount / "cgroup.procs", os.W_OK)


@contextmanager
def made_cgroup() -> Iterator[Path]:
    """A cgroup for one test."""
    mount = cgroup_mount()
    if mount is None or not can_make_cgroups():
        pytest.skip("this account cannot make a cgroup v2")
    folder = mount / f"triptych-test-{uuid.uuid4()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        (folder / "cgroup.kill").write_text("1")
        for inner in sorted(folder.rglob("*/"), reverse=True):
            inner.rmdir()
        folder.rmdir()


def in_cgroup(tmp_path: Path, folder: Path, **place: object) -> Site:
    """A worker that has its leaves in this folder, as it would have noted."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cgroups").write_text(f"{folder}\n")
    return Site(tmp_path, kill_tiers=("cgroup", "subreaper"), cgroup=str(folder), **place)


@asynccontextmanager
async def worker(tier: str, tmp_path: Path, **place: object) -> AsyncIterator[Site]:
    """A worker whose commands are held by this tier; a skip says why the machine lacks it."""
    if tier == "cgroup":
        with made_cgroup() as folder:
            async with in_cgroup(tmp_path, folder, **place) as site:
                yield site
        return
    if (lacking := probe(tier)) is not None:
        pytest.skip(f"no kill tier {tier}: {lacking}")
    async with Site(tmp_path, kill_tiers=tuple(dict.fromkeys((tier, "subreaper"))), **place) as site:
        yield site


async def ready(site: Site, *argv: str, **spec: object) -> str:
    """Start a program that says `ready` once it is where the test wants it."""
    job_id, reply = await site.run(*argv, **spec)
    assert isinstance(reply, Answer), reply
    await site.written(job_id, len(b"ready\n"))
    return job_id


ALL = tuple(TIERS)
HAS_SETSID = shutil.which("setsid") is not None
