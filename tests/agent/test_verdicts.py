"""What is said of a job process that died."""

from triptych.agent.verdicts import LEFT, epitaph, lost_end, no_such_kind, start_text
from triptych.errors import StartFailed, Unavailable
from triptych.messages import Answer, Ask, Pause, Refused, Resume, Start, Stop
from triptych.model import EndReason

START = Start(job_id="j", kind="command", attempt=1, process="j", spec={"argv": ["bash", "x"]})


def test_a_command_or_camera_is_lost_and_an_annotation_failed() -> None:
    assert lost_end("command", -9).reason is lost_end("camera", 1).reason is EndReason.WORKER_LOST
    end = lost_end("annotate", -11)
    assert end.reason is EndReason.FAILED
    assert end.fault is not None
    assert (end.fault.code, end.fault.message) == ("internal", "the job process died (signal 11)")


def test_how_it_died_is_said_as_far_as_it_is_known() -> None:
    messages = [end.fault and end.fault.message for end in (lost_end("annotate", 1), lost_end("annotate", None))]
    assert messages == ["the job process died (exit status 1)", "the job process died (nobody knows how)"]


def test_a_dead_process_has_started_and_stopped_but_answers_nothing() -> None:
    ask = Ask(process="p", kind="camera", spec={}, verb="v")
    for status in (None, 1, -9):
        assert epitaph(START, status) == epitaph(Stop(job_id="j", by="x"), status) == Answer()
        assert epitaph(Pause(job_id="j"), status) == epitaph(Resume(job_id="j"), status) == Refused(code="job_ended", message="job is over")
        assert epitaph(ask, status) == Refused(code="worker_lost", message="the process died")


def test_a_process_that_ended_by_itself_took_no_unanswered_request() -> None:
    assert epitaph(START, 0) == epitaph(Ask(process="p", kind="camera", spec={}, verb="v"), 0) == LEFT
    assert epitaph(Stop(job_id="j", by="x"), 0) == Answer()


def test_a_refused_fork_is_told_in_the_contracts_words() -> None:
    assert start_text(START, StartFailed("resource temporarily unavailable")) == "fork/exec bash: resource temporarily unavailable"
    assert start_text(START, Unavailable("worker is closing")) == "worker is closing"
    assert no_such_kind("camera") == Refused(code="invalid", message="this worker runs no camera jobs")
