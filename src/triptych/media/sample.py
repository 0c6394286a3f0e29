"""Clips with known truth: for the demo, and for every test that scores a measurement against what was put in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from triptych.media.decode import Packet

RATE_HZ = 48_000
SAMPLE_FPS = 25
SAMPLE_SIZE = (640, 360)
TONE_PEAK = 0.25
MICRO = Fraction(1, 1_000_000)

Picture = tuple[NDArray[np.uint8], ...]
"""Y, U, V as (rows, columns) of codes, chroma at half size."""
Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a clip is written. `rate` is the nominal one; `time_base` is finer where frames are not evenly spaced."""

    video: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"preset": "veryfast", "crf": "18"})
    rate: Fraction = Fraction(SAMPLE_FPS)
    time_base: Fraction | None = None
    full_range: bool = False
    audio: str = "aac"
    layout: str = "stereo"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is put into [start, end) seconds: the scene's number (None is black) and the layout of the sound."""

    start: Fraction
    end: Fraction
    scene: int | None
    layout: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a clip holds: its stretches, and by feature the (start, end) seconds or (label, start, end) that must be found."""

    duration: Fraction
    black: tuple[tuple[Fraction, Fraction], ...]
    shots: tuple[tuple[Fraction, Fraction], ...]
    sound: tuple[tuple[str, Fraction, Fraction], ...]


STORY = (
    Stretch(Fraction(0), Fraction(2), 1, "stereo"),
    Stretch(Fraction(2), Fraction(18, 5), 2, "mono"),
    Stretch(Fraction(18, 5), Fraction(23, 5), None, "silence"),
    Stretch(Fraction(23, 5), Fraction(6), 3, "stereo"),
    Stretch(Fraction(6), Fraction(8), 4, "mono"),
)


def write_sample(path: Path, story: Sequence[Stretch] = STORY) -> Truth:
    """Write an H.264/AAC clip of `story` to `path` (its suffix names the container) and return what must be found in it."""
    pictures = ((Fraction(number, SAMPLE_FPS), _pictured(story, number)) for number in range(int(story[-1].end * SAMPLE_FPS)))
    write_clip(path, pictures, [np.concatenate([_heard(stretch) for stretch in story], axis=1)], Coding())
    return Truth(
        duration=story[-1].end,
        black=tuple((stretch.start, stretch.end) for stretch in story if stretch.scene is None),
        shots=tuple((stretch.start, stretch.end) for stretch in story),
        sound=tuple((stretch.layout, stretch.start, stretch.end) for stretch in story),
    )


def scene(number: int, size: tuple[int, int], shift: int = 0, *, light: float = 1.0) -> Picture:
    """Return a coloured picture of `size` (width, height) that is like no other number's, moved `shift` pixels to the left, 0 is still.

    It is detailed as nature is: the finer, the fainter.
    """
    return tuple(
        _lit(plane, shift // 2 if place else shift, 128 if place else 16, light) for place, plane in enumerate(_painted(number, size))
    )


@lru_cache(maxsize=4)
def _painted(number: int, size: tuple[int, int]) -> Picture:
    width, height = size
    dice = np.random.default_rng(number)
    half = ((width + 1) // 2, (height + 1) // 2)
    return _texture(dice, size, 40, 210), _texture(dice, half, 96, 160), _texture(dice, half, 96, 160)


def _texture(dice: np.random.Generator, size: tuple[int, int], low: int, high: int) -> NDArray[np.uint8]:
    total = np.zeros(size[::-1], np.float32)
    for octave in range(6):
        rough = dice.standard_normal((4 << octave, 6 << octave)).astype(np.float32)
        total += cv2.resize(rough, size, interpolation=cv2.INTER_AREA if rough.shape[1] > size[0] else cv2.INTER_CUBIC) / (1.6**octave)
    spread: NDArray[np.float32] = (low + high) / 2 + total / total.std() * (high - low) / 5
    return np.clip(spread, low, high).astype(np.uint8)


def _lit(plane: NDArray[np.uint8], shift: int, black: int, light: float) -> NDArray[np.uint8]:
    moved = np.roll(plane, -shift, axis=1)
    if light != 1.0:
        moved = np.clip(black + (moved.astype(np.float32) - black) * light, 0, 255).astype(np.uint8)
    return np.asarray(moved)


def flat(size: tuple[int, int], luma: int = 16) -> Picture:
    """Return a grey picture of `size` (width, height); luma 16 is black."""
    width, height = size
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return np.full((height, width), luma, np.uint8), chroma, chroma


def tone(hertz: float, samples: int, *, peak: float = TONE_PEAK, start: int = 0) -> NDArray[np.float32]:
    """Return `samples` of a sine at 48 kHz, from sample number `start` on."""
    return (peak * np.sin(2 * np.pi * hertz * (start + np.arange(samples)) / RATE_HZ)).astype(np.float32)


def write_clip(path: Path, pictures: Iterable[tuple[Fraction, Picture]], sound: Sequence[Sound], coding: Coding) -> None:
    """Write (start in seconds, picture) pairs and one stream per (channels, n) array of `sound`, interleaved by time."""
    with av.open(str(path), "w") as out:
        events = [_coded_sound(out, samples, coding) for samples in sound]
        video = _coded_pictures(out, pictures, coding)
        waiting = [next(event, None) for event in events]
        for at, packets in video:
            for place, event in enumerate(events):
                while (held := waiting[place]) is not None and held[0] <= at:
                    out.mux(held[1])
                    waiting[place] = next(event, None)
            out.mux(packets)
        for place, event in enumerate(events):
            while (held := waiting[place]) is not None:
                out.mux(held[1])
                waiting[place] = next(event, None)


Coded = Iterator[tuple[Fraction, list[Packet]]]


def _coded_pictures(out: av.container.OutputContainer, pictures: Iterable[tuple[Fraction, Picture]], coding: Coding) -> Coded:
    iterator = iter(pictures)
    first = next(iterator, None)
    if first is None:
        return iter(())
    stream = cast("av.VideoStream", out.add_stream(coding.video, rate=coding.rate, options=dict(coding.options)))
    stream.height, stream.width = first[1][0].shape
    stream.pix_fmt = coding.pixels
    base = coding.time_base or 1 / coding.rate
    stream.codec_context.time_base = base
    if coding.full_range:
        stream.codec_context.color_range = 2
    return _encoded_pictures(stream, first, iterator, base)


def _encoded_pictures(
    stream: av.VideoStream, first: tuple[Fraction, Picture], rest: Iterator[tuple[Fraction, Picture]], base: Fraction
) -> Coded:
    at = first[0]
    reformatter = VideoReformatter()
    for at, planes in chain((first,), rest):
        frame = reformatter.reformat(_frame(planes), format=stream.pix_fmt)
        frame.pts, frame.time_base = round(at / base), base
        yield at, stream.encode(frame)
    yield at, stream.encode(None)


def _coded_sound(out: av.container.OutputContainer, samples: Sound, coding: Coding) -> Coded:
    stream = cast("av.AudioStream", out.add_stream(coding.audio, rate=RATE_HZ, layout=coding.layout))
    return _encoded_sound(stream, samples)


def _encoded_sound(stream: av.AudioStream, samples: Sound) -> Coded:
    step = 1024
    at = Fraction(0)
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=RATE_HZ)
    for start in range(0, samples.shape[1], step):
        at = Fraction(start, RATE_HZ)
        packed = samples[:, start : start + step].T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format="flt", layout=stream.layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
        yield at, [packet for even in resampler.resample(frame) for packet in stream.encode(even)]
    yield at, stream.encode(None)


def _frame(planes: Picture) -> av.VideoFrame:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, codes in zip(frame.planes, planes, strict=True):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : plane.width] = codes
        plane.update(padded.tobytes())
    return frame


def _pictured(story: Sequence[Stretch], number: int) -> Picture:
    at = Fraction(number, SAMPLE_FPS)
    stretch = next(stretch for stretch in story if stretch.start <= at < stretch.end)
    if stretch.scene is None:
        return flat(SAMPLE_SIZE)
    return scene(stretch.scene, SAMPLE_SIZE, int((at - stretch.start) * SAMPLE_FPS))


def _heard(stretch: Stretch) -> Sound:
    samples = int((stretch.end - stretch.start) * RATE_HZ)
    left = tone(440, samples)
    sounds = {"silence": (left * 0, left * 0), "mono": (left, left), "stereo": (left, tone(660, samples))}
    return np.stack(sounds[stretch.layout])
