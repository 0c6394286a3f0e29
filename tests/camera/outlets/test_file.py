"""camera 6, S5: live streams into a file of the data folder."""

import itertools

import av
import pytest

from camera.onair import OnAir, played
from triptych.camera.outlet import Disk
from triptych.camera.outlets import file
from triptych.camera.outlets.file import FileOutlet
from triptych.camera.sites import Target
from triptych.camera.tap import Tap
from triptych.errors import Unavailable

TARGET = Target(site_id="1", site="A", account=None, server="file:show")


@pytest.fixture
def on_air():
    on_air = OnAir().run(2.5)
    on_air.caster.close()
    return on_air


def test_a_file_is_ordinary_and_named_after_its_target_and_begin(tmp_path, on_air):
    for _ in range(2):
        out = FileOutlet(TARGET, Disk(folder=tmp_path, check_room=lambda: None))
        out.open()
        out.carry(Tap(on_air.ring))
        out.close()
    made = sorted((tmp_path / "live").iterdir())
    assert len(made) == 2, "a second one never overwrites the first"
    for path in made:
        assert path.name.startswith("show_")
        assert path.stat().st_mode & 0o777 == 0o600
        assert [time for time, _ in played(path)] == pytest.approx([number / 30 for number in range(15)], abs=0.002)
        assert top_boxes(path.read_bytes()) == [b"ftyp", b"free", b"mdat", b"moov"], "no fragments are left"


def top_boxes(data):
    at, kinds = 0, []
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return kinds


def test_a_full_disk_ends_the_file_properly(tmp_path, monkeypatch):
    """camera R9."""
    monkeypatch.setattr(file, "ROOM_CHECK_S", 0.0)
    on_air, reads = OnAir().run(2.5), itertools.count()

    def check_room():
        if next(reads) > 1:
            raise Unavailable("disk full", code="disk_full")

    out = FileOutlet(TARGET, Disk(folder=tmp_path, check_room=check_room))
    out.open()
    with pytest.raises(Unavailable, match="disk full"):
        out.carry(Tap(on_air.ring))
    on_air.caster.close()
    (path,) = (tmp_path / "live").iterdir()
    assert len(played(path)) > 5


def test_no_file_is_begun_on_a_full_disk(tmp_path):
    def check_room():
        raise Unavailable("disk full", code="disk_full")

    with pytest.raises(Unavailable):
        FileOutlet(TARGET, Disk(folder=tmp_path, check_room=check_room)).open()
    assert not (tmp_path / "live").exists()


def test_a_file_into_which_nothing_came_is_gone(tmp_path):
    on_air = OnAir()
    on_air.caster.close()
    out = FileOutlet(TARGET, Disk(folder=tmp_path, check_room=lambda: None))
    out.open()
    with pytest.raises(av.InvalidDataError):
        out.carry(Tap(on_air.ring))
    assert list((tmp_path / "live").iterdir()) == []
