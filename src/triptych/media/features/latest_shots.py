"""SHOT_CHANGE_DETECTION, builtin/latest: a network over the thumbs of the pictures, in the sequential step (media 4.2)."""

from collections import deque
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.media.feature import Feature
from triptych.media.features.shots import Shots
from triptych.media.measured import Indexed, Seen
from triptych.media.options import ShotOptions
from triptych.media.senses.checkpoint import arrays
from triptych.media.senses.transnet import Transitions, TransNet
from triptych.media.slots import need
from triptych.media.spans import bounds

LATEST = "builtin/latest"
TURN = 0.5
"""The likelihood from which a picture belongs to a transition: the makers' own."""

_BLACK, _LUMA, _CHROMA = 16, 255 / 219, 255 / 112
_TO_RGB = np.array(((1, 0, 0.7874), (1, -0.093663, -0.234062), (1, 0.9278, 0)), np.float32)
"""BT.709, for chroma from -1 to 1 and luma from 0 to 1; thumbs are read as limited range, as all that the network sees is alike then."""

Floats = NDArray[np.float32]


def detector(options: ShotOptions) -> Feature:
    """Return the detector that `model` names."""
    return LatestShots(options) if options.model == LATEST else Shots(options)


class LatestShots(Feature):
    """Finds the first picture of every shot: the one after the middle of each run of pictures that belong to a transition."""

    def __init__(self, options: ShotOptions) -> None:
        super().__init__(options)
        self._least = Fraction(str(options.minShotLength))
        self._film: Transitions | None = None
        self._waiting: deque[Fraction] = deque()
        self._turning: list[Fraction] = []
        self._edges: list[Fraction] = []

    def begin(self, index: Indexed) -> None:  # noqa: ARG002 - every film is looked at alike
        """Load the network; this step runs in one process, so it is loaded once."""
        self._film = Transitions(TransNet(arrays(need("shot", self.models_dir).read())))

    def frame(self, seen: Seen, look: object = None) -> None:  # noqa: ARG002 - it subscribes to none
        """Take the next picture."""
        if seen.thumb is None or self._film is None:
            return
        if not self._edges:
            self._edges.append(seen.start)
        self._waiting.append(seen.start)
        self._judge(self._film.add(as_rgb(seen.thumb)))

    def rest(self, at: Fraction) -> None:
        """Close the last shot at `at` and begin anew after the gap."""
        if self._film is None or not self._edges:
            return
        self._judge(self._film.finish())
        for start, end in zip(self._edges, [*self._edges[1:], at], strict=True):
            self.found(bounds(start, end))
        self._turning, self._edges = [], []

    def _judge(self, likely: Floats) -> None:
        """Take the likelihoods of the pictures that wait longest."""
        for value in likely:
            start = self._waiting.popleft()
            if value >= TURN:
                self._turning.append(start)
            elif self._turning:
                self._cut(start)

    def _cut(self, after: Fraction) -> None:
        """Begin a shot behind the middle of the run that ended before `after`, unless the last shot would be too short."""
        run = [*self._turning, after]
        first = run[(len(self._turning) - 1) // 2 + 1]
        self._turning = []
        if first - self._edges[-1] >= self._least:
            self._edges.append(first)


def as_rgb(thumb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (27, 48, 3) uint8 R, G, B of a (3, 27, 48) thumb of codes."""
    codes = thumb.astype(np.float32)
    luma = (codes[0] - _BLACK) * np.float32(_LUMA)
    blue, red = ((codes[place] - 128) * np.float32(_CHROMA) for place in (1, 2))
    planes = np.stack([luma, blue, red], axis=-1)
    return cv2.convertScaleAbs(np.maximum(planes @ _TO_RGB.T, 0)).astype(np.uint8, copy=False)
