"""Encodes live pictures and sound once, H.264 and AAC, and puts them on a ring as movie fragments."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from triptych.camera.fragments import Cutter, Ring

TIME_BASE = Fraction(1, 90000)
AUDIO_RATE = 48000
AUDIO_FRAME = 1024
AUDIO_BITS_S = 96_000
KEY_INTERVAL = timedelta(seconds=1)
FRAGMENT_US = 200_000
MOST_LINES = 1080
BITS_A_PIXEL = 0.11
_HURRY = {"preset": "superfast", "tune": "zerolatency", "threads": "1"}
_BT601 = 6
_LIMITED_RANGE = 1


class Caster:
    """One encode of a live picture of `size` (width, height) at about `fps`; times count from the stream's begin."""

    def __init__(self, ring: Ring, size: tuple[int, int], fps: float) -> None:
        self.size = coded_size(size)
        self._ring = ring
        self._step = timedelta(seconds=1 / fps)
        self._last = -self._step
        self._last_key = -KEY_INTERVAL
        options = {"movflags": "empty_moov+default_base_moof+frag_keyframe+skip_trailer", "frag_duration": str(FRAGMENT_US)}
        self._container = av.open(Cutter(ring), "w", format="mp4", options=options)
        self._video: VideoStream = self._container.add_stream("libx264", rate=round(fps))
        _set_up(self._video.codec_context, self.size, fps)
        self._audio: AudioStream = self._container.add_stream("aac", rate=AUDIO_RATE, layout="mono", bit_rate=AUDIO_BITS_S)

    def show(self, image: NDArray[np.uint8], at: timedelta) -> bool:
        """Encode `image`, (H, W, 3) uint8 BGR, as what is seen from `at` on; False, and nothing done, when a later one was shown."""
        if at <= self._last:
            return False
        picture = self._picture(image)
        picture.pts = round(at.total_seconds() / TIME_BASE)
        picture.duration = round(self._step.total_seconds() / TIME_BASE)
        if at + self._step > self._last_key + KEY_INTERVAL:
            picture.pict_type = PictureType.I
            self._last_key = at
        self._last = at
        self._mux(self._video.encode(picture))
        return True

    def sound(self, samples: NDArray[np.float32], first: int) -> None:
        """Encode 1024 samples, float32 mono at 48 kHz, the first of which is number `first`: at least 1024, the encoder's delay."""
        chunk = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        chunk.rate, chunk.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
        chunk.pts = first
        self._mux(self._audio.encode(chunk))

    def close(self) -> None:
        """Put what is left on the ring, and end it."""
        try:
            if self._last_key >= timedelta(0):
                self._mux(self._video.encode(None))
                self._mux(self._audio.encode(None))
            self._container.close()
        finally:
            self._ring.end()

    def _picture(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        if (image.shape[1], image.shape[0]) != self.size:
            image = np.asarray(cv2.resize(image, self.size, interpolation=cv2.INTER_AREA), np.uint8)
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.time_base = TIME_BASE
        return picture

    def _mux(self, packets: "Sequence[av.Packet[Any]]") -> None:
        for packet in packets:
            self._container.mux(packet)


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) that is sent: the picture's up to 1080 lines, in whole chroma samples."""
    share = min(1.0, MOST_LINES / size[1])
    return round(size[0] * share) // 2 * 2, round(size[1] * share) // 2 * 2


def _set_up(encoder: VideoCodecContext, size: tuple[int, int], fps: float) -> None:
    """Prepare an encoder that holds nothing back; its rate never exceeds what a line of that size is expected to carry."""
    bits_s = round(size[0] * size[1] * fps * BITS_A_PIXEL)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = TIME_BASE
    encoder.framerate = Fraction(fps).limit_denominator(1001)
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT601
    encoder.color_range = _LIMITED_RANGE
    line = f"vbv-maxrate={bits_s // 1000}:vbv-bufsize={bits_s // 1000}"
    encoder.options = {**_HURRY, "crf": "23", "x264-params": f"bframes=0:keyint=infinite:scenecut=0:{line}"}
