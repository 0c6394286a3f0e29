"""The pan-tilt heads: what each is called, what may be set, and what opens it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import msgspec

from triptych.camera.control import Lens

Positive = Annotated[float, msgspec.Meta(gt=0)]


class CropOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window that a servo model moves over a wider picture.

    The window is `size` (width, height) pixels and `view_deg` (across, down); home is the middle of the wide picture. The servo answers
    a command after `lag_s`, keeps to `speed_deg_s` and to `force_deg_s2` of acceleration, and stands on multiples of `step_deg`.
    """

    size: tuple[int, int] = (1280, 720)
    view_deg: tuple[Positive, Positive] = (60.0, 100 / 3)
    pan_deg: tuple[float, float] = (-60.0, 60.0)
    tilt_deg: tuple[float, float] = (-8.0, 8.0)
    lag_s: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.03
    speed_deg_s: Positive = 120.0
    force_deg_s2: Positive = 800.0
    step_deg: Positive = 0.1

    def lens(self, size: tuple[int, int]) -> Lens:  # noqa: ARG002 - every head's options answer the same question
        """Return the lens of the pictures that this head hands out, whatever `size` (width, height) the source has."""
        return Lens(view_deg=self.view_deg, linear=True)


class NoneOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that does not turn; `hfov_deg` is how wide it sees."""

    hfov_deg: Annotated[float, msgspec.Meta(gt=0, lt=180)] = 60.0

    def lens(self, size: tuple[int, int]) -> Lens:
        """Return the lens of the pictures of a source of `size` (width, height) pixels."""
        return Lens.of_width(self.hfov_deg, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEntry:
    """One kind of head.

    `open` is `module:class`, taking (options, clock) and giving a `Head`; named as text, so that asking what exists imports no driver.
    """

    options: type[CropOptions | NoneOptions]
    open: str


HEADS = MappingProxyType(
    {
        "crop": HeadEntry(options=CropOptions, open="triptych.camera.heads.crop:CropHead"),
        "none": HeadEntry(options=NoneOptions, open="triptych.camera.heads.none:NoneHead"),
    }
)
"""The default comes first."""
