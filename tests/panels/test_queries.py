from datetime import UTC, datetime

import msgspec
import pytest
from starlette.requests import Request

from triptych.errors import Invalid
from triptych.model import State
from triptych.panels.asks import CommandAsk, EventsQuery, JobQuery, ListQuery
from triptych.panels.outputs import FramesQuery, OutputQuery
from triptych.panels.queries import SUMMARIES, parameters, read_query, read_request


def query(text: str) -> Request:
    return Request({"type": "http", "method": "GET", "query_string": text.encode(), "headers": []})


def body(data: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": data, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_query_string_becomes_its_type() -> None:
    asked = read_query(query("state=running,queued&limit=7&since=2024-05-06T07:08:09Z&worker=a%2Fb"), ListQuery)
    assert asked == ListQuery(state=(State.RUNNING, State.QUEUED), limit=7, since=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), worker="a/b")
    assert read_query(query("follow=1"), OutputQuery).follow == 1
    assert read_query(query("worker=null&origin="), ListQuery) == ListQuery(worker="null", origin="")


@pytest.mark.parametrize(
    ("text", "field"),
    [("limit=x", "limit"), ("state=running,x", "state[1]"), ("more=1", "more"), ("since=1.5", "since"), ("kind=null", "kind")],
)
def test_a_parameter_that_does_not_fit_is_named(text: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_query(query(text), ListQuery)
    assert (caught.value.code, caught.value.field) == ("invalid_parameter", field)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("state=x", "state must be one of queued, starting, running, paused, stopping, unreachable, ended"),
        ("kind=x", "kind must be one of annotate, camera, command"),
    ],
)
def test_a_word_that_is_none_of_a_few_is_told_with_them(text: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_query(query(text), ListQuery)
    assert caught.value.message == told


def test_a_number_that_is_none_of_a_few_is_told_with_them() -> None:
    with pytest.raises(Invalid, match=r"^follow must be one of 0, 1$"):
        read_query(query("follow=2"), OutputQuery)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"command":"x","args":["a",1]}', "args[1]"),
        (b'{"command":"x","env":{"A":"a","1":"a"}}', "env.1"),
        (b'{"command":"x","env":{"A":"a","B":1}}', "env.B"),
        (b'{"command":"x","env":7}', "env"),
        (b'{"command":"x","labels":{"a=b":"c"}}', "labels.a=b"),
        (b'{"command":"x","retry":{"max_attempts":21}}', "retry.max_attempts"),
        (b'{"command":"x","retry":{"on":["stopped"]}}', "retry.on[0]"),
        (b'{"command":"x","limits":{"memory":1}}', "limits.memory"),
        (b"{}", "command"),
        (b'{"command":"x","more":1}', "more"),
        (b"7", None),
    ],
)
async def test_a_field_that_does_not_fit_is_named(data: bytes, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        await read_request(body(data), CommandAsk)
    assert (caught.value.code, caught.value.field) == ("invalid", field)


async def test_a_whole_float_is_an_integer() -> None:
    asked = await read_request(body(b'{"command":"x","priority":7.0,"timeout_s":1.5}'), CommandAsk)
    assert (asked.priority, asked.timeout_s) == (7, 1.5)
    with pytest.raises(Invalid):
        await read_request(body(b'{"command":"x","priority":7.5}'), CommandAsk)


async def test_no_body_is_an_empty_one() -> None:
    class Anything(msgspec.Struct):
        a: int = 1

    assert await read_request(body(b""), Anything) == Anything()


def test_every_parameter_has_a_meaning() -> None:
    shapes = (ListQuery, JobQuery, EventsQuery, OutputQuery, FramesQuery)
    named = {parameter.name for shape in shapes for parameter in parameters(shape)}
    assert named == SUMMARIES.keys()
