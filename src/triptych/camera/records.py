"""What a camera keeps: recordings and shots as plain files under `records/DD_MM_YYYY/HH_MM_SS/`, each with a small note beside it.

A recording that is being written has a marker under `records/.open`, locked by its writer; a marker that can be locked belongs to a
process that died, so the next one finishes that file.
"""

import fcntl
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from triptych.camera.boxes import Fragments
from triptych.camera.notes import Audio, Entry, Extension, Index, Note, read_entry
from triptych.camera.sidecar import trim
from triptych.errors import Conflict, NotFound, Unavailable

Part = Literal["media", "marks"]
Finish = Callable[[Path], float | None]
"""Makes an ordinary file of one that was cut off and returns its length in seconds, None when nothing of it can be played."""

MEDIA_TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg", "jsonl": "application/x-ndjson"}
_OPEN = ".open"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that can be read: `size_bytes` counts whole fragments only while it is being written."""

    path: Path
    size_bytes: int
    etag: str
    media_type: str
    file_name: str
    modified: float


class Archive:
    """The records folder of a worker, shared by its cameras. Below `min_free_bytes` of room on the disk nothing new begins."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self.min_free_bytes = min_free_bytes
        self._index, self._fragments = Index(root), Fragments()
        self._door = threading.Lock()

    def check_room(self) -> None:
        """Raise `Unavailable` with code `disk_full` when too little of the disk is free."""
        self._root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._root).free < self.min_free_bytes:
            raise Unavailable("disk full", code="disk_full")

    def begin(
        self,
        camera: str,
        extension: Extension,
        at: datetime,
        *,
        audio: Audio = "none",
        alarm: bool = False,
        record_id: str | None = None,
    ) -> Entry:
        """Reserve a name for what is taken at `at` (local time); a clash within one second gets `_2`."""
        self.check_room()
        date, time = at.strftime("%d_%m_%Y"), at.strftime("%H_%M_%S")
        note = Note(
            id=record_id or str(uuid.uuid4()),
            camera=camera,
            name=time,
            date=date,
            time=time,
            extension=extension,
            state="recording" if extension == "mp4" else "ready",
            audio=audio,
            alarm=alarm,
        )
        return _reserve(self._root / date / time, note)

    @contextmanager
    def claim(self, entry: Entry) -> Iterator[None]:
        """Mark a recording as being written. What ends this process or the block by a fault leaves it to `recover`."""
        folder = self._root / _OPEN
        folder.mkdir(exist_ok=True)
        aside = folder / f".{entry.note.id}"
        with aside.open("xb") as marker:
            fcntl.flock(marker, fcntl.LOCK_EX)
            marker.write(bytes(entry.path.relative_to(self._root)))
            marker.flush()
            claimed = aside.rename(folder / entry.note.id)
            try:
                yield
            except Unavailable:
                claimed.unlink(missing_ok=True)
                raise
            claimed.unlink(missing_ok=True)

    def recover(self, finish: Finish) -> list[Note]:
        """Finish every recording whose writer died; the new notes say `recovered`. What cannot be played at all is deleted."""
        recovered: list[Note] = []
        for marker in sorted((self._root / _OPEN).glob("[!.]*")):
            with marker.open("rb") as held:
                if _lock(held):
                    recovered += self._finish(self._root / os.fsdecode(held.read()), finish)
                    marker.unlink(missing_ok=True)
        return recovered

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process and thread from changing notes and deleting files meanwhile."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._door, (self._root / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def change(self, entry: Entry, **changes: Any) -> Entry:
        """Change a note as it is on the disk now. Raises `NotFound` when it is gone."""
        with self.alone():
            now = read_entry(entry.note_path)
            if now is None:
                raise _unknown()
            return now.write(msgspec.structs.replace(now.note, **changes))

    def erase(self, record_id: str) -> Note:
        """Delete a recording or shot. Raises `NotFound`, and `Conflict` with code `record_open` while it is being written."""
        with self.alone():
            entry = self.find(record_id)
            if entry.note.state == "recording":
                raise Conflict("id names a recording that is still being written.", code="record_open", field="id")
            entry.drop()
        return entry.note

    def dates(self) -> list[str]:
        """Return the dates that have something, newest first."""
        return self._index.dates()

    def entries(self, date: str) -> list[Entry]:
        """Return what was kept on a date, oldest first; nothing for a date that is none."""
        return self._index.of(date)

    def list(self, date: str) -> list[Note]:
        """Return the notes of a date, oldest first."""
        return [entry.note for entry in self._index.of(date)]

    def find(self, record_id: str) -> Entry:
        """Return a recording or shot. Raises `NotFound`."""
        entry = self._index.find(record_id) if _is_id(record_id) else None
        if entry is None:
            raise _unknown()
        return entry

    def open(self, record_id: str, part: Part = "media") -> Stored:
        """Return the file of a recording or shot, or its marks. Raises `NotFound`."""
        entry = self.find(record_id)
        path = _path(entry, part)
        try:
            found = path.stat()
        except FileNotFoundError:
            raise _unknown() from None
        growing = entry.note.state == "recording" and part == "media"
        size_bytes = self._fragments.whole_bytes(path) if growing else found.st_size
        version = "growing" if growing else f"{found.st_mtime_ns:x}"
        return Stored(
            path=path,
            size_bytes=size_bytes,
            etag=f'"{record_id}-{size_bytes:x}-{version}"',
            media_type=MEDIA_TYPES[path.suffix[1:]],
            file_name=f"{entry.note.name}{path.name.removeprefix(path.name.split('.')[0])}",
            modified=found.st_mtime,
        )

    def locate(self, record_id: str, part: Part = "media") -> Path:
        """Return where the bytes of `open` are. Raises `NotFound`."""
        return _path(self.find(record_id), part)

    def _finish(self, path: Path, finish: Finish) -> Iterator[Note]:
        entry = read_entry(path.with_suffix(".json"))
        if entry is None or entry.note.state != "recording":
            return
        length_s = finish(path) if path.exists() else None
        if length_s is None:
            entry.drop()
            return
        trim(entry.marks_path, length_s)
        yield self.change(entry, state="recovered", length_s=length_s, size_bytes=path.stat().st_size).note


def _reserve(folder: Path, note: Note) -> Entry:
    """Create the first note of its second, or of the numbers behind it, that is free."""
    number = 1
    while True:
        stem = note.time if number == 1 else f"{note.time}_{number}"
        folder.mkdir(parents=True, exist_ok=True)
        entry = Entry(note=msgspec.structs.replace(note, name=stem), path=folder / f"{stem}.{note.extension}")
        try:
            with entry.note_path.open("xb") as file:
                file.write(msgspec.json.encode(entry.note))
        except FileExistsError:
            number += 1
        except FileNotFoundError:
            continue  # the folder was empty, and deleted with its last file
        else:
            return entry


def _path(entry: Entry, part: Part) -> Path:
    return entry.path if part == "media" else entry.marks_path


def _unknown() -> NotFound:
    return NotFound("id must be that of a recording or shot.", code="record_not_found", field="id")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
