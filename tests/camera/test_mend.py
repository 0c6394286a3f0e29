"""camera R2: what is made of a file that was cut off; tests/camera/test_recorder.py kills its writer."""

import av
import pytest

from triptych.camera.mend import finish
from triptych.camera.record import Recording


@pytest.fixture
def growing(archive, noon, shoot):
    """Return a file as a kill leaves it after 3 s."""
    entry = archive.begin("default", "mp4", noon, audio="silence")
    made = Recording(entry, (160, 90), 30.0, {})
    for number in range(90):
        made.write(shoot(number))
    cut = entry.path.read_bytes()
    made.close()
    path = entry.path.with_name("cut.mp4")
    path.write_bytes(cut)
    return path


def test_a_cut_file_becomes_an_ordinary_one(growing):
    length_s = finish(growing)
    assert 2.0 < length_s <= 3.0
    with av.open(str(growing)) as container:
        assert sum(1 for _ in container.decode(video=0)) == pytest.approx(length_s * 30, abs=1)
    assert b"moof" not in growing.read_bytes()
    assert list(growing.parent.glob(".*")) == []


@pytest.mark.parametrize("size", [0, 20, 600])
def test_what_holds_no_picture_is_nothing(growing, size):
    growing.write_bytes(growing.read_bytes()[:size])
    assert finish(growing) is None
    assert list(growing.parent.glob(".*")) == []
