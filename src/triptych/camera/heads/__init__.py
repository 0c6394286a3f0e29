"""The pan-tilt heads: what each is called, what may be set, and what opens it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from triptych.camera.control import Lens
from triptych.contracts import Limits

Positive = Annotated[float, msgspec.Meta(gt=0)]
Width = Annotated[float, msgspec.Meta(gt=0, lt=180)]
Pixels = Annotated[int, msgspec.Meta(ge=16, le=7680)]
View = Annotated[float, msgspec.Meta(gt=0, le=360)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
Channel = Annotated[int, msgspec.Meta(ge=0, le=15)]


class CropOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window that a servo model moves over a wider picture.

    The window is `size` (width, height) pixels and `view_deg` (across, down); home is the middle of the wide picture. The servo answers
    a command after `lag_s`, keeps to `speed_deg_s` and to `force_deg_s2` of acceleration, and stands on multiples of `step_deg`.
    """

    size: tuple[Pixels, Pixels] = (1280, 720)
    view_deg: tuple[View, View] = (60.0, 100 / 3)
    pan_deg: tuple[float, float] = (-60.0, 60.0)
    tilt_deg: tuple[float, float] = (-8.0, 8.0)
    lag_s: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.03
    speed_deg_s: Positive = 120.0
    force_deg_s2: Positive = 800.0
    step_deg: Positive = 0.1

    def __post_init__(self) -> None:
        """Refuse limits that shut home out."""
        _around_home(pan_deg=self.pan_deg, tilt_deg=self.tilt_deg)

    def lens(self, size: tuple[int, int]) -> Lens:  # noqa: ARG002 - every head's options answer the same question
        """Return the lens of the pictures that this head hands out, whatever `size` (width, height) the source has."""
        return Lens(view_deg=self.view_deg, linear=True)

    @property
    def limits(self) -> Limits:
        """Return the soft limits."""
        return Limits(pan_deg=self.pan_deg, tilt_deg=self.tilt_deg)


class NoneOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that does not turn; `hfov_deg` is how wide it sees."""

    hfov_deg: Width = 60.0

    def lens(self, size: tuple[int, int]) -> Lens:
        """Return the lens of the pictures of a source of `size` (width, height) pixels."""
        return Lens.of_width(self.hfov_deg, size)

    @property
    def limits(self) -> Limits:
        """Return the soft limits: it stays at home."""
        return Limits(pan_deg=(0.0, 0.0), tilt_deg=(0.0, 0.0))


class TurningOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every head of hardware has: the view of its camera, `hfov_deg` across, and soft limits in degrees from home."""

    hfov_deg: Width = 60.0
    pan_deg: tuple[float, float] = (-60.0, 60.0)
    tilt_deg: tuple[float, float] = (-30.0, 30.0)

    def __post_init__(self) -> None:
        """Refuse limits that shut home out."""
        _around_home(pan_deg=self.pan_deg, tilt_deg=self.tilt_deg)

    def lens(self, size: tuple[int, int]) -> Lens:
        """Return the lens of the pictures of a source of `size` (width, height) pixels."""
        return Lens.of_width(self.hfov_deg, size)

    @property
    def limits(self) -> Limits:
        """Return the soft limits."""
        return Limits(pan_deg=self.pan_deg, tilt_deg=self.tilt_deg)


class ServoOptions(TurningOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two hobby servos, pan and tilt: home is the middle of their travel.

    `pulse_us` are the pulses at the two ends of `travel_deg`; `trim_deg` moves home, `reversed` turns an axis round. A servo never turns
    faster than `speed_deg_s`, nor gains speed by more than `force_deg_s2`.
    """

    pulse_us: tuple[Positive, Positive] = (500.0, 2500.0)
    travel_deg: Positive = 180.0
    trim_deg: tuple[float, float] = (0.0, 0.0)
    reversed: tuple[bool, bool] = (False, False)
    speed_deg_s: Positive = 120.0
    force_deg_s2: Positive = 800.0

    def __post_init__(self) -> None:
        """Refuse limits beyond the servos' travel."""
        super().__post_init__()
        for (low, high), trim in zip((self.pan_deg, self.tilt_deg), self.trim_deg, strict=True):
            if max(-(low + trim), high + trim) > self.travel_deg / 2:
                raise ValueError("pan_deg and tilt_deg with trim_deg must lie within half of travel_deg")


class GpioOptions(ServoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Servos on `pins` (pan, tilt) of a Raspberry Pi, by the numbers of the chip (BCM)."""

    pins: tuple[Pin, Pin] = (17, 18)

    def __post_init__(self) -> None:
        """Refuse one pin for both."""
        super().__post_init__()
        _apart(pins=self.pins)


class Pca9685Options(ServoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Servos on `channels` (pan, tilt) of a PCA9685 board at `address` of the I2C bus `bus`."""

    channels: tuple[Channel, Channel] = (0, 1)
    bus: Annotated[int, msgspec.Meta(ge=0, le=63)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x03, le=0x77)] = 0x40

    def __post_init__(self) -> None:
        """Refuse one channel for both."""
        super().__post_init__()
        _apart(channels=self.channels)


class OnvifOptions(TurningOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network camera that turns by ONVIF.

    `url` is its device service. `password_file` names a file on the worker with the password of `user` in its first line. `profile` is the
    media profile to turn, None the first that can. `moves` is the kind to use, None the first it offers of continuous, absolute,
    relative. `span_deg` (pan, tilt) is what the device's own scale from -1 to 1 covers, `speed_deg_s` what its full speed is;
    `home_deg` is where home lies on that scale, for a device that tells its position.
    """

    url: str
    user: str = ""
    password_file: str | None = None
    profile: str | None = None
    moves: Literal["continuous", "absolute", "relative"] | None = None
    span_deg: tuple[Positive, Positive] = (360.0, 180.0)
    speed_deg_s: tuple[Positive, Positive] = (60.0, 30.0)
    home_deg: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse an address that is none, or that carries a password."""
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("url must be http(s)://HOST/PATH of the device service, without a password in it")


class ViscaOptions(TurningOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that turns by VISCA over the network: `udp` with the eight-byte header, `tcp` without.

    `moves` chooses the drive by speed or the move to a position. `pan_nibbles` is how many half bytes a pan position has.
    `counts_per_deg` are the steps of a position (pan, tilt); `speed_deg_s` is what the highest speed, `top_speed` of the protocol, is.
    """

    host: str
    port: Port | None = None
    transport: Literal["udp", "tcp"] = "udp"
    device: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1
    moves: Literal["speed", "position"] = "speed"
    pan_nibbles: Literal[4, 5] = 4
    counts_per_deg: tuple[Positive, Positive] = (14.4, 14.4)
    top_speed: tuple[Annotated[int, msgspec.Meta(ge=1, le=0x18)], Annotated[int, msgspec.Meta(ge=1, le=0x18)]] = (0x18, 0x14)
    speed_deg_s: tuple[Positive, Positive] = (100.0, 70.0)
    home_deg: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse an empty host."""
        super().__post_init__()
        if not self.host or any(mark in self.host for mark in "/ \t@"):
            raise ValueError("host must be the name or address of the camera")


HeadOptions = CropOptions | GpioOptions | Pca9685Options | OnvifOptions | ViscaOptions | NoneOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEntry:
    """One kind of head.

    `open` is `module:class`, taking (options, clock) and giving a `Head`; named as text, so that asking what exists imports no driver.
    """

    options: type[HeadOptions]
    open: str


HEADS = MappingProxyType(
    {
        "crop": HeadEntry(options=CropOptions, open="triptych.camera.heads.crop:CropHead"),
        "gpio": HeadEntry(options=GpioOptions, open="triptych.camera.heads.gpio:GpioHead"),
        "pca9685": HeadEntry(options=Pca9685Options, open="triptych.camera.heads.pca9685:Pca9685Head"),
        "onvif": HeadEntry(options=OnvifOptions, open="triptych.camera.heads.onvif:OnvifHead"),
        "visca": HeadEntry(options=ViscaOptions, open="triptych.camera.heads.visca:ViscaHead"),
        "none": HeadEntry(options=NoneOptions, open="triptych.camera.heads.none:NoneHead"),
    }
)
"""The default comes first."""


def _apart(**pairs: tuple[int, int]) -> None:
    for name, (pan, tilt) in pairs.items():
        if pan == tilt:
            raise ValueError(f"{name} must name two different ones")


def _around_home(**limits_deg: tuple[float, float]) -> None:
    """Raise `ValueError` where home, which is 0, is not within the limits."""
    for name, (low, high) in limits_deg.items():
        if not low <= 0 <= high:
            raise ValueError(f"{name} must be [low, high] with 0, which is home, between them")
