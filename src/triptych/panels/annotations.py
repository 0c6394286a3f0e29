"""How an annotate job is told to clients of the media panel (media 2.4)."""

import re
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from triptych.clock import to_text
from triptych.errors import NotFound
from triptych.media.features import FEATURES
from triptych.model import EndReason, Job, State
from triptych.panels.http import service
from triptych.panels.submissions import KIND

CODES = {
    "cancelled": 1,
    "bad_media": 3,
    "deadline": 4,
    "input_gone": 5,
    "limits": 8,
    "report_too_large": 8,
    "segment_outside": 11,
    "internal": 13,
    "worker_lost": 14,
}
"""The google.rpc code of each fault (media J1)."""

BY_REASON = {
    EndReason.CANCELLED: "cancelled",
    EndReason.STOPPED: "cancelled",
    EndReason.TIMED_OUT: "deadline",
    EndReason.OUT_OF_MEMORY: "limits",
    EndReason.WORKER_LOST: "worker_lost",
}
"""The fault that an end is, where it carries none of its own."""

ALMOST_DONE = 99
EXTENSIONS = ("alarms", "errors", "verdict", "media")
PLAIN = frozenset({*EXTENSIONS, "segment", "recording"})
"""What a result holds beside annotations."""

View = dict[str, object]


async def find_job(request: Request) -> Job:
    """Return the job that a path names. Raises `NotFound`, also for what cannot be the name of one (media G3)."""
    name = request.path_params["name"]
    try:
        if _NAME.fullmatch(name):
            return await service(request).engine.find(name, kind=KIND)
    except NotFound:
        pass
    raise NotFound("job not found", code="job_not_found")


def status(job: Job) -> str:
    """Return the job's state in the words of this contract."""
    if job.state is not State.ENDED:
        waits = job.state is State.QUEUED or (job.state is State.PAUSED and job.attempt == 0)
        return "queued" if waits else "running"
    match job.end.reason if job.end else EndReason.FAILED:
        case EndReason.DONE:
            return "done"
        case EndReason.CANCELLED | EndReason.STOPPED:
            return "cancelled"
        case _:
            return "failed"


def view(job: Job, *, nested: bool = False) -> View:
    """Return the whole job; `nested` moves the annotation arrays into `annotationResults` (media J4)."""
    word = status(job)
    told: View = {"name": job.id, "_id": job.id, "status": word}
    if job.state is State.ENDED:
        told |= {"TTL": job.spec.get("ttl_days"), "origin": job.origin, **_workflow(job)}
    told["metadata"] = {"@type": "annotationProgress", "annotationProgress": [_progress(job, word, name) for name in _features(job)]}
    if job.state is State.ENDED:
        told["done"] = True
        told |= {"response": _response(job, nested=nested)} if word == "done" else {"error": fault_of(job)}
    return told


def item(job: Job) -> View:
    """Return the job as the list shows it (media J3)."""
    return {
        "origin": job.origin,
        "status": status(job),
        "_id": job.id,
        "name": job.id,
        "inputUri": job.spec.get("input_uri"),
        **_workflow(job),
        "insertTime": to_text(job.created_at, digits=3),
    }


def notice(job: Job) -> View:
    """Return what the server tells others of a job that is over: the list's item, with the fault or the recording and alarms."""
    if status(job) != "done":
        return {**item(job), "error": fault_of(job)}
    response = _response(job, nested=True)
    return {**item(job), **{key: response[key] for key in ("recording", "alarms") if key in response}}


def _workflow(job: Job) -> View:
    workflow = job.spec.get("workflow")
    return {} if workflow is None else {"workflow": workflow}


def _features(job: Job) -> list[str]:
    features = job.spec.get("features")
    return [str(name) for name in features] if isinstance(features, list | tuple) else []


def _progress(job: Job, word: str, name: str) -> View:
    told: View = {
        "inputUri": job.spec.get("input_uri"),
        "startTime": to_text(job.created_at),
        "updateTime": to_text(job.updated_at or job.created_at),
        "feature": name,
    }
    if (error := _feature_error(job, name)) is not None:
        return {**told, "error": error}
    if word == "done":
        return {**told, "progressPercent": 100}
    if word == "queued" or (job.state is State.ENDED and name not in job.progress):
        return told
    return {**told, "progressPercent": min(ALMOST_DONE, int(job.progress.get(name, 0)))}


def _feature_error(job: Job, name: str) -> View | None:
    errors = job.facts.get("feature_errors")
    error = errors.get(name) if isinstance(errors, Mapping) else None
    return _coded(error) if isinstance(error, Mapping) else None


def _coded(error: Mapping[str, object]) -> View:
    return {"code": CODES.get(str(error.get("code")), CODES["internal"]), "message": error.get("message")}


def _response(job: Job, *, nested: bool) -> View:
    result = job.result or {}
    arrays = _arrays(job, result)
    told: View = {"inputUri": job.spec.get("input_uri"), "segment": result.get("segment")}
    if (recording := _recording(result.get("alarms"))) is not None:
        told["recording"] = recording
    told |= {"annotationResults": arrays} if nested else arrays
    told |= {key: result[key] for key in EXTENSIONS if key in result}
    errors = result.get("errors")
    if isinstance(errors, list):
        told["errors"] = [{"feature": error.get("feature"), **_coded(error)} for error in errors]
    return told


def _arrays(job: Job, result: View | Mapping[str, object]) -> View:
    """Return the annotations: each feature's own array in the order of the features, then what some give besides."""
    first = [key for name in _features(job) if (key := FEATURES[name].result_key) in result]
    return {key: result[key] for key in dict.fromkeys((*first, *result)) if key not in PLAIN}


def _recording(alarms: object) -> object | None:
    """Return the recording of the first alarm that has one (media J2)."""
    episodes = alarms if isinstance(alarms, Sequence) else ()
    return next((alarm["recording"] for alarm in episodes if isinstance(alarm, Mapping) and alarm.get("recording")), None)


def fault_of(job: Job) -> View:
    """Return what a job that gave no result is told to have failed with, by its google.rpc code (media J1)."""
    end = job.end
    reason = BY_REASON.get(end.reason, "internal") if end else "internal"
    if end is None or end.fault is None:
        return {"code": CODES[reason], "message": reason.replace("_", " ")}
    code = CODES.get(end.fault.code, CODES[reason])
    return {"code": CODES["cancelled"] if reason == "cancelled" else code, "message": end.fault.message}


_NAME = re.compile(r"[0-9a-f]{24}")
