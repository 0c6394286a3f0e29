"""Whether workers would let a command run, and hold it to the limits that it asks for (workers.md 7, 8)."""

import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from triptych.errors import Forbidden, Invalid
from triptych.model import Worker
from triptych.panels.asks import CommandAsk
from triptych.panels.records import part


def candidates(asked: CommandAsk, workers: Sequence[Worker]) -> Iterator[Worker]:
    """Yield the workers that may be given a job: the named one, or every one that carries the labels."""
    if isinstance(asked.labels, dict):
        yield from (worker for worker in workers if asked.labels.items() <= worker.labels.items())
    else:
        yield from (worker for worker in workers if worker.id == asked.worker_id)


def check(asked: CommandAsk, workers: Sequence[Worker]) -> None:
    """Refuse what its workers are known to refuse; the worker itself judges again.

    Raises `Forbidden` for a command that none of them lists (S5) or a script that begins with a dash (S3), `Invalid` naming the limit that
    one does not allow or, with `strict_limits`, has no means to enforce (Q1).
    """
    fitting = tuple(candidates(asked, workers))
    if fitting and not any(_lists(asked.command, worker) for worker in fitting):
        name = json.dumps(asked.command, ensure_ascii=False)
        raise Forbidden(f"command not allowed: {name}", code="command_not_allowed", field="command")
    if (asked.script or "").startswith("-"):
        raise Forbidden("path starts with a dash", code="path_dash", field="script")
    wanted = {name: value for name, value in msgspec.structs.asdict(asked.limits).items() if value is not None}
    for worker in fitting if wanted else ():
        _check_most(wanted, worker)
        if asked.strict_limits:
            _check_means(wanted, worker)


def _lists(command: str, worker: Worker) -> bool:
    listed = worker.facts.get("commands")
    return not isinstance(listed, list | tuple) or command in listed


def _check_most(wanted: Mapping[str, float], worker: Worker) -> None:
    most = part(worker.facts, "max_limits")
    for name, value in wanted.items():
        cap = most.get(name)
        if isinstance(cap, int | float) and value > cap:
            raise Invalid(f"{name} may be at most {cap:g} on worker {worker.id}", code="limit_too_high", field=f"limits.{name}")


def _check_means(wanted: Mapping[str, float], worker: Worker) -> None:
    means = part(worker.facts, "limits")
    for name in wanted:
        if means.get(name, "none") == "none":
            raise Invalid(f"nothing on worker {worker.id} can enforce {name}", code="limit_not_enforced", field=f"limits.{name}")
