"""Workers: who takes work and how much of it, and the verbs that change that."""

from collections.abc import Iterator, Sequence
from functools import partial
from urllib.parse import quote

from cyclopts import App, Parameter

from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import age, printable, show_json, show_table
from triptych.cli.records import Worker, WorkerList
from triptych.clock import SystemClock

app = App(name="workers", default_parameter=Parameter(negative=()))


@app.default
def workers(*, json: bool = False, to: Server = HERE) -> int:
    """List the workers by id, with how many jobs of each kind each has and takes at most. The exit code is 0, also when there is none.

    Args:
        json: print the server's answer.
        to: the server to talk to.
    """
    return talk(to, partial(_list, json=json))


@app.command
def show(worker: str, *, json: bool = False, to: Server = HERE) -> int:
    """Tell what one worker is, what it may run and by which means it stops and limits jobs.

    Args:
        worker: id of the worker.
        json: print the server's answer.
        to: the server to talk to.
    """
    return talk(to, partial(_show, worker=worker, json=json))


@app.command
def drain(worker: str, *, json: bool = False, to: Server = HERE) -> int:
    """Give a worker no more jobs, also after a restart; those that it has go on. The exit code is 0 once that holds.

    Args:
        worker: id of the worker.
        json: print the worker's record.
        to: the server to talk to.
    """
    return talk(to, partial(_change, worker=worker, verb="drain", json=json))


@app.command
def undrain(worker: str, *, json: bool = False, to: Server = HERE) -> int:
    """Give a drained worker jobs again.

    Args:
        worker: id of the worker.
        json: print the worker's record.
        to: the server to talk to.
    """
    return talk(to, partial(_change, worker=worker, verb="undrain", json=json))


@app.command
def remove(worker: str, *, json: bool = False, to: Server = HERE) -> int:
    """Forget a worker that has no live job; its ended jobs and what they wrote stay. The exit code is 2 while it has one.

    Args:
        worker: id of the worker.
        json: print the worker's record.
        to: the server to talk to.
    """
    return talk(to, partial(_remove, worker=worker, json=json))


async def _list(client: Client, *, json: bool) -> int:
    body = await client.get("/api/v1/workers")
    found = client.decode(body, WorkerList).workers
    if json:
        show_json(body)
        return 0
    kinds = tuple(dict.fromkeys(kind for worker in found for kind in worker.slots))
    now = SystemClock().now()
    rows = [(printable(worker.id), worker.state, *_room(worker, kinds), age(worker.seen_at, now)) for worker in found]
    show_table(("WORKER", "STATE", *(kind.upper() for kind in kinds), "SEEN"), rows)
    return 0


async def _show(client: Client, *, worker: str, json: bool) -> int:
    return _tell(client, await client.get(_path(worker)), json=json)


async def _change(client: Client, *, worker: str, verb: str, json: bool) -> int:
    return _say_state(client, await client.post(_path(worker, verb)), json=json)


async def _remove(client: Client, *, worker: str, json: bool) -> int:
    return _say_state(client, await client.delete(_path(worker)), json=json)


def _say_state(client: Client, body: bytes, *, json: bool) -> int:
    found = client.decode(body, Worker)
    show_json(body) if json else print(found.state)
    return 0


def _tell(client: Client, body: bytes, *, json: bool) -> int:
    found = client.decode(body, Worker)
    if json:
        show_json(body)
        return 0
    for name, value in _facts(found):
        print(f"{name:<17} {printable(value)}")
    return 0


def _facts(worker: Worker) -> Iterator[tuple[str, str]]:
    now = SystemClock().now()
    yield from (("worker", worker.id), ("state", worker.state), ("seen", f"{age(worker.seen_at, now)} ago"))
    yield "labels", ", ".join(f"{name}={value}" for name, value in worker.labels.items()) or "none"
    yield from ((kind, f"{worker.slots_used.get(kind, 0)} of {most} jobs") for kind, most in worker.slots.items())
    if "commands" in worker.facts:
        listed = worker.facts["commands"]
        yield "commands", "any" if listed is None else ", ".join(map(str, listed)) or "none"
    yield "stops by", ", ".join(worker.kill_tiers) or "unknown"
    yield from ((f"not by {tier}", reason) for tier, reason in worker.missing_tiers.items())
    yield from ((name, ", ".join(_limit(worker, name))) for name in worker.limits | worker.max_limits)


def _limit(worker: Worker, name: str) -> Iterator[str]:
    means = worker.limits.get(name, "none")
    yield "cannot be enforced" if means == "none" else f"enforced by {means}"
    if name in worker.default_limits:
        yield f"{worker.default_limits[name]:,.10g} by default"
    if name in worker.max_limits:
        yield f"at most {worker.max_limits[name]:,.10g}"


def _room(worker: Worker, kinds: Sequence[str]) -> list[str]:
    return [f"{worker.slots_used.get(kind, 0)}/{worker.slots.get(kind, 0)}" for kind in kinds]


def _path(worker: str, *more: str) -> str:
    return "/".join(("/api/v1/workers", quote(worker, safe=""), *more))
