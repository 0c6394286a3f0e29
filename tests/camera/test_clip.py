"""camera 4: how long an alarm clip goes on; tests/camera/activities/test_record.py films them."""

from datetime import timedelta

import pytest

from triptych.camera.clip import Clip


@pytest.mark.parametrize(("at_s", "over"), [(20, False), (25, False), (25.1, True)])
def test_it_is_over_5_s_after_the_last_sight(at_s, over):
    clip = Clip(recorder=None, first=timedelta(seconds=5), seen=timedelta(seconds=20))
    assert clip.is_over(timedelta(seconds=at_s)) is over


@pytest.mark.parametrize(("at_s", "full"), [(64.9, False), (65, True)])
def test_it_is_full_after_60_s(at_s, full):
    clip = Clip(recorder=None, first=timedelta(seconds=5), seen=timedelta(seconds=64))
    assert clip.is_full(timedelta(seconds=at_s)) is full
