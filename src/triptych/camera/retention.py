"""How long recordings and shots are kept: alarms for 30 days, the rest until a limit of their camera asks for room (camera R10)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from triptych.camera.definition import Keeping
from triptych.camera.notes import Entry, Note, read_entry
from triptych.camera.records import Archive

ALARM_AGE = timedelta(days=30)
GB = 10**9

Why = Literal["alarm_age", "max_days", "max_gb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was deleted, and which rule asked for it."""

    note: Note
    why: Why


def prune(archive: Archive, camera: str, rules: Keeping, now: datetime) -> list[Removed]:
    """Delete what is not to be kept any more at `now`, local time, oldest first: old alarms of all, and by `rules` what is `camera`'s."""
    with archive.alone():
        entries = [entry for date in reversed(archive.dates()) for entry in archive.entries(date)]
        found = [(entry, why) for entry, why in overdue(entries, camera, rules, now) if read_entry(entry.note_path) == entry]
        for entry, _ in found:
            entry.drop()
    return [Removed(note=entry.note, why=why) for entry, why in found]


def overdue(entries: Iterable[Entry], camera: str, rules: Keeping, now: datetime) -> Iterator[tuple[Entry, Why]]:
    """Yield which of `entries`, oldest first, are to go, and why: never a protected one or one that is being written."""
    left: list[Entry] = []
    for entry in entries:
        age = now.replace(tzinfo=None) - datetime.strptime(f"{entry.note.date} {entry.note.time}", "%d_%m_%Y %H_%M_%S")  # noqa: DTZ007 - local, as `now` is
        own, free = entry.note.camera == camera, _is_free(entry.note)
        if free and entry.note.alarm and age > ALARM_AGE:
            yield entry, "alarm_age"
        elif free and own and rules.max_days is not None and age > timedelta(days=rules.max_days):
            yield entry, "max_days"
        elif own:
            left.append(entry)
    if rules.max_gb is not None:
        yield from ((entry, "max_gb") for entry in _too_many(left, rules.max_gb * GB))


def _too_many(entries: list[Entry], most_bytes: float) -> Iterator[Entry]:
    """Yield the oldest that may go until the rest takes at most `most_bytes`."""
    sizes = [_size_bytes(entry) for entry in entries]
    total = sum(sizes)
    for entry, size_bytes in zip(entries, sizes, strict=True):
        if total > most_bytes and _is_free(entry.note):
            total -= size_bytes
            yield entry


def _is_free(note: Note) -> bool:
    return not note.protected and note.state != "recording"


def _size_bytes(entry: Entry) -> int:
    return sum(path.stat().st_size for path in (entry.path, entry.marks_path) if path.exists())
