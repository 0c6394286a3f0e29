"""A clip that takes a while to measure and no time to make: two seconds of pictures, written again and again."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (320, 180)
FPS = 25
LOOP_FRAMES = 2 * FPS


def make_long_clip(path: Path, frames: int) -> None:
    """Write an MPEG-4 clip of `frames` pictures: a brightness ramp, black for the first fifth of every two seconds."""
    packets = _loop()
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            packet = av.Packet(packets[number % LOOP_FRAMES])
            packet.stream = stream
            packet.time_base = Fraction(1, FPS)
            packet.pts = packet.dts = number
            packet.is_keyframe = number % LOOP_FRAMES == 0
            out.mux(packet)


def _loop() -> list[bytes]:
    encoder = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.framerate, encoder.gop_size = "yuv420p", FPS, LOOP_FRAMES
    encoder.time_base = Fraction(1, FPS)
    packets = []
    for number in range(LOOP_FRAMES):
        level = 16 if number < LOOP_FRAMES // 5 else 60 + number * 3
        frame = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), level, np.uint8), format="bgr24")
        frame.pts = number
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]
