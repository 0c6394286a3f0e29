"""A command on a worker as if it ran here."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from functools import partial

from triptych.cli.client import DEFAULT_SERVER, Client, ServerUrl, talk
from triptych.cli.output import copy
from triptych.cli.printing import show_json, tell
from triptych.cli.records import Job, Stream
from triptych.errors import Invalid
from triptych.model import EndReason

TERMINATED = 143


def run(
    *command: str,
    worker: str | None = None,
    cwd: str = "work",
    timeout_s: float | None = None,
    json: bool = False,
    server: ServerUrl = DEFAULT_SERVER,
) -> int:
    """Run a command on a worker, with its output live on standard output and standard error: `triptych run -- CMD ARGS...`.

    The exit code is the job's own, 128+n if signal n ended it, 2 if it never started. Ctrl-C stops the job and all that it started: 130.

    Args:
        command: the program and its arguments, after `--`; no shell reads them.
        worker: id of the worker; not needed where there is only one.
        cwd: folder to run in: `work`, a fresh one; `root`, the worker's root; or a folder beneath the root.
        timeout_s: seconds after which the job is ended.
        json: print the job's record when it has ended, in place of its output.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    if not command:
        raise Invalid("say what to run: triptych run -- CMD ARGS...")
    asked = {"command": command[0], "args": command[1:], "cwd": cwd, "timeout_s": timeout_s}
    try:
        return talk(server, partial(_run, asked=asked, worker=worker, json=json))
    except asyncio.CancelledError:
        return TERMINATED


async def _run(client: Client, *, asked: Mapping[str, object], worker: str | None, json: bool) -> int:
    _stop_on_sigterm()
    ask = {**asked, "worker_id": await client.worker(worker)}
    submitting = asyncio.ensure_future(client.post("/api/v1/jobs", ask))
    try:
        job = client.decode(await asyncio.shield(submitting), Job)
    except asyncio.CancelledError:
        await client.stop(client.decode(await submitting, Job).id)
        raise
    body = await _attend(client, job.id, ("stdout", "stderr") if not json else ())
    job = client.decode(body, Job)
    if json:
        show_json(body)
    elif job.end_reason is not EndReason.EXITED:
        tell(job.sentence)
    return job.code


async def _attend(client: Client, job_id: str, streams: Sequence[Stream]) -> bytes:
    """Pass on what a job writes until it has ended, also what it writes while a Ctrl-C stops it, and return its record."""
    copies = [asyncio.ensure_future(copy(client, job_id, stream, follow=True, error=stream == "stderr")) for stream in streams]
    try:
        await _finish(copies)
        return await client.ended(job_id)
    except (asyncio.CancelledError, BrokenPipeError):
        tell("stopping the job")
        await client.stop(job_id)
        await asyncio.gather(*copies, return_exceptions=True)
        raise
    finally:
        for task in copies:
            task.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


async def _finish(copies: Sequence["asyncio.Future[None]"]) -> None:
    """Wait for all, or raise the first fault; unlike `gather`, a cancel leaves them at work."""
    if copies:
        done, _ = await asyncio.wait(copies, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()


def _stop_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
