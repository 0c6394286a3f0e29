"""Registers name what opens a thing as text."""

import pytest

from triptych.camera.arms import ARMS
from triptych.camera.arms.sim import SimArm
from triptych.camera.registers import load


def test_a_name_leads_to_the_thing():
    assert load(ARMS["sim"].open) is SimArm


def test_a_name_of_nothing_is_a_fault():
    with pytest.raises(AttributeError):
        load("triptych.camera.arms.sim:Nothing")
