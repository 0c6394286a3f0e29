"""Workers K8, second tier: who is born there, what it sees, and that nobody else is ever signalled."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.site import Site
from agent.tiers.grounds import ready, worker
from triptych.agent.survey import probe
from triptych.agent.tiers import pidns
from triptych.agent.tiers.pidns import Pidns, host_pid
from triptych.messages import Answer, Running

HERE = str(Path("/proc/self/ns/pid").readlink())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with worker("pidns", tmp_path) as running:
        yield running


async def output(site: Site, *argv: str, **spec: object) -> str:
    job_id, reply = await site.run(*argv, **spec)
    assert isinstance(reply, Answer), reply
    await site.ended(job_id)
    return site.output(job_id).decode()


async def test_a_program_sees_its_own_processes_only(site: Site) -> None:
    names = (await output(site, "sh", "-c", "cd /proc; echo [0-9]*; echo $$")).split()
    assert names[0] == "1"
    assert len(names) <= 3
    assert names[-1] in names[:-1]


async def test_a_job_that_needs_setuid_runs_elsewhere(site: Site) -> None:
    """Workers K8, section 7: `needs_setuid`."""
    job_id = await ready(site, "sh", "-c", "readlink /proc/self/ns/pid >&2; echo ready; sleep 1000", needs_setuid=True)
    running = (await site.until(job_id, Running)).body
    assert running.facts["kill_tier"] == "subreaper"
    await site.written(job_id, 1, "stderr")
    assert site.output(job_id, "stderr").decode().strip() == HERE
    assert await site.stop(job_id) == Answer()


async def test_the_account_is_the_same_inside(site: Site) -> None:
    assert (await output(site, "sh", "-c", "id -u; id -g")).split() == [str(os.getuid()), str(os.getgid())]


async def test_a_job_cannot_end_its_shim(site: Site) -> None:
    """A namespace's first process takes no signal from inside that it does not handle."""
    assert await output(site, "sh", "-c", "kill -KILL 1; kill -TERM 1; echo here") == "here\n"
    assert await output(site, "echo", "still") == "still\n"


async def test_the_shim_outlives_nobody_it_was_born_by(site: Site) -> None:
    """Jobs outlive their fork server: it is the parent of the shim, and its death is no signal."""
    job_id = await ready(site, "sh", "-c", "echo ready; while read line; do :; done < /dev/null; exec sleep 1000")
    forks = site.agent._crew._forks["shim"]
    before = forks.pid
    os.kill(before, signal.SIGKILL)
    assert await site.stop(job_id) == Answer()
    assert (await site.ended(job_id)).facts["kill_tier"] == "pidns"


def test_it_signals_everybody_only_from_within() -> None:
    """Workers K9: outside a namespace of its own there is no everybody."""
    assert Pidns.birth is None
    for attempt in (Pidns, lambda: pidns._signal_all(signal.SIGCONT)):
        with pytest.raises(OSError, match="not the first process"):
            attempt()
    assert host_pid() == os.getpid()


def test_a_machine_without_namespaces_says_so() -> None:
    code = "from triptych.agent.survey import probe; print(probe('pidns'))"
    barred = 'echo 0 > /proc/sys/user/max_pid_namespaces || exit 9; exec "$0" -c "$1"'
    told = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", barred, sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if "unshare" in told.stderr or told.returncode == 9:
        pytest.skip("no user namespace to try it in")
    assert told.stdout.strip() == "No space left on device"


def test_an_ordinary_worker_with_capabilities_keeps_them() -> None:
    """In a user namespace its jobs would have none of them at the host."""
    code = "from triptych.agent.survey import probe; print(probe('pidns'))"
    rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    ordinary = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *rights]
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        assert not pidns._capable()
        return
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run([*ordinary, sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert told.stdout.strip() == "the worker has capabilities that its jobs would lose in a user namespace"


def test_the_probe_leaves_nothing_mounted() -> None:
    before = Path("/proc/self/mounts").read_text()
    probe("pidns")
    assert Path("/proc/self/mounts").read_text() == before
