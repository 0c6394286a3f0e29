import hashlib
import os
import select
from fractions import Fraction

import av
import pytest

from triptych.media.cutting import Stretch
from triptych.media.recordings import Cutter, has_room
from triptych.media.sample import Coding, scene, write_clip

STRETCH = Stretch(origin=Fraction(0), start=Fraction(1), end=Fraction(3), shown=Fraction(2))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.mp4"
    write_clip(path, ((Fraction(number, 25), scene(1, (64, 48), number)) for number in range(100)), [], Coding())
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def _worked(cutter: Cutter) -> Cutter:
    while not cutter.is_over:
        assert select.select([cutter.fileno()], [], [], 30)[0]
        cutter.work()
    return cutter


def test_a_recording_is_there_whole_with_its_hash_and_thumbnail(source, tmp_path) -> None:
    """media R2: the file decodes without error and covers the episode."""
    path = tmp_path / "kept" / "x.mp4"
    recording = _worked(Cutter(source, STRETCH, path)).recording
    assert recording is not None
    data = path.read_bytes()
    assert (recording.size_bytes, recording.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert recording.start_us <= 1_000_000
    assert recording.end_us >= 3_000_000
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 50
    assert sorted(found.name for found in path.parent.iterdir()) == ["x.jpg", "x.mp4"]


def test_what_cannot_be_cut_leaves_nothing(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"\0nothing")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    cutter = _worked(Cutter(descriptor, STRETCH, tmp_path / "kept" / "x.mp4"))
    os.close(descriptor)
    assert cutter.recording is None
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_cannot_be_put_in_its_place_leaves_nothing(source, tmp_path) -> None:
    (tmp_path / "kept" / "x.mp4" / "in the way").mkdir(parents=True)
    cutter = _worked(Cutter(source, STRETCH, tmp_path / "kept" / "x.mp4"))
    assert cutter.recording is None
    assert [found.name for found in (tmp_path / "kept").iterdir()] == ["x.mp4"]


def test_an_end_before_the_end_leaves_nothing(source, tmp_path) -> None:
    cutter = Cutter(source, STRETCH, tmp_path / "kept" / "x.mp4")
    cutter.end()
    assert (cutter.is_over, cutter.recording) == (True, None)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_disk_has_room_or_not(tmp_path) -> None:
    """media T2."""
    assert has_room(tmp_path / "not" / "there", 0)
    assert not has_room(tmp_path, 1_000_000)
