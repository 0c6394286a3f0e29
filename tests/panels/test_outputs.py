"""What jobs wrote, over the native API (workers O3-O6, O9, O10)."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from panels.door import Line, Reply, request
from panels.system import WORKER_ID, System
from triptych.errors import Conflict
from triptych.messages import Ended, Output
from triptych.model import End, EndReason, State, Submission

UNKNOWN = "00000000-0000-4000-8000-000000000000"
MEGABYTE = 1024 * 1024


async def submitted(system: System) -> str:
    job = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}, worker_id=WORKER_ID))
    await system.job(job.id, State.RUNNING)
    return job.id


async def get(system: System, job_id: str, what: str, **headers: str) -> Reply:
    return await system.door.ask("GET", f"/api/v1/jobs/{job_id}/output{what}", **headers)


async def write(system: System, job_id: str, stream: Literal["stdout", "stderr"], offset: int, data: bytes, *, t_us: int = 0) -> None:
    await system.worker.report(job_id, Output(stream=stream, offset=offset, data=data, t_us=t_us))


async def end(system: System, job_id: str, reason: EndReason = EndReason.EXITED, **sizes: int) -> None:
    """End a job whose worker tells how many bytes it read."""
    told = {stream: {"bytes": size, "gaps": []} for stream, size in sizes.items()}
    await system.worker.report(job_id, Ended(end=End(reason=reason), facts={"output": told} if told else {}))
    await system.job(job_id, State.ENDED)


@asynccontextmanager
async def reading(system: System, job_id: str, what: str, **headers: str) -> AsyncIterator[Line]:
    async with system.door.line() as line:
        await line.send(request("GET", f"/api/v1/jobs/{job_id}/output{what}", **headers))
        await line.reader.readuntil(b"\r\n\r\n")
        yield line


async def frames(system: System, job_id: str, what: str = "") -> list[Any]:
    async with reading(system, job_id, f"/frames{what}") as line:
        return [frame async for frame in told(line)]


async def told(line: Line) -> AsyncIterator[Any]:
    rest = b""
    while data := await line.chunk():
        *whole, rest = (rest + data).split(b"\n")
        for text in whole:
            yield json.loads(text)
    assert not rest


async def event(line: Line) -> tuple[str, Any]:
    """The id and data of the next server-sent event."""
    while True:
        fields = dict(text.split(": ", 1) for text in (await line.chunk()).decode().splitlines() if ": " in text)
        if "data" in fields:
            return fields["id"], json.loads(fields["data"])


async def both(system: System) -> str:
    """A job that wrote `one` to its standard output, `two` to its standard error and `three` to its standard output."""
    job_id = await submitted(system)
    for stream, offset, data, t_us in (
        ("stdout", 0, b"one", 1_000_000),
        ("stderr", 0, b"two", 1_250_000),
        ("stdout", 3, b"three", 2_000_000),
    ):
        await write(system, job_id, stream, offset, data, t_us=t_us)  # type: ignore[arg-type]  # the streams by name
    await system.written(job_id, 8)
    return job_id


async def test_output_is_read_by_offset(system: System) -> None:
    """workers O9."""
    job_id = await submitted(system)
    await system.worker.write(job_id, b"hello \xff\x00world")
    await system.written(job_id, 13)
    first = await get(system, job_id, "?limit=7")
    assert (first.body, first.headers["triptych-next-offset"], first.headers["triptych-complete"]) == (b"hello \xff", "7", "false")
    assert (first.headers["content-type"], first.headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    await end(system, job_id, stdout=13)
    rest = await get(system, job_id, "?offset=7&attempt=1")
    assert (rest.body, rest.headers["triptych-next-offset"], rest.headers["triptych-complete"]) == (b"\x00world", "13", "true")
    nothing = await get(system, job_id, "?stream=stderr")
    assert (nothing.body, nothing.headers["triptych-complete"]) == (b"", "true")


@pytest.mark.parametrize("what", ["", "/frames"])
async def test_what_cannot_be_read_is_refused(system: System, what: str) -> None:
    job_id = await submitted(system)
    for path, status, code in (
        (f"{job_id}/output{what}?attempt=2", 404, "attempt_not_found"),
        (f"{UNKNOWN}/output{what}", 404, "job_not_found"),
        (f"{job_id}/output{what}?attempt=0", 400, "invalid_parameter"),
        (f"{job_id}/output{what}?{'from_seq' if what else 'offset'}=-1", 400, "invalid_parameter"),
        (f"{job_id}/output{what}?follow=2", 400, "invalid_parameter"),
        (f"{job_id}/output{what}?nonsense=1", 400, "invalid_parameter"),
    ):
        reply = await system.door.ask("GET", f"/api/v1/jobs/{path}")
        assert (reply.status, json.loads(reply.body)["code"]) == (status, code), path


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_bytes_are_never_packed(system: System, encoding: str) -> None:
    """workers O9: what is sent is what was written, whoever could unpack it."""
    job_id, data = await submitted(system), b"a" * 100_000
    await system.worker.write(job_id, data)
    await system.written(job_id, len(data))
    reply = await get(system, job_id, "", accept_encoding=encoding)
    assert "content-encoding" not in reply.headers
    assert reply.body == data


async def test_a_read_ends_at_a_gap(system: System) -> None:
    """workers O4, O9."""
    job_id = await submitted(system)
    await system.worker.write(job_id, b"head")
    await system.worker.write(job_id, b"tail", offset=1004)
    await end(system, job_id, stdout=1008)
    for offset, body, following, gap in ((0, b"head", "4", None), (4, b"", "1004", "4-1004"), (1004, b"tail", "1008", None)):
        reply = await get(system, job_id, f"?offset={offset}")
        assert (reply.body, reply.headers["triptych-next-offset"], reply.headers.get("triptych-gap")) == (body, following, gap)
    followed = await get(system, job_id, "?offset=500&follow=1")
    assert (followed.body, followed.headers["triptych-gap"]) == (b"", "4-1004")


async def test_what_a_worker_read_and_never_sent_is_a_gap(system: System) -> None:
    """workers O5: and the record says so."""
    job_id = await submitted(system)
    await system.worker.write(job_id, b"said")
    await end(system, job_id, stdout=10, stderr=3)
    reply = await get(system, job_id, "?offset=4")
    assert (reply.headers["triptych-gap"], reply.headers["triptych-complete"]) == ("4-10", "true")
    record = json.loads((await system.door.ask("GET", f"/api/v1/jobs/{job_id}")).body)
    assert record["output"]["stdout"] == {"bytes": 10, "gaps": [[4, 10]]}
    assert record["output"]["stderr"] == {"bytes": 3, "gaps": [[0, 3]]}


async def test_output_of_a_lost_worker_is_not_complete(system: System) -> None:
    """workers O5: nobody knows what it had not sent."""
    job_id = await submitted(system)
    await system.worker.write(job_id, b"said")
    await end(system, job_id, EndReason.WORKER_LOST)
    reply = await get(system, job_id, "")
    assert (reply.body, reply.headers["triptych-complete"]) == (b"said", "false")
    async with reading(system, job_id, "?follow=1&offset=2") as line:
        assert (await line.chunk(), await line.chunk()) == (b"id", b"")


async def test_output_is_followed_as_it_is_written(system: System) -> None:
    """workers O6, O9: no polling, and the stream ends with the output."""
    job_id = await submitted(system)
    async with reading(system, job_id, "?follow=1") as line:
        for offset, piece in ((0, b"one "), (4, b"two "), (8, b"three")):
            await system.worker.write(job_id, piece, offset)
            assert await line.chunk() == piece
        await system.worker.end(job_id, exit_code=0)
        assert await line.chunk() == b""


async def test_a_job_in_the_queue_is_followed_from_its_first_byte(system: System) -> None:
    """workers O6."""
    job = await system.engine.submit(Submission(kind="command", spec={"argv": ["true"]}, needs={"nobody": "has"}))
    async with reading(system, job.id, "?follow=1") as out, reading(system, job.id, "/frames?follow=1") as order:
        await system.engine.stop(job.id, by="test")
        assert (await out.chunk(), await order.chunk()) == (b"", b"")


async def test_a_reader_that_does_not_read_delays_nobody(system: System) -> None:
    """workers O6: it reads from file, so neither the job nor another reader waits for it."""
    job_id, pieces = await submitted(system), 24
    async with reading(system, job_id, "?follow=1"), reading(system, job_id, "?follow=1") as quick:
        got = 0
        for n in range(pieces):
            await system.worker.write(job_id, bytes(MEGABYTE), n * MEGABYTE)
            while got < (n + 1) * MEGABYTE:
                got += len(await quick.chunk())
        await system.worker.end(job_id, exit_code=0)
        assert await quick.chunk() == b""


async def test_many_readers_get_the_same_bytes(system: System) -> None:
    """workers O6."""
    job_id, data = await submitted(system), bytes(n % 251 for n in range(300_000))

    async def follow() -> bytes:
        async with reading(system, job_id, "?follow=1") as line:
            return b"".join([chunk async for chunk in _chunks(line)])

    readers = [asyncio.create_task(follow()) for _ in range(20)]
    for offset in range(0, len(data), 10_000):
        await system.worker.write(job_id, data[offset : offset + 10_000], offset)
    await end(system, job_id, stdout=len(data))
    assert await asyncio.gather(*readers) == [data] * 20


async def _chunks(line: Line) -> AsyncIterator[bytes]:
    while chunk := await line.chunk():
        yield chunk


async def test_frames_tell_both_streams_in_order(system: System) -> None:
    """workers O2, O10."""
    job_id = await both(system)
    first, second, third = await frames(system, job_id)
    assert first == {"seq": 3, "stream": "stdout", "offset": 0, "t": 1.0, "data": "b25l"}
    assert second == {"seq": 6, "stream": "stderr", "offset": 0, "t": 1.25, "data": "dHdv"}
    assert (third["seq"], third["offset"], b64decode(third["data"])) == (11, 3, b"three")


@pytest.mark.parametrize(("from_seq", "data"), [(0, "onetwothree"), (1, "onetwothree"), (4, "twothree"), (6, "othree"), (12, "")])
async def test_frames_begin_where_they_are_asked_to(system: System, from_seq: int, data: str) -> None:
    """workers O10: the number after the last one seen misses nothing and repeats nothing."""
    told = await frames(system, await both(system), f"?from_seq={from_seq}")
    assert b"".join(b64decode(frame["data"]) for frame in told).decode() == data


async def test_frames_tell_a_gap(system: System) -> None:
    """workers O4, O10."""
    job_id = await submitted(system)
    await write(system, job_id, "stdout", 0, b"head")
    await write(system, job_id, "stdout", 10, b"tail")
    await end(system, job_id, stdout=20)
    told = await frames(system, job_id)
    assert [frame.get("gap") for frame in told] == [None, [4, 10], None, [14, 20]]
    assert [frame["seq"] for frame in told] == [4, 10, 14, 20]


async def test_frames_say_whether_they_are_all(system: System) -> None:
    """workers O5, O10."""
    job_id = await both(system)
    assert (await system.door.ask("HEAD", f"/api/v1/jobs/{job_id}/output/frames")).headers["triptych-complete"] == "false"
    await end(system, job_id, stdout=8, stderr=3)
    reply = await system.door.ask("HEAD", f"/api/v1/jobs/{job_id}/output/frames")
    assert (reply.headers["triptych-complete"], reply.headers["content-type"]) == ("true", "application/x-ndjson")


async def test_frames_are_followed_until_the_output_is_whole(system: System) -> None:
    """workers O6, O10."""
    job_id = await submitted(system)
    async with reading(system, job_id, "/frames?follow=1") as line:
        for n, stream in enumerate(("stdout", "stderr", "stdout")):
            await write(system, job_id, stream, n // 2, b"x", t_us=n * 1_000_000)  # type: ignore[arg-type]  # the streams by name
            frame = json.loads(await line.chunk())
            assert (frame["seq"], frame["stream"]) == (n + 1, stream)
        await system.worker.end(job_id, exit_code=0)
        assert await line.chunk() == b""


async def test_server_sent_frames_are_resumed_without_gap_or_repeat(system: System) -> None:
    """workers O10: whoever comes back names the last id it saw."""
    job_id = await both(system)
    async with reading(system, job_id, "/frames", accept="text/event-stream") as line:
        seen, frame = await event(line)
        assert (seen, frame["data"]) == ("3", "b25l")
    await end(system, job_id, stdout=8, stderr=3)
    async with reading(system, job_id, "/frames", accept="text/event-stream", last_event_id=seen) as line:
        assert [(await event(line))[0] for _ in range(2)] == ["6", "11"]
        assert await line.chunk() == b""
    over = await get(system, job_id, "/frames", accept="text/event-stream", last_event_id="11")
    assert over.status == 204


async def test_output_that_was_shed_is_a_gap_and_the_record_says_when(system: System) -> None:
    """workers O8."""
    job_id = await both(system)
    await end(system, job_id, stdout=8, stderr=3)
    await system.engine.shed(job_id)
    reply = await get(system, job_id, "")
    assert (reply.body, reply.headers["triptych-gap"], reply.headers["triptych-complete"]) == (b"", "0-8", "true")
    assert [frame["gap"] for frame in await frames(system, job_id)] == [[0, 8], [0, 3]]
    record = json.loads((await system.door.ask("GET", f"/api/v1/jobs/{job_id}")).body)
    assert record["output"]["stdout"]["bytes"] == 8
    assert record["output"]["pruned_at"].startswith("20")


async def test_output_of_a_live_job_is_not_shed(system: System) -> None:
    """workers O8."""
    job_id = await both(system)
    with pytest.raises(Conflict):
        await system.engine.shed(job_id)
    assert (await get(system, job_id, "")).body == b"onethree"
