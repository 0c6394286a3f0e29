"""Which camera is meant: its source, head and arm, and what its operator set. Pure."""

from typing import Annotated, Any, TypeVar

import msgspec

from triptych.camera.arms import ARMS, ArmOptions
from triptych.camera.heads import HEADS, CropOptions, HeadOptions
from triptych.errors import Invalid
from triptych.media.sources import SOURCES

Options = TypeVar("Options")

DEFAULT_CAMERA = "default"
GIB = 1024**3
FPS = 30.0
"""The rate of every source there is so far."""


Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=360)]


class Colour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which colour is followed: `hue_deg` from, to (red is 0; from may be above to, across red), and how strong and bright at least.

    Things smaller than `least_part` of the picture are left out.
    """

    hue_deg: tuple[Degrees, Degrees]
    least_saturation: Part = 0.5
    least_value: Part = 0.3
    least_part: Part = 0.0004


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of alarms by POST, signed with `secret` (media A5)."""

    url: str
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Keeping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a camera's recordings and shots are kept, beside alarms; None is for ever. A gigabyte is 10^9 bytes."""

    max_gb: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_days: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera. `source`, `head` and `arm` name a `kind` and what is set of its options; `worker` None is the only worker.

    `lock_wait_s` is how long PUT track waits for a target, `budget` the part of one core that a frame may cost before detection thins,
    `min_free_bytes` the room on the disk below which nothing is recorded, `pre_roll_s` how far a recording goes back before its start.
    The `webhook` is told of alarms. With a `colour` things of that colour are followed instead of faces.
    """

    name: str = "Camera"
    worker: str | None = None
    source: dict[str, Any] = msgspec.field(default_factory=lambda: {"kind": "scene"})
    head: dict[str, Any] = msgspec.field(default_factory=lambda: {"kind": "crop"})
    arm: dict[str, Any] = msgspec.field(default_factory=lambda: {"kind": "sim"})
    lock_wait_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 10.0
    budget: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.35
    min_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = GIB
    webhook: Webhook | None = None
    colour: Colour | None = None
    pre_roll_s: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0
    records: Keeping = Keeping()

    def source_options(self) -> msgspec.Struct:
        """Return the options of the source."""
        return _options(self.source, SOURCES[self.source["kind"]].options)

    def head_options(self) -> HeadOptions:
        """Return the options of the head."""
        return _options(self.head, HEADS[self.head["kind"]].options)

    def arm_options(self) -> ArmOptions:
        """Return the options of the arm."""
        return _options(self.arm, ARMS[self.arm["kind"]].options)

    def looks(self) -> dict[str, Any]:
        """Return what a client may want to know of its pictures: size, rate, width of the view, and the limits of the head in degrees."""
        head = self.head_options()
        size, hfov_deg = (head.size, head.view_deg[0]) if isinstance(head, CropOptions) else (None, head.hfov_deg)
        limits = {"pan": head.limits.pan_deg, "tilt": head.limits.tilt_deg}
        return {"size": size, "fps": FPS, "hfov": hfov_deg, "preset": None, "limits": limits}

    @property
    def simulated(self) -> bool:
        """Whether what the camera sees is made up for tests."""
        return SOURCES[self.source["kind"]].simulated


def read_definition(document: object) -> Definition:
    """Return the camera that a stored document defines. Raises `Invalid`."""
    try:
        found = msgspec.convert(document, Definition)
        for part, kinds in ((found.source, SOURCES), (found.head, HEADS), (found.arm, ARMS)):
            if part.get("kind") not in kinds:
                raise Invalid(f"kind must be one of {', '.join(kinds)}.", field="kind")
        found.source_options()
        found.head_options()
        found.arm_options()
    except msgspec.ValidationError as fault:
        raise Invalid(f"The camera is not defined well: {fault}.", field="definition") from fault
    return found


def _options(part: dict[str, Any], kind: type[Options]) -> Options:
    return msgspec.convert({key: value for key, value in part.items() if key != "kind"}, kind)
