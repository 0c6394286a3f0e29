"""The head on pins; what it does is proved by tests/contracts/test_heads.py."""

import sys

import pytest

from triptych.camera.heads import GpioOptions
from triptych.camera.heads.gpio import GpioHead
from triptych.clock import SystemClock
from triptych.errors import Unavailable


def test_without_the_library_it_does_not_open(monkeypatch):
    """camera 9."""
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(Unavailable, match="ptz"):
        GpioHead(GpioOptions(), SystemClock())
