"""What recordings are made of, what may be asked of them and what is told about them is documented."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from triptych.camera.definition import Keeping
from triptych.camera.notes import Audio
from triptych.camera.retention import Why
from triptych.panels.footage import RECORDING, SHOT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/camera/recordings.md").read_text()


@pytest.mark.parametrize("limit", [field.name for field in msgspec.structs.fields(Keeping)])
def test_a_limit_is_documented(limit):
    assert f"| `records.{limit}` |" in PAGE


@pytest.mark.parametrize("word", [*(set(get_args(Audio)) - {"none"}), *get_args(Why), "recovered"])
def test_a_word_is_documented(word):
    assert f"`{word}`" in PAGE


def test_the_fields_of_a_listing_are_documented():
    for fields in (RECORDING, SHOT):
        assert f"[{{{', '.join(fields)}}}]" in PAGE


def test_an_event_is_documented():
    camera = ROOT / "src/triptych/camera"
    sources = [camera / name for name in ("activities/record.py", "keeper.py", "shelf.py")]
    told = {note for path in sources for note in re.findall(r'(?:event|_tell)\("(\w+)"', path.read_text())}
    assert told == {"record_ended", "record_dropped", "clip", "removed"}
    assert all(f"| `{note}` |" in PAGE for note in told)


def test_what_is_named_as_proof_is_there():
    assert all((ROOT / path).is_file() for path in re.findall(r"tests/[\w/]+\.py", PAGE))
