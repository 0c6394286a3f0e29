"""Scripts on a named worker, in the words of the documented calls `POST /start` and `POST /query`."""

from functools import partial
from uuid import uuid4

import msgspec

from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import printable, show_json
from triptych.errors import Invalid


class Started(msgspec.Struct, frozen=True):
    """What `/start` answers."""

    job_id: str


class Queried(msgspec.Struct, frozen=True):
    """What `/query` answers."""

    done: bool
    error: bool
    error_text: str


def start(command: str, path: str = "", *, worker: str | None = None, json: bool = False, to: Server = HERE) -> int:
    """Start a script on a worker and print the id of its job. The exit code is 0 once the program runs.

    Args:
        command: the program, such as `bash`.
        path: the script it gets, beneath a root of the worker, such as `worker/scripts/count.sh`.
        worker: id of the worker; not needed where there is only one.
        json: print what `POST /start` answers.
        to: the server to talk to.
    """
    return talk(to, partial(_start, command=command, path=path, worker=worker, json=json))


def query(job: str, *, json: bool = False, to: Server = HERE) -> int:
    """Tell whether a command's job has ended, and how. The exit code is 0 whatever the answer is; `wait` gives the job's own.

    Args:
        job: id of the job.
        json: print what `POST /query` answers.
        to: the server to talk to.
    """
    return talk(to, partial(_query, job_id=job, json=json))


async def _start(client: Client, *, command: str, path: str, worker: str | None, json: bool) -> int:
    asked = {"worker_id": await client.worker(worker), "command": command, "path": path}
    body = await client.post("/start", asked, key=str(uuid4()))
    started = client.decode(body, Started)
    if json:
        show_json(body)
    else:
        print(started.job_id)
    return 0


async def _query(client: Client, *, job_id: str, json: bool) -> int:
    job = await client.job(job_id)
    if job.kind != "command":
        raise Invalid(f"this job is of kind {job.kind}, which only `ps` and `wait` tell about")
    if job.worker_id is None:
        raise Invalid("no worker ever held this job, so only `ps` and `wait` tell about it")
    body = await client.post("/query", {"worker_id": job.worker_id, "job_id": job.id})
    queried = client.decode(body, Queried)
    if json:
        show_json(body)
    else:
        print(printable(queried.error_text) or ("done" if queried.done else "running"))
    return 0
