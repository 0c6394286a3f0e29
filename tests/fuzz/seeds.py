"""Small valid files of every container and codec at hand: what the fuzzer changes."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from triptych.media.sample import RATE_HZ, Coding, Picture, flat, scene, tone, write_clip

SIZE = (96, 64)
FRAMES = 15
RATE = 25


@dataclass(frozen=True, slots=True)
class Shape:
    """How one seed is coded; an empty codec leaves that lane out."""

    name: str
    video: str = ""
    audio: str = ""
    size: tuple[int, int] = SIZE
    pixels: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()


FAST = (("preset", "ultrafast"),)
SHAPES = (
    Shape("h264.mp4", "libx264", "aac", options=FAST),
    Shape("hevc.mp4", "libx265", "aac", options=(*FAST, ("x265-params", "log-level=none"))),
    Shape("prores.mov", "prores_ks", "pcm_s16le", pixels="yuv422p10le"),
    Shape("mjpeg.mov", "mjpeg", "alac", pixels="yuvj420p"),
    Shape("ffv1.mkv", "ffv1", "flac"),
    Shape("h264.mkv", "libx264", "ac3", options=FAST),
    Shape("vp8.webm", "libvpx", "libopus"),
    Shape("vp9.webm", "libvpx-vp9", "libopus"),
    Shape("av1.mkv", "libsvtav1", "eac3", options=(("preset", "12"), ("svtav1-params", "lp=1"))),
    Shape("h264.ts", "libx264", "aac", options=FAST),
    Shape("mpeg2.ts", "mpeg2video", "mp2"),
    Shape("mpeg2.mpg", "mpeg2video", "mp2"),
    Shape("mpeg2.mxf", "mpeg2video", pixels="yuv422p"),
    Shape("prores.mxf", "prores_ks", pixels="yuv422p10le"),
    Shape("mpeg4.avi", "mpeg4", "libmp3lame"),
    Shape("huffyuv.avi", "huffyuv", "pcm_s16le", pixels="yuv422p"),
    Shape("dv.dv", "dvvideo", "", (720, 576)),
    Shape("flv1.flv", "flv", "libmp3lame"),
    Shape("mpeg4.nut", "mpeg4", "pcm_s16le"),
    Shape("raw.h264", "libx264", options=FAST),
    Shape("raw.hevc", "libx265", options=(*FAST, ("x265-params", "log-level=none"))),
    Shape("raw.m2v", "mpeg2video"),
    Shape("raw.y4m", "rawvideo"),
    Shape("pcm.wav", "", "pcm_s16le"),
    Shape("pcm.w64", "", "pcm_s16le"),
    Shape("pcm.aiff", "", "pcm_s16be"),
    Shape("pcm.caf", "", "pcm_s16le"),
    Shape("sound.flac", "", "flac"),
    Shape("sound.mp3", "", "libmp3lame"),
    Shape("sound.ogg", "", "libopus"),
    Shape("sound.aac", "", "aac"),
    Shape("sound.ac3", "", "ac3"),
    Shape("sound.m4a", "", "alac"),
    Shape("sound.wv", "", "wavpack"),
    Shape("sound.tta", "", "tta"),
)


def write_seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Return (name, content) of every seed, made in `folder` by a process of its own, since encoders leave threads behind."""
    maker = os.fork()
    if maker == 0:
        try:
            _write_all(folder)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(maker, 0)[1]) != 0:
        raise RuntimeError("a seed could not be written")
    return [(shape.name, (folder / shape.name).read_bytes()) for shape in SHAPES]


def _write_all(folder: Path) -> None:
    os.environ["SVT_LOG"] = "0"
    for shape in SHAPES:
        _write(folder / shape.name, shape)


def _write(path: Path, shape: Shape) -> None:
    pictures = [(Fraction(number, RATE), _picture(number, shape.size)) for number in range(FRAMES)] if shape.video else []
    sound = [np.stack([tone(440, RATE_HZ * FRAMES // RATE), tone(660, RATE_HZ * FRAMES // RATE)])] if shape.audio else []
    write_clip(path, pictures, sound, Coding(video=shape.video, audio=shape.audio, pixels=shape.pixels, options=dict(shape.options)))


def _picture(number: int, size: tuple[int, int]) -> Picture:
    return flat(size) if 5 <= number < 10 else scene(number // 10, size, number)
