"""How the media panel lists features and says what is wrong."""

import json

import pytest

from triptych.errors import Conflict, Invalid, NotFound, TriptychError, Unavailable
from triptych.media.models import MODELS
from triptych.panels.media import refuse
from triptych.tokens import Role


async def _asked(system, method, path, body=b""):
    reply = await system.door.ask(method, path, body)
    return reply.status, json.loads(reply.body)


async def test_features_say_why_they_are_missing(system) -> None:
    _, told = await _asked(system, "GET", "/api/ai/features")
    by_name = {feature["name"]: feature for feature in told}
    assert by_name["IN_BLACK"] == {
        "name": "IN_BLACK",
        "available": True,
        "needsModel": False,
        "configKey": "inBlackConfig",
        "resultKey": "blackAnnotations",
        "alarmable": True,
    }
    assert by_name["OBJECT_TRACKING"]["model"]["name"] == "object"
    assert by_name["OBJECT_TRACKING"]["reason"].startswith("feature OBJECT_TRACKING needs model 'object', which is not installed")


async def test_a_feature_names_its_model_and_where_that_was_measured(system) -> None:
    """media 2.2, K6: every figure's test set is named."""
    _, told = await _asked(system, "GET", "/api/ai/features")
    model = next(feature["model"] for feature in told if feature["name"] == "FACE_DETECTION")
    assert (model["name"], model["licence"]) == ("blazeface-full", "Apache-2.0")
    assert model["sha256"] == MODELS["blazeface-full"].files[0].sha256
    assert "tests/truth/test_faces.py" in model["measuredOn"]


@pytest.mark.parametrize(
    "fault",
    [
        Conflict("worker draining", code="worker_draining"),
        Unavailable("the store does not answer", code="store_unavailable"),
        Unavailable("worker not connected", code="worker_not_connected"),
    ],
)
def test_what_passes_is_503_with_a_time_to_come_again(fault: TriptychError) -> None:
    """Media 2.5, G8."""
    answer = refuse(fault, None)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert json.loads(answer.body)["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        (Invalid("x"), 400, "INVALID_ARGUMENT"),
        (Invalid("x", code="segment_outside"), 400, "INVALID_ARGUMENT"),
        (NotFound("x", code="workflow_not_found"), 404, "NOT_FOUND"),
        (TriptychError("x", code="input_not_found"), 404, "NOT_FOUND"),
        (Conflict("x", code="in_use"), 409, "ALREADY_EXISTS"),
        (Conflict("x", code="key_reused"), 409, "ALREADY_EXISTS"),
        (Conflict("x", code="in_use_by_core"), 409, "FAILED_PRECONDITION"),
        (Invalid("x", code="too_large"), 413, "TOO_LARGE"),
        (TriptychError("x", code="bad_media"), 422, "UNPROCESSABLE"),
        (TriptychError("x", code="limits"), 422, "UNPROCESSABLE"),
        (TriptychError("x"), 500, "INTERNAL"),
    ],
)
def test_every_fault_has_its_status_and_word(fault: TriptychError, code: int, word: str) -> None:
    """media G8."""
    answer = refuse(fault, None)
    assert (answer.status_code, json.loads(answer.body)["error"]["status"]) == (code, word)


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/api/ai/jobs", Role.VIEWER),
        ("GET", "/api/ai/workflows", Role.VIEWER),
        ("POST", "/api/ai/jobs", Role.OPERATOR),
        ("POST", "/api/ai/jobs:validate", Role.OPERATOR),
        ("POST", "/api/ai/jobs/64b1f0a2c3d4e5f601234567:cancel", Role.OPERATOR),
        ("DELETE", "/api/ai/jobs/64b1f0a2c3d4e5f601234567", Role.OPERATOR),
        ("POST", "/api/ai/workflows", Role.ADMIN),
        ("PUT", "/api/ai/workflows/w", Role.ADMIN),
        ("DELETE", "/api/ai/workflows/w", Role.ADMIN),
    ],
)
async def test_each_call_needs_its_role(system, method, path, least) -> None:
    """media G10, G2: 401 for a wrong token, 403 for one that may not."""
    for role in Role:
        _, spelled = await system.door.app.service.tokens.create(name="t", role=role, by="test")
        status = (await system.door.ask(method, path, authorization=f"Bearer {spelled}")).status
        assert (status == 403) is not role.covers(least)
    wrong = await system.door.ask(method, path, authorization="Bearer nonsense")
    assert (wrong.status, json.loads(wrong.body)["error"]["status"]) == (401, "UNAUTHENTICATED")
