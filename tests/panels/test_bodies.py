import json

import pytest


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "body must be a JSON object"),
        (b'"x"', "body must be a JSON object"),
        (b'{"a": Infinity}', "body is not valid JSON: NaN, or a number that is infinite or has too many digits"),
        (b'{"a": 1,, }', "body is not valid JSON: Expecting property name enclosed in double quotes at line 1 column 9"),
        (rb'{"a": "\ud800"}', "body is not valid JSON: half of a surrogate pair in a string"),
        (b'{"a": "\xff"}', "body is not valid JSON: body is not UTF-8"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "body is not valid JSON: more than 64 levels deep"),
        (b"", "body is not valid JSON: unexpected end of JSON input"),
    ],
)
@pytest.mark.parametrize("path", ["/api/ai/jobs", "/api/ai/jobs:validate", "/api/ai/workflows"])
async def test_a_body_that_cannot_be_read_is_told_why(system, path, body, message) -> None:
    """media G1, 2.5; G8: the fault is in details too, though it belongs to no field."""
    reply = await system.door.ask("POST", path, body)
    told = json.loads(reply.body)["error"]
    assert (reply.status, told["message"], told["details"]) == (400, message, [{"field": "", "reason": message}])
