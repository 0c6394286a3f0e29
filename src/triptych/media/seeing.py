"""The picture lane: decodes a film or a chunk of one, and measures each picture once its right-hand neighbour is there (media P1, P3)."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from av.container import InputContainer

from triptych.media.chunks import Chunk, Whole
from triptych.media.decode import (
    DECODER_THREADS,
    MOST_PACKETS_WITHOUT_FRAME,
    Clock,
    Index,
    Packet,
    Unreadable,
    alone,
    check_size,
    picture_stream,
)
from triptych.media.feature import Feature
from triptych.media.features import Need
from triptych.media.measured import Dropped, Finished, FrameMeasure, Ratio, ratio
from triptych.media.picture import Shrinker, bit_depth
from triptych.media.sight import Sight
from triptych.media.spans import Segments

MARGIN_S = 1
SEEK_BACK_S = (0, 2, 10)


class Asks(Protocol):
    """What is asked of the pictures."""

    @property
    def segments(self) -> Segments:
        """Return which pictures are shown."""
        ...

    @property
    def all_needs(self) -> Need:
        """Return everything that any feature subscribes to."""
        ...

    def with_need(self, need: Need) -> dict[str, Feature]:
        """Return the features that subscribe to any of `need`."""
        ...


class TornApart(Exception):
    """A chunk does not hold the pictures that the index promised, or a damaged one."""


class Seeing:
    """One pass over the pictures of one part; `dropped` is told of a feature whose look failed."""

    def __init__(
        self, container: InputContainer, index: Index, part: Chunk | Whole, asks: Asks, dropped: Callable[[Dropped], None]
    ) -> None:
        stream = picture_stream(container)
        if stream is None:
            raise Unreadable("input has no video")
        self._container = container
        self._stream = stream
        self._index = index
        self._part = part
        self._base = index.video_base
        self._origin = index.origin or Fraction(0)
        self._segments = asks.segments
        self._needs = asks.all_needs
        self._looking: Mapping[str, Feature] = asks.with_need(Need.LOOK)
        self._dropped = dropped
        self._line = Line(index, part)
        self._shrinker = Shrinker()
        self._waiting: Sight | None = None
        self._latest = Fraction(0)
        self._last_duration = index.last_duration * index.video_base
        self._barren = 0
        self._count = 0
        self._errors: list[Ratio] = []
        self._cut_off = False
        self._opens: int | None = None
        self._closes: int | None = None
        stream.codec_context.thread_count = DECODER_THREADS

    def run(self, last_us: int | None, batch: int) -> Iterator[list[FrameMeasure]]:
        """Decode the part, or what of it lies before a second after `last_us`, and yield measured pictures, `batch` at a time.

        Raises `TornApart` where a chunk is not what the index promised.
        """
        stop = None if last_us is None else Fraction(last_us, 1_000_000) + MARGIN_S
        frames: list[FrameMeasure] = []
        for packet in self._packets():
            frames += self._take(packet)
            if len(frames) >= batch:
                yield frames
                frames = []
            if self._line.is_over or (stop is not None and self._latest > stop):
                break
        else:
            frames += self._take(None)
            self._line.check_end()
        if self._waiting is not None:
            frames.append(self._measured(self._waiting, max(self._index.duration, self._waiting.start + self._last_duration)))
        yield frames

    def finished(self) -> Finished:
        """Return how it ended."""
        return Finished(
            frames=self._count,
            samples=0,
            duration=ratio(self._index.duration),
            errors=tuple(self._errors),
            truncated=self._cut_off,
            opens=self._opens,
            closes=self._closes,
        )

    def _packets(self) -> Iterator[Packet]:
        try:
            yield from _from_seam(self._container, self._index, self._line.seam) if self._line.seam is not None else self._from_start()
        except av.error.FFmpegError:
            self._cut_off = True

    def _from_start(self) -> Iterator[Packet]:
        return (packet for packet in alone(self._container, (self._stream,)) if packet.size)

    def _take(self, packet: Packet | None) -> Iterator[FrameMeasure]:
        """Yield what `packet` (None: the end of the stream) completes."""
        self._barren += 1
        if self._barren > MOST_PACKETS_WITHOUT_FRAME:
            raise Unreadable("input has no picture in ten million packets", code="limits")
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self._failed(self._time_of(packet))
            return
        for frame in frames:
            if self._line.is_over:
                return
            yield from self._show(frame)

    def _show(self, frame: av.VideoFrame) -> Iterator[FrameMeasure]:
        check_size(frame.width, frame.height)
        ticks = self._line.place(frame)
        if ticks is None:
            return
        self._barren = 0
        start = ticks * self._base - self._origin
        self._latest = start
        if frame.is_corrupt and not self._line.is_over:
            self._failed(start)
        self._last_duration = frame.duration * self._base
        self._note_seams(frame)
        before = None if self._line.before is None else self._line.before * self._base - self._origin
        sight = None if self._segments.part(start) is None else Sight(frame, start, before, self._shrinker)
        if self._waiting is not None:
            self._waiting.following = sight
            yield self._measured(self._waiting, start)
        self._waiting = None if self._line.is_over else sight

    def _note_seams(self, frame: av.VideoFrame) -> None:
        """Keep what the pictures at both ends of a chunk look like: its neighbours must have seen the same (media P2)."""
        if self._line.is_over:
            self._closes = _checksum(frame)
        elif self._line.seam is not None and self._opens is None:
            self._opens = _checksum(frame)

    def _measured(self, sight: Sight, end: Fraction) -> FrameMeasure:
        self._count += 1
        return FrameMeasure(
            ratio(sight.start),
            ratio(end),
            sight.picture.thumb() if self._needs & Need.THUMB else b"",
            sight.change if self._needs & Need.CHANGE else None,
            self._looks(sight),
        )

    def _looks(self, sight: Sight) -> dict[str, Any]:
        looks = {}
        for name, feature in self._looking.items():
            try:
                look = feature.look(sight)
            except Exception as fault:  # noqa: BLE001 - a feature that raises stops alone (media P8)
                self._looking = {other: kept for other, kept in self._looking.items() if other != name}
                self._dropped(Dropped(feature=name, message=f"{type(fault).__name__} while measuring"))
                continue
            if look is not None:
                looks[name] = look
        return looks

    def _failed(self, at: Fraction) -> None:
        if self._line.until is not None and at >= self._line.until * self._base - self._origin:
            return
        self._line.note_damage()
        self._errors.append(ratio(max(at, Fraction(0))))

    def _time_of(self, packet: Packet | None) -> Fraction:
        if packet is None or packet.pts is None:
            return self._latest
        return packet.pts * self._base - self._origin


class Line:
    """Where the pictures of a part stand in the film: the whole goes by its own clock, a chunk must show what the index promised.

    `before` is the tick of the picture before the last one placed; `is_over` says that the last one placed is the next chunk's first.
    """

    def __init__(self, index: Index, part: Chunk | Whole) -> None:
        self._clock = Clock(index)
        self._starts = index.starts
        self._chunk = part if isinstance(part, Chunk) else None
        self._next = part.first if isinstance(part, Chunk) else 0
        self._last: int | None = None
        self.before: int | None = None
        self.is_over = False

    @property
    def seam(self) -> int | None:
        """The tick at which decoding begins, None for the start of the file."""
        return self._starts[self._chunk.first] if self._chunk is not None and self._chunk.first else None

    @property
    def until(self) -> int | None:
        """The tick of the next chunk's first picture, None where the film ends here."""
        return self._starts[self._chunk.last] if self._chunk is not None and self._chunk.last < len(self._starts) else None

    def place(self, frame: av.VideoFrame) -> int | None:
        """Return the tick of a decoded picture, None for one that is not shown here. Raises `TornApart`."""
        ticks = self._clock.tick(frame) if self._chunk is None else self._promised(self._chunk, frame)
        if ticks is not None:
            self.before, self._last = self._last, ticks
        return ticks

    def note_damage(self) -> None:
        """Take that a picture did not decode; raises `TornApart` in a chunk: damage is concealed with what came before it."""
        if self._chunk is not None and self._chunk.first:
            raise TornApart("a chunk holds a damaged picture")

    def check_end(self) -> None:
        """Raise `TornApart` when pictures are missing at the end of a chunk."""
        if self._chunk is not None and self._next < self._chunk.last:
            raise TornApart("pictures are missing")

    def _promised(self, chunk: Chunk, frame: av.VideoFrame) -> int | None:
        if frame.pts is None:
            raise TornApart("a picture has no time")
        if self._next == chunk.first:
            if frame.pts < self._starts[chunk.first]:
                return None
            self._last = self._starts[chunk.first - 1] if chunk.first else None
        if self._next >= len(self._starts) or frame.pts != self._starts[self._next]:
            raise TornApart("a picture is not at its promised time")
        self.is_over = self._next == chunk.last
        self._next += 1
        return int(frame.pts)


def _checksum(frame: av.VideoFrame) -> int:
    """Return a checksum of everything that a picture shows."""
    total, size = 0, 1 + (bit_depth(frame.format) > 8)  # noqa: PLR2004 - bits of a byte
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        total = zlib.crc32(rows[:, : plane.width * size].tobytes(), total)
    return total


def _from_seam(container: InputContainer, index: Index, seam: int) -> Iterator[Packet]:
    """Yield the packets from the one with the tick `seam` on, in file order. Raises `TornApart` when it is not found."""
    stream = picture_stream(container)
    if stream is None:
        raise TornApart("the pictures are gone")
    for back_s in SEEK_BACK_S:
        container.seek(max(seam - int(back_s / index.video_base), index.starts[0]), stream=stream, backward=True)
        packets = (packet for packet in alone(container, (stream,)) if packet.size)
        for packet in packets:
            if packet.pts == seam and packet.is_keyframe:
                yield packet
                yield from packets
                return
            if packet.is_keyframe and packet.pts is not None and packet.pts > seam:
                break
    raise TornApart("a seam cannot be reached")
