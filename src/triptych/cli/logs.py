"""What a job wrote, printed."""

from functools import partial
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.output import copy, copy_stream, frames
from triptych.cli.printing import write
from triptych.errors import Invalid

Which = Literal["both", "stdout", "stderr"]
FromZero = Annotated[int, Parameter(validator=Number(gte=0))]


def logs(
    job: str,
    *,
    follow: Annotated[bool, Parameter(alias="-f")] = False,
    stream: Which = "both",
    offset: FromZero = 0,
    attempt: FromZero = 0,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """Print what a job wrote, byte for byte: its standard output and standard error to yours, in order.

    A server that restarts is waited for. The exit code is 0, whatever became of the job; Ctrl-C leaves the job alone: 130.

    Args:
        job: id of the job.
        follow: go on until the job has ended.
        stream: only this stream, to standard output.
        offset: begin with this byte of the one stream, counted from 0.
        attempt: read this attempt, counted from 1; the newest one by default.
        json: print what both streams got as the server tells it: one JSON object a line, data in base64.
        to: the server to talk to.
    """
    if offset and stream == "both":
        raise Invalid("an offset counts the bytes of one stream: say which with --stream")
    if json and stream != "both":
        raise Invalid("--json tells of both streams; it goes without --stream")
    return talk(to, partial(_logs, job_id=job, follow=follow, stream=stream, offset=offset, attempt=attempt, json=json))


async def _logs(client: Client, *, job_id: str, follow: bool, stream: Which, offset: int, attempt: int, json: bool) -> int:
    if json:
        async for line in frames(client, job_id, follow=follow, attempt=attempt):
            write(line + b"\n")
    elif stream == "both":
        await copy(client, job_id, follow=follow, attempt=attempt)
    else:
        await copy_stream(client, job_id, stream, follow=follow, offset=offset, attempt=attempt)
    return 0
