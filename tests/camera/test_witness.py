"""camera 11: head stuck or not answering, told by the picture."""

import math
from datetime import timedelta

import pytest

from camera.rig import Deaf, Rig, Stuck
from triptych.camera.control import NORMAL, Command, Phase
from triptych.camera.faces import SimFaces
from triptych.camera.heads.crop import CropHead
from triptych.camera.pilots.follow import Follower
from triptych.camera.track import Lock, Tracker
from triptych.camera.witness import Trust, Witness
from triptych.media import world
from triptych.media.sources import SimOptions
from triptych.media.sources.sim import SimSource


def rig_of(kind=CropHead, **options):
    return Rig(kind, late_s=1 / 15, **options)


class Swing:
    """Turns the head to and fro as somebody walks."""

    def watch(self, frame, pose, tracks):
        return None

    def steer(self, now, head):
        pan_deg = 25 * math.sin(now.total_seconds())
        return Command(phase=Phase.LOCKED, moves=True, pan_deg=pan_deg, tilt_deg=0.0, cap_deg_s=120.0)


class Watched:
    """A rig at 15 frames a second whose head is witnessed; `trusts` is the trust after each frame."""

    def __init__(self, rig):
        self.rig, self.witness, self.trusts = rig, Witness(rig.lens), []

    def play(self, seconds, pilot=None, tracks=()):
        pilot = pilot or Swing()
        for _ in range(round(15 * seconds)):
            self.rig.clock.wait(self.rig.late_s)
            view, pose = self.rig.see()
            found = tracks(view, pose) if callable(tracks) else tracks
            pilot.watch(view, pose, found)
            command = pilot.steer(self.rig.clock.monotonic(), self.rig.head.pose())
            if command.moves:
                self.rig.head.move(command.pan_deg, command.tilt_deg, command.cap_deg_s)
            else:
                self.rig.head.stop()
            self.witness.note(view, pose, found, command)
            self.trusts.append(self.witness.trust)
        return self

    def first(self, trust):
        return self.trusts.index(trust) / 15


def black(clock):
    return SimSource(SimOptions(), clock, wait=clock.wait)


def test_a_head_that_obeys_is_trusted_while_people_walk():
    """camera 11: it must not fire when the scene moves."""
    assert set(Watched(rig_of(figures=4)).play(10).trusts) == {Trust.GIVEN}


@pytest.mark.parametrize("kind", [Stuck, Deaf])
def test_a_stuck_head_is_doubted_after_1_s_and_given_up_after_5(kind):
    """camera 11: warning at 1 s, failed at 5 s, by a motor whose counter runs on and by a head that answers nothing."""
    watched = Watched(rig_of(kind, figures=1)).play(8)
    assert 1.0 <= watched.first(Trust.DOUBTED) <= 2.0
    assert 5.0 <= watched.first(Trust.STUCK) <= 6.0


@pytest.mark.parametrize("kind", [CropHead, Stuck, Deaf])
def test_a_picture_without_texture_accuses_nobody(kind):
    """camera 11: no texture."""
    assert set(Watched(rig_of(kind, source=black)).play(6).trusts) == {Trust.GIVEN}


def test_a_head_at_rest_is_not_doubted_whatever_moves_before_it():
    class Rest(Swing):
        def steer(self, now, head):
            return Command(phase=Phase.LOCKED, moves=False, pan_deg=0.0, tilt_deg=0.0, cap_deg_s=0.0)

    assert set(Watched(rig_of(Stuck, figures=4)).play(6, Rest()).trusts) == {Trust.GIVEN}


def test_a_stuck_head_that_runs_into_its_limit_by_its_own_account_is_given_up():
    """camera 11: the counter follows the target to the limit within a second, and then nothing moves any more."""

    def aside(clock):
        cast = [world.Figure(look=0, radius_px=90, path=lambda _: 14.0)]
        return SimSource(SimOptions(pixels=True, misses=0.0), clock, cast=cast, wait=clock.wait)

    rig = rig_of(Stuck, source=aside)
    still = type("Home", (), {"pan_deg": 0.0, "tilt_deg": 0.0})()
    faces, tracker = SimFaces(rig.source, lambda at: still, rig.lens), Tracker(rig.lens)
    watched = Watched(rig)
    follower = Follower(Lock(), NORMAL, rig.head.limits)
    watched.play(8, follower, tracks=lambda view, pose: tracker.update(view.captured, faces.find(view), pose))
    assert rig.head.pose().pan_deg == pytest.approx(60.0, abs=1.0)
    assert watched.first(Trust.STUCK) <= 7.0


def test_doubt_ends_when_the_head_turns_again_and_when_it_was_not_ours():
    rig = rig_of(Stuck, figures=0)
    watched = Watched(rig).play(3)
    assert watched.witness.trust is Trust.DOUBTED
    rig.head.__class__ = CropHead
    watched.play(2)
    assert watched.witness.trust is Trust.GIVEN
    watched.witness.doubt = timedelta(seconds=9)
    watched.witness.forget()
    assert watched.witness.doubt == timedelta(0)
