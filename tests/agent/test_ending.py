"""Workers K1: in which order a tree is asked and forced to end."""

import os
import time

from agent.test_tree import QUIET, STUBBORN, nest, pids, state, until
from triptych.agent import tree
from triptych.agent.ending import Ending, boot_s
from triptych.agent.tiers.subreaper import Subreaper


class Below(Subreaper):
    """The tree below another process than this."""

    def __init__(self, root: int) -> None:
        super().__init__()
        self._root = root


def test_an_ending_is_polite_first_and_forceful_then() -> None:
    """Workers K1."""
    with nest(QUIET, STUBBORN) as (root, (quiet, stubborn)):
        until(lambda: bool(tree.children(stubborn)))
        ground = Below(root)
        ending = Ending(ground, grace_s=0.3)
        begun = time.monotonic()
        ending.step()
        until(lambda: state(quiet) in {"Z", "gone"})
        assert state(stubborn) in {"R", "S", "D"}
        while state(stubborn) not in {"Z", "gone"}:
            time.sleep(min(0.01, ending.step()))
        assert time.monotonic() - begun >= 0.3
        assert pids(ground._reached) >= {quiet, stubborn}


def test_an_ending_without_grace_kills_at_once() -> None:
    """Workers section 8: what exceeds a watched limit is killed, not asked."""
    with nest(STUBBORN) as (root, (stubborn,)):
        ground = Below(root)
        Ending(ground, grace_s=None).step()
        until(lambda: state(stubborn) in {"Z", "gone"})
        assert ground.reached > 0
        assert os.getpid() not in pids(ground._reached)


def test_the_clock_counts_suspended_time() -> None:
    """Workers K7."""
    assert abs(boot_s() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
