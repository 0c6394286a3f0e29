"""The media panel: jobs that measure features on a file, in the words of the Jobs contract (media 2)."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Conflict, Invalid, NotFound, TriptychError
from triptych.media.features import FEATURES, FeatureEntry
from triptych.media.inputs import UNPROCESSABLE
from triptych.media.slots import Empty, find
from triptych.panels import alarms, mediajobs, recordings, targets, workflows
from triptych.panels.contexts import absence
from triptych.panels.faults import Fault, Refused
from triptych.panels.http import Panel, Role, Route, json_answer, service

RETRY_AFTER_S = "5"

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "FAILED_PRECONDITION",
    413: "TOO_LARGE",
    422: "UNPROCESSABLE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""The status word of each HTTP status (media G8)."""

EXISTING = frozenset({"key_reused", "in_use"})
"""What answers 409 because it is there already."""

BY_CODE = {
    "invalid": 400,
    "body_truncated": 400,
    "body_trailing": 400,
    "body_not_json": 400,
    "invalid_key": 400,
    "not_available_yet": 400,
    "segment_outside": 400,
    "not_authenticated": 401,
    "not_authorised": 403,
    "host_not_allowed": 403,
    "cross_site": 403,
    "input_not_found": 404,
    "too_many_starts": 429,
    "forbidden": 403,
    "method_not_allowed": 405,
    "too_large": 413,
    UNPROCESSABLE: 422,
    "bad_media": 422,
    "limits": 422,
    "queue_full": 429,
    "unavailable": 503,
    "deadline": 503,
    "store_unavailable": 503,
    "worker_lost": 503,
    "process_left": 503,
    "worker_not_connected": 503,
    "worker_not_answering": 503,
    "worker_draining": 503,
    "stop_not_confirmed": 503,
}
"""The HTTP status of each code; a fault of another code goes by its class."""


class Detail(msgspec.Struct, frozen=True):
    """One fault of a request."""

    field: str
    reason: str


class Problem(msgspec.Struct, frozen=True):
    """What is wrong: `message` is the first fault, `details` holds all."""

    code: int
    status: str
    message: str
    details: tuple[Detail, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """How every error under `/api/ai` is told."""

    error: Problem


async def list_features(request: Request) -> Response:
    """Tell every feature that the contract knows, and why those that cannot be had here cannot."""
    models_dir = service(request).settings.model_folder
    return json_answer(await asyncio.to_thread(lambda: [_feature(name, entry, models_dir) for name, entry in FEATURES.items()]))


def refuse(fault: TriptychError, _request: Request) -> Response:
    """Return a fault in the one error body of this contract (media G8)."""
    code = http_status(fault)
    word = "ALREADY_EXISTS" if fault.code in EXISTING else STATUSES[code]
    faults = fault.faults if isinstance(fault, Refused) else [Fault(fault.field, fault.message)] if fault.field else []
    details = tuple(Detail(one.field, one.detail) for one in faults)
    headers = {"retry-after": RETRY_AFTER_S} if code in {429, 503} else None
    return json_answer(Failure(Problem(code, word, fault.message, details)), code, headers)


def http_status(fault: TriptychError) -> int:
    """Return the HTTP status that a fault is answered with."""
    if fault.code in BY_CODE:
        return BY_CODE[fault.code]
    classes = ((NotFound, 404), (Conflict, 409), (Invalid, 400))
    return next((code for kind, code in classes if isinstance(fault, kind)), 500)


def _feature(name: str, entry: FeatureEntry, models_dir: Path) -> dict[str, object]:
    lack = absence(name, entry, models_dir)
    told: dict[str, object] = {"name": name, "available": lack is None, "needsModel": entry.model is not None}
    if entry.model is not None:
        told["model"] = _model(entry.model, models_dir)
    told |= {"configKey": entry.config_key, "resultKey": entry.result_key, "alarmable": entry.alarmable}
    return told if lack is None else {**told, "reason": lack.told}


def _model(slot: str, models_dir: Path) -> dict[str, object]:
    """Tell what fills a slot; an empty one has its name alone."""
    found = find(slot, models_dir)
    if isinstance(found, Empty):
        return {"name": slot, "version": None, "sha256": None, "licence": None}
    facts = {"version": found.version, "sha256": found.sha256, "licence": found.licence, "measuredOn": found.measured_on}
    return {"name": found.name, **facts}


PANEL = Panel(
    name="media",
    refuse=refuse,
    error=Failure,
    cross_origin=True,
    routes=(
        *mediajobs.ROUTES,
        Route(
            method="GET",
            path="/api/ai/features",
            handler=list_features,
            role=Role.VIEWER,
            summary="List the features, and why those that are missing are.",
            answer=list[dict[str, Any]],
            errors=(403,),
            tag="media",
        ),
        *workflows.ROUTES,
        *alarms.ROUTES,
        *recordings.ROUTES,
        *targets.ROUTES,
    ),
)
