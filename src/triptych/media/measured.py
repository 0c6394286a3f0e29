"""What travels from the decoder to Reduce, and what Reduce shows the features."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Ratio = tuple[int, int]
"""A Fraction on the wire: numerator, denominator."""


def ratio(value: Fraction) -> Ratio:
    """Return `value` for the wire."""
    return value.numerator, value.denominator


class Wire(msgspec.Struct, frozen=True, array_like=True):
    """A part of a message; fields go by position."""


class VideoFacts(Wire, frozen=True):
    """The first video stream that is no cover art. `rate` is frames per second, `bits` per sample, `full_range` its code range.

    `pixel_aspect` is how wide a pixel is shown to its height, `colorspace` the number of its matrix in ITU-T H.273, 2 when unknown.
    """

    codec: str
    width: int
    height: int
    rate: Ratio
    pixel_format: str
    bits: int
    full_range: bool
    frames: int
    pixel_aspect: Ratio = (1, 1)
    colorspace: int = 2


class AudioFacts(Wire, frozen=True):
    """One audio stream, in stream order."""

    codec: str
    rate_hz: int
    channels: int
    layout: str


class FrameMeasure(Wire, frozen=True):
    """One picture as measured, shown from `start` until `end`, which is the start of the next one; seconds from offset 0.

    `thumb` is three planes of 27 rows by 48 uint8 codes, Y then U then V. `change` is the mean absolute change to the next picture,
    Y plus U plus V, in 8-bit codes: it belongs to this frame (media P1). `looks` holds what each feature's own look returned.
    """

    start: Ratio
    end: Ratio
    thumb: bytes
    change: float | None
    looks: dict[str, Any]


class Grain(Wire, frozen=True):
    """The smallest piece of sound: between two neighbouring edges of cells and 40 ms hops.

    `products` is the (channels, channels) float64 matrix of summed sample products over `samples` samples, so that pieces add up.
    """

    start: Ratio
    end: Ratio
    samples: int
    products: bytes


class CellMeasure(Wire, frozen=True):
    """The sound of one cell (media K2); `frame` is the time of the picture shown then.

    `bursts` are the sync words of compressed data that were completed in it: when, the first channel from 0, how many channels.
    """

    frame: Ratio
    start: Ratio
    end: Ratio
    grains: tuple[Grain, ...]
    bursts: tuple[tuple[Ratio, int, int], ...] = ()


class BassMeasure(Wire, frozen=True):
    """Energy below 200 Hz and in all, per channel, over one block [start, end)."""

    start: Ratio
    end: Ratio
    low: tuple[float, ...]
    total: tuple[float, ...]


class HeardMeasure(Wire, frozen=True):
    """What the ear of `feature` returned for the block of samples [start, end)."""

    feature: str
    start: Ratio
    end: Ratio
    value: Any


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """One message from the decoder."""


class Ready(Message, frozen=True, kw_only=True):
    """The sandbox is closed; `full` when the system-call filter is in place."""

    full: bool


class Alive(Message, frozen=True, kw_only=True):
    """Indexing goes on; sent about once a second."""


class Times(Message, frozen=True, kw_only=True):
    """A piece of the index: when pictures are shown, as int64 ticks of `base`, in order. All pieces come before `Indexed`."""

    ticks: bytes


class Indexed(Message, frozen=True, kw_only=True):
    """What demuxing alone tells (media P1). `duration` in seconds from offset 0 to the end of the last frame or sample.

    `base` is the seconds of one tick, `origin` the file's own time of offset 0, `last_duration` ticks. `seams` are the ticks of pictures
    at which decoding may begin; none where the file is one chunk whatever its length (media P2, P4). `header` is what `header.py` read.
    """

    format: str
    video: VideoFacts | None
    audio: tuple[AudioFacts, ...]
    duration: Ratio
    truncated: bool = False
    times_rebuilt: bool = False
    base: Ratio = (1, 1)
    origin: Ratio | None = None
    last_duration: int = 0
    sound_end: Ratio = (0, 1)
    seams: tuple[int, ...] = ()
    header: dict[str, Any] = {}


class Measured(Message, frozen=True, kw_only=True):
    """A batch, each part in order of time."""

    frames: tuple[FrameMeasure, ...] = ()
    cells: tuple[CellMeasure, ...] = ()
    bass: tuple[BassMeasure, ...] = ()
    heard: tuple[HeardMeasure, ...] = ()


class Dropped(Message, frozen=True, kw_only=True):
    """A feature's own measuring failed; the others go on (media P8)."""

    feature: str
    message: str


class Finished(Message, frozen=True, kw_only=True):
    """All is measured.

    `samples` per channel were decoded; `errors` are the times of packets and pictures that did not decode, in seconds from offset 0.
    A chunk `opens` and `closes` with the checksums of its first picture and of its right-hand neighbour, where there are seams.
    """

    frames: int
    samples: int
    duration: Ratio
    errors: tuple[Ratio, ...]
    truncated: bool
    opens: int | None = None
    closes: int | None = None


class Torn(Message, frozen=True, kw_only=True):
    """A chunk is not what the index promised; only the file as one chunk can be trusted (media P2, P4). Nothing follows."""

    reason: str


class Broken(Message, frozen=True, kw_only=True):
    """The input cannot be read; nothing follows."""

    code: str
    message: str


FromDecoder = Ready | Alive | Times | Indexed | Measured | Dropped | Finished | Torn | Broken
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(FromDecoder).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The sound of one cell. `power` is the mean square per channel (full scale 1), `grains` what it was added up from.

    `bursts` of compressed data are those whose sync words were completed in it.
    """

    start: Fraction
    end: Fraction
    power: NDArray[np.float64]
    grains: tuple["Piece", ...]
    bursts: tuple["Burst", ...] = ()

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which channels are not silent: -60 dBFS RMS or more (media K2)."""
        return np.asarray(self.power >= SILENCE_POWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A grain as Reduce reads it; `products` is (channels, channels) float64."""

    start: Fraction
    end: Fraction
    samples: int
    products: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The beginning of compressed data in PCM: the time of its first sync word, and the channels, from 0, that carry it."""

    at: Fraction
    channels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bass:
    """Energy below 200 Hz and in all, per channel, over [start, end)."""

    start: Fraction
    end: Fraction
    low: NDArray[np.float64]
    total: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a feature's ear returned for the block of samples [start, end)."""

    start: Fraction
    end: Fraction
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One picture as Reduce shows it: `change` is that from the picture before it, None for the first of a run.

    `thumb` is (3, 27, 48) uint8, Y U V, or None where nobody subscribed; `silent` says that no channel is active while it is shown.
    """

    start: Fraction
    end: Fraction
    thumb: NDArray[np.uint8] | None
    change: float | None
    silent: bool


SILENCE_POWER = 1e-6
"""-60 dBFS RMS as a mean square."""
