"""Cameras of this machine. No device is here: what is asked of FFmpeg, and what is said where there is none, is all that can be tried."""

import pytest

from triptych.clock import SystemClock
from triptych.errors import Unavailable
from triptych.media.sources import V4l2Options
from triptych.media.sources.v4l2 import V4l2Source, asked_of


def test_a_missing_device_is_named_as_such():
    with pytest.raises(Unavailable) as missing:
        V4l2Source(V4l2Options(device="/dev/video97"), SystemClock())
    assert (missing.value.message, missing.value.code) == ("The video device is not there.", "source_lost")


def test_what_is_no_camera_is_named_as_such():
    with pytest.raises(Unavailable, match="The device is no camera"):
        V4l2Source(V4l2Options(device="/dev/null"), SystemClock())


def test_only_what_was_set_is_asked_of_the_device():
    assert asked_of(V4l2Options()) == {}
    asked = asked_of(V4l2Options(size=(1280, 720), fps=30, format="mjpeg"))
    assert asked == {"video_size": "1280x720", "framerate": "30", "input_format": "mjpeg"}
