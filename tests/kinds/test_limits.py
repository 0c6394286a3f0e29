"""Workers section 8, Q1: which limits a command gets, and what its worker cannot keep."""

from triptych.kinds import Limits
from triptych.kinds.limits import effective, excess, unenforceable

FACTS = {"limits": {"memory_bytes": "watchdog", "cpu": "none", "open_files": "rlimit"}}


def test_a_job_asks_before_its_worker_and_the_worker_before_its_maximum() -> None:
    asked = Limits(memory_bytes=1)
    assert effective(asked, {"memory_bytes": 2, "cpu": 0.5}, {"memory_bytes": 3, "cpu": 4, "processes": 9}) == {
        "memory_bytes": 1,
        "cpu": 0.5,
        "processes": 9,
    }
    assert effective(None, {}, {}) == {}


def test_a_limit_above_the_workers_maximum_is_named() -> None:
    """Workers Q1."""
    assert excess(Limits(cpu=2.0, processes=5), {"processes": 4}) == "processes"
    assert excess(Limits(cpu=2.0, processes=4), {"processes": 4}) is None
    assert excess(None, {"cpu": 1}) is None


def test_what_a_worker_has_no_means_for_cannot_be_enforced() -> None:
    assert unenforceable(Limits(memory_bytes=1, cpu=1.0, processes=1), FACTS) == ("cpu", "processes")
    assert unenforceable(Limits(memory_bytes=1, open_files=9), FACTS) == ()
    assert unenforceable(None, {}) == ()
    assert unenforceable(Limits(memory_bytes=1), {}) == ("memory_bytes",)
