"""camera 9: a hue range per camera; follows the ball; the second real detector."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from triptych.camera.colour import ColourBlobs
from triptych.camera.definition import Colour, read_definition
from triptych.camera.parameters import Parameters
from triptych.contracts import Frame
from triptych.errors import Invalid
from triptych.media import world
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock

ORANGE = {"hue_deg": (15, 40), "least_saturation": 0.8, "least_value": 0.5}
BOUND = timedelta(seconds=20)


def find(image, **colour):
    return ColourBlobs(Colour(**{"hue_deg": (0, 360), **colour})).find(Frame(number=0, captured=timedelta(0), image=image))


def patch(bgr, left=40, size=32):
    image = np.full((180, 320, 3), 90, np.uint8)
    image[60 : 60 + size, left : left + size] = bgr
    return image


@pytest.mark.parametrize(
    ("bgr", "hue_deg"), [((0, 0, 255), (350, 10)), ((0, 255, 0), (110, 130)), ((255, 0, 0), (230, 250)), ((0, 128, 255), (20, 40))]
)
def test_a_thing_of_the_colour_is_found_where_it_is(bgr, hue_deg):
    (found,) = find(patch(bgr), hue_deg=hue_deg)
    assert found.box.edges == pytest.approx((40 / 320, 60 / 180, 72 / 320, 92 / 180), abs=0.01)
    assert found.score == pytest.approx(1.0)


def test_other_colours_pale_dark_and_small_things_are_left_out():
    assert find(patch((0, 255, 0)), hue_deg=(350, 10)) == ()
    assert find(patch((200, 200, 255)), hue_deg=(350, 10)) == ()
    assert find(patch((0, 0, 40)), hue_deg=(350, 10)) == ()
    assert find(patch((0, 0, 255), size=3), hue_deg=(350, 10)) == ()


def test_the_largest_comes_first():
    image = np.maximum(patch((0, 0, 255)), patch((0, 0, 255), left=200, size=60))
    first, second = find(image, hue_deg=(350, 10))
    assert first.box.area > second.box.area


def test_the_drawn_ball_is_found_in_the_default_world():
    source, detector = SceneSource(SceneOptions(), VirtualClock()), ColourBlobs(Colour(**ORANGE))
    hits = 0
    for second in range(0, 17, 2):
        frame = Frame(number=second, captured=timedelta(seconds=second), image=source.draw(second)[:, 640:3200])
        x, y, _ = world.ball_px(second)
        faces = detector.find(frame)
        centre = faces[0].box.centre if faces else (0, 0)
        hits += abs(centre[0] * 2560 + 640 - x) < 30 and abs(centre[1] * 1080 - y) < 30
    assert hits == 9


def test_a_camera_follows_the_ball(opened, notes):
    """camera 9, through a whole session whose head sees the floor; its objects are told as `colour`."""
    wide = {"kind": "crop", "size": [1920, 1080], "view_deg": [90, 50], "pan_deg": [-45, 45], "tilt_deg": [0, 0]}
    session = opened(Parameters(), figures=0, head=wide, colour=Colour(**ORANGE))
    session.start("track")
    notes.until(lambda: not session.waits_for_lock)
    state = session.state()
    assert (state["track"]["state"], state["detector"]["name"]) == ("locked", "colour")
    assert session.eye.wait(lambda glimpse: abs(glimpse.pose.pan_deg) > 5, BOUND), "the ball rolls and the head turns after it"
    assert session.eye.newest.objects()[0]["kind"] == "colour"


@pytest.mark.parametrize("colour", [{}, {"hue_deg": [0]}, {"hue_deg": [0, 400]}, {"hue_deg": [0, 10], "least_value": 2}])
def test_a_colour_that_is_none_is_refused(colour):
    with pytest.raises(Invalid):
        read_definition(msgspec.to_builtins({"colour": colour}))
