"""A command on a worker as if it ran here."""

import asyncio
import signal
from collections.abc import Mapping
from functools import partial

from triptych.cli.client import DEFAULT_SERVER, Client, ServerUrl, talk
from triptych.cli.output import copy
from triptych.cli.printing import show_json, tell
from triptych.cli.records import Job
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
        return await _attend(client, job.id, json=json)
    except (asyncio.CancelledError, BrokenPipeError):
        tell("stopping the job")
        await client.stop(client.decode(await submitting, Job).id)
        raise


async def _attend(client: Client, job_id: str, *, json: bool) -> int:
    if not json:
        await asyncio.gather(copy(client, job_id, "stdout", follow=True), copy(client, job_id, "stderr", follow=True, error=True))
    body = await client.ended(job_id)
    job = client.decode(body, Job)
    if json:
        show_json(body)
    elif job.end_reason is not EndReason.EXITED:
        tell(job.sentence)
    return job.code


def _stop_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
