"""media V1 to V5: a job as a long-running operation, read as the official client reads it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.cloud import videointelligence_v1 as vi
from google.longrunning import operations_pb2
from google.protobuf import json_format

from triptych.model import End, EndReason, Fault, Job, State
from triptych.panels.googleviews import FORGOTTEN, is_operation, operation, output_uri

AT = datetime(2027, 3, 2, 9, 0, 0, 120_999, UTC)
NAME = "64b1f0a2c3d4e5f601234567"
SPEC = {"input_uri": "a.mp4", "features": ["SHOT_CHANGE_DETECTION", "FACE_DETECTION"], "ttl_days": 30}
SPAN = {"startTimeOffset": "0.000000s", "endTimeOffset": "2.000000s"}
RESULT = {"segment": SPAN, "shotAnnotations": [SPAN], "faceDetectionAnnotations": [], "media": {"frames": 50}}


def _job(state: State = State.RUNNING, **more) -> Job:
    spec = {**SPEC, **more.pop("spec", {})}
    return Job(id=NAME, kind="annotate", spec=spec, created_at=AT, state=state, origin="google_v1", **more)


def _ended(reason: EndReason, code: str | None = None, **more) -> Job:
    return _job(State.ENDED, end=End(reason=reason, fault=Fault(code=code, message="why") if code else None), **more)


def _read(job: Job, *, numbers: bool = False) -> operations_pb2.Operation:
    read = operations_pb2.Operation()
    json_format.Parse(json.dumps(operation(job, numbers=numbers)), read, ignore_unknown_fields=False)
    return read


def _unpacked(packed, message):
    pb = message.pb(message())
    assert packed.Unpack(pb)
    return message.wrap(pb)


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize(
    "job",
    [
        _job(State.QUEUED),
        _job(attempt=1, progress={"SHOT_CHANGE_DETECTION": 41.7}),
        _ended(EndReason.DONE, result=RESULT),
        _ended(EndReason.FAILED, "bad_media"),
        _ended(EndReason.CANCELLED, spec={"workflow": "evening", "deadline_s": 3.0}),
    ],
)
def test_no_state_of_a_job_shows_more_than_an_operation(job, numbers) -> None:
    """media V3: no status, no TTL, no error beside the result's."""
    read = _read(job, numbers=numbers)
    assert read.done is (job.state is State.ENDED)
    assert read.metadata.type_url == "type.googleapis.com/google.cloud.videointelligence.v1.AnnotateVideoProgress"


def test_the_name_holds_the_jobs_id_and_the_location_that_was_asked_for() -> None:
    """media V1."""
    assert _read(_job()).name == f"projects/triptych/locations/local/operations/{NAME}"
    assert _read(_job(spec={"google": {"location": "us-east1"}})).name == f"projects/triptych/locations/us-east1/operations/{NAME}"


def test_progress_is_told_by_feature() -> None:
    """media V4: percent, times, feature, segment."""
    job = _job(attempt=1, updated_at=AT, progress={"SHOT_CHANGE_DETECTION": 41.7}, spec={"segments": [(1_500_000, 3_000_000), (0, 10**15)]})
    first, second = _unpacked(_read(job).metadata, vi.AnnotateVideoProgress).annotation_progress
    assert (first.input_uri, first.progress_percent, first.feature) == ("a.mp4", 41, vi.Feature.SHOT_CHANGE_DETECTION)
    assert (second.progress_percent, second.feature) == (0, vi.Feature.FACE_DETECTION)
    assert first.start_time == first.update_time == AT
    assert operation(job, numbers=False)["metadata"]["annotationProgress"][0]["segment"] == {"startTimeOffset": "0.000000s"}
    cut = replace(job, spec={**SPEC, "segments": [(1_500_000, 3_000_000), (0, 1_000_000)]})
    shown = operation(cut, numbers=True)["metadata"]["annotationProgress"][0]
    assert (shown["segment"], shown["feature"]) == ({"startTimeOffset": "0.000000s", "endTimeOffset": "3.000000s"}, 2)


def test_the_response_is_an_array_of_one_element() -> None:
    """media V4."""
    told = _unpacked(_read(_ended(EndReason.DONE, result=RESULT)).response, vi.AnnotateVideoResponse)
    (element,) = told.annotation_results
    assert (element.input_uri, len(element.shot_annotations), element.error.code) == ("a.mp4", 1, 0)


def test_a_feature_that_failed_alone_fills_the_elements_error() -> None:
    """media V4: partial failure."""
    errors = [{"feature": "FACE_DETECTION", "code": "bad_media", "message": "input has no video"}]
    job = _ended(EndReason.DONE, facts={"feature_errors": {"FACE_DETECTION": errors[0]}}, result={**RESULT, "errors": errors})
    (element,) = _unpacked(_read(job).response, vi.AnnotateVideoResponse).annotation_results
    assert (element.error.code, element.error.message) == (3, "FACE_DETECTION: input has no video")
    assert _read(job).WhichOneof("result") == "response"


@pytest.mark.parametrize(
    ("job", "code"),
    [(_ended(EndReason.FAILED, "bad_media"), 3), (_ended(EndReason.CANCELLED), 1), (_ended(EndReason.WORKER_LOST), 14)],
)
def test_an_end_without_a_result_is_an_error(job, code) -> None:
    """media 6: a cancelled operation is done with error code 1."""
    read = _read(job)
    assert (read.WhichOneof("result"), read.error.code, read.done) == ("error", code, True)


def test_what_came_in_the_request_has_no_uri() -> None:
    """media V6."""
    told = operation(_ended(EndReason.DONE, result=RESULT, spec={"input_uri": "inputContent", "content": "0" * 32}), numbers=False)
    assert told["response"]["annotationResults"][0]["inputUri"] == ""
    assert told["metadata"]["annotationProgress"][0]["inputUri"] == ""


def test_a_job_is_an_operation_when_v1_knows_its_features_and_nobody_deleted_it() -> None:
    """media V1."""
    assert is_operation(_job())
    assert not is_operation(_job(spec={"features": ["SHOT_CHANGE_DETECTION", "IN_BLACK"]}))
    assert not is_operation(_job(facts={FORGOTTEN: True}))


def test_the_output_is_where_the_request_said() -> None:
    """media V6."""
    assert output_uri(_job()) is None
    assert output_uri(_job(spec={"google": {"output_uri": "gs://b/o"}})) == "gs://b/o"
