"""camera row 49: one contract over every head kind; heads of hardware against mock pins, a modelled bus and devices on loopback."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import gpiozero
import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from camera.i2cbus import I2cBus
from camera.onvifdevice import OnvifDevice
from camera.viscadevice import ViscaDevice
from triptych.camera.heads import HEADS, CropOptions, GpioOptions, NoneOptions, OnvifOptions, Pca9685Options, ViscaOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.heads.gpio import GpioHead
from triptych.camera.heads.none import NoneHead
from triptych.camera.heads.onvif import OnvifHead
from triptych.camera.heads.pca9685 import Pca9685Head
from triptych.camera.heads.visca import ViscaHead
from triptych.clock import SystemClock
from triptych.contracts import Clock, Frame, Head
from triptych.media.sources.sim import VirtualClock

Place = tuple[float, float]
LIMITS = {"pan_deg": (-14.0, 12.0), "tilt_deg": (-6.0, 8.0)}
BOUND_S = 10.0


@dataclass
class Bench:
    """A head, and what is really so: where its hardware points, whether anything could have moved it, whether it was let go."""

    head: Head
    clock: Clock
    wait: Callable[[float], None]
    truth: Callable[[], Place]
    was_moved: Callable[[], bool]
    was_released: Callable[[], bool]
    slack_deg: float
    ends: list[Callable[[], None]]

    def drive(self, pan_deg: float, tilt_deg: float, seconds: float, cap_deg_s: float = 60.0) -> list[Place]:
        """Repeat a command 30 times a second; return where the head pointed."""
        places = []
        for _ in range(round(seconds * 30)):
            self.head.move(pan_deg, tilt_deg, cap_deg_s)
            self.wait(1 / 30)
            places.append(self.truth())
        return places

    def until(self, condition: Callable[[], bool], seconds: float = BOUND_S) -> bool:
        """Wait until it is so; False after `seconds`."""
        until = self.clock.monotonic().total_seconds() + seconds
        while not condition():
            if self.clock.monotonic().total_seconds() > until:
                return False
            self.wait(0.01)
        return True


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _servo_deg(pulse_us: float) -> float:
    return (pulse_us - 500) / 2000 * 180 - 90


class _Pulses:
    """Where servos stand that get pulses; without a pulse they stay."""

    def __init__(self, pulses: Callable[[], list[float | None]]) -> None:
        self._pulses, self._last = pulses, [0.0, 0.0]

    def place(self) -> Place:
        for axis, pulse in enumerate(self._pulses()):
            if pulse is not None:
                self._last[axis] = _servo_deg(pulse)
        return self._last[0], self._last[1]

    def released(self) -> bool:
        return self._pulses() == [None, None]


def crop(folder: Path) -> Bench:
    clock = VirtualClock()
    head = CropHead(CropOptions(**LIMITS), clock)

    def truth() -> Place:
        return head.pose().pan_deg, head.pose().tilt_deg

    return Bench(head, clock, clock.wait, truth, lambda: truth() != (0.0, 0.0), lambda: True, 0.11, [])


def none(folder: Path) -> Bench:
    clock = VirtualClock()
    return Bench(NoneHead(NoneOptions(), clock), clock, clock.wait, lambda: (0.0, 0.0), lambda: False, lambda: True, 0.0, [])


def gpio(folder: Path) -> Bench:
    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    clock = SystemClock()
    head = GpioHead(GpioOptions(**LIMITS), clock)
    pins = [factory.pin("GPIO17"), factory.pin("GPIO18")]
    assert pins[0].frequency == 50
    pulses = _Pulses(lambda: [pin.state * 20_000 if pin.state else None for pin in pins])

    def restore() -> None:
        factory.close()
        gpiozero.Device.pin_factory = before

    return Bench(head, clock, _wait, pulses.place, lambda: not pulses.released(), pulses.released, 0.2, [restore])


def pca9685(folder: Path) -> Bench:
    bus, clock = I2cBus(), SystemClock()
    head = Pca9685Head(Pca9685Options(**LIMITS), clock, bus)
    pulses = _Pulses(lambda: [bus.pulse_us(0), bus.pulse_us(1)])
    return Bench(head, clock, _wait, pulses.place, lambda: not pulses.released(), lambda: bus.closed and pulses.released(), 0.7, [])


def _onvif(folder: Path, *kinds: str, tells: bool = True) -> Bench:
    device, clock = OnvifDevice(kinds, tells=tells), SystemClock()
    secret = folder / "password"
    secret.write_text(f"{device.password}\n")
    secret.chmod(0o600)
    head = OnvifHead(OnvifOptions(url=device.url, user=device.user, password_file=str(secret), **LIMITS), clock)
    return _remote(head, device, clock)


def onvif_continuous(folder: Path) -> Bench:
    return _onvif(folder, "continuous")


def onvif_continuous_untold(folder: Path) -> Bench:
    return _onvif(folder, "continuous", tells=False)


def onvif_absolute(folder: Path) -> Bench:
    return _onvif(folder, "absolute")


def onvif_relative(folder: Path) -> Bench:
    return _onvif(folder, "relative", tells=False)


def _visca(transport: Literal["udp", "tcp"], moves: Literal["speed", "position"], nibbles: Literal[4, 5]) -> Bench:
    device, clock = ViscaDevice(transport, nibbles), SystemClock()
    options = ViscaOptions(host="127.0.0.1", port=device.port, transport=transport, moves=moves, pan_nibbles=nibbles, **LIMITS)
    return _remote(ViscaHead(options, clock), device, clock)


def visca_udp_speed(folder: Path) -> Bench:
    return _visca("udp", "speed", 4)


def visca_tcp_position(folder: Path) -> Bench:
    return _visca("tcp", "position", 5)


def _remote(head: Head, device: OnvifDevice | ViscaDevice, clock: Clock) -> Bench:
    turret = device.turret

    def rests() -> bool:
        before = turret.place()
        _wait(0.05)
        return turret.place() == before

    return Bench(head, clock, _wait, turret.place, lambda: bool(turret.moves), rests, 1.2, [device.close])


BENCHES = (
    crop,
    gpio,
    pca9685,
    onvif_continuous,
    onvif_continuous_untold,
    onvif_absolute,
    onvif_relative,
    visca_udp_speed,
    visca_tcp_position,
    none,
)


@pytest.fixture(params=BENCHES, ids=lambda build: build.__name__)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    found = request.param(tmp_path)
    assert found.until(lambda: found.head.fault is None)
    yield found
    found.head.close()
    for end in found.ends:
        end()


def test_every_kind_has_its_bench() -> None:
    assert {build.__name__.partition("_")[0] for build in BENCHES} == set(HEADS)


@pytest.mark.parametrize("kind", HEADS)
def test_the_register_names_what_opens_a_head(kind: str) -> None:
    module, _, name = HEADS[kind].open.partition(":")
    assert callable(getattr(import_module(module), name).move)


def test_opening_moves_nothing_and_stop_is_no_move(bench: Bench) -> None:
    """camera row 49, camera S1; and a pose tells its moment, a view is not touched by the source afterwards."""
    before = bench.clock.monotonic()
    bench.head.stop()
    bench.wait(0.1)
    pose = bench.head.pose()
    assert not bench.was_moved()
    assert (pose.pan_deg, pose.tilt_deg) == (0.0, 0.0)
    assert before < pose.at <= bench.clock.monotonic()
    canvas = np.full((1080, 3840, 3), 7, np.uint8)
    seen = bench.head.view(Frame(number=0, captured=bench.clock.monotonic(), image=canvas[:]))
    canvas[:] = 9
    assert seen.image.max() == 7


def test_a_head_goes_where_it_is_sent_and_never_beyond_its_limits(bench: Bench) -> None:
    """camera S2, L5: whoever asks for more gets the limit."""
    pan, tilt = bench.head.limits.pan_deg, bench.head.limits.tilt_deg
    places = bench.drive(500.0, -500.0, 0.5)
    assert max(place[0] for place in places) <= pan[1] + bench.slack_deg
    assert min(place[1] for place in places) >= tilt[0] - bench.slack_deg
    there = (pytest.approx(pan[1], abs=bench.slack_deg + 0.3), pytest.approx(tilt[0], abs=bench.slack_deg + 0.3))
    assert bench.until(lambda: bench.drive(500.0, -500.0, 0.1)[-1] == there)
    pose = bench.head.pose()
    assert (pose.pan_deg, pose.tilt_deg) == there


def test_no_axis_turns_faster_than_the_cap(bench: Bench) -> None:
    begun = bench.clock.monotonic()
    places = bench.drive(bench.head.limits.pan_deg[1], 0.0, 0.3, cap_deg_s=20.0)
    took_s = (bench.clock.monotonic() - begun).total_seconds()
    assert places[-1][0] <= 20.0 * took_s + bench.slack_deg
    assert places[-1][0] > 1.0 or bench.head.limits.pan_deg[1] == 0.0


def test_without_a_fresh_command_a_head_stops_within_300_ms(bench: Bench) -> None:
    """camera L9, row 40: nobody calls the head any more, as when the control thread hangs."""
    bench.drive(bench.head.limits.pan_deg[1], 0.0, 0.1, cap_deg_s=12.0)
    before, begun = bench.truth()[0], bench.clock.monotonic()
    bench.wait(0.5)
    stopped = bench.truth()[0]
    took_s = (bench.clock.monotonic() - begun).total_seconds()
    bench.wait(0.15)
    assert bench.truth()[0] == stopped
    assert stopped - before <= 12.0 * min(0.45, took_s) + bench.slack_deg


def test_stop_stands_still_within_100_ms(bench: Bench) -> None:
    """camera row 42."""
    bench.drive(bench.head.limits.pan_deg[0], 0.0, 0.15, cap_deg_s=20.0)
    bench.head.stop()
    bench.wait(0.1)
    stopped = bench.truth()
    bench.wait(0.1)
    assert bench.truth() == stopped
    assert stopped[0] > bench.head.limits.pan_deg[0] or bench.head.limits.pan_deg[0] == 0.0


def test_closing_stops_and_releases_the_hardware(bench: Bench) -> None:
    """camera S2."""
    bench.drive(bench.head.limits.pan_deg[1], 0.0, 0.1, cap_deg_s=12.0)
    bench.head.close()
    assert bench.was_released()
