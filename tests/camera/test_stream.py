"""camera 5 and 10: live pictures, drawn and encoded only for those who look."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest

from triptych.camera.marks import Seen
from triptych.camera.parameters import LEASE, Variant
from triptych.camera.pictures import HEAD_BYTES, read_head
from triptych.camera.stream import View, Views, render
from triptych.clock import SystemClock

FACE = Seen(box=(0.3, 0.3, 0.3, 0.4), target=True)
START = timedelta(seconds=100)


@pytest.fixture
def shown():
    return []


@pytest.fixture
def views(shown):
    return Views("camera:default", lambda topic, picture: shown.append((topic, picture)))


def at(number):
    return START + timedelta(seconds=number / 30)


def show(views, shoot, count, mark="single_rect"):
    for number in range(count):
        views.show(View(frame=shoot(number).frame, objects=(FACE,)), mark, at(number))


def test_nobody_looks_and_nothing_is_made(views, shown, shoot):
    show(views, shoot, 5)
    assert not views.wanted(START)
    assert shown == []


def test_each_variant_has_its_topic(views, shown, shoot):
    topics = {views.want(variant, START) for variant in (Variant(), Variant(marks=False), Variant(width=80))}
    show(views, shoot, 1)
    assert {topic for topic, _ in shown} == topics
    assert len(topics) == 3


def test_a_rate_is_kept(views, shown, shoot):
    views.want(Variant(fps=10), START)
    show(views, shoot, 60)
    assert len(shown) == 20


def test_a_variant_ends_with_its_lease(views, shown, shoot):
    views.want(Variant(), START - LEASE)
    show(views, shoot, 3)
    assert shown == []


def test_marks_are_wanted_only_by_those_who_look_at_them(views):
    views.want(Variant(marks=False), START)
    assert not views.marked(START)
    views.want(Variant(), START)
    assert views.marked(START)
    assert not views.marked(START + LEASE)


def test_marks_are_drawn_on_a_copy(shoot):
    """Camera R6: what is stored stays clean."""
    frame = shoot(0).frame
    clean = frame.image.copy()
    drawn = render(View(frame=frame, objects=(FACE,)), "single_rect", 1280)
    assert (frame.image == clean).all()
    assert (drawn != clean).any()
    assert render(View(frame=frame, objects=(FACE,)), None, 1280) is frame.image, "a clean picture costs no copy"


def test_a_narrow_picture_keeps_its_shape(views, shown, shoot):
    views.want(Variant(width=80), START)
    show(views, shoot, 1)
    picture = shown[0][1]
    assert (read_head(picture).width, read_head(picture).height) == (80, 45)
    assert cv2.imdecode(np.frombuffer(picture[HEAD_BYTES:], np.uint8), cv2.IMREAD_COLOR).shape == (45, 80, 3)


def test_boxes_and_where_the_head_looked_travel_with_their_frame(views, shown, shoot):
    """camera 10, and 6: the head tells which frame it is and when it was taken, on the wall clock."""
    views.want(Variant(marks=False), START)
    taken = shoot(7)
    age_s = (SystemClock().monotonic() - taken.frame.captured).total_seconds()
    views.show(View(frame=taken.frame, objects=(FACE,), pose=replace(taken.pose, pan_deg=-3.456)), None, START)
    picture = shown[0][1]
    told = json.loads(picture[picture.index(b'{"boxes"') :].partition(b"}}")[0] + b"}}")
    assert told == {
        "boxes": [{"box": [0.3, 0.3, 0.3, 0.4], "label": "", "target": True, "coasting": False}],
        "head": {"pan": -3.46, "tilt": 0.0},
    }
    head = read_head(picture)
    assert head.sequence == 7
    assert abs(time.time() - age_s - head.captured_us / 1e6) < 0.5


def test_the_same_picture_serves_two_rates(views, shown, shoot):
    views.want(Variant(fps=30), START)
    views.want(Variant(fps=15), START)
    show(views, shoot, 1)
    assert shown[0][1] is shown[1][1]
