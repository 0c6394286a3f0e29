"""A command on a worker as if it ran here."""

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import uuid4

from cyclopts import Parameter

from triptych.cli.address import HERE, Server
from triptych.cli.asks import ANYHOW, Ask
from triptych.cli.client import Client, talk
from triptych.cli.output import copy
from triptych.cli.printing import show_json, tell
from triptych.cli.records import Job
from triptych.errors import Invalid
from triptych.model import EndReason, State

TERMINATED = 143


def run(
    *command: str,
    ask: Ask = ANYHOW,
    detach: Annotated[bool, Parameter(alias="-d", negative="")] = False,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """Run a command on a worker, with its output live on standard output and standard error: `triptych run -- CMD ARGS...`.

    The exit code is the job's own, 128+n if signal n ended it, 2 if it never started. Ctrl-C stops the job and all that it started: 130.
    When the server restarts, the output goes on where it was.

    Args:
        command: the program and its arguments, after `--`; no shell reads them.
        ask: where and how it runs.
        detach: print the id of the job, and leave it to run; the exit code is 0.
        json: print the job's record when it has ended, or with --detach at once, in place of its output.
        to: the server to talk to.
    """
    if not command:
        raise Invalid("say what to run: triptych run -- CMD ARGS...")
    try:
        return talk(to, partial(_run, command=command, ask=ask, detach=detach, json=json))
    except asyncio.CancelledError:
        return TERMINATED


async def _run(client: Client, *, command: Sequence[str], ask: Ask, detach: bool, json: bool) -> int:
    stop_on_sigterm()
    submitting = asyncio.ensure_future(_submit(client, command, ask))
    try:
        body = await asyncio.shield(submitting)
    except asyncio.CancelledError:
        await client.stop(client.decode(await submitting, Job).id)
        raise
    job = client.decode(body, Job)
    if detach:
        show_json(body) if json else print(job.id)
        return 0
    if job.state is State.QUEUED and not json:
        tell("waiting for a worker with room")
    body = await _attend(client, job.id, shown=not json)
    job = client.decode(body, Job)
    if json:
        show_json(body)
    elif job.end_reason is not EndReason.EXITED:
        tell(job.sentence)
    return job.code


async def _submit(client: Client, command: Sequence[str], ask: Ask) -> bytes:
    worker_id = await client.worker(ask.worker) if ask.worker or not ask.label else None
    return await client.post("/api/v1/jobs", ask.body(command, worker_id), key=str(uuid4()))


async def _attend(client: Client, job_id: str, *, shown: bool) -> bytes:
    """Pass on what a job writes until it has ended, also what it writes while a Ctrl-C stops it, and return its record."""
    copying = asyncio.ensure_future(copy(client, job_id, follow=True) if shown else _silence())
    try:
        # Waited for, not awaited: a cancel leaves it at work.
        await asyncio.wait({copying})
        copying.result()
        return await client.ended(job_id)
    except (asyncio.CancelledError, BrokenPipeError):
        tell("stopping the job")
        await client.stop(job_id)
        await asyncio.gather(copying, return_exceptions=True)
        raise
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


async def _silence() -> None:
    """Pass on nothing."""


def stop_on_sigterm() -> None:
    """Have SIGTERM cancel the task that calls this, as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
