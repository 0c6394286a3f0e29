"""What commands write, over the native API: raw bytes from any offset, and frames of both streams in order (workers O9, O10)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta
from msgspec import UnsetType as Unset
from starlette.requests import Request
from starlette.responses import Response

from triptych.engine import Engine
from triptych.errors import NotFound
from triptych.model import State
from triptych.outputs import OutputSlice
from triptych.panels.asks import LAST_EVENT, MAX_NUMBER, EventsQuery, Position, given, last_event
from triptych.panels.http import Role, Route, ServerSentEvent, event_stream, live_stream, service
from triptych.panels.queries import parameters, read_query
from triptych.reels import Frame

OUTPUT_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
BYTES = "application/octet-stream"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
TAG = "native"
EVERYTHING = 2**62

Attempt = Annotated[int, Meta(ge=1, le=2**31)]


class OutputQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bytes of which stream (workers O9)."""

    stream: Literal["stdout", "stderr"] = "stdout"
    offset: Position = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_NUMBER)] | Unset = UNSET
    follow: Literal[0, 1] = 0
    attempt: Attempt | Unset = UNSET


class FramesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to begin in what both streams got (workers O10)."""

    from_seq: Position = 0
    follow: Literal[0, 1] = 0
    attempt: Attempt | Unset = UNSET


class FrameRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one stream from `offset` on, in base64, or a `gap` [from, to) whose bytes were not kept.

    `seq` numbers the last byte of the frame, both streams counted together from 1; `t` is when its first byte was read, in seconds
    since the boot of the worker's machine.
    """

    seq: int
    stream: Literal["stdout", "stderr"]
    offset: int
    t: float
    data: bytes | Unset = UNSET
    gap: tuple[int, int] | Unset = UNSET


async def get_output(request: Request) -> Response:
    """Return bytes that a job wrote; a read ends at a gap. With `follow=1` they come as they are written."""
    asked = read_query(request, OutputQuery)
    engine, job_id = service(request).engine, request.path_params["id"]
    attempt = await _attempt(engine, job_id, asked.attempt)
    limit = PIECE_BYTES if asked.follow else OUTPUT_BYTES
    piece = await engine.output(job_id, asked.stream, offset=asked.offset, limit=given(asked.limit) or limit, attempt=attempt)
    if asked.follow and piece.gap is None:
        return live_stream(_follow(engine, job_id, asked, attempt), BYTES)
    return Response(piece.data, media_type=BYTES, headers=_headers(piece))


async def get_frames(request: Request) -> Response:
    """Return what both streams got, in order: a line of JSON each, or server-sent events for who asks for them."""
    asked = read_query(request, FramesQuery)
    engine, job_id = service(request).engine, request.path_params["id"]
    attempt = await _attempt(engine, job_id, asked.attempt)
    seen = last_event(request, EventsQuery())
    after = max(0, asked.from_seq - 1) if seen is None else seen
    if EVENTS not in request.headers.get("accept", ""):
        headers = {} if asked.follow else _complete(await _is_whole(engine, job_id, attempt, EVERYTHING))
        return live_stream(_lines(_frames(engine, job_id, attempt, after, follow=bool(asked.follow))), LINES, headers)
    if seen is not None and await _is_whole(engine, job_id, attempt, seen):
        return Response(status_code=204)
    return event_stream(_events(_frames(engine, job_id, attempt, after, follow=True)))


async def _attempt(engine: Engine, job_id: str, asked: int | Unset) -> int | None:
    job = await engine.find(job_id)
    if asked is UNSET:
        return job.attempt or None
    if asked > job.attempt:
        raise NotFound("no such attempt", code="attempt_not_found")
    return asked


async def _is_whole(engine: Engine, job_id: str, attempt: int | None, after: int) -> bool:
    """Say whether nothing is behind this byte and nothing ever will be."""
    found = await engine.frames(job_id, after=after, limit=1, attempt=attempt)
    return found.complete and not found.frames


async def _follow(engine: Engine, job_id: str, asked: OutputQuery, attempt: int | None) -> AsyncGenerator[bytes]:
    offset, left = asked.offset, given(asked.limit) or MAX_NUMBER
    async with aclosing(_news(engine, job_id, attempt)) as news:
        async for number in news:
            while left > 0:
                piece = await engine.output(job_id, asked.stream, offset=offset, limit=min(left, PIECE_BYTES), attempt=number)
                if piece.data:
                    yield piece.data
                offset, left = piece.next_offset, left - len(piece.data)
                if piece.complete or piece.gap is not None or not left:
                    return
                if not piece.data:
                    break


async def _frames(engine: Engine, job_id: str, attempt: int | None, after: int, *, follow: bool) -> AsyncGenerator[Frame]:
    async with aclosing(_news(engine, job_id, attempt)) as news:
        async for number in news:
            while True:
                found = await engine.frames(job_id, after=after, limit=PIECE_BYTES, attempt=number)
                for frame in found.frames:
                    yield frame
                after = found.next_seq
                if found.complete:
                    return
                if not found.frames:
                    break
            if not follow:
                return


async def _news(engine: Engine, job_id: str, attempt: int | None) -> AsyncGenerator[int | None]:
    """Yield the attempt, None before the first one, at once and whenever something may have come, until nothing more can."""
    while True:
        changed = asyncio.ensure_future(engine.changed(job_id))
        # Waits already when the job is looked at, so that no change falls between.
        await asyncio.sleep(0)
        try:
            job = await engine.find(job_id)
            attempt = attempt or job.attempt or None
            over = job.state is State.ENDED or (attempt is not None and job.attempt > attempt)
            yield attempt
            if over:
                return
            await changed
        finally:
            changed.cancel()


async def _lines(frames: AsyncGenerator[Frame]) -> AsyncGenerator[bytes]:
    async with aclosing(frames):
        async for frame in frames:
            yield msgspec.json.encode(_record(frame)) + b"\n"


async def _events(frames: AsyncGenerator[Frame]) -> AsyncGenerator[ServerSentEvent]:
    async with aclosing(frames):
        async for frame in frames:
            yield ServerSentEvent(data=_record(frame), id=str(frame.seq))


def _record(frame: Frame) -> FrameRecord:
    data, gap = (frame.data, UNSET) if frame.gap is None else (UNSET, frame.gap)
    return FrameRecord(seq=frame.seq, stream=frame.stream, offset=frame.offset, t=frame.t_us / 1_000_000, data=data, gap=gap)


def _headers(piece: OutputSlice) -> dict[str, str]:
    headers = {"triptych-next-offset": str(piece.next_offset), **_complete(piece.complete)}
    return headers if piece.gap is None else headers | {"triptych-gap": f"{piece.gap[0]}-{piece.gap[1]}"}


def _complete(whole: bool) -> dict[str, str]:  # noqa: FBT001 - one word, one value
    return {"triptych-complete": str(whole).lower()}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/jobs/{id}/output",
        handler=get_output,
        role=Role.VIEWER,
        summary="Read what a job wrote, byte for byte.",
        answer=bytes,
        errors=(400, 404, 503),
        parameters=parameters(OutputQuery),
        tag=TAG,
        media_type=BYTES,
    ),
    Route(
        method="GET",
        path="/api/v1/jobs/{id}/output/frames",
        handler=get_frames,
        role=Role.VIEWER,
        summary="Read what both streams of a job got, in order: one JSON object a line, or server-sent events.",
        answer=FrameRecord,
        errors=(204, 400, 404, 503),
        parameters=(*parameters(FramesQuery), LAST_EVENT),
        tag=TAG,
        media_type=LINES,
    ),
)
