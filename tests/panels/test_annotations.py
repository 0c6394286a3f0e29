import json
from datetime import UTC, datetime

import pytest

from triptych.model import End, EndReason, Fault, Job, State
from triptych.panels.annotations import item, status, view

AT = datetime(2027, 3, 2, 9, 0, 0, 120_999, UTC)
SPEC = {"input_uri": "news/item.mxf", "features": ["AUDIO_FORMAT", "IN_BLACK"], "ttl_days": 30}


def _job(state: State = State.RUNNING, **more) -> Job:
    return Job(id="64b1f0a2c3d4e5f601234567", kind="annotate", spec={**SPEC, **more.pop("spec", {})}, created_at=AT, state=state, **more)


def _ended(reason: EndReason, code: str | None = None, **more) -> Job:
    return _job(State.ENDED, end=End(reason=reason, fault=Fault(code=code, message="why") if code else None), **more)


@pytest.mark.parametrize(
    ("job", "word"),
    [
        (_job(State.QUEUED), "queued"),
        (_job(State.PAUSED), "queued"),
        (_job(State.PAUSED, attempt=1), "running"),
        (_job(State.STARTING, attempt=1), "running"),
        (_job(State.STOPPING, attempt=1), "running"),
        (_job(State.UNREACHABLE, attempt=1), "running"),
        (_ended(EndReason.DONE), "done"),
        (_ended(EndReason.CANCELLED), "cancelled"),
        (_ended(EndReason.FAILED), "failed"),
        (_ended(EndReason.WORKER_LOST), "failed"),
    ],
)
def test_every_state_has_its_word(job, word) -> None:
    """media 2.4: starting, paused, stopping and unreachable read running, held reads queued."""
    assert status(job) == word


def test_a_queued_job_shows_no_percent_and_no_end() -> None:
    """media J1."""
    told = view(_job(State.QUEUED))
    assert list(told) == ["name", "_id", "status", "metadata"]
    assert told["metadata"]["annotationProgress"][0] == {
        "inputUri": "news/item.mxf",
        "startTime": "2027-03-02T09:00:00.120999Z",
        "updateTime": "2027-03-02T09:00:00.120999Z",
        "feature": "AUDIO_FORMAT",
    }


def test_a_running_job_shows_at_most_99_percent() -> None:
    told = view(_job(attempt=1, progress={"AUDIO_FORMAT": 100.0}))
    assert [entry["progressPercent"] for entry in told["metadata"]["annotationProgress"]] == [99, 0]


def test_a_done_job_has_a_response_and_no_error() -> None:
    told = view(
        _ended(EndReason.DONE, result={"segment": {}, "blackAnnotations": [], "audioFormatAnnotations": [1], "media": {"frames": 1}})
    )
    assert list(told) == ["name", "_id", "status", "TTL", "origin", "metadata", "done", "response"]
    assert list(told["response"]) == ["inputUri", "segment", "audioFormatAnnotations", "blackAnnotations", "media"]


def test_a_nested_view_keeps_the_arrays_together() -> None:
    """media J4."""
    told = view(_ended(EndReason.DONE, result={"segment": {}, "blackAnnotations": []}), nested=True)
    assert told["response"] == {"inputUri": "news/item.mxf", "segment": {}, "annotationResults": {"blackAnnotations": []}}


def test_the_recording_of_the_first_alarm_is_that_of_the_response() -> None:
    """media J2: absent without one."""
    alarms = [{"feature": "IN_BLACK", "recording": None}, {"feature": "IN_BLACK", "recording": "64b1f0b0c3d4e5f601234570"}]
    told = view(_ended(EndReason.DONE, result={"segment": {}, "blackAnnotations": [], "alarms": alarms}))
    assert list(told["response"]) == ["inputUri", "segment", "recording", "blackAnnotations", "alarms"]
    assert told["response"]["recording"] == "64b1f0b0c3d4e5f601234570"
    assert "recording" not in view(_ended(EndReason.DONE, result={"alarms": alarms[:1]}))["response"]


def test_what_a_feature_gives_beside_its_array_is_an_annotation_too() -> None:
    """media J2, J4."""
    job = _ended(EndReason.DONE, result={"segment": {}, "faceCountAnnotations": [], "blackAnnotations": [], "media": {}})
    assert list(view(job, nested=True)["response"]["annotationResults"]) == ["blackAnnotations", "faceCountAnnotations"]


def test_a_feature_that_failed_alone_has_an_error_in_its_entry_and_in_the_response() -> None:
    """media P8."""
    error = {"code": "bad_media", "message": "input has no audio"}
    job = _ended(
        EndReason.DONE,
        facts={"feature_errors": {"AUDIO_FORMAT": error}},
        result={"segment": {}, "blackAnnotations": [], "errors": [{"feature": "AUDIO_FORMAT", **error}]},
    )
    told = view(job)
    assert told["metadata"]["annotationProgress"][0]["error"] == {"code": 3, "message": "input has no audio"}
    assert told["response"]["errors"] == [{"feature": "AUDIO_FORMAT", "code": 3, "message": "input has no audio"}]
    assert "audioFormatAnnotations" not in told["response"]


@pytest.mark.parametrize(
    ("reason", "code", "number"),
    [
        (EndReason.CANCELLED, None, 1),
        (EndReason.CANCELLED, "cancelled", 1),
        (EndReason.FAILED, "bad_media", 3),
        (EndReason.FAILED, "deadline", 4),
        (EndReason.TIMED_OUT, None, 4),
        (EndReason.FAILED, "input_gone", 5),
        (EndReason.FAILED, "limits", 8),
        (EndReason.FAILED, "report_too_large", 8),
        (EndReason.OUT_OF_MEMORY, None, 8),
        (EndReason.FAILED, "segment_outside", 11),
        (EndReason.FAILED, "internal", 13),
        (EndReason.NEVER_STARTED, "start_failed", 13),
        (EndReason.WORKER_LOST, "worker_lost", 14),
    ],
)
def test_an_end_without_a_result_has_a_google_rpc_code(reason, code, number) -> None:
    """media J1."""
    told = view(_ended(reason, code))
    assert told["error"]["code"] == number
    assert told["done"] is True
    assert "response" not in told


def test_a_list_item_has_three_digits_and_a_workflow_only_if_used() -> None:
    """media J3, G5."""
    assert item(_job())["insertTime"] == "2027-03-02T09:00:00.120Z"
    assert "workflow" not in item(_job())
    assert item(_job(spec={"workflow": "evening"}))["workflow"] == "evening"


@pytest.mark.parametrize("nested", [False, True])
def test_what_only_v1_tells_is_left_out(nested) -> None:
    """media J2."""
    told = view(
        _ended(EndReason.DONE, result={"segment": {}, "audioFormatAnnotations": [], "lastFrames": {"last": "1.000000s"}}), nested=nested
    )
    assert "lastFrames" not in json.dumps(told)
