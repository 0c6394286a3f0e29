"""How the end of a job becomes words and an exit code."""

from datetime import UTC, datetime

import pytest

from triptych.cli.records import Fault, Job
from triptych.model import EndReason, State


def _job(**facts):
    usual = {"end_reason": None, "exit_code": None, "signal": None, "error": None, "worker_id": "here", "attempt": 1}
    return Job(**(usual | {"id": "x", "kind": "command", "state": State.ENDED, "created_at": datetime.now(UTC)} | facts))


@pytest.mark.parametrize(
    ("facts", "code", "sentence"),
    [
        ({"end_reason": EndReason.EXITED, "exit_code": 7}, 7, "exited 7"),
        ({"end_reason": EndReason.EXITED, "signal": 11}, 139, "SIGSEGV"),
        ({"end_reason": EndReason.EXITED, "signal": 35}, 163, "signal 35"),
        ({"end_reason": EndReason.TIMED_OUT, "signal": 9}, 137, "timed out"),
        ({"end_reason": EndReason.DONE}, 0, "done"),
        ({"end_reason": EndReason.CANCELLED}, 1, "cancelled"),
        ({"end_reason": EndReason.WORKER_LOST, "error": Fault(message="worker lost")}, 1, "worker lost"),
        ({"end_reason": EndReason.FAILED, "error": Fault(message="no\x1b such codec")}, 1, r"failed: no\x1b such codec"),
        ({"end_reason": EndReason.NEVER_STARTED}, 2, "never started"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_an_end_has_an_exit_code_and_words(facts, code, sentence):
    job = _job(**facts)
    assert (job.code, job.sentence) == (code, sentence)


def test_a_live_job_is_told_by_its_state():
    assert _job(state=State.PAUSED).status == "paused"


def test_another_kind_is_told_by_what_it_works_on():
    assert _job(kind="annotate", spec={"input_uri": "movie.mp4"}).what == "annotate movie.mp4"
    assert _job(kind="camera", spec={"camera": "default"}).what == "camera default"


def test_a_command_is_told_as_it_is_run_its_script_first():
    job = _job(command="bash", script="worker/scripts/count.sh", args=("-v", "a b"))
    assert job.what == "bash worker/scripts/count.sh -v 'a b'"
