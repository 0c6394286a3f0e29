"""Workers K8, third tier: what its probe proves, and what it counts."""

from pathlib import Path

from agent.test_tree import QUIET, nest
from triptych.agent.survey import probe
from triptych.agent.tiers.subreaper import Subreaper, enter


class Below(Subreaper):
    def __init__(self, root: int) -> None:
        super().__init__()
        self._root = root


def test_every_machine_has_it() -> None:
    assert probe("subreaper") is None


def test_each_process_is_reached_once_politely_and_then_by_force() -> None:
    with nest(QUIET, QUIET) as (root, children):
        ground = Below(root)
        assert set(children) <= set(ground.survivors())
        assert ground.terminate()
        assert ground.reached >= 2
        assert not ground.kill()


def test_a_cgroup_is_entered_by_writing_a_zero(tmp_path: Path) -> None:
    door = tmp_path / "cgroup.procs"
    door.touch()
    enter(str(door))
    assert door.read_text() == "0"
