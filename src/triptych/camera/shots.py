"""Takes photographs: the clean picture as a JPEG, on the disk whole or not at all."""

from datetime import datetime

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from triptych.camera.notes import Note, write_whole
from triptych.camera.records import Archive

QUALITY = 92


def take_shot(archive: Archive, camera: str, image: NDArray[np.uint8], at: datetime, *, alarm: bool = False) -> Note:
    """Keep `image` ((H, W, 3) uint8 BGR) as a photograph taken at `at`, local time; that of an `alarm` is kept for 30 days.

    Raises `Unavailable` with code `disk_full`, or `OSError`; nothing is kept then.
    """
    entry = archive.begin(camera, "jpg", at)
    data = encode_jpeg(image, QUALITY)
    try:
        write_whole(entry.path, data)
        return entry.write(replace(entry.note, size_bytes=len(data), alarm=alarm)).note
    except OSError:
        entry.drop()
        raise


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """Return `image` ((H, W, 3) uint8 BGR) as a JPEG of `quality` 0 to 100."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return data.tobytes()
