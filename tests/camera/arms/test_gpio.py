"""The arm on pins; what it does is proved by tests/contracts/test_arms.py."""

import sys

import pytest

from triptych.camera.arms import GpioOptions
from triptych.camera.arms.gpio import GpioArm
from triptych.clock import SystemClock
from triptych.errors import Unavailable


def test_without_the_library_it_does_not_open(monkeypatch):
    """camera 9: an arm library missing."""
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(Unavailable, match="ptz"):
        GpioArm(GpioOptions(), SystemClock())
