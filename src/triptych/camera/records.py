"""What a camera keeps: recordings and shots as plain files under `records/DD_MM_YYYY/HH_MM_SS/`, each with a small note beside it.

A recording that is being written has a marker under `records/.open`, locked by its writer; a marker that can be locked belongs to a
process that died, so the next one finishes that file.
"""

import fcntl
import os
import re
import shutil
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Self

import msgspec

from triptych.errors import NotFound, Unavailable

Part = Literal["media", "marks"]
Audio = Literal["source", "mic", "silence", "none"]
Finish = Callable[[Path], float | None]
"""Makes an ordinary file of one that was cut off and returns its length in seconds, None when nothing of it can be played."""

MEDIA_TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg", "jsonl": "application/x-ndjson"}
_DATE = re.compile(r"[0-9]{2}_[0-9]{2}_[0-9]{4}")
_OPEN = ".open"
_BOX = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one recording or shot. `length_s` and `size_bytes` are those of the finished file."""

    id: str
    camera: str
    name: str
    date: str
    time: str
    extension: Literal["mp4", "jpg"]
    state: Literal["recording", "ready", "recovered"] = "ready"
    length_s: float = 0.0
    size_bytes: int = 0
    dropped: int = 0
    audio: Audio = "none"
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A note and where its file lies; the note's own file is the same without the extension, plus `.json`."""

    note: Note
    path: Path

    @property
    def marks_path(self) -> Path:
        """The sidecar."""
        return self.path.with_suffix(".marks.jsonl")

    def write(self, note: Note) -> Self:
        """Replace the note: written aside, then renamed."""
        write_whole(self.path.with_suffix(".json"), msgspec.json.encode(note))
        return type(self)(note=note, path=self.path)

    def drop(self) -> None:
        """Delete all that there is of it."""
        for left in (self.path, self.marks_path, self.path.with_suffix(".json")):
            left.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that can be read: `size_bytes` counts whole fragments only while it is being written."""

    path: Path
    size_bytes: int
    etag: str
    media_type: str
    file_name: str
    modified: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to write a recording; the kernel takes it back when this process ends."""

    marker: BinaryIO
    path: Path

    def release(self) -> None:
        """Say that the recording is finished."""
        self.path.unlink(missing_ok=True)
        self.marker.close()


class Archive:
    """The records folder of a worker, shared by its cameras."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self._min_free_bytes = min_free_bytes
        self._paths: dict[str, Path] = {}

    def check_room(self) -> None:
        """Raise `Unavailable` with code `disk_full` when too little of the disk is free."""
        self._root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._root).free < self._min_free_bytes:
            raise Unavailable("disk full", code="disk_full")

    def begin(self, camera: str, extension: Literal["mp4", "jpg"], at: datetime, *, audio: Audio = "none") -> Entry:
        """Reserve a name for what is taken at `at` (local time); a clash within one second gets `_2`."""
        self.check_room()
        date, time = at.strftime("%d_%m_%Y"), at.strftime("%H_%M_%S")
        folder = self._root / date / time
        folder.mkdir(parents=True, exist_ok=True)
        state: Literal["recording", "ready"] = "recording" if extension == "mp4" else "ready"
        number = 1
        while True:
            stem = time if number == 1 else f"{time}_{number}"
            note = Note(id=str(uuid.uuid4()), camera=camera, name=stem, date=date, time=time, extension=extension, state=state, audio=audio)
            if _create(folder / f"{stem}.json", msgspec.json.encode(note)):
                return Entry(note=note, path=folder / f"{stem}.{extension}")
            number += 1

    def claim(self, entry: Entry) -> "Claim":
        """Mark a recording as being written, until it is released or this process ends."""
        folder = self._root / _OPEN
        folder.mkdir(exist_ok=True)
        aside = folder / f".{entry.note.id}"
        marker = aside.open("xb")
        fcntl.flock(marker, fcntl.LOCK_EX)
        marker.write(bytes(entry.path.relative_to(self._root)))
        marker.flush()
        return Claim(marker=marker, path=aside.rename(folder / entry.note.id))

    def recover(self, finish: Finish) -> list[Note]:
        """Finish every recording whose writer died; the new notes say `recovered`. What cannot be played at all is deleted."""
        recovered: list[Note] = []
        for marker in sorted((self._root / _OPEN).glob("[!.]*")):
            with marker.open("rb") as held:
                if _lock(held):
                    recovered += self._finish(self._root / os.fsdecode(held.read()), finish)
                    marker.unlink(missing_ok=True)
        return recovered

    def dates(self) -> list[str]:
        """Return the dates that have something, newest first."""
        found = [folder.name for folder in self._root.iterdir() if _DATE.fullmatch(folder.name)] if self._root.is_dir() else []
        return sorted(found, key=lambda date: date.split("_")[::-1], reverse=True)

    def list(self, date: str) -> list[Note]:
        """Return what was kept on a date, oldest first; nothing for a date that is none."""
        folder = self._root / date
        found = _entries(folder) if _DATE.fullmatch(date) and folder.is_dir() else ()
        return sorted((entry.note for entry in found if entry.path.exists()), key=lambda note: (note.time, len(note.name), note.name))

    def open(self, record_id: str, part: Part = "media") -> Stored:
        """Return the file of a recording or shot, or its marks. Raises `NotFound`."""
        entry = self._find(record_id)
        path = entry.path if part == "media" else entry.marks_path
        try:
            found = path.stat()
        except FileNotFoundError:
            raise NotFound("no such record", code="record_not_found") from None
        growing = entry.note.state == "recording" and part == "media"
        size_bytes = whole_bytes(path) if growing else found.st_size
        return Stored(
            path=path,
            size_bytes=size_bytes,
            etag=f'"{record_id}-{size_bytes:x}-{found.st_mtime_ns:x}"',
            media_type=MEDIA_TYPES[path.suffix[1:]],
            file_name=f"{entry.note.name}{path.name.removeprefix(path.name.split('.')[0])}",
            modified=found.st_mtime,
        )

    def _find(self, record_id: str) -> Entry:
        known = self._paths.get(record_id)
        entry = _read(known) if known is not None else None
        if entry is None:
            entry = next((one for date in self.dates() for one in _entries(self._root / date) if one.note.id == record_id), None)
        if entry is None:
            raise NotFound("no such record", code="record_not_found")
        self._paths[record_id] = entry.path.with_suffix(".json")
        return entry

    def _finish(self, path: Path, finish: Finish) -> Iterator[Note]:
        entry = _read(path.with_suffix(".json"))
        if entry is None or entry.note.state != "recording":
            return
        length_s = finish(path) if path.exists() else None
        if length_s is None:
            entry.drop()
            return
        size_bytes = path.stat().st_size
        note = msgspec.structs.replace(entry.note, state="recovered", length_s=length_s, size_bytes=size_bytes)
        yield entry.write(note).note


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a fragmented mp4 that is being written end with a whole fragment."""
    end = whole = 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while (head := _box(file, end)) is not None and end + head[0] <= size:
            end += head[0]
            whole = end if head[1] == b"mdat" else whole
    return whole


def _box(file: BinaryIO, offset: int) -> tuple[int, bytes] | None:
    """Return (size in bytes, type) of the ISO 14496-12 box at `offset`; None at the end or where none has been written yet."""
    file.seek(offset)
    head = file.read(_BOX.size + _LARGE.size)
    if len(head) < _BOX.size:
        return None
    size, kind = _BOX.unpack_from(head)
    if size == 1 and len(head) == _BOX.size + _LARGE.size:
        (size,) = _LARGE.unpack_from(head, _BOX.size)
    return (size, kind) if size >= _BOX.size else None


def _entries(folder: Path) -> Iterator[Entry]:
    for path in folder.glob("*/*.json"):
        entry = _read(path)
        if entry is not None:
            yield entry


def _read(path: Path) -> Entry | None:
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None
    return Entry(note=note, path=path.with_suffix(f".{note.extension}"))


def _create(path: Path, data: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
