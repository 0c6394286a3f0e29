"""camera 4, secure: sweep, stop for a visitor, follow, sweep again."""

from itertools import pairwise

import pytest

from camera.faces_at import at, face, frame, pose
from triptych.camera.control import CALM, Phase
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.pilots.sentry import Sentry
from triptych.camera.visits import ANYONE, Judgement, Standing
from triptych.contracts import Limits
from triptych.media.sources.sim import VirtualClock

LIMITS = Limits(pan_deg=(-60.0, 60.0), tilt_deg=(-8.0, 8.0))


class Room:
    """A sentry at the wheel of a real head, on the virtual clock."""

    def __init__(self, judge=lambda track: ANYONE, limits=LIMITS):
        self.clock = VirtualClock()
        self.head = CropHead(CropOptions(pan_deg=limits.pan_deg, tilt_deg=limits.tilt_deg), self.clock)
        self.sentry = Sentry(CALM, limits, judge)
        self.target = None

    def let(self, seconds, *tracks):
        """Show the same faces for a while; return (pan, tilt, phase) of every frame."""
        seen = []
        for _ in range(round(seconds * 30)):
            now = self.clock.monotonic().total_seconds()
            tracks_now = [track(now) for track in tracks]
            self.target = self.sentry.watch(frame(now), self.head.pose(), tracks_now)
            command = self.sentry.steer(self.clock.monotonic(), self.head.pose())
            if command.moves:
                self.head.move(command.pan_deg, command.tilt_deg, command.cap_deg_s)
            else:
                self.head.stop()
            self.clock.wait(1 / 30)
            seen.append((self.head.pose().pan_deg, self.head.pose().tilt_deg, command.phase))
        return seen


def test_it_sweeps_the_whole_range_at_thirty_degrees_a_second_on_an_arc():
    """camera 4: the pan range at 30 deg/s, a tilt arc of up to 10 degrees."""
    seen = Room().let(14)
    pans, tilts = [pan for pan, _, _ in seen], [tilt for _, tilt, _ in seen]
    assert (min(pans), max(pans)) == pytest.approx((-60, 60), abs=1.5)
    middle = [later - earlier for earlier, later in pairwise(pans) if abs(earlier) < 40]
    assert sum(abs(step) for step in middle) / len(middle) * 30 == pytest.approx(30, rel=0.05)
    assert 8 <= max(tilts) - min(tilts) <= 10.5
    assert {phase for _, _, phase in seen} == {Phase.SWEEPING}


def test_it_stops_for_a_visitor_and_sweeps_on_five_seconds_after_the_last_sight():
    room = Room()
    room.let(1)
    followed = room.let(3, lambda now: face(now, pan_deg=30.0))
    assert followed[-1][0] == pytest.approx(30, abs=1.6)
    assert followed[-1][2] is Phase.LOCKED
    away = room.let(7)
    phases = [phase for _, _, phase in away]
    assert phases.index(Phase.SWEEPING) == pytest.approx(5 * 30, abs=4)


def test_who_is_expected_does_not_stop_it():
    room = Room(judge=lambda track: Judgement(standing=Standing.EXPECTED))
    seen = room.let(3, lambda now: face(now, pan_deg=30.0))
    assert {phase for _, _, phase in seen} == {Phase.SWEEPING}
    assert room.target is None


def test_who_has_to_be_looked_at_longer_is_followed_until_it_is_known_who_it_is():
    verdict = [Standing.UNSURE]
    room = Room(judge=lambda track: Judgement(standing=verdict[0]))
    assert room.let(2, lambda now: face(now, pan_deg=10.0))[-1][2] is Phase.LOCKED
    verdict[0] = Standing.EXPECTED
    assert room.let(0.2, lambda now: face(now, pan_deg=10.0))[-1][2] is Phase.SWEEPING


def test_it_goes_on_where_it_stood():
    """camera 3.2: learn step or sweep goes on where it stood."""
    room = Room()
    room.let(5)
    before, direction = room.head.pose().pan_deg, room.sentry._direction
    room.head.stop()
    room.clock.wait(10)
    assert room.sentry._direction == direction
    assert room.let(0.1)[-1][0] == pytest.approx(before, abs=4)


def test_a_head_that_cannot_turn_stands():
    room = Room(limits=Limits(pan_deg=(0.0, 0.0), tilt_deg=(0.0, 0.0)))
    assert {pan for pan, _, _ in room.let(1)} == {0.0}


def test_it_keeps_to_limits_that_change():
    room = Room()
    room.let(1)
    room.sentry.keep_to(Limits(pan_deg=(-20.0, 40.0), tilt_deg=(0.0, 0.0)))
    pans = [pan for pan, _, _ in room.let(8)]
    assert (min(pans), max(pans)) == pytest.approx((-20, 40), abs=1.5)


def test_the_preset_may_change_and_the_visitor_may_be_forgotten():
    sentry = Sentry(CALM, LIMITS, lambda track: ANYONE)
    sentry.watch(frame(0), pose(0), [face(0, pan_deg=20.0)])
    assert sentry.steer(at(0), pose(0)).phase is Phase.LOCKED
    sentry.forget()
    assert sentry.steer(at(0.1), pose(0.1)).phase is Phase.SWEEPING
