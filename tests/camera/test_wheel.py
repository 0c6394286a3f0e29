"""camera 3.3: who owns the head."""

from datetime import timedelta

import pytest

from triptych.camera.control import Command, Phase
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.wheel import Owner, Wheel
from triptych.media.sources.sim import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def head(clock):
    return CropHead(CropOptions(), clock)


def go(pan_deg, *, moves=True):
    return Command(phase=Phase.LOCKED, moves=moves, pan_deg=pan_deg, tilt_deg=0.0, cap_deg_s=120.0)


def let(clock, seconds):
    clock.wait(seconds)


def test_a_lower_rank_waits_for_a_higher_one(head, clock):
    """camera 3.3: manual, mission, track, in this order."""
    wheel = Wheel(head)
    wheel.claim(Owner.MISSION)
    wheel.claim(Owner.MANUAL)
    for owner, moved in ((Owner.TRACK, False), (Owner.MISSION, False), (Owner.MANUAL, True)):
        assert wheel.steer(owner, go(10.0)) is moved
    wheel.release(Owner.MANUAL)
    assert not wheel.steer(Owner.TRACK, go(0.0))
    wheel.release(Owner.MISSION)
    assert wheel.steer(Owner.TRACK, go(0.0))


def test_a_stop_of_a_lower_rank_changes_nothing(head, clock):
    wheel = Wheel(head)
    wheel.claim(Owner.MANUAL)
    wheel.steer(Owner.MANUAL, go(10.0))
    let(clock, 0.1)
    wheel.stop(Owner.TRACK)
    let(clock, 0.15)
    before = head.pose().pan_deg
    wheel.stop(Owner.MANUAL)
    let(clock, 0.2)
    assert head.pose().pan_deg == pytest.approx(before, abs=0.11)
    assert before > 1


def test_the_head_stops_when_a_command_no_longer_moves_it(head, clock):
    wheel = Wheel(head)
    wheel.steer(Owner.TRACK, go(30.0))
    let(clock, 0.2)
    wheel.steer(Owner.TRACK, go(0.0, moves=False))
    before = head.pose()
    let(clock, 0.2)
    assert head.pose().pan_deg == pytest.approx(before.pan_deg, abs=0.11)
    assert head.pose().at > before.at + timedelta(seconds=0.1)


def test_track_needs_no_claim_and_gives_nothing_back(head):
    wheel = Wheel(head)
    wheel.release(Owner.TRACK)
    assert wheel.owner is Owner.TRACK


def test_axes_are_turned_by_rank_too(head, clock):
    wheel = Wheel(head)
    wheel.claim(Owner.MANUAL)
    assert not wheel.turn(Owner.MISSION, 10.0, 0.0, 60.0)
    assert wheel.turn(Owner.MANUAL, 10.0, 0.0, 60.0)
    let(clock, 0.2)
    assert head.pose().pan_deg > 1


def test_a_halt_stops_whoever_has_the_head_and_lasts(head, clock):
    """camera S2: emergency stop before manual move, mission and track."""
    wheel = Wheel(head)
    wheel.claim(Owner.MANUAL)
    wheel.turn(Owner.MANUAL, 30.0, 0.0, 60.0)
    let(clock, 0.2)
    wheel.halt()
    stopped = head.pose().pan_deg
    assert not wheel.turn(Owner.MANUAL, 30.0, 0.0, 60.0)
    assert not wheel.steer(Owner.MANUAL, go(30.0))
    let(clock, 0.2)
    assert head.pose().pan_deg == stopped
    wheel.ease()
    assert wheel.turn(Owner.MANUAL, 30.0, 0.0, 60.0)
