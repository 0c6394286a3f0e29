"""camera 9: faces of tracks are recognised beside the frame loop, which never waits."""

import threading
from datetime import timedelta

import numpy as np
import pytest

from triptych.camera.persons.matching import Enrolled, Standing
from triptych.camera.persons.recognise import Recogniser, usable
from triptych.camera.track import Box, Track
from triptych.contracts import Frame
from triptych.errors import Unavailable

BOUND_S = 20


def at(number):
    return timedelta(seconds=100 + number / 30)


def frame(number, image=None):
    return Frame(number=number, captured=at(number), image=np.zeros((720, 1280, 3), np.uint8) if image is None else image)


def track(number, frame_number, *, left=0.3, wide=0.1, seen=True, last=None):
    box = Box(left=left, top=0.3, right=left + wide, bottom=0.5)
    when = {"began": at(0), "last_seen": at(frame_number if last is None else last)}
    return Track(number=number, box=box, pan_deg=0, tilt_deg=0, score=0.9, seen=seen, confirmed=True, **when)


def shade(value):
    return np.full(128, value / 255, np.float32)


def person(name, value):
    return Enrolled(id=name, name=name.upper(), descriptors=shade(value)[None])


class Bench:
    """A recogniser whose faces are told by how bright they are."""

    def __init__(self):
        self.people = (person("dark", 0), person("bright", 200))
        self.calls, self.threads, self.gate, self.fault = [], set(), threading.Event(), None
        self.gate.set()
        self.done = threading.Condition()
        self.recogniser = Recogniser(self.describe, lambda: self.people)

    def describe(self, image, box):
        assert self.gate.wait(BOUND_S)
        with self.done:
            self.threads.add(threading.current_thread().name)
            self.calls.append((image.shape, box))
            self.done.notify_all()
        if self.fault is not None:
            raise self.fault
        return shade(float(image.mean()))

    def show(self, number, *tracks, image=None):
        who = self.recogniser.follow(at(number), tracks)
        self.recogniser.look(frame(number, image), tracks)
        return who

    def until(self, condition, *, image=None, tracks=lambda number: (track(1, number),), number=1):
        """Show frames until what is known of them fulfils `condition`; return that and the next number."""
        for shown in range(number, number + 100_000):
            who = self.show(shown, *tracks(shown), image=image)
            if condition(who):
                return who, shown + 1
            with self.done:
                self.done.wait(0.01)
        raise AssertionError


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.gate.set()
    made.recogniser.close()
    made.recogniser.join()


def known(number, name):
    return lambda who: who[number].person == name


def test_a_track_is_named_by_three_samples_in_another_thread(bench):
    """camera 9: in a worker thread; at a new track."""
    bench.until(known(1, "dark"))
    assert len(bench.calls) == 3
    assert bench.threads == {"recogniser"}
    shape, box = bench.calls[0]
    assert (shape, round(box.right - box.left, 1)) == ((289, 258, 3), 0.5)


def test_the_loop_never_waits_and_hands_over_one_face_at_a_time(bench):
    bench.gate.clear()
    for number in range(1, 40):
        assert bench.show(number, track(1, number))[1].standing is Standing.UNKNOWN
    assert bench.calls == []
    bench.gate.set()
    bench.until(known(1, "dark"), number=40)


def test_a_new_face_goes_before_a_known_one_whose_time_has_come(bench):
    _, number = bench.until(known(1, "dark"))
    image = np.zeros((720, 1280, 3), np.uint8)
    image[:, 800:] = 200
    for shown in range(number, number + 86):
        bench.show(shown, track(1, shown))
    before = len(bench.calls)
    bench.until(known(2, "bright"), image=image, number=number + 93, tracks=lambda n: (track(1, n, wide=0.2), track(2, n, left=0.75)))
    assert len(bench.calls) - before == 3


def test_a_face_is_looked_at_again_after_three_seconds_only(bench):
    """camera 9: then every 3 s."""
    _, number = bench.until(known(1, "dark"))
    for shown in range(number, number + 86):
        bench.show(shown, track(1, shown))
    assert len(bench.calls) == 3
    who, _ = bench.until(lambda _: len(bench.calls) == 6, number=number + 86)
    assert who[1].person == "dark", "it was known all the time"


def test_tracks_that_touch_are_looked_at_anew_once_they_are_apart(bench):
    """camera 4: A chosen, B crosses: never locked on B."""
    _, number = bench.until(known(1, "dark"))
    who = bench.show(number, track(1, number), track(2, number, left=0.35))
    assert {identity.standing for identity in who.values()} == {Standing.UNKNOWN}
    image = np.full((720, 1280, 3), 200, np.uint8)
    who, _ = bench.until(known(1, "bright"), image=image, number=number + 1)


def test_a_track_that_was_hidden_is_looked_at_anew(bench):
    """camera 4: after a loss the lock re-binds only to a confirmed face of that person."""
    _, number = bench.until(known(1, "dark"))
    who = bench.show(number + 20, track(1, number + 20, seen=False, last=number - 1))
    assert who[1].person == "dark"
    who = bench.show(number + 21, track(1, number + 21))
    assert who[1].standing is Standing.UNKNOWN


def test_who_is_deleted_is_forgotten_and_who_is_enrolled_counts(bench):
    """camera 6: DELETE: running jobs forget them within 1 s."""
    _, number = bench.until(known(1, "dark"))
    bench.people = (person("newcomer", 5),)
    bench.until(known(1, "newcomer"), number=number)
    bench.people = ()
    who, _ = bench.until(lambda who: not who[1].person, number=number + 1)
    assert who[1].standing is Standing.STRANGER


def test_without_an_answer_nobody_is_named_and_the_fault_is_told(bench):
    bench.fault = Unavailable("The process that describes faces gave no answer.", code="recognition_failed")
    who, number = bench.until(lambda _: bench.recogniser.fault is not None)
    assert who[1].standing is Standing.UNKNOWN
    bench.fault = None
    bench.until(known(1, "dark"), number=number)
    assert bench.recogniser.fault is None


@pytest.mark.parametrize(
    ("one", "others", "fit"),
    [
        (track(1, 1), (), True),
        (track(1, 1, wide=0.03), (), False),
        (track(1, 1, left=-0.01), (), False),
        (track(1, 1, seen=False), (), False),
        (track(1, 1), (track(2, 1, left=0.35),), False),
        (track(1, 1), (track(2, 1, left=0.5),), True),
    ],
)
def test_a_usable_face_is_seen_whole_apart_and_large_enough(one, others, fit):
    assert usable(one, frame(1), (one, *others)) is fit


def test_a_closed_recogniser_takes_nothing_more(bench):
    bench.recogniser.close()
    bench.recogniser.join()
    bench.show(1, track(1, 1))
    assert bench.calls == []
