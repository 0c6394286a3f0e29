"""camera 3.2, 5, 6: one encode for all clean targets, another for marks, and what a pause sends."""

import itertools
import threading
from datetime import timedelta
from io import BytesIO

import av
import numpy as np
import pytest

from camera.onair import SIZE, heard, picture, played, whole
from triptych.camera.broadcast import WAITING, Broadcast
from triptych.camera.marks import Seen
from triptych.camera.stream import View
from triptych.clock import SystemClock
from triptych.contracts import Frame, Sound

FACE = Seen(box=(0.3, 0.3, 0.3, 0.4), label="1", target=True)
BOUND = timedelta(seconds=10)


@pytest.fixture
def failures():
    return []


@pytest.fixture
def broadcast(failures):
    broadcast = Broadcast(SIZE, 30, SystemClock(), lambda: failures.append(True))
    yield broadcast
    broadcast.close()


def view(number, image=None):
    image = picture(number) if image is None else image
    return View(frame=Frame(number=number, captured=SystemClock().monotonic(), image=image), objects=(FACE,))


def fill(broadcast, count, fragments=1, **how):
    """Offer pictures as fast as they are encoded until the ring has so many more fragments."""
    ring = broadcast.ring(marks=False)
    before, number = ring._count, 0
    pause = threading.Event()
    while number < count or ring._count < before + fragments:
        broadcast.offer(view(number), "single_rect", **how)
        number += 1
        pause.wait(0.01)
    return number


def test_pictures_come_out_with_their_capture_times(broadcast):
    fill(broadcast, 20)
    broadcast.close()
    times = [time for time, _ in played(whole(broadcast.ring(marks=False)))]
    assert len(times) >= 18
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_a_pause_sends_the_last_picture_and_silence_and_a_resume_is_live(broadcast):
    """camera 3.2: the far end stays connected."""
    sound = Sound(captured=SystemClock().monotonic(), samples=np.ones(480_000, np.float32) / 2)
    fill(broadcast, 20, sounds=[sound])
    broadcast.pause()
    ring = broadcast.ring(marks=False)
    cursor = ring.read(0).cursor
    for _ in range(4):
        broadcast.offer(view(0, np.full((90, 160, 3), 255, np.uint8)), None)
        cursor = ring.read(cursor, BOUND).cursor
    broadcast.resume()
    fill(broadcast, 10)
    broadcast.close()
    frames = whole(ring)
    assert not any(white(data) for data in _pictures(frames)), "nothing of the pause is shown"
    quiet = np.abs(heard(frames)) < 0.01
    assert quiet.mean() > 0.2


def white(image):
    return image.mean() > 250


def _pictures(data):
    with av.open(BytesIO(data)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def test_marks_are_drawn_for_those_who_want_them_alone(broadcast):
    """camera 5: what is streamed stays clean, unless a target sets marks."""
    assert not broadcast.marked
    marked = broadcast.ring(marks=True)
    assert broadcast.marked
    fill(broadcast, 20)
    broadcast.close()
    clean, drawn = (_pictures(whole(ring))[-1].astype(int) for ring in (broadcast.ring(marks=False), marked))
    assert clean.shape == drawn.shape
    assert (np.abs(clean - drawn).max(axis=2) > 60).sum() > 100


def test_who_offers_never_waits_and_the_oldest_waiting_picture_is_dropped(broadcast):
    """camera 6: share nothing that stalls the eye."""
    with broadcast._news:
        for number in range(50):
            broadcast.offer(view(number), None)
        assert [view.frame.number for view, _ in broadcast._waiting] == list(range(50 - WAITING, 50))


def test_without_a_new_picture_the_last_one_is_sent_again(broadcast):
    """camera 11: a stalled source leaves the far ends connected."""
    fill(broadcast, 5)
    ring = broadcast.ring(marks=False)
    cursor = ring.read(0).cursor
    for _ in range(3):
        cursor = ring.read(cursor, BOUND).cursor
    assert cursor > 3


def test_an_encoder_that_fails_is_told_once_and_ends_the_rings(broadcast, failures):
    broadcast._size = (1, 10)
    broadcast.offer(view(0), None)
    broadcast._thread.join(BOUND.total_seconds())
    assert failures == [True]
    assert broadcast.ring(marks=False).read(0).ended


def test_one_without_a_picture_ends(broadcast):
    broadcast.close()
    assert broadcast.ring(marks=False).read(0).ended
