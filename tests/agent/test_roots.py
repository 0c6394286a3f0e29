"""Workers S1: the folder of scripts."""

from pathlib import Path

import pytest

from triptych.agent.roots import make_ready
from triptych.errors import Invalid
from triptych.model import Place

SAMPLE = Path("worker/scripts/count.sh")


def place(data: Path, *roots: Path) -> Place:
    return Place(worker_id="w", data_dir=str(data), roots=tuple(map(str, roots)))


def test_the_default_root_is_made_with_the_sample(tmp_path: Path) -> None:
    ready = make_ready(place(tmp_path / "new" / "data"))
    assert ready.roots == (str(tmp_path / "new" / "data" / "root"),)
    assert (Path(ready.roots[0]) / SAMPLE).read_text().startswith("#!/bin/sh\n")
    assert (tmp_path / "new" / "data" / "work").is_dir()


def test_the_default_root_is_never_written_again(tmp_path: Path) -> None:
    sample = Path(make_ready(place(tmp_path)).roots[0]) / SAMPLE
    sample.write_text("mine")
    make_ready(place(tmp_path))
    assert sample.read_text() == "mine"
    sample.unlink()
    make_ready(place(tmp_path))
    assert not sample.exists()


def test_named_roots_are_taken_as_they_are(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    assert make_ready(place(tmp_path / "data", own)).roots == (str(own),)
    assert not list(own.iterdir())


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_root_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    own = tmp_path / "own"
    own.mkdir()
    own.chmod(mode)
    with pytest.raises(Invalid, match="is writable by group or others"):
        make_ready(place(tmp_path / "data", own))


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is no folder"):
        make_ready(place(tmp_path / "data", tmp_path / "missing"))
