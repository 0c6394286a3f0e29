"""Jobs of every kind: listed, read, waited for, held and stopped."""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from triptych.cli.address import HERE, Server
from triptych.cli.asks import check_seconds
from triptych.cli.client import Client, job_path, talk
from triptych.cli.printing import age, show_json, show_table, tell
from triptych.cli.records import Job, JobPage
from triptych.clock import SystemClock, to_text
from triptych.errors import Invalid
from triptych.model import EndReason, State

MOST_LISTED = 500
LIVE = ",".join(state for state in State if state is not State.ENDED)
SUCCESS = b'{"success": true}'

Grace = Annotated[float | None, Parameter(alias="--grace")]


def ps(
    *,
    all: Annotated[bool, Parameter(alias="-a")] = False,  # noqa: A002 - the flag's name
    state: list[State] | None = None,
    end_reason: EndReason | None = None,
    kind: Literal["command", "annotate", "camera"] | None = None,
    worker: str | None = None,
    label: str | None = None,
    text: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST_LISTED))] = 50,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """List jobs, newest first: those that have not ended, or all. The exit code is 0, also when there is none.

    Ended jobs are listed, too, when an end, a text or a time is looked for.

    Args:
        all: list ended jobs, too.
        state: only jobs in this state; may be repeated.
        end_reason: only jobs that ended for this reason.
        kind: only jobs of this kind.
        worker: only jobs of this worker.
        label: only jobs that were submitted with this NAME=VALUE.
        text: only jobs with this text in their id or in what they run.
        since: only jobs from this time on: `2026-01-31`, `2026-01-31T12:00`, or how long ago: `10m`, `2h`, `3d`.
        until: only jobs from before this time.
        limit: at most so many, 1 to 500.
        json: print the server's answer.
        to: the server to talk to.
    """
    everything = all or state or end_reason or text or since or until
    asked = {
        "state": ",".join(state) if state else None if everything else LIVE,
        "end_reason": end_reason,
        "kind": kind,
        "worker": worker,
        "label": label,
        "text": text,
        "since": None if since is None else moment("--since", since, SystemClock().now()),
        "until": None if until is None else moment("--until", until, SystemClock().now()),
        "limit": limit,
    }
    return talk(to, partial(_list, asked={name: value for name, value in asked.items() if value is not None}, json=json))


def wait(*jobs: str, json: bool = False, to: Server = HERE) -> int:
    """Wait until jobs have ended and say how. The exit code is the job's own, as with `run`; Ctrl-C leaves the jobs alone: 130.

    Of several jobs each has its line, with its id, in the order in which they end; the exit code is that of the first one named that did
    not end with 0.

    Args:
        jobs: ids of the jobs.
        json: print the job's record; of several, one a line.
        to: the server to talk to.
    """
    return talk(to, partial(_wait, job_ids=_some(jobs), json=json))


def stop(*jobs: str, grace_s: Grace = None, json: bool = False, to: Server = HERE) -> int:
    """Stop jobs and all that they started. The exit code is 0 once nothing of them runs, also when they had ended before.

    Args:
        jobs: ids of the jobs.
        grace_s: seconds between SIGTERM and SIGKILL; by default the job's own.
        json: print the words of `POST /stop`, a line for each job.
        to: the server to talk to.
    """
    check_seconds("--grace-s", grace_s)
    return talk(to, partial(_stop, job_ids=_some(jobs), grace_s=grace_s, json=json))


def pause(*jobs: str, json: bool = False, to: Server = HERE) -> int:
    """Hold jobs where they stand. The exit code is 0 once they are held.

    Args:
        jobs: ids of the jobs.
        json: print the job's record; of several, one a line.
        to: the server to talk to.
    """
    return talk(to, partial(_change, job_ids=_some(jobs), verb="pause", json=json))


def resume(*jobs: str, json: bool = False, to: Server = HERE) -> int:
    """Let held jobs go on. The exit code is 0 once they go on.

    Args:
        jobs: ids of the jobs.
        json: print the job's record; of several, one a line.
        to: the server to talk to.
    """
    return talk(to, partial(_change, job_ids=_some(jobs), verb="resume", json=json))


def moment(option: str, text: str, now: datetime) -> str:
    """Return a time as the server reads it; without a zone it is this machine's. Raises `Invalid` naming the option."""
    try:
        if found := _AGO.fullmatch(text):
            return to_text(now - int(found[1]) * _UNITS[found[2]])
        return to_text(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError):
        raise Invalid(f"{option} takes a time such as 2026-01-31T12:00, or how long ago such as 10m, not {text}") from None


def _some(jobs: tuple[str, ...]) -> tuple[str, ...]:
    if not jobs:
        raise Invalid("say which job, by its id; `triptych ps` lists them")
    return tuple(dict.fromkeys(jobs))


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


async def _wait(client: Client, *, job_ids: tuple[str, ...], json: bool) -> int:
    for job_id in job_ids:
        await client.job(job_id)
    codes: dict[str, int] = {}
    async for body in _in_turn([client.ended(job_id) for job_id in job_ids]):
        job = client.decode(body, Job)
        codes[job.id] = job.code
        _tell(body, job.sentence, job.id if len(job_ids) > 1 else "", json=json)
    return next((codes[job_id] for job_id in job_ids if codes[job_id]), 0)


async def _stop(client: Client, *, job_ids: tuple[str, ...], grace_s: float | None, json: bool) -> int:
    async for body in _in_turn([client.stop(job_id, grace_s) for job_id in job_ids]):
        job = client.decode(body, Job)
        _tell(SUCCESS, job.sentence, job.id if len(job_ids) > 1 else "", json=json)
    return 0


async def _change(client: Client, *, job_ids: tuple[str, ...], verb: str, json: bool) -> int:
    for job_id in job_ids:
        body = await client.post(job_path(job_id, verb))
        _tell(body, client.decode(body, Job).status, job_id if len(job_ids) > 1 else "", json=json)
    return 0


async def _in_turn(answers: Sequence[Coroutine[None, None, bytes]]) -> AsyncIterator[bytes]:
    """Yield answers in the order in which they come; the first fault ends the others."""
    tasks = [asyncio.ensure_future(answer) for answer in answers]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tell(body: bytes, words: str, job_id: str, *, json: bool) -> None:
    if json:
        show_json(body)
    else:
        print(f"{job_id}  {words}" if job_id else words, flush=True)


_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
