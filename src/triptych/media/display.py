"""What a viewer sees of coded pictures: the matrices between Y, U, V and R, G, B, and the light of a display (BT.601, BT.709, BT.1702)."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.media.measured import VideoFacts
from triptych.media.picture import FULL_WHITE, LIMITED_BLACK, LIMITED_WHITE

Cells = NDArray[np.float32]
Marks = NDArray[np.bool_]

BT709, UNKNOWN, BT2020 = 1, 2, (9, 10)
"""Numbers of matrices in ITU-T H.273."""

SD_HEIGHT = 576
PEAK, SLOPE, LIFT, GAMMA = 413.435, 0.7, 0.0189623, 2.2
"""Of BT.1702's display: white is 200 cd/m2, black 0.07."""

RED_SCALE = 320.0
SATURATED = 0.8
LEAST_RED_CODES = 20


class Matrix(NamedTuple):
    """How much red and blue weigh in luma; green has the rest."""

    red: float
    blue: float

    @property
    def green(self) -> float:
        """The weight of green."""
        return 1 - self.red - self.blue

    def from_chroma(self) -> tuple[float, float, float, float]:
        """Return what V adds to R, U and V to G, and U to B, where each of them spans -0.5 to 0.5."""
        to_red, to_blue = 2 * (1 - self.red), 2 * (1 - self.blue)
        return to_red, -to_blue * self.blue / self.green, -to_red * self.red / self.green, to_blue


MATRIX_601 = Matrix(0.299, 0.114)
MATRIX_709 = Matrix(0.2126, 0.0722)
MATRIX_2020 = Matrix(0.2627, 0.0593)


def matrix_of(colorspace: int, height: int) -> Matrix:
    """Return the matrix of an H.273 number; where that is unknown, what is usual for pictures of that height."""
    if colorspace in BT2020:
        return MATRIX_2020
    if colorspace == BT709 or (colorspace == UNKNOWN and height > SD_HEIGHT):
        return MATRIX_709
    return MATRIX_601


@dataclass(frozen=True)
class Display:
    """Shows 8-bit codes of one range and matrix."""

    full_range: bool = False
    matrix: Matrix = MATRIX_709

    @classmethod
    def of(cls, video: VideoFacts | None) -> "Display":
        """Return the display that suits a stream."""
        if video is None:
            return cls()
        is_rgb = video.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr"))
        return cls(video.full_range, MATRIX_601 if is_rgb else matrix_of(video.colorspace, video.height))

    @cached_property
    def _levels(self) -> Cells:
        """Each code as a share of the way from black to white."""
        black, white = (0, FULL_WHITE) if self.full_range else (LIMITED_BLACK, LIMITED_WHITE)
        return np.asarray((np.arange(256, dtype=np.float32) - black) / (white - black), np.float32)

    @cached_property
    def _light(self) -> Cells:
        return np.asarray(PEAK * np.power(SLOPE * np.clip(self._levels, 0, 1) + LIFT, GAMMA), np.float32)

    @cached_property
    def _no_red(self) -> tuple[Cells, Marks]:
        return np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)

    def luminance(self, luma: NDArray[np.uint8]) -> Cells:
        """Return the light of each code of luma in cd/m2."""
        return self._light[luma]

    def redness(self, thumb: NDArray[np.uint8]) -> tuple[Cells, Marks]:
        """Return how far red outshines green and blue, in 320ths of white, and where it is saturated; thumb is (3, rows, columns) Y, U, V.

        Where nothing is red at all, always the same two arrays of one cell.
        """
        if int(thumb[2].max()) < 128 + LEAST_RED_CODES:
            return self._no_red
        red, green, blue = np.power(self._rgb(thumb), np.float32(GAMMA))
        return np.maximum(red - green - blue, 0) * RED_SCALE, red >= SATURATED * (red + green + blue + 1e-6)

    def _rgb(self, thumb: NDArray[np.uint8]) -> Cells:
        luma = self._levels[thumb[0]]
        u, v = (thumb[1:].astype(np.float32) - 128) / (FULL_WHITE if self.full_range else 224)
        v_red, u_green, v_green, u_blue = self.matrix.from_chroma()
        rgb = np.stack((luma + v_red * v, luma + u_green * u + v_green * v, luma + u_blue * u))
        return np.asarray(np.clip(rgb, 0, 1), np.float32)
