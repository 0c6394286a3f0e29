"""What a job writes, passed on byte for byte: all so far, or as it is written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from triptych.cli.client import Client
from triptych.cli.printing import tell, write
from triptych.cli.records import Stream

QUEUED_POLL_S = 1


async def copy(client: Client, job_id: str, stream: Stream, *, follow: bool, error: bool = False) -> None:
    """Write what a job wrote to standard output or, with `error`, to standard error; with `follow`, until the job has ended."""
    async with aclosing(read(client, job_id, stream, follow=follow)) as pieces:
        async for data in pieces:
            write(data, error=error)


async def read(client: Client, job_id: str, stream: Stream, *, follow: bool) -> AsyncGenerator[bytes]:
    """Yield what the newest attempt wrote; with `follow` what it goes on to write, and each later attempt from its beginning.

    Bytes that were not kept are told in a sentence on standard error.
    """
    attempt, offset = 0, 0
    while True:
        job = await client.job(job_id)
        if job.attempt > attempt:
            attempt, offset = job.attempt, 0
        piece = await client.read(job_id, stream, offset, attempt)
        yield piece.data
        if piece.gap:
            tell(f"bytes {piece.gap} of {stream} were not kept")
        stands, offset = piece.next_offset == offset, piece.next_offset
        if piece.complete or (stands and (job.ended or not follow)):
            return
        if stands and not attempt:
            await client.job(job_id, wait_s=QUEUED_POLL_S)
        elif stands:
            async with aclosing(client.follow(job_id, stream, offset, attempt)) as written:
                async for data in written:
                    offset += len(data)
                    yield data
