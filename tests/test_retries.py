"""What is tried again, when, and for how long a job waits."""

from datetime import UTC, datetime, timedelta

import pytest

from triptych.model import End, EndReason, Job
from triptych.retries import backoff, expiry, last_end, may_wait

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FAILED = End(reason=EndReason.EXITED, exit_code=1)
ALL = ["nonzero", "signal", "timed_out", "out_of_memory", "worker_lost"]


def job(tries=0, retry=None, **fields):
    ended = {"end_reason": "exited", "signal": None, "ended_at": "2026-11-22T00:01:00.000000Z"}
    told = [{"attempt": number, "exit_code": number} | ended for number in range(tries)]
    spec = {"argv": ["x"], "retry": retry} if retry else {"argv": ["x"]}
    return Job(**{"id": "j", "kind": "command", "spec": spec, "created_at": NOW, "facts": {"attempts": told} if told else {}} | fields)


def test_a_job_that_asked_for_nothing_is_tried_once():
    assert backoff(job(), FAILED) is None


@pytest.mark.parametrize(("tries", "seconds"), [(0, 3), (1, 6), (2, 10), (3, 10), (4, None)])
def test_the_pause_grows_by_its_factor_up_to_its_cap_and_attempts_run_out(tries, seconds):
    """workers section 7, retry."""
    pause = backoff(job(tries, {"max_attempts": 5, "backoff_s": 3, "factor": 2, "max_backoff_s": 10}), FAILED)
    assert pause == (None if seconds is None else timedelta(seconds=seconds))


def test_a_pause_grows_to_no_number_that_is_none():
    assert backoff(job(18, {"max_attempts": 20, "factor": 1e300}), FAILED) == timedelta(seconds=300)


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (FAILED, "nonzero"),
        (End(reason=EndReason.EXITED, signal=9), "signal"),
        (End(reason=EndReason.TIMED_OUT, signal=9), "timed_out"),
        (End(reason=EndReason.OUT_OF_MEMORY, signal=9), "out_of_memory"),
        (End(reason=EndReason.WORKER_LOST), "worker_lost"),
    ],
)
def test_only_the_causes_that_were_named_are_tried_again(end, cause):
    """workers section 7, retry: `on`."""
    assert backoff(job(retry={"max_attempts": 2, "on": [cause]}), end) is not None
    assert backoff(job(retry={"max_attempts": 2, "on": [other for other in ALL if other != cause]}), end) is None


@pytest.mark.parametrize("reason", [EndReason.STOPPED, EndReason.NEVER_STARTED, EndReason.CANCELLED])
def test_a_stop_and_a_failed_start_are_never_tried_again(reason):
    """workers section 7, retry."""
    assert backoff(job(retry={"max_attempts": 9, "on": ALL}), End(reason=reason)) is None
    assert backoff(job(retry={"max_attempts": 9, "on": ALL}, stopped_by="me"), FAILED) is None


def test_success_is_not_tried_again():
    assert backoff(job(retry={"max_attempts": 9, "on": ALL}), End(reason=EndReason.EXITED, exit_code=0)) is None


def test_each_wait_may_be_as_long_as_the_first():
    """workers section 7: queue_s."""
    hour = timedelta(hours=1)
    assert expiry(job()) is None
    assert expiry(job(deadline=NOW + hour)) == NOW + hour
    again = job(1, {"max_attempts": 2, "backoff_s": 30}, deadline=NOW + hour)
    assert expiry(again) == NOW + timedelta(minutes=1, seconds=30) + hour
    assert may_wait(again, NOW + hour)
    assert not may_wait(job(deadline=NOW), NOW)


def test_the_last_attempt_is_remembered():
    assert last_end(job()) is None
    assert last_end(job(3)) == End(reason=EndReason.EXITED, exit_code=2)
