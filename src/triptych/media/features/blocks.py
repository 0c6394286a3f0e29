"""MACROBLOCKING: how much of the coding grid shows, without a reference (media 4.2)."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.features.shots import Shots
from triptych.media.measured import Seen
from triptych.media.options import MacroblockOptions, ShotOptions
from triptych.media.picture import Picture
from triptych.media.sight import Sight
from triptych.media.spans import bounds

GRID = 8
MOST_CODES = 24
CALM_CODES = 2
BESIDE = (3, 5)
LONGEST = Fraction(10)
ALARM_WINDOW = Fraction(1, 2)
SUDDEN_CODES = 36.0
"""A change of twice what a cut needs, which movement seldom makes."""

LINES_LOOKED_AT = 270
SMALLEST = 2 * GRID
HARDLY_ANY = 1e-4
"""Added to both sides of the ratio, so that a flat picture has none of the grid."""

Kinks = NDArray[np.float32]
"""(2, 8): how sharply luma kinks at each of the 8 phases of the grid, for upright lines and for level ones."""

Sample = tuple[Fraction, Kinks]


class Macroblocking(Feature):
    """Scores sampled pictures by shot, in pieces of at most 10 s; 1 is free of blocks.

    The phase of the grid is known only at the end of a piece, so the kinks of every sample are kept till then: 64 bytes each.
    """

    def __init__(self, options: MacroblockOptions) -> None:
        super().__init__(options)
        self._hz = options.sampleHz
        self._least = options.alarmSettings.minSsimValue
        self._shots = Shots(ShotOptions())
        self._samples: list[Sample] = []
        self._recent: deque[Sample] = deque()
        self._severity = 0.0

    def look(self, sight: Sight) -> bytes | None:
        """Return the kinks of a sampled picture, or of one that seems to end a shot, so that a short shot has one too."""
        if not (sight.is_sampled(self._hz) or _ends_shot(sight)):
            return None
        return kinks(sight.full).tobytes()

    def frame(self, seen: Seen, look: bytes | None) -> None:
        """Keep the sample, and judge the last half second."""
        self._shots.frame(seen)
        if look is not None:
            self._keep((seen.start, np.frombuffer(look, np.float32).reshape(2, GRID)))
        self.judge(seen.start, seen.end, self._severity)

    def rest(self, at: Fraction) -> None:
        """Score every shot up to `at`."""
        shots = self._shots.close(at) if self._samples else []
        for start, end in pieces(shots):
            scores = ssim(self._within(start, end))
            told = {"mean": round(float(scores.mean()), 4), "min": round(float(scores.min()), 4)}
            self.found({"ssim": told, **bounds(start, end)})
        self._samples.clear()
        self._recent.clear()
        self._severity = 0.0

    def _keep(self, sample: Sample) -> None:
        self._samples.append(sample)
        if self.alarm is None:
            return
        self._recent.append(sample)
        while self._recent[0][0] <= sample[0] - LONGEST:
            self._recent.popleft()
        latest = sum(start > sample[0] - ALARM_WINDOW for start, _ in self._recent)
        score = float(ssim([found for _, found in self._recent])[-latest:].mean())
        self._severity = max(0.0, self._least - score) / self._least

    def _within(self, start: Fraction, end: Fraction) -> Sequence[Kinks]:
        """Return the samples of [start, end), or else the last one before it."""
        first, last = (bisect_left(self._samples, edge, key=itemgetter(0)) for edge in (start, end))
        return [found for _, found in self._samples[min(first, max(last - 1, 0)) : max(last, 1)]]


def kinks(picture: Picture) -> Kinks:
    """Return how sharply the luma of a full-size picture kinks at each phase; 0 on an axis too short to tell.

    Between lines of the picture it steps by an odd number, which meets every row and column of a block alike.
    """
    luma, steps = picture.planes[0], picture.steps
    height, width = luma.shape
    return np.stack([_kinks(luma[:: stride(height)], steps), _kinks(luma[:, :: stride(width)].T, steps)])


def stride(lines: int) -> int:
    """Return the odd distance at which `lines` are looked at: about 270 of them suffice."""
    return max(1, lines // LINES_LOOKED_AT) | 1


def _kinks(luma: NDArray[np.integer], steps: int) -> Kinks:
    """Return the mean kink of each phase along the second axis: what the step across a line has over its neighbours, by their activity."""
    if luma.shape[1] < SMALLEST:
        return np.zeros(GRID, np.float32)
    step = np.diff(luma.astype(np.int16), axis=1)
    before, across, after = step[:, :-2], step[:, 1:-1], step[:, 2:]
    kink = np.minimum(np.abs(2 * across - before - after), np.int16(2 * MOST_CODES * steps)).astype(np.float32)
    kink /= 2 * (np.abs(before) + np.abs(after)) + np.float32(2 * CALM_CODES * steps)
    along = kink.mean(axis=0)
    return np.array([along[(phase - 2) % GRID :: GRID].mean() for phase in range(GRID)], np.float32)


def ssim(samples: Sequence[Kinks]) -> NDArray[np.float64]:
    """Return the score of each sample, 0 to 1."""
    return np.clip(1 - 0.1 * np.log2(np.maximum(1, ratios(samples) / 2)), 0, 1)


def ratios(samples: Sequence[Kinks]) -> NDArray[np.float64]:
    """Return how much more each sample kinks on the grid than beside it; either axis has it at the phase where that is most over all."""
    shown = np.array(samples, np.float64) + HARDLY_ANY
    beside = np.mean([np.roll(shown, -far, axis=2) for far in BESIDE], axis=0)
    phase = np.argmax(shown.mean(axis=0) / beside.mean(axis=0), axis=1)
    axes = np.arange(len(phase))
    found: NDArray[np.float64] = shown[:, axes, phase].sum(axis=1) / beside[:, axes, phase].sum(axis=1)
    return found


def pieces(shots: Iterable[tuple[Fraction, Fraction]]) -> Iterator[tuple[Fraction, Fraction]]:
    """Yield shots, those over 10 s split every 10 s."""
    for start, end in shots:
        at = start
        while end - at > LONGEST:
            yield at, at + LONGEST
            at += LONGEST
        yield at, end


def _ends_shot(sight: Sight) -> bool:
    return sight.following is None or (sight.change or 0) >= SUDDEN_CODES
