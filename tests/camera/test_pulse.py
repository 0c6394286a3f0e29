"""camera 11, CPU starved: under 10 Hz of control the head stops."""

from datetime import timedelta

import pytest

from triptych.camera.pulse import Pulse


def beats(pulse, rate_hz, start_s=0.0, count=12):
    return [pulse.beat(timedelta(seconds=start_s + number / rate_hz)) for number in range(count)]


@pytest.mark.parametrize(("rate_hz", "moves"), [(30, True), (10.2, True), (9.5, False), (4, False)])
def test_the_head_moves_from_10_hz_on(rate_hz, moves):
    """camera 11."""
    assert beats(Pulse(), rate_hz)[-1] is moves


def test_it_moves_again_once_control_is_quick_and_after_a_pause():
    pulse = Pulse()
    beats(pulse, 5)
    assert not pulse.steady
    assert beats(pulse, 30, start_s=10.0)[-1]
    beats(pulse, 5, start_s=20.0)
    pulse.forget()
    assert pulse.steady
    assert pulse.beat(timedelta(seconds=90))
