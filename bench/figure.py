"""One measured number beside what it should be and what the same machine does without us."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A bound from the specs, in the figure's unit."""

    limit: float
    sense: Literal["<=", ">="]

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:g}"

    def met(self, value: float) -> bool:
        """Tell whether `value` keeps the bound."""
        return value <= self.limit if self.sense == "<=" else value >= self.limit


def at_most(limit: float) -> Target:
    """Return the target "`limit` or less"."""
    return Target(limit, "<=")


def at_least(limit: float) -> Target:
    """Return the target "`limit` or more"."""
    return Target(limit, ">=")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The same thing done with as little as possible, in the same run and unit: `what` says how."""

    what: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One result of a bench. `unit` is written after the value (`ms`, `starts/s`, `x decode`); `note` says what the reader must know.

    A value that is not a number is shown as absent.
    """

    name: str
    value: float
    unit: str
    target: Target | None = None
    baseline: Baseline | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the target is kept; a figure without one always is."""
        return self.target is None or self.target.met(self.value)
