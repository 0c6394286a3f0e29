"""Enrolled persons as plain files under `persons/ID/`: their photos, and a card with names, numbers, times and roles (camera S5, S8).

The folder is shared by every camera process of a worker: changes are made under a lock, and `version` is another one after each.
"""

import fcntl
import os
import shutil
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from triptych.camera.persons.matching import Descriptors, Enrolled
from triptych.camera.persons.photos import MEDIA_TYPES, Extension
from triptych.camera.persons.rules import check_name
from triptych.errors import Conflict, NotFound

_CARD, _LOCK, _VERSION = "card.json", ".lock", ".version"


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One photo of a person: `name` is what its sender called it, `id` the name of its file; `role` is who enrolled it, `at` when."""

    id: str
    name: str
    extension: Extension
    encoding: tuple[float, ...]
    at: datetime
    role: str

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.id}.{self.extension}"

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return MEDIA_TYPES[self.extension]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a person beside the pictures themselves."""

    id: str
    name: str
    pictures: tuple[Picture, ...]

    @property
    def enrolled(self) -> Enrolled:
        """The person as the matching knows her."""
        return Enrolled(id=self.id, name=self.name, descriptors=np.array([one.encoding for one in self.pictures], np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accepted:
    """A photo that may be kept: encoded anew, with the descriptor (128,) of the one face in it."""

    name: str
    extension: Extension
    data: bytes
    descriptor: Descriptors


class Album:
    """Everybody who is enrolled on this worker."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def version(self) -> str:
        """Another text after each change, by whichever process."""
        try:
            return (self._root / _VERSION).read_text()
        except OSError:
            return ""

    def cards(self) -> list[Card]:
        """Return everybody's card, by name."""
        found = (self._card(folder.name) for folder in self._folders())
        return sorted((card for card in found if card is not None), key=lambda card: (_folded(card.name), card.id))

    def find(self, person: str) -> Card:
        """Return one card. Raises `NotFound` with code `person_not_found`."""
        card = self._card(person)
        if card is None:
            raise NotFound("id must be the id of an enrolled person.", code="person_not_found", field="id")
        return card

    def picture(self, person: str, name: str) -> tuple[Picture, Path]:
        """Return one picture of a person and where it lies. Raises `NotFound`."""
        for picture in self.find(person).pictures:
            if picture.name == name:
                return picture, self._root / person / picture.file
        raise NotFound("image must be the name of a picture of this person.", code="image_not_found", field="image")

    def enrol(self, name: str, photos: Sequence[Accepted], at: datetime, role: str) -> Card:
        """Add photos to whoever is called `name`, or to a new person of that name. Raises `Invalid`."""
        check_name(name)
        with self._changing():
            known = self._named(name) or Card(id=str(uuid.uuid4()), name=name, pictures=())
            return self._add(known, photos, at, role)

    def amend(self, person: str, name: str | None, photos: Sequence[Accepted], at: datetime, role: str) -> Card:
        """Rename a person, add photos, or both. Raises `Invalid`, `NotFound`, or `Conflict` when another person has that name."""
        if name is not None:
            check_name(name)
        with self._changing():
            card = self.find(person)
            other = None if name is None else self._named(name)
            if other is not None and other.id != person:
                raise Conflict("face_name is another person's name.", field="face_name")
            return self._add(msgspec.structs.replace(card, name=name or card.name), photos, at, role)

    def forget(self, person: str) -> None:
        """Delete a person's pictures and numbers; nothing is left. Raises `NotFound`."""
        with self._changing():
            self.find(person)
            (self._root / person / _CARD).unlink()
            shutil.rmtree(self._root / person)

    def _add(self, card: Card, photos: Sequence[Accepted], at: datetime, role: str) -> Card:
        folder, pictures = self._root / card.id, list(card.pictures)
        folder.mkdir(mode=0o700, exist_ok=True)
        for photo in photos:
            picture = Picture(
                id=str(uuid.uuid4()),
                name=_free_name(photo.name, [one.name for one in pictures]),
                extension=photo.extension,
                encoding=tuple(float(number) for number in photo.descriptor),
                at=at,
                role=role,
            )
            _write(folder / picture.file, photo.data)
            pictures.append(picture)
        changed = msgspec.structs.replace(card, pictures=tuple(pictures))
        _write(folder / _CARD, msgspec.json.encode(changed))
        return changed

    def _named(self, name: str) -> Card | None:
        return next((card for card in self.cards() if _folded(card.name) == _folded(name)), None)

    def _card(self, person: str) -> Card | None:
        if not _is_id(person):
            return None
        try:
            return msgspec.json.decode((self._root / person / _CARD).read_bytes(), type=Card)
        except OSError:
            return None

    def _folders(self) -> list[Path]:
        return [folder for folder in self._root.iterdir() if _is_id(folder.name)] if self._root.is_dir() else []

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the folder alone; what a killed process left half made goes first."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._root / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._tidy()
            try:
                yield
            finally:
                _write(self._root / _VERSION, uuid.uuid4().hex.encode())

    def _tidy(self) -> None:
        for folder in self._folders():
            card = self._card(folder.name)
            known = set() if card is None else {_CARD, *(picture.file for picture in card.pictures)}
            for left in folder.iterdir():
                if left.name not in known:
                    left.unlink()
            if card is None:
                folder.rmdir()


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _free_name(name: str, taken: Sequence[str]) -> str:
    """Return `name`, or `name_2` and so on before its extension where it is taken."""
    stem, dot, extension = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}_{number}{dot}{extension}" if stem else f"{name}_{number}"
    return free


def _is_id(text: str) -> bool:
    with suppress(ValueError):
        return str(uuid.UUID(text)) == text
    return False


def _write(path: Path, data: bytes) -> None:
    """Write a file for this user alone, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
