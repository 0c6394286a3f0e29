import json

import pytest


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "body must be a JSON object"),
        (b'"x"', "body must be a JSON object"),
        (b'{"a": Infinity}', "body is not valid JSON: syntax error or too deep"),
        (b'{"a": "\xff"}', "body is not valid JSON: body is not UTF-8"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "body is not valid JSON: syntax error or too deep"),
        (b"", "body is not valid JSON: unexpected end of JSON input"),
    ],
)
@pytest.mark.parametrize("path", ["/api/ai/jobs", "/api/ai/jobs:validate", "/api/ai/workflows"])
async def test_a_body_that_cannot_be_read_is_told_why(system, path, body, message) -> None:
    """media G1, 2.5."""
    reply = await system.door.ask("POST", path, body)
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (400, message)
