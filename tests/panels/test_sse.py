import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from panels.door import Open, request
from triptych.panels.http import Panel, Role, Route, ServerSentEvent, event_stream, live_stream


def panel(answer: Response) -> Panel:
    async def handler(_request: Request) -> Response:
        return answer

    route = Route(method="GET", path="/x", handler=handler, role=Role.VIEWER, summary="A stream.")
    return Panel(name="x", routes=(route,), refuse=lambda fault, _request: Response(fault.message, 500))


def test_an_event_is_written_as_the_standard_says() -> None:
    assert ServerSentEvent(data={"a": "x\ny"}, event="state", id="7").encode() == b'id: 7\nevent: state\ndata: {"a":"x\\ny"}\n\n'
    assert ServerSentEvent(data=1).encode() == b"data: 1\n\n"


async def test_silence_is_filled_with_comments_until_the_client_leaves(open_door: Open) -> None:
    left = asyncio.Event()

    async def events() -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data=1)
            await asyncio.Event().wait()
        finally:
            left.set()

    door = await open_door(panel(event_stream(events(), keep_alive=timedelta(seconds=0.02))))
    async with door.line() as line:
        await line.send(request("GET", "/x"))
        await line.reader.readuntil(b"data: 1\n\n")
        await line.reader.readuntil(b": keep-alive\n\n")
        assert not left.is_set()
    async with asyncio.timeout(10):
        await left.wait()


async def test_a_stream_ends_when_its_events_do(open_door: Open) -> None:
    async def events() -> AsyncIterator[ServerSentEvent]:
        for number in range(3):
            yield ServerSentEvent(data=number)

    door = await open_door(panel(event_stream(events())))
    async with door.line() as line:
        await line.send(request("GET", "/x"))
        assert b"text/event-stream" in await line.reader.readuntil(b"\r\n\r\n")
        assert (await line.reader.readuntil(b"0\r\n\r\n")).count(b"data: ") == 3


@pytest.mark.parametrize("kind", ["events", "chunks"])
async def test_a_stream_that_breaks_is_logged_and_cut(open_door: Open, kind: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("broken")

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data=1)
        raise RuntimeError("broken")

    door = await open_door(panel(event_stream(events()) if kind == "events" else live_stream(chunks(), "text/plain")))
    with capture_logs() as logs:
        async with door.line() as line:
            await line.send(request("GET", "/x"))
            assert not (await line.reader.read()).endswith(b"0\r\n\r\n")
    assert [entry["event"] for entry in logs] == ["stream broke"]
