"""One contract over every arm kind; arms of hardware against mock pins and a modelled bus."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from camera.i2cbus import I2cBus
from triptych.camera.arms import ARMS, GpioOptions, NoneOptions, Pca9685Options
from triptych.camera.arms.gpio import GpioArm
from triptych.camera.arms.none import NoneArm
from triptych.camera.arms.pca9685 import Pca9685Arm
from triptych.clock import SystemClock
from triptych.contracts import Arm

Pulses = Callable[[], list[float | None]]
RANGES = ((70.0, 110.0), (80.0, 100.0), (0.0, 180.0))
BOUND_S = 10.0


@dataclass
class Bench:
    """An arm, the pulses that its servos really get, and how to take it down."""

    arm: Arm
    pulses: Pulses
    end: Callable[[], None]

    def angles(self) -> list[float | None]:
        """Where the pulses hold the servos."""
        return [None if pulse is None else (pulse - 500) / 2000 * 180 for pulse in self.pulses()]

    def until(self, condition: Callable[[], bool]) -> bool:
        """Wait until it is so; False after a while."""
        return any(condition() or wait(0.01) for _ in range(round(BOUND_S * 100)))


def wait(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def gpio() -> Bench:
    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    arm = GpioArm(GpioOptions(joints_deg=RANGES), SystemClock())
    pins = [factory.pin(f"GPIO{number}") for number in (23, 24, 25)]

    def end() -> None:
        factory.close()
        gpiozero.Device.pin_factory = before

    return Bench(arm, lambda: [pin.state * 20_000 if pin.state else None for pin in pins], end)


def pca9685() -> Bench:
    bus = I2cBus()
    arm = Pca9685Arm(Pca9685Options(joints_deg=RANGES), SystemClock(), bus)
    return Bench(arm, lambda: [bus.pulse_us(channel) for channel in (2, 3, 4)], lambda: None)


def none() -> Bench:
    return Bench(NoneArm(NoneOptions(), SystemClock()), list, lambda: None)


BENCHES = (gpio, pca9685, none)


@pytest.fixture(params=BENCHES, ids=lambda build: build.__name__)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = request.param()
    yield found
    found.arm.close()
    found.end()


def near(angles: tuple[float, ...]) -> object:
    return pytest.approx(list(angles), abs=0.6)


def test_every_kind_of_hardware_has_its_bench() -> None:
    assert {build.__name__ for build in BENCHES} == set(ARMS) - {"sim"}, "tests/camera/arms/test_sim.py proves the simulated one"


def test_opening_moves_nothing(bench: Bench) -> None:
    """camera S1: no servo gets a pulse before somebody asks."""
    wait(0.05)
    assert set(bench.pulses()) <= {None}
    assert bench.arm.joints() == (90.0,) * len(bench.arm.limits)


def test_every_joint_goes_where_it_is_sent_and_holds(bench: Bench) -> None:
    """camera 3.2: joints hold; a joint let go would fall."""
    goal = (100.0, 85.0, 70.0)[: len(bench.arm.limits)]
    bench.arm.move(goal, 60.0)
    assert bench.until(lambda: bench.arm.joints() == goal and bench.angles() == near(goal))
    wait(0.4)
    assert bench.angles() == near(goal)


def test_no_joint_leaves_its_limits(bench: Bench) -> None:
    """camera S2."""
    bench.arm.move((500.0, -500.0, 90.0)[: len(bench.arm.limits)], 120.0)
    ends = (110.0, 80.0, 90.0)[: len(bench.arm.limits)]
    assert bench.until(lambda: bench.arm.joints() == ends)
    assert bench.until(lambda: bench.angles() == near(ends))


def test_no_joint_turns_faster_than_the_cap(bench: Bench) -> None:
    clock = SystemClock()
    begun = clock.monotonic()
    bench.arm.move((90.0, 90.0, 180.0)[: len(bench.arm.limits)], 20.0)
    wait(0.3)
    places = bench.arm.joints()
    took_s = (clock.monotonic() - begun).total_seconds()
    assert all(91.0 < place <= 90.0 + 20.0 * took_s for place in places[2:])


def test_stop_holds_every_joint_within_100_ms(bench: Bench) -> None:
    """camera row 42."""
    bench.arm.move((90.0, 90.0, 180.0)[: len(bench.arm.limits)], 30.0)
    wait(0.15)
    bench.arm.stop()
    wait(0.1)
    held, pulses = bench.arm.joints(), bench.pulses()
    wait(0.1)
    assert (bench.arm.joints(), bench.pulses()) == (held, pulses)
    assert all(90.0 < place < 180.0 for place in held[2:])


def test_closing_ends_the_pulses(bench: Bench) -> None:
    bench.arm.move((95.0, 90.0, 90.0)[: len(bench.arm.limits)], 30.0)
    wait(0.1)
    bench.arm.close()
    assert set(bench.pulses()) <= {None}
