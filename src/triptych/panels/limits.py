"""Whether workers can hold a command to the limits that it asks for (workers.md 8)."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from triptych.errors import Invalid
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
    """Raise `Invalid` naming the limit that one of its workers does not allow or, with `strict_limits`, has no means to enforce (Q1)."""
    wanted = {name: value for name, value in msgspec.structs.asdict(asked.limits).items() if value is not None}
    for worker in candidates(asked, workers) if wanted else ():
        _check_most(wanted, worker)
        if asked.strict_limits:
            _check_means(wanted, worker)


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
