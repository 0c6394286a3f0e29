"""What is known of each recording and shot: a small JSON note beside its file, and an index that reads only what changed."""

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import msgspec

Audio = Literal["source", "mic", "silence", "none"]
Extension = Literal["mp4", "jpg"]

DATE = re.compile(r"[0-9]{2}_[0-9]{2}_[0-9]{4}")
_SETTLED_NS = 1_000_000_000
"""A folder that was touched more recently than this before it was read may be touched again within one tick of its time stamp."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one recording or shot. `length_s` and `size_bytes` are those of the finished file; `name` is what people call it."""

    id: str
    camera: str
    name: str
    date: str
    time: str
    extension: Extension
    state: Literal["recording", "ready", "recovered"] = "ready"
    length_s: float = 0.0
    size_bytes: int = 0
    dropped: int = 0
    audio: Audio = "none"
    alarm: bool = False
    protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A note and where its file lies; the note's own file is the same without the extension, plus `.json`."""

    note: Note
    path: Path

    @property
    def marks_path(self) -> Path:
        """The sidecar."""
        return self.path.with_suffix(".marks.jsonl")

    @property
    def note_path(self) -> Path:
        """The note's own file."""
        return self.path.with_suffix(".json")

    @property
    def order(self) -> tuple[str, int, str]:
        """What sorts the entries of one date by age."""
        return self.note.time, len(self.path.stem), self.path.stem

    def write(self, note: Note) -> Self:
        """Replace the note: written aside, then renamed."""
        write_whole(self.note_path, msgspec.json.encode(note))
        return type(self)(note=note, path=self.path)

    def drop(self) -> None:
        """Delete all that there is of it, and the folders that are empty then."""
        for left in (self.path, self.marks_path, self.note_path):
            left.unlink(missing_ok=True)
        for folder in self.path.parents[:2]:
            try:
                folder.rmdir()
            except OSError:
                return


class Index:
    """Every entry below a root, by date. A folder is read again only once it changed; safe from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[int, tuple[Entry, ...]]] = {}
        self._notes: dict[str, Path] = {}
        self._lock = threading.Lock()

    def dates(self) -> list[str]:
        """Return the dates that have a folder, newest first."""
        found = [folder.name for folder in self._root.iterdir() if DATE.fullmatch(folder.name)] if self._root.is_dir() else []
        return sorted(found, key=lambda date: date.split("_")[::-1], reverse=True)

    def of(self, date: str) -> list[Entry]:
        """Return the entries of a date, oldest first; none for a date that is none."""
        if not DATE.fullmatch(date):
            return []
        with self._lock:
            return sorted(self._folders(date), key=lambda entry: entry.order)

    def find(self, record_id: str) -> Entry | None:
        """Return the entry with this id, as its note says now."""
        known = self._notes.get(record_id)
        if known is not None and (entry := read_entry(known)) is not None:
            return entry
        found = next((one for date in self.dates() for one in self.of(date) if one.note.id == record_id), None)
        return None if found is None else read_entry(found.note_path)

    def _folders(self, date: str) -> Iterator[Entry]:
        try:
            folders = [(folder.path, folder.stat().st_mtime_ns) for folder in os.scandir(self._root / date) if folder.is_dir()]
        except FileNotFoundError:
            return
        for path, touched_ns in folders:
            known = self._known.get(path)
            if known is None or known[0] != touched_ns:
                known = self._read(Path(path), touched_ns)
            yield from known[1]

    def _read(self, folder: Path, touched_ns: int) -> tuple[int, tuple[Entry, ...]]:
        settled = time.time_ns() - touched_ns > _SETTLED_NS
        names = {one.name for one in os.scandir(folder)} if folder.is_dir() else set()
        found = tuple(entry for name in names if name.endswith(".json") and (entry := read_entry(folder / name)) is not None)
        entries = tuple(entry for entry in found if entry.path.name in names)
        self._notes.update((entry.note.id, entry.note_path) for entry in entries)
        known = touched_ns if settled else 0, entries
        self._known[str(folder)] = known
        return known


def read_entry(path: Path) -> Entry | None:
    """Return the entry of the note at `path`, None where there is none that can be read."""
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None
    return Entry(note=note, path=path.with_suffix(f".{note.extension}"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
