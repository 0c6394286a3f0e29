"""The live picture sources: what each is called, what may be set, and what opens it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import msgspec


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One kind of source; a `simulated` one says so in every state.

    `open` is `module:class`, taking (options, clock) and giving a `Source`; named as text, so that asking what exists imports nothing
    that draws or decodes.
    """

    options: type[msgspec.Struct]
    open: str
    simulated: bool = False


SOURCES = MappingProxyType(
    {
        "scene": SourceEntry(options=SceneOptions, open="triptych.media.sources.scene:SceneSource"),
        "sim": SourceEntry(options=SimOptions, open="triptych.media.sources.sim:SimSource", simulated=True),
    }
)
"""The default comes first."""
