"""Where the files of models are: finds what fills a slot, and says why one is empty (media K5, K6). Imports nothing that decodes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from triptych.errors import Unavailable
from triptych.media.models import MODELS, SLOTS, File

PACKAGE = Path(__file__).parents[1]
READ_BYTES = 1 << 20
PAGE = "docs/reference/models.md"

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Plain = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$(?!\n)")]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\\n)")]
Paths = tuple[Path, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator says of a model in a file `*.json` of the model folder; `file` and `more` lie beside it."""

    slot: Text
    name: Text
    version: Text
    licence: Text
    measured_on: Text
    file: Plain
    sha256: Hash
    more: dict[Plain, Hash] = {}

    @property
    def files(self) -> Mapping[str, str]:
        """The hash of each file by its name, the weights first."""
        return {self.file: self.sha256, **self.more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of a model: the paths that, joined, make it, and its hash."""

    name: str
    paths: Paths
    sha256: str

    def read(self) -> bytes:
        """Return its bytes. Raises `Unavailable` when it is gone or no longer what it was."""
        try:
            data = b"".join(path.read_bytes() for path in self.paths)
        except OSError as fault:
            raise Unavailable(f"{self.name} cannot be read", code="model_gone") from fault
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise Unavailable(f"{self.name} has changed", code="model_gone")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What fills a slot: the hash of each part, the weights first, was right when it was looked at."""

    slot: str
    name: str
    version: str
    licence: str
    measured_on: str
    parts: tuple[Part, ...]

    @property
    def sha256(self) -> str:
        """The hash of the weights."""
        return self.parts[0].sha256

    @property
    def paths(self) -> Paths:
        """Every file."""
        return tuple(path for part in self.parts for path in part.paths)

    def read(self) -> bytes:
        """Return the weights. Raises `Unavailable` as `Part.read` does."""
        return self.parts[0].read()

    def read_all(self) -> dict[str, bytes]:
        """Return every file by its name. Raises `Unavailable` as `Part.read` does."""
        return {part.name: part.read() for part in self.parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Nothing fills a slot: `reason` says why, and what mends it."""

    slot: str
    reason: str


def find(slot: str, folder: Path) -> Found | Empty:
    """Return what fills `slot`: an operator's manifest in `folder`, else a published model from this package, a wheel or `folder`.

    The hashes are those of the files as they are now; a file is read again only when its size or time has changed.
    """
    missing = next((module for module in SLOTS[slot].runtime if find_spec(module) is None), None)
    if missing is not None:
        return Empty(slot=slot, reason=f"{missing} is not installed; pip install 'triptych[{SLOTS[slot].extra}]' mends it")
    manifest = _manifest_of(slot, folder)
    if manifest is not None:
        return manifest
    empty = Empty(slot=slot, reason=f"no model is known for it; {PAGE} says how to fill it")
    for name, model in MODELS.items():
        if slot in model.slots:
            found = published(slot, name, folder)
            if isinstance(found, Found):
                return found
            empty = found
    return empty


def need(slot: str, folder: Path) -> Found:
    """Return what fills `slot`. Raises `Unavailable` with the reason when nothing does."""
    found = find(slot, folder)
    if isinstance(found, Empty):
        raise Unavailable(f"model '{slot}' is not installed: {found.reason}", code="model_missing")
    return found


def lacking(slot: str, folder: Path) -> Empty | None:
    """Return the first of `slot` and the slots beside it that is empty, or None when a feature that needs it can run."""
    found = (find(name, folder) for name in (slot, *SLOTS[slot].beside))
    return next((one for one in found if isinstance(one, Empty)), None)


def published(slot: str, name: str, folder: Path) -> Found | Empty:
    """Return the model `name` of the register as it is here."""
    model = MODELS[name]
    parts = []
    for file in model.files:
        found = _trusted(name, file, folder)
        if isinstance(found, str):
            return Empty(slot=slot, reason=f"{found}; triptych models fetch {name} mends it")
        parts.append(Part(name=file.name, paths=found, sha256=file.sha256))
    return Found(
        slot=slot,
        name=name,
        version=model.version,
        licence=model.licence,
        measured_on=model.measured_on,
        parts=tuple(parts),
    )


def home(name: str, file: File, folder: Path) -> Path:
    """Return where the model folder keeps a file of a published model."""
    return folder / name / file.name


def digest(paths: Paths) -> str | None:
    """Return the SHA-256 of the files joined, or None when one is missing."""
    try:
        marks = tuple((str(path), (at := path.stat()).st_size, at.st_mtime_ns) for path in paths)
        return _hash(marks)
    except OSError:
        return None


def _trusted(name: str, file: File, folder: Path) -> Paths | str:
    """Return the first place of `file` with the right hash, or why there is none."""
    refused = ""
    for paths in _places(name, file, folder):
        told = digest(paths)
        if told == file.sha256:
            return paths
        if told is not None:
            refused = f"{file.name} of model {name} has another hash than the published one and is refused"
    return refused or f"model {name} is not here"


def _places(name: str, file: File, folder: Path) -> Iterator[Paths]:
    if file.package:
        yield (PACKAGE / file.package,)
    if file.pieces and (paths := _installed(file)) is not None:
        yield paths
    yield (home(name, file, folder),)


def _installed(file: File) -> Paths | None:
    try:
        return tuple(Path(str(distribution(piece.distribution).locate_file(piece.path))) for piece in file.pieces)
    except PackageNotFoundError:
        return None


def faults(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the operator's manifests in `folder`."""
    return filter(None, map(fault_of, sorted(folder.glob("*.json"))))


def fault_of(path: Path) -> str:
    """Return what is wrong with a manifest or the files that it names, "" for nothing."""
    manifest = _manifest(path)
    if isinstance(manifest, str):
        return manifest
    if manifest.slot not in SLOTS:
        return f"{path.name} names no slot: '{manifest.slot}'"
    told = _as_told(manifest, path)
    return told.reason if isinstance(told, Empty) else ""


def _manifest_of(slot: str, folder: Path) -> Found | Empty | None:
    """Return what an operator's manifest puts into `slot`, None without one; one that cannot be read says nothing."""
    for path in sorted(folder.glob("*.json")):
        manifest = _manifest(path)
        if isinstance(manifest, Manifest) and manifest.slot == slot:
            return _as_told(manifest, path)
    return None


def _manifest(path: Path) -> Manifest | str:
    """Return what `path` says, or why that cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as fault:
        return f"{path.name} cannot be read: {fault.strerror}"
    except msgspec.DecodeError as fault:
        return f"{path.name} is no manifest: {fault}"


def _as_told(manifest: Manifest, path: Path) -> Found | Empty:
    parts = tuple(Part(name=name, paths=(path.parent / name,), sha256=sha256) for name, sha256 in manifest.files.items())
    for part in parts:
        told = digest(part.paths)
        if told is None:
            return Empty(slot=manifest.slot, reason=f"{part.name}, which {path.name} names, is not there")
        if told != part.sha256:
            return Empty(slot=manifest.slot, reason=f"{part.name} has another hash than {path.name} says and is refused")
    return Found(
        slot=manifest.slot,
        name=manifest.name,
        version=manifest.version,
        licence=manifest.licence,
        measured_on=manifest.measured_on,
        parts=parts,
    )


@lru_cache(maxsize=256)
def _hash(marks: tuple[tuple[str, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, _, _ in marks:
        with Path(path).open("rb") as file:
            while block := file.read(READ_BYTES):
                whole.update(block)
    return whole.hexdigest()
