"""camera 9: faces as 128 numbers, made by a process of its own."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from media.scenes import HOPPER_FACE, hopper
from triptych.camera.persons.describer import MOST_FACE_PX, Describer, cut, lacks
from triptych.camera.track import Box
from triptych.errors import Unavailable

NOWHERE = Path("/nonexistent")
HIGH, WIDE = 600, 512
FACE = Box(left=HOPPER_FACE[0] / WIDE, top=HOPPER_FACE[1] / HIGH, right=HOPPER_FACE[2] / WIDE, bottom=HOPPER_FACE[3] / HIGH)


@pytest.fixture
def describer():
    made = Describer(NOWHERE)
    yield made
    made.close()


def test_a_face_is_128_numbers_the_same_each_time(describer):
    first, again = describer.describe(hopper(), FACE), describer.describe(hopper(), FACE)
    assert (first.shape, first.dtype) == ((128,), np.float32)
    assert (first == again).all()


def test_the_work_is_done_by_another_process_which_ends_with_the_describer(describer):
    """camera 9: never on the frame loop. dlib holds its interpreter's lock for as long as a face takes."""
    describer.describe(hopper(), FACE)
    process = describer._process
    assert process.pid != os.getpid()
    describer.close()
    assert process.returncode is not None
    with pytest.raises(Unavailable):
        describer.describe(hopper(), FACE)


def test_a_process_that_was_killed_is_replaced(describer):
    before = describer.describe(hopper(), FACE)
    os.kill(describer._process.pid, signal.SIGKILL)
    describer._process.wait(10)
    with pytest.raises(Unavailable) as fault:
        describer.describe(hopper(), FACE)
    assert fault.value.code == "recognition_failed"
    assert (describer.describe(hopper(), FACE) == before).all()


def test_it_can_be_made_ready_beforehand(describer):
    describer.prepare()
    process = describer._process
    describer.describe(hopper(), FACE)
    assert describer._process is process


def test_a_model_with_another_hash_is_refused_and_the_extra_named(tmp_path):
    """camera 9: ERROR naming the extra."""
    (tmp_path / "mine.dat").write_bytes(b"not the network")
    manifest = {"slot": "person", "name": "x", "version": "1", "licence": "MIT", "measured_on": "x", "file": "mine.dat", "sha256": "0" * 64}
    (tmp_path / "person.json").write_text(json.dumps(manifest))
    assert "extra `faces`" in lacks(tmp_path)
    describer = Describer(tmp_path)
    describer.prepare()
    with pytest.raises(Unavailable, match="extra `faces`") as fault:
        describer.describe(hopper(), FACE)
    assert fault.value.code == "faces_missing"
    assert lacks(NOWHERE) is None


def test_a_large_face_is_carried_small_and_its_box_with_it():
    image = np.zeros((2000, 3000, 3), np.uint8)
    image[500:1500, 1000:2000] = 255
    crop, (left, top, right, bottom) = cut(image, Box(left=1 / 3, top=0.25, right=2 / 3, bottom=0.75))
    assert max(right - left, bottom - top) == MOST_FACE_PX
    assert crop.shape[0] < 500
    assert crop[top + 2 : bottom - 2, left + 2 : right - 2].min() == 255
    assert crop[: top - 2].max() == 0


def test_a_face_at_the_edge_is_cut_at_the_edge():
    crop, box = cut(np.zeros((100, 100, 3), np.uint8), Box(left=-0.1, top=-0.1, right=0.4, bottom=0.4))
    assert (crop.shape, box) == ((56, 56, 3), (-10, -10, 40, 40))
