"""camera 6: how bytes are refused; tests/panels/test_ranges.py proves their ranges, tests/conformance/test_camera.py the whole."""

import json

import pytest

from triptych.errors import Forbidden, Invalid, NotFound, Unavailable
from triptych.panels.footage import refuse_bytes


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (Invalid("part must be marks.", field="part"), 400, "part must be marks."),
        (NotFound("No such record.", code="record_not_found"), 404, "No such record."),
        (Forbidden("not authorised", code="not_authorised"), 403, "not allowed"),
        (Unavailable("The camera does not answer."), 503, "The camera does not answer."),
    ],
)
def test_bytes_are_refused_by_real_statuses(fault, status, message):
    answer = refuse_bytes(fault)
    assert (answer.status_code, json.loads(answer.body)) == (status, {"status": "ERROR", "message": message})


@pytest.mark.parametrize("date", ["x", "31_02_2026", "../../..", "2026_11_29"])
async def test_a_date_that_is_none_is_refused(system, date):
    """camera W3: the message names the field and what is allowed."""
    reply = await system.door.ask("GET", f"/api/record?date={date}")
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ERROR", "message": "date must be a day as DD_MM_YYYY."})
