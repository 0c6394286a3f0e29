"""What fills a slot, and why one is empty."""

import hashlib
import json
import subprocess
import sys

import pytest

from triptych.errors import Unavailable
from triptych.media.models import SLOTS, File, Piece
from triptych.media.slots import Empty, Found, _trusted, faults, find, home, lacking, need

WEIGHTS = b"weights of an operator"


def _put(folder, **changes) -> None:
    told = {
        "slot": "object",
        "name": "mine",
        "version": "3",
        "licence": "MIT",
        "measured_on": "street scenes",
        "file": "mine.onnx",
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    }
    (folder / "mine.onnx").write_bytes(WEIGHTS)
    (folder / "mine.json").write_text(json.dumps(told | changes))


@pytest.mark.parametrize("slot", [slot for slot, entry in SLOTS.items() if entry.form])
def test_a_slot_with_a_published_model_is_filled_here(slot, tmp_path) -> None:
    found = find(slot, tmp_path)
    assert isinstance(found, Found), found
    assert hashlib.sha256(found.read()).hexdigest() == found.sha256


@pytest.mark.parametrize("slot", [slot for slot, entry in SLOTS.items() if not entry.form])
def test_a_slot_without_one_is_empty_and_says_so(slot, tmp_path) -> None:
    found = find(slot, tmp_path)
    assert isinstance(found, Empty)
    assert "docs/reference/models.md" in found.reason


def test_an_operator_fills_a_slot_by_a_manifest(tmp_path) -> None:
    """media K5."""
    _put(tmp_path)
    found = find("object", tmp_path)
    assert isinstance(found, Found)
    assert (found.name, found.version, found.licence, found.measured_on) == ("mine", "3", "MIT", "street scenes")
    assert found.read() == WEIGHTS


def test_a_manifest_goes_before_a_published_model(tmp_path) -> None:
    _put(tmp_path, slot="face")
    assert need("face", tmp_path).name == "mine"


@pytest.mark.parametrize("slot", ["object", "face"])
def test_a_hash_that_differs_empties_the_slot(slot, tmp_path) -> None:
    """media K5."""
    _put(tmp_path, slot=slot, sha256="0" * 64)
    assert find(slot, tmp_path) == Empty(slot=slot, reason="mine.onnx has another hash than mine.json says and is refused")


def test_a_file_that_changes_empties_the_slot_at_once(tmp_path) -> None:
    _put(tmp_path)
    found = need("object", tmp_path)
    (tmp_path / "mine.onnx").write_bytes(b"longer than it was before it changed")
    assert isinstance(find("object", tmp_path), Empty)
    with pytest.raises(Unavailable, match="has changed"):
        found.read()


def test_a_file_that_is_gone_empties_the_slot(tmp_path) -> None:
    _put(tmp_path)
    (tmp_path / "mine.onnx").unlink()
    assert find("object", tmp_path) == Empty(slot="object", reason="mine.onnx, which mine.json names, is not there")


@pytest.mark.parametrize("file", ["../mine.onnx", "/etc/passwd", ".hidden", "a/b"])
def test_a_manifest_names_files_beside_it_and_none_elsewhere(file, tmp_path) -> None:
    _put(tmp_path, file=file)
    assert isinstance(find("object", tmp_path), Empty)
    assert len(list(faults(tmp_path))) == 1


def test_what_is_wrong_with_manifests_is_told(tmp_path) -> None:
    _put(tmp_path, slot="hat")
    (tmp_path / "half.json").write_text("{")
    told = list(faults(tmp_path))
    assert told[0].startswith("half.json is no manifest: ")
    assert told[1] == "mine.json names no slot: 'hat'"


def test_a_published_file_may_lie_in_the_folder_and_counts_by_its_hash_alone(tmp_path) -> None:
    file = File(name="w", size_bytes=1, sha256=hashlib.sha256(WEIGHTS).hexdigest(), pieces=(Piece(requirement="no-such==1", path="w"),))
    place = home("mine", file, tmp_path)
    assert _trusted("mine", file, tmp_path) == "model mine is not here"
    place.parent.mkdir()
    place.write_bytes(WEIGHTS)
    assert _trusted("mine", file, tmp_path) == (place,)
    place.write_bytes(b"other")
    assert _trusted("mine", file, tmp_path) == "w of model mine has another hash than the published one and is refused"


def test_a_slot_that_works_with_another_needs_that_one_too(tmp_path) -> None:
    """media 4.2: SPOKEN_LANGUAGE needs `spoken-language` plus `vad`."""
    assert lacking("spoken-language", tmp_path) is None
    _put(tmp_path, slot="vad", sha256="0" * 64)
    empty = lacking("spoken-language", tmp_path)
    assert empty is not None
    assert empty.slot == "vad"


def test_asking_imports_nothing_that_decodes(tmp_path) -> None:
    words = (
        "import sys; from pathlib import Path; from triptych.media.models import SLOTS; from triptych.media.slots import lacking; "
        f"[lacking(slot, Path({str(tmp_path)!r})) for slot in SLOTS]; print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout.split()
    assert not {"av", "cv2", "numpy", "onnxruntime", "ctranslate2"} & set(told)
