"""The audio lane: all audio streams joined sample by sample, added up in cells and hops, and nothing kept (media K2, P4)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np

from triptych.media.bursts import Syncs
from triptych.media.ears import Ears, Samples
from triptych.media.measured import BassMeasure, CellMeasure, Grain, HeardMeasure, Ratio, ratio

MOST_CHANNELS = 16
HOP = Fraction(1, 25)
LONGEST_CELL = Fraction(1, 10)
SOUND_ONLY_CELL = Fraction(1, 100)
JITTER = Fraction(1, 500)
MOST_LAG = 10
BASS_BLOCK = Fraction(1, 5)
BASS_HZ = 200
SURROUND_CHANNELS = 6
LOUDEST = 8.0


@dataclass(frozen=True, slots=True)
class CellTime:
    """Where one cell lies, in seconds from offset 0; `frame` is the start of the picture shown then."""

    frame: Fraction
    start: Fraction
    end: Fraction


def picture_cells(starts: Iterable[Fraction], end: Fraction) -> Iterator[CellTime]:
    """Yield the cells of pictures shown from each of `starts` until the next, the last until `end`; over 100 ms in equal parts."""
    previous: Fraction | None = None
    for start in starts:
        if previous is not None:
            yield from _parts(previous, start)
        previous = start
    if previous is not None:
        yield from _parts(previous, end)


def sound_cells() -> Iterator[CellTime]:
    """Yield cells of 10 ms from offset 0, for ever."""
    number = 0
    while True:
        start = number * SOUND_ONLY_CELL
        yield CellTime(start, start, start + SOUND_ONLY_CELL)
        number += 1


def _parts(start: Fraction, end: Fraction) -> Iterator[CellTime]:
    count = max(1, -((start - end) // LONGEST_CELL))
    step = (end - start) / count
    for part in range(count):
        yield CellTime(start, start + part * step, start + (part + 1) * step)


class Track:
    """One stream's samples on the common time line, from the first one not yet taken."""

    def __init__(self, channels: int, rate_hz: int, jitter: Fraction) -> None:
        self.channels = channels
        self.end = 0
        self.fed = 0
        self._rate_hz = rate_hz
        self._jitter = max(JITTER, jitter)
        self._blocks: deque[tuple[int, Samples]] = deque()

    def feed(self, start: Fraction, samples: Samples) -> None:
        """Append (channels, n) samples shown from `start` seconds; a jump leaves silence, what overlaps is cut."""
        self.fed += samples.shape[1]
        position = ceil(start * self._rate_hz)
        if not self._blocks and self.end == 0:
            self.end = position
        if abs(position - self.end) <= self._jitter * self._rate_hz:
            position = self.end
        if position < self.end:
            samples = samples[:, self.end - position :]
            position = self.end
        if samples.shape[1]:
            self._blocks.append((position, samples))
            self.end = position + samples.shape[1]

    def take(self, first: int, last: int) -> Samples:
        """Return the samples [first, last) as (channels, n) with zeros where there are none, and forget all before `last`."""
        taken = np.zeros((self.channels, last - first), np.float32)
        while self._blocks and self._blocks[0][0] < last:
            position, samples = self._blocks[0]
            begin, until = max(position, first), min(position + samples.shape[1], last)
            if begin < until:
                taken[:, begin - first : until - first] = samples[:, begin - position : until - position]
            if position + samples.shape[1] > last:
                self._blocks[0] = (last, samples[:, last - position :])
                break
            self._blocks.popleft()
        return taken


class Sound:
    """Adds up the joined channels cell by cell. Feed tracks in any order; a track more than 10 s behind counts as absent.

    `ears` hear what is added up.
    """

    def __init__(
        self, channels: Sequence[int], rate_hz: int, cells: Iterator[CellTime], jitter: Sequence[Fraction], ears: Ears | None = None
    ) -> None:
        self.rate_hz = rate_hz
        self.tracks = [Track(count, rate_hz, tick) for count, tick in zip(channels, jitter, strict=True)]
        self._cells = cells
        self._cell = next(cells, None)
        self._channels = min(sum(channels), MOST_CHANNELS)
        self._ears = ears
        self._bass = Bass(rate_hz) if self._channels >= SURROUND_CHANNELS else None
        self._syncs = Syncs()
        self._bursts: list[tuple[Ratio, int, int]] = []

    def cells(self, upto: Fraction | None = None) -> Iterator[CellMeasure]:
        """Yield every cell that is complete, or that ends at or before `upto` seconds, measured with what is there."""
        while self._cell is not None:
            ready = self._has(self._cell.end) if upto is None else self._cell.end <= upto
            if not ready:
                return
            yield self._measure(self._cell)
            self._cell = next(self._cells, None)

    def tail(self, end: Fraction) -> Iterator[CellMeasure]:
        """Yield what is left up to `end` seconds, the last cell cut there."""
        yield from self.cells(end)
        if self._cell is not None and self._cell.start < end:
            yield self._measure(CellTime(self._cell.frame, self._cell.start, end))
            self._cell = None
        if self._ears is not None:
            self._ears.flush()

    def heard(self) -> Sequence[HeardMeasure]:
        """Return what the ears heard since the last call."""
        return self._ears.taken() if self._ears is not None else ()

    def bass(self) -> Sequence[BassMeasure]:
        """Return the bass blocks that have become complete since the last call; always none below six channels."""
        return self._bass.blocks() if self._bass else ()

    @property
    def end(self) -> Fraction:
        """The end of the longest track in seconds."""
        return Fraction(max((track.end for track in self.tracks), default=0), self.rate_hz)

    def _has(self, end: Fraction) -> bool:
        last = ceil(end * self.rate_hz)
        ends = [track.end for track in self.tracks]
        return bool(ends) and all(track >= last or max(ends) - track > MOST_LAG * self.rate_hz for track in ends) and max(ends) >= last

    def _measure(self, cell: CellTime) -> CellMeasure:
        edges = [cell.start, *_hops(cell.start, cell.end), cell.end]
        grains = tuple(self._grain(start, end) for start, end in pairwise(edges))
        bursts, self._bursts = tuple(self._bursts), []
        return CellMeasure(ratio(cell.frame), ratio(cell.start), ratio(cell.end), grains, bursts)

    def _grain(self, start: Fraction, end: Fraction) -> Grain:
        first, last = ceil(start * self.rate_hz), ceil(end * self.rate_hz)
        joined = np.concatenate([track.take(first, last) for track in self.tracks])[: self._channels]
        if self._bass:
            self._bass.feed(first, joined)
        if self._ears is not None:
            self._ears.feed(joined)
        for at, channel, count in self._syncs.find(first, joined):
            self._bursts.append((ratio(Fraction(at, self.rate_hz)), channel, count))
        return Grain(ratio(start), ratio(end), last - first, (joined @ joined.T).astype(np.float64).tobytes())


class Bass:
    """How much of each channel's energy lies below 200 Hz, by windowed transforms over blocks of 200 ms."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._size = int(BASS_BLOCK * rate_hz)
        self._window = np.hanning(self._size).astype(np.float32)
        self._bins = int(BASS_HZ * BASS_BLOCK)
        self._pending: list[Samples] = []
        self._first = 0
        self._held = 0
        self._blocks: list[BassMeasure] = []

    def feed(self, first: int, joined: Samples) -> None:
        """Take (channels, n) samples from sample number `first` on."""
        if not self._pending:
            self._first = first
        self._pending.append(joined)
        self._held += joined.shape[1]
        while self._held >= self._size:
            whole = np.concatenate(self._pending, axis=1)
            self._blocks.append(self._measure(whole[:, : self._size]))
            self._pending = [whole[:, self._size :]]
            self._first += self._size
            self._held -= self._size

    def blocks(self) -> Sequence[BassMeasure]:
        """Return the blocks completed since the last call."""
        done, self._blocks = self._blocks, []
        return done

    def _measure(self, block: Samples) -> BassMeasure:
        energy = np.abs(np.fft.rfft(block * self._window)) ** 2
        start = Fraction(self._first, self._rate_hz)
        low, total = energy[:, : self._bins + 1].sum(axis=1), energy.sum(axis=1)
        return BassMeasure(ratio(start), ratio(start + BASS_BLOCK), tuple(map(float, low)), tuple(map(float, total)))


def as_samples(frame: av.AudioFrame) -> Samples:
    """Return the samples of `frame` as (channels, n) float32 with full scale 1; what is no number counts as silence."""
    raw = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, len(frame.layout.channels)).T
    samples: Samples = raw.astype(np.float32)
    if raw.dtype.kind == "f":
        return samples if np.isfinite(samples.sum()) else np.clip(np.nan_to_num(samples, copy=False), -LOUDEST, LOUDEST, out=samples)
    if raw.dtype == np.uint8:
        samples -= 128
    return np.multiply(samples, 2.0 ** (1 - 8 * raw.dtype.itemsize), out=samples)


def ceil(value: Fraction) -> int:
    """Return the least whole number at or above `value`."""
    return -(-value.numerator // value.denominator)


def _hops(start: Fraction, end: Fraction) -> list[Fraction]:
    first = start // HOP + 1
    last = ceil(end / HOP)
    return [number * HOP for number in range(first, last)]
