import os

import pytest

from triptych.media.chunks import Chunk
from triptych.media.measured import Dropped, Finished, FrameMeasure, Measured
from triptych.media.shelf import Shelf, fingerprint

CHUNK = Chunk(10, 20)
BATCH = Measured(frames=(FrameMeasure((0, 1), (1, 25), b"thumb", 1.5, {"X": [1, 2]}),))
DROPPED = Dropped(feature="X", message="failed")
END = Finished(frames=10, samples=0, duration=(1, 1), errors=(), truncated=False)


def _filled(shelf: Shelf, messages) -> None:
    slot = shelf.put(CHUNK)
    for message in messages:
        slot.add(message)
    slot.close()


def test_a_whole_chunk_is_given_back_as_it_came(tmp_path) -> None:
    """media J5."""
    shelf = Shelf(tmp_path / "chunks", "a")
    _filled(shelf, [BATCH, DROPPED, END])
    assert shelf.has(CHUNK)
    found = list(shelf.take(CHUNK))
    assert found[1:] == [DROPPED, END]
    assert found[0].frames[0].looks == {"X": [1, 2]}


@pytest.mark.parametrize("messages", [[], [BATCH], [BATCH, DROPPED]])
def test_half_a_chunk_is_none(tmp_path, messages) -> None:
    shelf = Shelf(tmp_path / "chunks", "a")
    _filled(shelf, messages)
    assert not shelf.has(CHUNK)


def test_a_chunk_that_was_cut_on_disk_is_none(tmp_path) -> None:
    shelf = Shelf(tmp_path / "chunks", "a")
    _filled(shelf, [BATCH, END])
    path = tmp_path / "chunks" / "a" / "10-20"
    path.write_bytes(path.read_bytes()[:-3])
    assert not shelf.has(CHUNK)


def test_what_was_kept_for_another_ask_goes(tmp_path) -> None:
    _filled(Shelf(tmp_path / "chunks", "old"), [END])
    shelf = Shelf(tmp_path / "chunks", "new")
    _filled(shelf, [END])
    shelf.tidy()
    assert [path.name for path in (tmp_path / "chunks").iterdir()] == ["new"]
    shelf.clear()
    assert not (tmp_path / "chunks").exists()
    shelf.tidy()


def test_a_disk_that_takes_nothing_costs_the_reuse_alone(tmp_path) -> None:
    (tmp_path / "chunks").write_bytes(b"a file in the way")
    shelf = Shelf(tmp_path / "chunks", "a")
    _filled(shelf, [BATCH, END])
    assert not shelf.has(CHUNK)


def test_another_file_or_another_ask_has_another_name(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    source = os.open(tmp_path / "a", os.O_RDONLY)
    first = fingerprint(source, b"ask")
    assert fingerprint(source, b"ask") == first
    assert fingerprint(source, b"other") != first
    (tmp_path / "a").write_bytes(b"ab")
    assert fingerprint(source, b"ask") != first
    os.close(source)
