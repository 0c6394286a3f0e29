"""The frame loop, on the real scene and the real detector."""

from datetime import timedelta

import cv2
import pytest

from triptych.camera.control import CALM, Phase
from triptych.camera.eye import MOST_FAULTS, SIGHTS, Eye
from triptych.camera.faces import open_detector
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.parameters import Variant
from triptych.camera.pilots.follow import Follower
from triptych.camera.pilots.still import Still
from triptych.camera.stream import Views
from triptych.camera.track import Lock
from triptych.clock import SystemClock
from triptych.errors import Unavailable
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource

BOUND = timedelta(seconds=15)


class Broken:
    """A detector whose library fails."""

    name = "broken"
    kind = "face"

    def find(self, frame):
        raise cv2.error("no")


class Gone(SceneSource):
    """A source that is unplugged after some frames."""

    def read(self):
        frame = super().read()
        if frame.number > 10:
            raise Unavailable("unplugged")
        return frame


@pytest.fixture
def opened():
    eyes = []

    def open_eye(source=None, figures=1, views=None, blind=None):
        clock, options = SystemClock(), CropOptions()
        source = source or SceneSource(SceneOptions(figures=figures), clock)
        eye = Eye(
            source,
            CropHead(options, clock),
            lens=options.lens(options.size),
            clock=clock,
            views=views or Views("camera:default", lambda topic, picture: None),
            budget=1.0,
            notice=lambda glimpse: None,
            blind=blind or (lambda message: None),
        )
        eyes.append(eye)
        return eye

    yield open_eye
    for eye in eyes:
        eye.close()


def test_frames_come_though_nobody_follows(opened):
    eye = opened()
    glimpse = eye.wait(lambda glimpse: glimpse.frame.number >= 5, BOUND)
    assert glimpse.frame.image.shape == (720, 1280, 3)
    assert (glimpse.tracks, glimpse.phase, glimpse.searched) == ((), None, 0)


def test_a_face_is_found_locked_and_followed(opened):
    eye = opened()
    eye.detector = open_detector()
    eye.take(Follower(Lock(), CALM, eye.head.limits))
    glimpse = eye.wait(lambda glimpse: glimpse.phase is Phase.LOCKED, BOUND)
    assert glimpse.target.confirmed
    assert [seen.target for seen in glimpse.marked()] == [True]
    assert glimpse.objects()[0]["target"] is True


def test_still_follows_with_the_eye_only(opened):
    """Camera row 37: no command to the head."""
    eye = opened()
    eye.detector = open_detector()
    eye.take(Still(Lock()))
    glimpse = eye.wait(lambda glimpse: glimpse.target is not None and glimpse.searched > 60, BOUND)
    assert (glimpse.phase, glimpse.pose.pan_deg, glimpse.pose.tilt_deg) == (Phase.STILL, 0, 0)


def test_holding_stands_still_and_keeps_the_target_in_sight(opened):
    """Camera 3.2."""
    eye = opened()
    eye.detector = open_detector()
    eye.take(Follower(Lock(), CALM, eye.head.limits))
    locked = eye.wait(lambda glimpse: glimpse.phase is Phase.LOCKED and glimpse.moving, BOUND)
    eye.hold()
    held = eye.head.pose()
    later = eye.wait(lambda glimpse: glimpse.searched > locked.searched + 15, BOUND)
    assert (later.pose.pan_deg, later.pose.tilt_deg) == pytest.approx((held.pan_deg, held.tilt_deg), abs=0.11)
    assert later.target.number == locked.target.number
    eye.go()
    again = eye.wait(lambda glimpse: glimpse.phase is Phase.LOCKED, BOUND)
    assert again.target.number == locked.target.number


def test_letting_go_forgets_the_target(opened):
    eye = opened()
    eye.detector = open_detector()
    eye.take(Follower(Lock(), CALM, eye.head.limits))
    eye.wait(lambda glimpse: glimpse.phase is Phase.LOCKED, BOUND)
    eye.let_go()
    assert eye.wait(lambda glimpse: glimpse.searched == 0, BOUND).target is None


def test_whoever_looks_at_marks_sees_the_face_that_would_be_followed(opened):
    """Camera row 2: also while nothing is tracked."""
    views = Views("camera:default", lambda topic, picture: None)
    eye = opened(views=views)
    eye.detector, eye.mark = open_detector(), "single_rect"
    views.want(Variant(), SystemClock().monotonic())
    glimpse = eye.wait(lambda glimpse: glimpse.searched > SIGHTS, BOUND)
    assert glimpse.target is None
    assert [seen.target for seen in glimpse.marked()] == [True]


def test_a_detector_that_throws_is_survived_and_told(opened):
    """Camera 11: that frame is skipped; 30 in a row end the tracking, and the loop lives."""
    eye = opened()
    eye.detector = Broken()
    eye.take(Follower(Lock(), CALM, eye.head.limits))
    failed = eye.wait(lambda glimpse: glimpse.fault is not None, BOUND)
    assert failed.searched == MOST_FAULTS
    assert eye.wait(lambda glimpse: glimpse.frame.number > failed.frame.number, BOUND)


def test_a_lost_source_ends_the_loop_and_is_told_once(opened):
    told = []
    eye = opened(source=Gone(SceneOptions(), SystemClock()), blind=told.append)
    assert eye.wait(lambda glimpse: glimpse.frame.number > 10, BOUND) is None
    assert eye.ended
    assert told == ["The camera's picture was lost."]


def test_a_wait_is_over_after_its_bound(opened):
    assert opened().wait(lambda glimpse: False, timedelta(milliseconds=100)) is None
