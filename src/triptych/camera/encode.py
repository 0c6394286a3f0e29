"""Turns pictures into H.264 for one file: a usual preset and a hurried one with the same headers, changed between at a key frame."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from triptych.camera.taken import fitted

TIME_BASE = Fraction(1, 90000)
KEY_INTERVAL = timedelta(seconds=1)
_BT601 = 6
_LIMITED_RANGE = 1
_GLOBAL_HEADER = 1 << 22

Packets = Sequence["av.Packet[Any]"]


class Encoder:
    """Encodes frames of one `size` (width, height) at their true times; a key frame comes at least every second."""

    def __init__(self, usual: VideoCodecContext, size: tuple[int, int], fps: float) -> None:
        self._step, self._size = timedelta(seconds=1 / fps), size
        _set_up(usual, size, fps, "veryfast")
        self._usual, self._hurried = usual, _hurried_encoder(usual, size, fps)
        self._now = usual
        self._last_key = -KEY_INTERVAL

    @property
    def hurried(self) -> bool:
        """Whether the last frame was encoded by the hurried preset."""
        return self._now is self._hurried

    def encode(self, image: NDArray[np.uint8], at: timedelta, *, hurried: bool) -> Packets:
        """Return what `image` ((H, W, 3) uint8 BGR) of the moment `at` becomes; `hurried` costs less time and more bytes."""
        encoder = self._hurried if hurried else self._usual
        picture = _picture(image, self._size)
        picture.pts = ticks(at)
        picture.duration = ticks(self._step)
        if encoder is not self._now or at + self._step > self._last_key + KEY_INTERVAL:
            picture.pict_type = PictureType.I
            self._last_key = at
        self._now = encoder
        return encoder.encode(picture)

    def flush(self) -> Packets:
        """Return what is left at the end."""
        return self._now.encode(None)


def ticks(at: timedelta) -> int:
    """Return `at` in units of the time base, 1/90000 s."""
    return round(at.total_seconds() / TIME_BASE)


def _picture(image: NDArray[np.uint8], size: tuple[int, int]) -> av.VideoFrame:
    """Return `image` in the size of the file, also where its source came back with another one."""
    image = fitted(image)
    if image.shape[1::-1] != size:
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.time_base = TIME_BASE
    return picture


def _set_up(encoder: VideoCodecContext, size: tuple[int, int], fps: float, preset: str) -> None:
    """Prepare an H.264 encoder. Both presets get the same headers (`stitchable`), so a file may change between them at a key frame."""
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = TIME_BASE
    encoder.framerate = Fraction(fps).limit_denominator(1001)
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT601
    encoder.color_range = _LIMITED_RANGE
    shared = "stitchable=1:cabac=1:8x8dct=1:weightp=1:ref=1:bframes=0:keyint=infinite:scenecut=0"
    encoder.options = {"preset": preset, "tune": "zerolatency", "crf": "23", "threads": "1", "x264-params": shared}


def _hurried_encoder(usual: VideoCodecContext, size: tuple[int, int], fps: float) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    _set_up(encoder, size, fps, "ultrafast")
    encoder.flags |= _GLOBAL_HEADER
    for one in (encoder, usual):
        one.open()
    return encoder if encoder.extradata == usual.extradata else usual
