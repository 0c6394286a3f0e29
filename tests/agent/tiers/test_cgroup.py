"""Workers K8, first tier: where the leaves lie, who empties and removes them, and what the kernel counted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.tiers.grounds import can_make_cgroups, cgroup_mount, in_cgroup, made_cgroup, ready
from triptych.agent.tiers.cgroup import CONTROLLERS, counts, empty, leaf_of, populated
from triptych.messages import Answer
from triptych.model import EndReason

NOBODY = 65534
SETTLE = "import json, sys; from triptych.agent.tiers.cgroup import settle; print(json.dumps(settle(sys.argv[1])))"
PROBE = "from triptych.agent.survey import probe; print(probe('cgroup'))"


@pytest.fixture
def group() -> Iterator[Path]:
    with made_cgroup() as folder:
        yield folder


def inside(group: Path, code: str, *args: str) -> str:
    """What Python code prints that runs in this cgroup."""
    shell = f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"'
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.check_output(["sh", "-c", shell, sys.executable, "-c", code, *args], text=True, env=env).strip()


def folders(group: Path) -> list[str]:
    return [entry.name for entry in group.iterdir() if entry.is_dir()]


def test_a_delegated_subtree_is_found_by_doing(group: Path) -> None:
    assert inside(group, PROBE) == "None"
    assert not folders(group)


def test_the_root_cgroup_is_not_delegated() -> None:
    root = cgroup_mount()
    is_inside = "0::/\n" in Path("/proc/self/cgroup").read_text()
    if root is None or (root / "cgroup.events").exists() or not (is_inside or can_make_cgroups()):
        pytest.skip("this account cannot enter the root cgroup")
    enter = "" if is_inside else f"open('{root}/cgroup.procs', 'w').write('0'); "
    code = f"{enter}from triptych.agent.tiers.cgroup import _find; _find()"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, check=False
    )
    assert b"no subtree was delegated" in told.stderr


def test_leaves_lie_beside_the_worker_and_empty_ones_go_at_the_next_start(group: Path, tmp_path: Path) -> None:
    jobs, controllers = json.loads(inside(group, SETTLE, str(tmp_path)))
    assert Path(jobs).parent == group
    assert set(controllers) <= set(CONTROLLERS)
    left = Path(leaf_of(jobs, "left-by-a-crash", 1))
    left.mkdir()
    assert json.loads(inside(group, SETTLE, str(tmp_path)))[0] == jobs
    assert not left.exists()
    assert (tmp_path / "cgroups").read_text() == f"{jobs}\n"


def test_a_worker_that_was_put_into_its_own_leaf_finds_the_subtree_above(group: Path, tmp_path: Path) -> None:
    """As systemd's DelegateSubgroup does it."""
    own = group / "triptych-worker"
    own.mkdir()
    assert Path(json.loads(inside(own, SETTLE, str(tmp_path)))[0]).parent == group


def test_a_leaf_with_somebody_in_it_is_left_for_its_shim(group: Path, tmp_path: Path) -> None:
    jobs, _ = json.loads(inside(group, SETTLE, str(tmp_path)))
    leaf = Path(leaf_of(jobs, "alive", 1))
    leaf.mkdir()
    with subprocess.Popen(["sh", "-c", f"echo $$ > {leaf}/cgroup.procs; exec sleep 1000"]) as child:
        while not populated(str(leaf)):
            assert child.poll() is None
        inside(group, SETTLE, str(tmp_path))
        assert leaf.is_dir()
        assert empty(str(tmp_path), ["dead"], patience_s=10) == 0
        assert child.poll() is None
        assert empty(str(tmp_path), ["alive"], patience_s=10) == 0
        assert child.wait() == -signal.SIGKILL
    assert not leaf.exists()


def test_an_id_never_names_a_folder_elsewhere() -> None:
    assert leaf_of("/x", "../../etc", 1) == f"/x/{b'../../etc'.hex()}.1"
    assert leaf_of("/x", "4c5ced1c-5ea9", 2) == "/x/4c5ced1c-5ea9.2"


def test_counts_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    assert counts(str(tmp_path / "memory.events"))["oom_kill"] == 2
    assert counts(str(tmp_path / "memory.peak")) == {"": 4096}
    assert counts(str(tmp_path / "nothing")) == {}


async def test_the_leaf_goes_with_its_job(group: Path, tmp_path: Path) -> None:
    async with in_cgroup(tmp_path, group) as site:
        job_id = await ready(site, "sh", "-c", "cat /proc/self/cgroup; echo ready; sleep 1000")
        leaf = Path(leaf_of(str(group), job_id, 1))
        assert populated(str(leaf))
        assert f"/{leaf.name}\n".encode() in await site.written(job_id, 30)
        assert await site.stop(job_id) == Answer()
        await site.ended(job_id)
        assert not folders(group)


async def test_the_worker_empties_the_cgroup_of_a_shim_that_was_killed(group: Path, tmp_path: Path) -> None:
    """Workers K8: also of a program that hides from every other means."""
    async with in_cgroup(tmp_path, group) as site:
        job_id = await ready(site, "sh", "-c", "env -i setsid sleep 1000 & echo ready; wait")
        (held,) = site.agent._held.values()
        os.kill(held.process.result().pid, signal.SIGKILL)
        assert (await site.ended(job_id)).end.reason is EndReason.WORKER_LOST
        assert not folders(group)


async def test_a_program_that_cannot_be_executed_leaves_no_leaf(group: Path, tmp_path: Path) -> None:
    async with in_cgroup(tmp_path, group) as site:
        await site.run("/no/such")
        assert not folders(group)


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_controller_reaches_the_leaves(group: Path, tmp_path: Path, controller: str) -> None:
    """Workers section 8, Q1."""
    if controller not in (group / "cgroup.controllers").read_text().split():
        pytest.skip(f"cgroup v2 controller {controller} is missing")
    assert controller in json.loads(inside(group, SETTLE, str(tmp_path)))[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can delegate a cgroup to another account")
def test_an_ordinary_user_may_have_a_delegated_subtree(group: Path, tmp_path: Path) -> None:
    for entry in (group, group / "cgroup.procs", group / "cgroup.subtree_control"):
        os.chown(entry, NOBODY, NOBODY)
    code = f"import os, triptych.agent.survey as survey; os.setgid({NOBODY}); os.setuid({NOBODY}); print(survey.probe('cgroup'))"
    assert inside(group, code) == "None"
