"""Films that are written for a test: a bar that walks, and a tone where one is asked for."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from media.farcamera import picture

RATE = 48000


def write_film(path: Path, *, frames: int = 30, fps: int = 30, tone_hz: float | None = 440.0, draw=picture) -> None:
    """Write `frames` pictures as H.264, and sound of the same length."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=fps)
        video.height, video.width = draw(0).shape[:2]
        video.pix_fmt = "yuv420p"
        video.options = {"preset": "ultrafast", "tune": "zerolatency"}
        audio = None if tone_hz is None else out.add_stream("aac", rate=RATE, layout="stereo")
        for number in range(frames):
            out.mux(video.encode(av.VideoFrame.from_ndarray(draw(number), format="bgr24")))
        out.mux(video.encode(None))
        if audio is not None:
            moments = np.arange(frames * RATE // fps) / RATE
            samples = np.tile((0.5 * np.sin(2 * np.pi * tone_hz * moments)).astype(np.float32), (2, 1))
            for at in range(0, samples.shape[1], 1024):
                piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 1024]), format="fltp", layout="stereo")
                piece.rate, piece.pts, piece.time_base = RATE, at, Fraction(1, RATE)
                out.mux(audio.encode(piece))
            out.mux(audio.encode(None))
