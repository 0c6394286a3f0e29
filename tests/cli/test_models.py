"""`triptych models` (engine 5)."""

import json

from cli.test_tokens import run
from triptych.media.models import SLOTS


def _spoil(tmp_path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "w").write_bytes(b"-")
    told = {"slot": "object", "name": "x", "version": "1", "licence": "MIT", "measured_on": "-", "file": "w", "sha256": "0" * 64}
    (tmp_path / "models" / "x.json").write_text(json.dumps(told))


def test_every_slot_is_listed_with_what_fills_it_or_why_it_is_empty(tmp_path) -> None:
    told = {slot["slot"]: slot for slot in json.loads(run("models", "list", "--data", tmp_path, "--json").stdout)}
    assert list(told) == list(SLOTS)
    assert told["face"]["name"] == "blazeface-full"
    assert told["object"]["filled"] is False
    assert "docs/reference/models.md" in told["object"]["reason"]
    lines = [line.split() for line in run("models", "list", "--data", tmp_path).stdout.splitlines()]
    assert lines[0] == ["SLOT", "MODEL", "VERSION", "LICENCE", "STATE"]
    assert ["face", "blazeface-full", "0.10", "Apache-2.0", "here"] in lines


def test_verify_ends_with_1_when_a_manifest_is_wrong(tmp_path) -> None:
    good = run("models", "verify", "--data", tmp_path, "--json")
    assert (good.returncode, set(json.loads(good.stdout).values())) == (0, {""})
    _spoil(tmp_path)
    wrong = run("models", "verify", "--data", tmp_path, "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["x.json"]) == (1, "w has another hash than x.json says and is refused")


def test_path_prints_the_folder_or_the_files_of_a_slot(tmp_path) -> None:
    assert run("models", "path", "--data", tmp_path).stdout == f"{tmp_path / 'models'}\n"
    assert run("models", "path", "face", "--data", tmp_path).stdout.endswith("face_detection_full_range.tflite\n")
    empty = run("models", "path", "object", "--data", tmp_path)
    assert (empty.returncode, len(empty.stderr.splitlines())) == (2, 1)


def test_fetching_what_is_no_model_is_told_in_one_sentence(tmp_path) -> None:
    told = run("models", "fetch", "hat", "--data", tmp_path)
    assert (told.returncode, told.stdout, len(told.stderr.splitlines())) == (2, "", 1)
