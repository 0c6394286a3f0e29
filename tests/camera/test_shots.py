"""camera R8: photographs."""

import cv2
import numpy as np
import pytest

from triptych.camera import shots
from triptych.camera.records import Archive
from triptych.camera.shots import encode_jpeg, take_shot
from triptych.errors import Unavailable


def test_a_shot_is_the_clean_picture_in_full_size(archive, noon, shoot):
    image = shoot(3).frame.image
    note = take_shot(archive, "default", image, noon)
    stored = archive.open(note.id)
    assert (note.extension, note.size_bytes) == ("jpg", stored.path.stat().st_size)
    assert np.abs(cv2.imread(str(stored.path)).astype(int) - image).mean() < 4
    assert archive.list(note.date) == [note]


def test_a_shot_is_a_jpeg_of_quality_92(archive, noon, shoot):
    image = shoot(3).frame.image
    stored = archive.open(take_shot(archive, "default", image, noon).id)
    assert stored.path.read_bytes() == encode_jpeg(image, 92)


def test_a_full_disk_keeps_nothing(tmp_path, noon, shoot):
    archive = Archive(tmp_path, min_free_bytes=1 << 62)
    with pytest.raises(Unavailable, match="disk full"):
        take_shot(archive, "default", shoot(0).frame.image, noon)
    assert list(tmp_path.iterdir()) == []


def test_a_shot_that_cannot_be_written_leaves_no_trace(archive, noon, shoot, monkeypatch):
    def refuse(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shots, "write_whole", refuse)
    with pytest.raises(OSError, match="No space"):
        take_shot(archive, "default", shoot(0).frame.image, noon)
    assert archive.list("01_03_2026") == []
