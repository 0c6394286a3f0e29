"""How an annotate job is told to clients of Google's v1: as a long-running operation (media V1 to V5)."""

from collections.abc import Iterable, Mapping

from triptych.media.features import GOOGLE_V1
from triptych.model import Job, Json
from triptych.panels.annotations import View, view
from triptych.panels.googleresults import Results, feature_enum

TYPES = "type.googleapis.com/google.cloud.videointelligence.v1."
PROJECT = "triptych"
FORGOTTEN = "google_v1_forgotten"
"""The mark of a job whose operation was deleted."""

PROGRESS_KEYS = ("inputUri", "progressPercent", "startTime", "updateTime")
FOR_EVER_US = 10**15
"""The end of a segment that was asked for without one."""


def is_operation(job: Job) -> bool:
    """Say whether v1 can tell of a job: it knows all of its features, and nobody deleted the operation."""
    return not job.facts.get(FORGOTTEN) and set(_features(job)) <= GOOGLE_V1.keys()


def operation(job: Job, *, numbers: bool) -> View:
    """Return the job as an Operation; with `numbers` enums are numbers."""
    told = view(job)
    shown: View = {"name": operation_name(job), "metadata": _metadata(job, told, numbers=numbers)}
    if "response" in told:
        return {**shown, "done": True, "response": {"@type": f"{TYPES}AnnotateVideoResponse", **response(job, numbers=numbers)}}
    return {**shown, "done": True, "error": told["error"]} if "error" in told else shown


def operation_name(job: Job) -> str:
    """Return the whole name of a job's operation."""
    return f"projects/{PROJECT}/locations/{_ask(job).get('location', 'local')}/operations/{job.id}"


def output_uri(job: Job) -> str | None:
    """Return where the response of a job is to be written, None when nowhere."""
    uri = _ask(job).get("output_uri")
    return uri if isinstance(uri, str) else None


def response(job: Job, *, numbers: bool) -> View:
    """Return the AnnotateVideoResponse of a job that is done."""
    results = Results(job.result or {}, numbers=numbers)
    element: View = {**_input(job), "segment": results.segment()}
    for name in _features(job):
        element |= results.annotations(name)
    errors = _mapping(view(job).get("response")).get("errors")
    if isinstance(errors, list) and errors:
        element["error"] = _partial(errors)
    return {"annotationResults": [element]}


def _metadata(job: Job, told: View, *, numbers: bool) -> View:
    progress = _mapping(told["metadata"]).get("annotationProgress")
    entries = [_entry(job, _mapping(entry), numbers=numbers) for entry in progress] if isinstance(progress, list) else []
    return {"@type": f"{TYPES}AnnotateVideoProgress", "annotationProgress": entries}


def _entry(job: Job, entry: Json, *, numbers: bool) -> View:
    told = {key: entry[key] for key in PROGRESS_KEYS if key in entry}
    feature = feature_enum(str(entry["feature"]), numbers=numbers)
    return {**told, **_input(job), "feature": feature, **_segment(job)}


def _input(job: Job) -> View:
    """Return the input as it was named; what came in the request has no name."""
    return {"inputUri": "" if job.spec.get("content") else job.spec.get("input_uri")}


def _segment(job: Job) -> View:
    """Return the stretch that was asked for, where one was."""
    asked = job.spec.get("segments")
    spans = [(int(start), int(end)) for start, end in asked] if isinstance(asked, list | tuple) else []
    if not spans:
        return {}
    start_us, end_us = min(start for start, _ in spans), max(end for _, end in spans)
    ends = {} if end_us == FOR_EVER_US else {"endTimeOffset": _offset(end_us)}
    return {"segment": {"startTimeOffset": _offset(start_us), **ends}}


def _offset(at_us: int) -> str:
    return f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}s"


def _partial(errors: list[Json]) -> View:
    """Return what became of the features that failed alone, as one status: the first one's code, everybody's message."""
    messages = [f"{error.get('feature')}: {error.get('message')}" for error in errors]
    return {"code": errors[0].get("code"), "message": "; ".join(messages)}


def _features(job: Job) -> Iterable[str]:
    features = job.spec.get("features")
    return [str(name) for name in features] if isinstance(features, list | tuple) else []


def _ask(job: Job) -> Json:
    return _mapping(job.spec.get("google"))


def _mapping(told: object) -> Json:
    return told if isinstance(told, Mapping) else {}
