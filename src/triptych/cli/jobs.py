"""Jobs of every kind: listed, read, waited for, held and stopped."""

import json as json_text
from functools import partial
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from triptych.cli.client import DEFAULT_SERVER, Client, ServerUrl, job_path, talk
from triptych.cli.output import copy, read
from triptych.cli.printing import age, show_json, show_table, tell
from triptych.cli.records import Job, JobPage, Stream
from triptych.clock import SystemClock
from triptych.model import State

MOST_LISTED = 500
LIVE = ",".join(state for state in State if state is not State.ENDED)


def ps(
    *,
    all: Annotated[bool, Parameter(alias="-a")] = False,  # noqa: A002 - the flag's name
    kind: Literal["command", "annotate", "camera"] | None = None,
    worker: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST_LISTED))] = 50,
    json: bool = False,
    server: ServerUrl = DEFAULT_SERVER,
) -> int:
    """List jobs, newest first: those that have not ended, or all. The exit code is 0, also when there is none.

    Args:
        all: list ended jobs, too.
        kind: only jobs of this kind.
        worker: only jobs of this worker.
        limit: at most so many, 1 to 500.
        json: print the server's answer.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    asked = {"state": None if all else LIVE, "kind": kind, "worker": worker, "limit": limit}
    return talk(server, partial(_list, asked={name: value for name, value in asked.items() if value is not None}, json=json))


def logs(
    job: str,
    *,
    follow: Annotated[bool, Parameter(alias="-f")] = False,
    stderr: bool = False,
    json: bool = False,
    server: ServerUrl = DEFAULT_SERVER,
) -> int:
    """Print what a job wrote, byte for byte. The exit code is 0, whatever became of the job; Ctrl-C leaves the job alone: 130.

    Args:
        job: id of the job.
        follow: go on until the job has ended.
        stderr: print its standard error in place of its standard output.
        json: print one JSON object instead: `stdout` or `stderr`, with what is not UTF-8 replaced.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_logs, job_id=job, follow=follow, stderr=stderr, json=json))


def wait(job: str, *, json: bool = False, server: ServerUrl = DEFAULT_SERVER) -> int:
    """Wait until a job has ended and say how. The exit code is the job's own, as with `run`; Ctrl-C leaves the job alone: 130.

    Args:
        job: id of the job.
        json: print the job's record.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_wait, job_id=job, json=json))


def stop(job: str, *, grace_s: float | None = None, json: bool = False, server: ServerUrl = DEFAULT_SERVER) -> int:
    """Stop a job and all that it started. The exit code is 0 once nothing of it runs, also when it had ended before.

    Args:
        job: id of the job.
        grace_s: seconds between SIGTERM and SIGKILL; by default the job's own.
        json: print the words of `POST /stop`.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_stop, job_id=job, grace_s=grace_s, json=json))


def pause(job: str, *, json: bool = False, server: ServerUrl = DEFAULT_SERVER) -> int:
    """Hold a job where it stands. The exit code is 0 once it is held.

    Args:
        job: id of the job.
        json: print the job's record.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_change, job_id=job, verb="pause", json=json))


def resume(job: str, *, json: bool = False, server: ServerUrl = DEFAULT_SERVER) -> int:
    """Let a held job go on. The exit code is 0 once it goes on.

    Args:
        job: id of the job.
        json: print the job's record.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_change, job_id=job, verb="resume", json=json))


async def _list(client: Client, *, asked: dict[str, str | int], json: bool) -> int:
    body = await client.get("/api/v1/jobs", **asked)
    page = client.decode(body, JobPage)
    if json:
        show_json(body)
        return 0
    now = SystemClock().now()
    show_table(("JOB", "STATE", "AGE", "WHAT"), [(job.id, job.status, age(job.created_at, now), job.what) for job in page.jobs])
    if page.cursor:
        tell(f"these are the newest {len(page.jobs)}; --limit shows up to {MOST_LISTED}")
    return 0


async def _logs(client: Client, *, job_id: str, follow: bool, stderr: bool, json: bool) -> int:
    stream: Stream = "stderr" if stderr else "stdout"
    if json:
        written = b"".join([data async for data in read(client, job_id, stream, follow=follow)])
        print(json_text.dumps({stream: written.decode(errors="replace")}))
    else:
        await copy(client, job_id, stream, follow=follow)
    return 0


async def _wait(client: Client, *, job_id: str, json: bool) -> int:
    body = await client.ended(job_id)
    job = client.decode(body, Job)
    if json:
        show_json(body)
    else:
        print(job.sentence)
    return job.code


async def _stop(client: Client, *, job_id: str, grace_s: float | None, json: bool) -> int:
    job = client.decode(await client.stop(job_id, grace_s), Job)
    print(json_text.dumps({"success": True}) if json else job.sentence)
    return 0


async def _change(client: Client, *, job_id: str, verb: str, json: bool) -> int:
    body = await client.post(job_path(job_id, verb))
    job = client.decode(body, Job)
    if json:
        show_json(body)
    else:
        print(job.status)
    return 0
