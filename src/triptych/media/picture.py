"""The shared analysis picture: one small planar YUV copy of every frame, and what is measured on it (media K1)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

PIC_WIDTH = 320
THUMB_WIDTH, THUMB_HEIGHT = 48, 27
THUMB_SHAPE = (3, THUMB_HEIGHT, THUMB_WIDTH)
FULL_RANGE = 2
LIMITED_BLACK, LIMITED_WHITE = 16, 235
FULL_WHITE = 255
DEEPEST_BITS = 12
MILLISECOND = Fraction(1, 1000)
PLAIN = frozenset({"yuv420p", "yuvj420p"})

Plane = NDArray[np.uint8] | NDArray[np.uint16]


class Picture:
    """The analysis picture of one frame: `planes` are Y, U, V as (rows, columns) arrays of codes, `steps` codes to one 8-bit code.

    `start` is in seconds from offset 0; `black` and `white` are 8-bit codes.
    """

    __slots__ = ("_small", "black", "planes", "start", "steps", "white")

    def __init__(self, planes: Sequence[Plane], *, bits: int, full: bool, start: Fraction) -> None:
        self.start = start
        self.steps = 1 << (bits - 8)
        self.black, self.white = (0, FULL_WHITE) if full else (LIMITED_BLACK, LIMITED_WHITE)
        self.planes = tuple(planes)
        self._small: bytes | None = None

    def share_below(self, code: float) -> float:
        """Return the share (0..1) of luma at or below the 8-bit code `code`."""
        luma = self.planes[0]
        return float(np.count_nonzero(luma <= int(code * self.steps))) / luma.size

    def change_to(self, other: "Picture") -> float | None:
        """Return the mean absolute change of Y plus that of U plus that of V, in 8-bit codes; None when the grid is another."""
        if self.steps != other.steps or self.planes[0].shape != other.planes[0].shape:
            return None
        return sum(cv2.norm(mine, its, cv2.NORM_L1) / (mine.size * self.steps) for mine, its in zip(self.planes, other.planes, strict=True))

    def thumb(self) -> bytes:
        """Return the three planes reduced to 27 rows of 48 uint8 codes."""
        if self._small is None:
            self._small = b"".join(self._reduced(plane) for plane in self.planes)
        return self._small

    def _reduced(self, plane: Plane) -> bytes:
        small = area_scaled(plane, THUMB_WIDTH, THUMB_HEIGHT)
        if self.steps > 1:
            small = np.minimum((small + self.steps // 2) // self.steps, FULL_WHITE).astype(np.uint8)
        return bytes(small.tobytes())


def area_scaled(plane: Plane, width: int, height: int) -> Plane:
    """Return `plane` averaged down to (height, width), by halves as far as they go: a halving costs a tenth of the same step at once."""
    scaled: cv2.typing.MatLike = plane
    while scaled.shape[0] % 2 == scaled.shape[1] % 2 == 0 and scaled.shape[1] >= 2 * width and scaled.shape[0] >= 2 * height:
        scaled = cv2.resize(scaled, (scaled.shape[1] // 2, scaled.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if scaled.shape != (height, width):
        scaled = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_AREA)
    return cast("Plane", scaled)


class Shrinker:
    """Makes analysis pictures: of plain 8-bit 4:2:0 plane by plane, of all else through one FFmpeg graph per shape of input.

    A change of shape in mid-file restarts the grid.
    """

    def __init__(self) -> None:
        self._shape: tuple[int, int, str, int] | None = None
        self._graph = av.filter.Graph()
        self._bits = 8

    def shrink(self, frame: av.VideoFrame, start: Fraction) -> Picture:
        """Return the analysis picture of `frame`, shown from `start` seconds on."""
        if frame.format.name in PLAIN:
            full = frame.color_range == FULL_RANGE or frame.format.name == "yuvj420p"
            return Picture(_shrunk(frame), bits=8, full=full, start=start)
        shape = (frame.width, frame.height, frame.format.name, int(frame.color_range))
        if shape != self._shape:
            self._build(frame)
            self._shape = shape
        self._graph.vpush(frame)
        pic = self._graph.vpull()
        full = FULL_RANGE in {pic.color_range, 0 if frame.format.is_rgb else frame.color_range}
        return Picture([view(plane, self._bits) for plane in pic.planes], bits=self._bits, full=full, start=start)

    def _build(self, frame: av.VideoFrame) -> None:
        self._bits = _depth(frame.format)
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or MILLISECOND)
        width, height = pic_size(frame.width, frame.height)
        kept = ":in_range=full:out_range=full" if frame.color_range == FULL_RANGE and not frame.format.is_rgb else ""
        scale = graph.add("scale", f"{width}:{height}:flags=area{kept}")
        planar = graph.add("format", "yuv420p" if self._bits == 8 else f"yuv420p{self._bits}le")  # noqa: PLR2004 - bits of a code
        graph.link_nodes(source, scale, planar, graph.add("buffersink")).configure()
        self._graph = graph


def pic_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of the analysis picture: at most 320 wide, in proportion, never scaled up."""
    if width <= PIC_WIDTH:
        return width, height
    return PIC_WIDTH, max(2, 2 * round(height * PIC_WIDTH / width / 2))


def bit_depth(form: av.VideoFormat) -> int:
    """Return the bits of the deepest component."""
    return max(component.bits for component in form.components)


def _shrunk(frame: av.VideoFrame) -> list[Plane]:
    width, height = pic_size(frame.width, frame.height)
    sizes = ((width, height), *[((width + 1) // 2, (height + 1) // 2)] * 2)
    return [area_scaled(view(plane, 8), *size) for plane, size in zip(frame.planes, sizes, strict=True)]


def _depth(form: av.VideoFormat) -> int:
    bits = bit_depth(form)
    return next(depth for depth in (8, 10, DEEPEST_BITS) if bits <= depth or depth == DEEPEST_BITS)


def view(plane: av.video.plane.VideoPlane, bits: int) -> Plane:
    """Return the codes of one plane of `bits` as (rows, columns), in place: they live as long as the frame."""
    wide = bits > 8  # noqa: PLR2004 - bits of a code
    data = memoryview(plane)
    codes: Plane = np.frombuffer(data, np.uint16) if wide else np.frombuffer(data, np.uint8)
    return codes.reshape(plane.height, -1)[:, : plane.width]
