"""One moment of a camera on its way into a file: picture, sound, where the head looked and what was seen; packed small while it waits."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.shots import encode_jpeg
from triptych.contracts import Frame, Pose, Sound

QUALITY = 80
MOST_LINES = 1080
_OBJECT_BYTES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A frame as a JPEG, captured at `captured`, monotonic since boot."""

    captured: timedelta
    data: bytes

    @property
    def image(self) -> NDArray[np.uint8]:
        """Return the picture, (H, W, 3) uint8 BGR, decoded anew each time."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One frame, the sound that came with it, and what is said of it in the sidecar; `alarm` is what began with this frame."""

    frame: Frame | Packed
    pose: Pose
    objects: tuple[dict[str, Any], ...] = ()
    sound: tuple[Sound, ...] = ()
    alarm: dict[str, Any] | None = None

    @property
    def captured(self) -> timedelta:
        """When the frame was captured, monotonic since boot."""
        return self.frame.captured

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        picture = len(self.frame.data) if isinstance(self.frame, Packed) else self.frame.image.nbytes
        return picture + sum(piece.samples.nbytes for piece in self.sound) + _OBJECT_BYTES * (1 + len(self.objects))


def pack(taken: Taken) -> Taken:
    """Return the same with its picture as a JPEG of the size that a recording has; what is packed stays as it is."""
    if isinstance(taken.frame, Packed):
        return taken
    data = encode_jpeg(fitted(taken.frame.image), QUALITY)
    return replace(taken, frame=Packed(captured=taken.captured, data=data))


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) of a recording: the source's up to 1080 lines, in whole chroma samples."""
    share = min(1.0, MOST_LINES / size[1])
    return round(size[0] * share) // 2 * 2, round(size[1] * share) // 2 * 2


def fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `image` ((H, W, 3) uint8 BGR) in the size of a recording: cut by at most a row and a column, or shrunk."""
    height, width = image.shape[:2]
    wide, high = coded_size((width, height))
    if height <= MOST_LINES:
        return image[:high, :wide]
    return np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
