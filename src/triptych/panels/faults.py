"""What is wrong with a request of the media panel: every fault by its row of the validation table, and what was ignored (media 2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, auto

from triptych.errors import Invalid


class Row(IntEnum):
    """The rows of the table, in its order: the first fault by row is the message."""

    BODY = auto()
    CHOICE = auto()
    FEATURES = auto()
    MODEL = auto()
    WORKFLOW = auto()
    BESIDE = auto()
    RANGE = auto()
    TARGET = auto()
    SEGMENT = auto()
    URI = auto()
    PLACE = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request; `code` is that of the error it would be alone, `mend` what would help, beside the exact reason."""

    field: str
    reason: str
    row: Row = Row.RANGE
    code: str = Invalid.code
    mend: str = ""

    @property
    def detail(self) -> str:
        """The reason, and what would help."""
        return f"{self.reason}; {self.mend}" if self.mend else self.reason


class Refused(Invalid):
    """A request with faults; the first one in the order of the table is the message."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.row)
        first = self.faults[0]
        super().__init__(first.reason, code=first.code, field=first.field)


@dataclass(slots=True)
class Faults:
    """Collects what is wrong, and what a client is warned of."""

    found: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, row: Row, name: str, reason: str, mend: str = "") -> None:
        """Note one fault."""
        self.found.append(Fault(name, reason, row, mend=mend))

    def has(self, name: str) -> bool:
        """Say whether a field was found wrong."""
        return any(fault.field == name for fault in self.found)

    def warn(self, sentence: str) -> None:
        """Note a warning, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def ignore(self, key: str) -> None:
        """Note a key that is not known."""
        self.warn(f"{key} is not known and was ignored")

    def check(self) -> None:
        """Raise `Refused` if anything is wrong."""
        if self.found:
            raise Refused(self.found)
