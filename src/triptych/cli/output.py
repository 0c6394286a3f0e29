"""What a job writes, passed on byte for byte: all so far, or as it is written, also while the server restarts."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from triptych.cli.client import Client
from triptych.cli.printing import tell, write
from triptych.cli.records import Frame, Job, Stream
from triptych.errors import Unavailable

POLL_S = 1


async def copy(client: Client, job_id: str, *, follow: bool, attempt: int = 0) -> None:
    """Write both streams to standard output and standard error, in the order in which they came; with `follow`, until the job has ended."""
    async with aclosing(frames(client, job_id, follow=follow, attempt=attempt)) as lines:
        async for line in lines:
            frame = msgspec.json.decode(line, type=Frame)
            if frame.gap is not None:
                tell(f"bytes {frame.gap[0]}-{frame.gap[1]} of {frame.stream} were not kept")
            write(frame.data, error=frame.stream == "stderr")


async def copy_stream(client: Client, job_id: str, stream: Stream, *, follow: bool, offset: int = 0, attempt: int = 0) -> None:
    """Write one stream to standard output from byte `offset` on; with `follow`, until the job has ended."""
    async with aclosing(read(client, job_id, stream, follow=follow, offset=offset, attempt=attempt)) as pieces:
        async for data in pieces:
            write(data)


async def frames(client: Client, job_id: str, *, follow: bool, attempt: int = 0) -> AsyncGenerator[bytes]:
    """Yield what an attempt (0: the newest) wrote as lines of JSON, each byte once; with `follow` until the job or that attempt is over.

    Without a named attempt, following goes on with each later one from its beginning.
    """
    number, seq = 0, 0
    while True:
        job = await client.job(job_id)
        if (attempt or job.attempt) > number:
            number, seq = attempt or job.attempt, 0
        begun, over = seq, _is_over(job, number)
        if follow and not number and not over:
            await client.job(job_id, wait_s=POLL_S)
            continue
        try:
            async with aclosing(client.frames(job_id, seq, number, follow=follow and not over)) as lines:
                async for line in lines:
                    yield line
                    seq = msgspec.json.decode(line, type=Frame).seq
        except Unavailable as fault:
            tell(fault.message)
            continue
        # What is over is read until nothing more comes, since a server that goes down ends a stream as if that were all.
        if seq == begun and over and (attempt or job.ended):
            return
        if not follow and not over:
            return
        if seq == begun and over:
            await client.job(job_id, wait_s=POLL_S)


async def read(client: Client, job_id: str, stream: Stream, *, follow: bool, offset: int = 0, attempt: int = 0) -> AsyncGenerator[bytes]:
    """Yield what an attempt (0: the newest) wrote to one stream, like `frames`. Bytes that were not kept are told on standard error."""
    number = 0
    while True:
        job = await client.job(job_id)
        if (attempt or job.attempt) > number:
            number, offset = attempt or job.attempt, 0 if number else offset
        piece = await client.read(job_id, stream, offset, number)
        yield piece.data
        if piece.gap:
            tell(f"bytes {piece.gap} of {stream} were not kept")
        stands, offset = piece.next_offset == offset, piece.next_offset
        over = piece.complete or (stands and _is_over(job, number))
        if (over and (attempt or job.ended)) or (stands and not follow):
            return
        if over or (stands and not number):
            await client.job(job_id, wait_s=POLL_S)
        elif stands:
            async with aclosing(client.follow(job_id, stream, offset, number)) as written:
                async for data in written:
                    offset += len(data)
                    yield data


def _is_over(job: Job, number: int) -> bool:
    """Say whether an attempt of a job will write nothing more."""
    return job.ended or job.attempt > number
