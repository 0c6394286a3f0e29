"""camera R5: the last seconds, kept small."""

from datetime import timedelta

import numpy as np
import pytest

from camera.test_recorder import until
from triptych.camera.ring import RING_BYTES, Ring
from triptych.camera.taken import Packed
from triptych.contracts import Frame, Sound


@pytest.fixture
def kept():
    rings = []

    def make(seconds=5.0, size=(1280, 720)):
        rings.append(Ring(timedelta(seconds=seconds), size))
        return rings[-1]

    yield make
    for ring in rings:
        ring.close()


def offer(ring, takens):
    for taken in takens:
        ring.offer(taken)
        until(lambda: not ring._raw)


def test_it_keeps_the_last_seconds_in_order(kept, shoot):
    ring = kept(2.0)
    offer(ring, (shoot(number) for number in range(150)))
    found = ring.drain()
    assert [round((taken.captured.total_seconds() - 100) * 30) for taken in found] == list(range(89, 150))
    assert all(isinstance(taken.frame, Packed) for taken in found)
    assert ring.drain() == ()


def test_what_is_not_packed_yet_comes_along(kept, shoot):
    ring = kept()
    for number in range(5):
        ring.offer(shoot(number))
    assert len(ring.drain()) == 5


def test_five_seconds_of_720p_take_at_most_32_mb(kept, shoot):
    """camera R5, with a picture that packs as badly as a camera at night."""
    noise = np.random.default_rng(3).integers(0, 255, (720, 1280, 3), np.uint8)
    ring = kept()
    assert ring.most_bytes == RING_BYTES
    for number in range(60):
        taken = shoot(number)
        offer(ring, [type(taken)(frame=Frame(number=number, captured=taken.captured, image=noise), pose=taken.pose)])
        assert ring.size_bytes <= 32_000_000
    found = ring.drain()
    assert 0 < len(found) < 60, "the oldest made room"
    assert found[-1].captured == shoot(59).captured


@pytest.mark.parametrize(
    ("seconds", "size", "times"), [(5, (1920, 1080), 2.25), (30, (1280, 720), 6), (1, (640, 360), 1), (10, (1920, 1080), 4.5)]
)
def test_more_pixels_and_seconds_take_more_in_proportion(kept, seconds, size, times):
    """camera R5."""
    assert kept(seconds, size).most_bytes == pytest.approx(times * RING_BYTES)


def test_a_frame_that_packing_cannot_keep_up_with_leaves_its_sound(kept, shoot, monkeypatch):
    ring = kept()
    monkeypatch.setattr(ring, "_oldest", lambda: None)
    ring.offer(shoot(0))
    until(lambda: not ring._thread.is_alive() or not ring._raw)
    pieces = [Sound(captured=shoot(number).captured, samples=np.ones(10, np.float32)) for number in range(30)]
    for number, piece in enumerate(pieces):
        ring.offer(shoot(number, sound=(piece,)))
    ring._raw.popleft()
    ring.offer(shoot(30))
    heard = [piece for taken in (*ring._raw,) for piece in taken.sound]
    assert [piece.captured for piece in heard][-20:] == [piece.captured for piece in pieces][-20:]
