"""What the camera panel says, as the commands take it."""

import msgspec
import pytest

from triptych.cli.seer import DEFAULTS, Seer
from triptych.errors import TriptychError


class Line:
    """A server that answers each call with the next body."""

    def __init__(self, *bodies):
        self.bodies, self.calls = list(bodies), []

    def decode(self, body, shape):
        return msgspec.json.decode(body, type=shape)

    async def _next(self, method, path, body=None):
        self.calls.append((method, path, body))
        return self.bodies.pop(0)

    async def get(self, path, **query):
        return await self._next("GET", path, query)

    async def put(self, path, body):
        return await self._next("PUT", path, body)

    async def post(self, path, body):
        return await self._next("POST", path, body)

    async def delete(self, path):
        return await self._next("DELETE", path)


async def test_a_refusal_comes_back_as_its_sentence():
    """camera W1, W3: 200 with status ERROR."""
    line = Line(b'{"status":"ERROR","message":"disk full"}')
    with pytest.raises(TriptychError, match="disk full"):
        await Seer(line, None).start("record")
    assert line.calls == [("PUT", "/api/job?cause=record", {})]


async def test_changing_one_parameter_leaves_the_others_as_they_are():
    state = b'{"status":"OK","data":{"parameters":{"job_type":"secure","ai":"official_ai","arm_expansion":true}}}'
    line = Line(state, b'{"status":"OK"}')
    await Seer(line, "gate").set(scenario="wave")
    assert line.calls[1] == ("POST", "/api/job?camera=gate", {**DEFAULTS, "job_type": "secure", "ai": "official_ai", "scenario": "wave"})


async def test_a_pause_names_what_it_holds():
    line = Line(b'{"status":"OK"}', b'{"status":"OK"}')
    await Seer(line, None).pause(None)
    await Seer(line, "gate").pause("record")
    assert [path for _, path, _ in line.calls] == ["/api/job?pause=true", "/api/job?pause=true&cause=record&camera=gate"]
