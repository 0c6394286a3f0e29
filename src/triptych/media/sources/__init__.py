"""The live picture sources: what each is called, what may be set, and what opens it."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

HIDDEN = "****"
"""What stands in place of a secret."""
SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern="^[^\\x00-\\x20\\x7f]*$(?!\\n)")]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern="^[^\\x00-\\x1f\\x7f]*$(?!\\n)")]
Device = Annotated[str, msgspec.Meta(max_length=255, pattern="^/dev/[A-Za-z0-9._/-]+$(?!\\n)")]
Word = Annotated[str, msgspec.Meta(max_length=255, pattern="^[A-Za-z0-9_.:,=-]+$(?!\\n)")]
Pixels = Annotated[int, msgspec.Meta(ge=16, le=7680)]


class SceneOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The generated moving scene: how many figures walk in it, and the seed of their ways."""

    figures: Annotated[int, msgspec.Meta(ge=0, le=8)] = 2
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7


class SimOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scene without pixels: heads are told as they are, spoilt by `noise_deg` (one sigma, each axis) and a part `misses`."""

    figures: Annotated[int, msgspec.Meta(ge=0, le=8)] = 2
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    noise_deg: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.25
    misses: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.03
    pixels: bool = False


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What every source of real pictures may be given: the ALSA device to hear where it brings no sound of its own."""

    microphone: Word | None = None


class FileOptions(Heard, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A film below the media roots, played again and again."""

    path: Path


class UrlOptions(Heard, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A far camera by rtsp(s) or http(s); `verify_tls` False takes any certificate."""

    url: Text
    verify_tls: bool = True

    def __post_init__(self) -> None:
        """Refuse what leads nowhere. The address is not repeated: it may hold a password."""
        try:
            parts = urlsplit(self.url)
            leads = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            leads = False
        if not leads:
            raise ValueError("url must be an address by rtsp, rtsps, http or https")


class V4l2Options(Heard, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera of this machine; what is None the device chooses. `format` is FFmpeg's name of a pixel format or codec, as `mjpeg`."""

    device: Device = "/dev/video0"
    size: tuple[Pixels, Pixels] | None = None
    fps: Annotated[float, msgspec.Meta(gt=0, le=240)] | None = None
    format: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One kind of source; a `simulated` one says so in every state.

    `open` is `module:class`, taking (options, clock) and giving a `Source`, or (options, clock, place) where it `reaches` for files or
    hosts that only the worker knows; named as text, so that asking what exists imports nothing that draws or decodes. `fps` is its rate
    where that is known before it is opened. One that `freezes` may hang with its last picture on show (camera 11).
    """

    options: type[msgspec.Struct]
    open: str
    fps: float | None = None
    simulated: bool = False
    reaches: bool = False
    freezes: bool = False


SOURCES = MappingProxyType(
    {
        "scene": SourceEntry(options=SceneOptions, open="triptych.media.sources.scene:SceneSource", fps=30.0),
        "file": SourceEntry(options=FileOptions, open="triptych.media.sources.file:FileSource", reaches=True),
        "v4l2": SourceEntry(options=V4l2Options, open="triptych.media.sources.v4l2:V4l2Source", freezes=True),
        "url": SourceEntry(options=UrlOptions, open="triptych.media.sources.url:UrlSource", reaches=True, freezes=True),
        "sim": SourceEntry(options=SimOptions, open="triptych.media.sources.sim:SimSource", fps=30.0, simulated=True),
    }
)
"""The default comes first."""


def masked(url: str) -> str:
    """Return `url` without its password and without what a query calls one, for eyes and logs."""
    hidden = _USER.sub(rf"\1:{HIDDEN}@", url)
    return _SECRET.sub(rf"\1{HIDDEN}", hidden)


_USER = re.compile(r"(?<=://)([^/?#:@]*):[^/?#]*@")
_SECRET = re.compile(r"([?&][^=&#]*(?:pass|pwd|token|key|secret|auth)[^=&#]*=)[^&#]*", re.IGNORECASE)
