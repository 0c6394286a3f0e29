"""The arms: what each is called, what may be set, and what opens it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Range = tuple[float, float]
MOST_JOINTS = 8
PIN = msgspec.Meta(ge=0, le=27)
CHANNEL = msgspec.Meta(ge=0, le=15)


class NoneOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No arm: nothing may be set."""

    @property
    def joints_deg(self) -> tuple[Range, ...]:
        """Return that there is no joint."""
        return ()


class SimOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every arm has: joints, the lowest first, and the lengths between them.

    `joints_deg` are the limits of each joint and `start_deg` where it stands at first. Joint 1 turns on a base `base_mm` high; `links_mm`
    are the lengths behind each joint. No joint turns faster than `speed_deg_s`, nor gains speed by more than `force_deg_s2`.
    """

    joints_deg: tuple[Range, ...] = ((0.0, 180.0),) * 3
    start_deg: tuple[float, ...] = (90.0,) * 3
    base_mm: Positive = 65.0
    links_mm: tuple[Positive, ...] = (85.0, 85.0, 50.0)
    speed_deg_s: Positive = 60.0
    force_deg_s2: Positive = 300.0

    def __post_init__(self) -> None:
        """Refuse joints that cannot be."""
        if not 1 <= len(self.joints_deg) <= MOST_JOINTS:
            raise ValueError(f"joints_deg must name 1 to {MOST_JOINTS} joints")
        _alike(self.joints_deg, start_deg=self.start_deg, links_mm=self.links_mm)
        for (low, high), start in zip(self.joints_deg, self.start_deg, strict=True):
            if not low <= start <= high or low == high:
                raise ValueError("joints_deg must be [low, high] with each start_deg between them")


class _ServoOptions(SimOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm of hobby servos: `pulse_us` are the pulses at 0 and at `travel_deg`; `reversed` turns a joint round."""

    pulse_us: tuple[Positive, Positive] = (500.0, 2500.0)
    travel_deg: Positive = 180.0
    reversed: tuple[bool, ...] = (False,) * 3

    def __post_init__(self) -> None:
        """Refuse joints that the servos cannot reach."""
        super().__post_init__()
        _alike(self.joints_deg, reversed=self.reversed)
        if any(low < 0 or high > self.travel_deg for low, high in self.joints_deg):
            raise ValueError("joints_deg must lie within 0 and travel_deg")


class GpioOptions(_ServoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Servos on pins of a Raspberry Pi: `pins` are the numbers of the chip (BCM), one a joint."""

    pins: tuple[Annotated[int, PIN], ...] = (23, 24, 25)

    def __post_init__(self) -> None:
        """Refuse pins that do not fit the joints."""
        super().__post_init__()
        _alike(self.joints_deg, pins=self.pins)


class Pca9685Options(_ServoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Servos on a PCA9685 board: `channels` one a joint, on the I2C bus `bus` at `address`."""

    channels: tuple[Annotated[int, CHANNEL], ...] = (2, 3, 4)
    bus: Annotated[int, msgspec.Meta(ge=0, le=63)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x03, le=0x77)] = 0x40

    def __post_init__(self) -> None:
        """Refuse channels that do not fit the joints."""
        super().__post_init__()
        _alike(self.joints_deg, channels=self.channels)


ArmOptions = SimOptions | GpioOptions | Pca9685Options | NoneOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEntry:
    """One kind of arm.

    `open` is `module:class`, taking (options, clock) and giving an `Arm`; named as text, so that asking what exists imports no driver.
    """

    options: type[ArmOptions]
    open: str


ARMS = MappingProxyType(
    {
        "sim": ArmEntry(options=SimOptions, open="triptych.camera.arms.sim:SimArm"),
        "gpio": ArmEntry(options=GpioOptions, open="triptych.camera.arms.gpio:GpioArm"),
        "pca9685": ArmEntry(options=Pca9685Options, open="triptych.camera.arms.pca9685:Pca9685Arm"),
        "none": ArmEntry(options=NoneOptions, open="triptych.camera.arms.none:NoneArm"),
    }
)
"""The default comes first."""


def _alike(joints: Sequence[Range], **lists: Sequence[object]) -> None:
    for name, values in lists.items():
        if len(values) != len(joints):
            raise ValueError(f"{name} must have one value for each of the {len(joints)} joints")
        if name in {"pins", "channels"} and len(set(values)) != len(values):
            raise ValueError(f"{name} must not name one twice")
