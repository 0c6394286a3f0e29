"""The head that does not turn."""

import numpy as np

from triptych.camera.heads import NoneOptions
from triptych.camera.heads.none import NoneHead
from triptych.contracts import Frame
from triptych.media.sources.sim import VirtualClock


def test_a_picture_of_its_own_is_handed_on_as_it_is():
    head = NoneHead(NoneOptions(), VirtualClock())
    clock = VirtualClock()
    frame = Frame(number=3, captured=clock.monotonic(), image=np.zeros((4, 4, 3), np.uint8))
    assert head.view(frame) is frame


def test_moves_are_taken_and_change_nothing():
    clock = VirtualClock()
    head = NoneHead(NoneOptions(), clock)
    head.move(20.0, 3.0, 60.0)
    clock.wait(1.0)
    assert (head.pose().pan_deg, head.pose().tilt_deg) == (0.0, 0.0)
