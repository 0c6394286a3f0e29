"""camera 4, row 35: the calibration run, on the scene that the default camera looks at, on the virtual clock."""

from datetime import timedelta

import numpy as np
import pytest

from camera.rig import Deaf, Rig, SlackAndMirrored, Stuck
from triptych.camera.control import NORMAL, Lens, Phase
from triptych.camera.heads import CropOptions
from triptych.camera.pilots.learn import Learner
from triptych.camera.trial import COURSES, following, run
from triptych.contracts import Frame
from triptych.media.sources import SimOptions
from triptych.media.sources.sim import SimSource

SLOW = {"figures": 0, "late_s": 1 / 15}
"""Nobody about, and control at 15 Hz: half the work."""


def learn(rig, lens=None):
    return rig.learn(Learner(lens or rig.lens, rig.head.limits))


@pytest.fixture(scope="module")
def plain():
    return learn(Rig()).learnt


def test_the_default_camera_learns_its_lag_and_its_lens(plain):
    """camera 4: default sim lag 70 +-20 ms, view factor within 2 %."""
    assert plain.lag_s == pytest.approx(0.070, abs=0.020)
    assert plain.factor == pytest.approx((1.0, 1.0), abs=0.02)
    assert plain.speed_deg_s == pytest.approx(120.0, rel=0.1)
    assert plain.play_deg <= 0.1
    assert plain.residual_deg < 0.1


def test_100_ms_of_added_delay_are_learnt_and_known_they_bring_the_sine_back(plain):
    """camera row 35: the lag rises by 100 +-15 ms, and there the sine rms of official_ai falls by 35 % or more."""
    slow = learn(Rig(lag_s=0.13)).learnt
    assert slow.lag_s - plain.lag_s == pytest.approx(0.100, abs=0.015)
    before = run(COURSES["sine"], following(NORMAL), options=CropOptions(lag_s=0.13))
    after = run(COURSES["sine"], following(NORMAL, lag=timedelta(seconds=slow.lag_s)), options=CropOptions(lag_s=0.13))
    assert after.rms_deg <= 0.65 * before.rms_deg


def test_a_lens_that_was_told_wrongly_is_set_right():
    """camera 4: true degrees per pixel, within 2 %."""
    wrong = Lens(view_deg=(48.0, 40.0), linear=True)
    learnt = learn(Rig(**SLOW), wrong).learnt
    assert learnt.factor == pytest.approx((60.0 / 48.0, (100 / 3) / 40.0), rel=0.02)
    assert wrong.scaled(learnt.factor).view_deg == pytest.approx((60.0, 100 / 3), rel=0.02)


def test_a_mirrored_picture_has_a_negative_factor_and_play_is_told_from_lag():
    """camera 4: with sign; play."""
    learnt = learn(Rig(SlackAndMirrored, **SLOW)).learnt
    assert learnt.factor == pytest.approx((-1.0, 1.0), rel=0.02)
    assert learnt.play_deg == pytest.approx(1.0, abs=0.15)
    assert learnt.lag_s == pytest.approx(0.070, abs=0.025)


def test_a_head_with_narrow_limits_uses_what_there_is():
    rig = Rig(pan_deg=(-3.0, 20.0), tilt_deg=(0.0, 0.5), **SLOW)
    assert learn(rig).learnt.factor == pytest.approx((1.0, 1.0), abs=0.02)
    assert all(-3.0 <= command.pan_deg <= 20.0 and 0.0 <= command.tilt_deg <= 0.5 for command in rig.commands)


@pytest.mark.parametrize("kind", [Stuck, Deaf])
def test_a_silent_head_fails(kind):
    """camera row 35: with a stuck head it fails within 30 s."""
    learner = learn(Rig(kind, **SLOW))
    assert learner.learnt is None
    assert "did not turn the picture" in learner.fault


def test_a_flat_picture_fails():
    """camera 4: the black picture of the sim source tells nothing."""
    rig = Rig(source=lambda clock: SimSource(SimOptions(), clock, wait=clock.wait), **SLOW)
    assert "shows too little" in learn(rig).fault


def test_a_noisy_picture_without_texture_fails():
    class Noise(SimSource):
        images = np.random.default_rng(3).integers(110, 140, (5, 1080, 3840, 3), np.uint8)

        def read(self):
            frame = super().read()
            return Frame(number=frame.number, captured=frame.captured, image=self.images[frame.number % 5])

    assert learn(Rig(source=lambda clock: Noise(SimOptions(), clock, wait=clock.wait), **SLOW)).fault


def test_after_a_pause_it_goes_on_where_it_stood():
    """camera 3.2: the learn step goes on where it stood, and the pause spoils nothing; here with the sim source, pixels asked for."""
    rig = Rig(source=lambda clock: SimSource(SimOptions(pixels=True), clock, wait=clock.wait), **SLOW)
    learner = Learner(rig.lens, rig.head.limits)
    for _ in range(15 * 5):
        before = rig.step(learner)
    rig.pause(learner, 8.0)
    assert rig.step(learner).pan_deg == pytest.approx(before.pan_deg, abs=1.0)
    learnt = rig.learn(learner).learnt
    assert learnt.lag_s == pytest.approx(0.070, abs=0.025)
    assert learnt.factor == pytest.approx((1.0, 1.0), abs=0.02)


def test_once_over_it_stands_still():
    rig = Rig(Deaf, **SLOW)
    learner = learn(rig)
    command = rig.step(learner)
    assert (command.moves, command.phase) == (False, Phase.LEARNING)
    learner.forget()
    assert learner.fault is not None
