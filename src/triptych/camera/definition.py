"""Which camera is meant: its source, head and arm, and what its operator set. Pure."""

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from triptych.camera.arms import ARMS, ArmOptions
from triptych.camera.control import PRESETS, Patience, Preset
from triptych.camera.heads import HEADS, CropOptions, HeadOptions
from triptych.errors import Invalid
from triptych.media.sources import SOURCES

Options = TypeVar("Options")

DEFAULT_CAMERA = "default"
GIB = 1024**3


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


class Times(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens by the seconds since the target was seen: coast to `coast_s`, hold to `hold_s`, search to `search_s`, then go home."""

    coast_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.8
    hold_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 3.0
    search_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 20.0

    def patience(self) -> Patience:
        """Return the same for the controller; each time is at least the one before."""
        hold_s = max(self.hold_s, self.coast_s)
        return Patience(
            coast=timedelta(seconds=self.coast_s), hold=timedelta(seconds=hold_s), search=timedelta(seconds=max(self.search_s, hold_s))
        )


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
    The `webhook` is told of alarms. With a `colour` things of that colour are followed instead of faces. `preset` None leaves the choice
    to the parameter `ai`. After a loss of its process or the server it stays, or with `restart` goes on with what it was asked for.
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
    preset: Literal["calm", "normal"] | None = None
    patience: Times = Times()
    restart: Literal["stay", "resume"] = "stay"

    def source_options(self) -> msgspec.Struct:
        """Return the options of the source."""
        return _options(self.source, SOURCES[self.source["kind"]].options)

    def head_options(self) -> HeadOptions:
        """Return the options of the head."""
        return _options(self.head, HEADS[self.head["kind"]].options)

    def arm_options(self) -> ArmOptions:
        """Return the options of the arm."""
        return _options(self.arm, ARMS[self.arm["kind"]].options)

    def chosen(self, ai: str | None) -> Preset:
        """Return how the camera is to follow when the parameter `ai` is this (camera 7.2)."""
        return PRESETS[self.preset or ("normal" if ai == "official_ai" else "calm")]

    def looks(self) -> dict[str, Any]:
        """Return what a client may want to know of its pictures: size, rate, width of the view, and the limits of the head in degrees.

        Size and rate are None where only the opened source knows them.
        """
        head, fps = self.head_options(), SOURCES[self.source["kind"]].fps
        size, hfov_deg = (head.size, head.view_deg[0]) if isinstance(head, CropOptions) else (None, head.hfov_deg)
        limits = {"pan": head.limits.pan_deg, "tilt": head.limits.tilt_deg}
        return {"size": size, "fps": fps, "hfov": hfov_deg, "preset": self.preset, "limits": limits}

    @property
    def simulated(self) -> bool:
        """Whether what the camera sees is made up for tests."""
        return SOURCES[self.source["kind"]].simulated


def read_definition(document: object) -> Definition:
    """Return the camera that a stored document defines. Raises `Invalid`."""
    try:
        found = msgspec.convert(document, Definition)
        for part, kinds in ((found.source, SOURCES), (found.head, HEADS), (found.arm, ARMS)):
            kind = part.get("kind")
            if not isinstance(kind, str) or kind not in kinds:
                raise Invalid(f"kind must be one of {', '.join(kinds)}.", field="kind")
        found.source_options()
        found.head_options()
        found.arm_options()
    except msgspec.ValidationError as fault:
        raise Invalid(f"The camera is not defined well: {fault}.", field="definition") from fault
    return found


def _options(part: dict[str, Any], kind: type[Options]) -> Options:
    return msgspec.convert({key: value for key, value in part.items() if key != "kind"}, kind)
