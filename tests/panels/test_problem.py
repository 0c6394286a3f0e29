import json

import pytest

from triptych.errors import Conflict, Forbidden, Invalid, NotFound, NotYet, StartFailed, StopNotConfirmed, TriptychError, Unavailable
from triptych.panels.problem import refuse


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Invalid("x", field="args[2]"), 422),
        (Invalid("x", code="too_large"), 413),
        (Invalid("x", code="body_not_json"), 400),
        (Invalid("x", code="invalid_parameter"), 400),
        (Forbidden("x", code="cross_site"), 403),
        (NotFound("x", code="job_not_found"), 404),
        (Invalid("x", code="method_not_allowed"), 405),
        (Conflict("x", code="job_ended"), 409),
        (Unavailable("x", code="store_unavailable"), 503),
        (StartFailed("x"), 503),
        (StopNotConfirmed("x"), 503),
        (NotYet("x"), 501),
        (TriptychError("x"), 500),
    ],
)
def test_every_fault_has_its_status(fault: TriptychError, status: int) -> None:
    """workers 7: the status table; 503 always says when to try again."""
    answer = refuse(fault, None)  # type: ignore[arg-type]  # not looked at
    told = json.loads(answer.body)
    assert (answer.status_code, told["status"], told["code"], told.get("field")) == (status, status, fault.code, fault.field)
    assert (told["type"], told["detail"], answer.headers["content-type"]) == ("about:blank", "x", "application/problem+json")
    assert ("retry-after" in answer.headers) == (status == 503)
