"""Which limits a command gets, and whether its worker can keep them (workers section 8). Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from triptych.kinds import Limits


def effective(asked: Limits | None, own: Mapping[str, float], greatest: Mapping[str, float]) -> dict[str, float]:
    """Return the limits of a job by name: what it asks for, else the worker's `own`, else the `greatest` that the worker allows."""
    return {**greatest, **own, **_named(asked)}


def excess(asked: Limits | None, greatest: Mapping[str, float]) -> str | None:
    """Return the name of a limit that is asked above the greatest that the worker allows, or None (workers Q1)."""
    return next((name for name, value in _named(asked).items() if value > greatest.get(name, value)), None)


def unenforceable(asked: Limits | None, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the asked limits that a worker with these `facts` has no means to enforce."""
    means = facts.get("limits", {})
    return tuple(name for name in _named(asked) if means.get(name, "none") == "none")


def _named(limits: Limits | None) -> dict[str, float]:
    return {} if limits is None else {name: value for name, value in msgspec.structs.asdict(limits).items() if value is not None}
