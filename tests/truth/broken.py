"""Files with something wrong with them, each written by a function that takes the path."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from triptych.media.sample import RATE_HZ, Coding, flat, scene, tone, write_clip

SIZE = (96, 64)
PLAIN = Coding(video="mpeg2video", options={"b": "2000000"}, audio="mp2")


def film(
    path: Path, coding: Coding = PLAIN, *, size: tuple[int, int] = SIZE, frames: int = 75, sound: bool = True, start: int = 0
) -> bytes:
    """Write one scene for 1 s, black until 2 s, then another scene, all from `start` seconds on; return what was written."""
    parts = (scene(1, size), flat(size), scene(2, size))
    pictures = [(start + Fraction(number, 25), parts[min(2, number // 25)]) for number in range(frames)]
    samples = np.tile(tone(440, RATE_HZ * frames // 25), (2, 1))
    write_clip(path, pictures, [samples] if sound else [], coding)
    return path.read_bytes()


def two_sizes(path: Path) -> None:
    """Write a transport stream whose pictures change their size after 3 s."""
    first = film(path, sound=False)
    second = film(path.with_suffix(".second.ts"), size=(160, 120), sound=False, start=3)
    path.write_bytes(first + second)


def many_streams(path: Path, count: int) -> None:
    """Write so many sound tracks of a few samples."""
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(count)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 80), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
            out.mux(stream.encode(frame))


def large(path: Path, width: int, height: int) -> None:
    """Write the head of a film of such pictures, and the beginning of the first one."""
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F25:1 C420jpeg\nFRAME\n".encode() + bytes(100_000))


def timed(path: Path, starts: list[Fraction], base: Fraction = Fraction(1, 1000)) -> None:
    """Write pictures that start at these seconds, every other one black."""
    pictures = [(at, flat(SIZE) if number % 2 else scene(1, SIZE)) for number, at in enumerate(starts)]
    write_clip(path, pictures, [], Coding(video="ffv1", options={}, time_base=base))


def without_times(path: Path) -> None:
    """Write a film of which no picture says when it is shown."""
    film(path, Coding(options={"preset": "ultrafast"}), sound=False)


def leaping_sound(path: Path, leap: Fraction) -> None:
    """Write two seconds of a tone, the second of which begins `leap` seconds late."""
    samples = np.tile(tone(440, RATE_HZ), (2, 1))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE_HZ, layout="stereo")
        for start in (Fraction(0), 1 + leap):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T.reshape(1, -1)), format="flt", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, int(start * RATE_HZ), Fraction(1, RATE_HZ)
            for even in av.AudioResampler(format="s16", layout="stereo", rate=RATE_HZ).resample(frame):
                out.mux(stream.encode(even))
