"""Coded truth (media K4): one story at known times through every codec, rate, depth, range and sound, each clip written once a session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from triptych.media.sample import RATE_HZ, Coding, Picture, flat, scene, tone, write_clip
from truth.scoring import USUAL, Analysis

SIZE = (160, 90)
NOISE_CODES = 0.7
SHORTEST_SHOT, LONGEST_SHOT = 7, 14
MILLISECOND = Fraction(1, 1000)
VARIABLE = None
"""The rate of a clip whose pictures are shown from 20 to 60 ms."""

QUIET_X265 = {"preset": "veryfast", "x265-params": "log-level=none"}
VIDEO = {
    "x264 0": ("libx264", {"preset": "veryfast", "qp": "0"}),
    "x264 18": ("libx264", {"preset": "veryfast", "crf": "18"}),
    "x264 23": ("libx264", {"preset": "veryfast", "crf": "23"}),
    "x264 28": ("libx264", {"preset": "veryfast", "crf": "28"}),
    "x265": ("libx265", QUIET_X265),
    "mpeg2": ("mpeg2video", {"qmin": "2", "qmax": "8"}),
    "prores": ("prores_ks", {}),
    "ffv1": ("ffv1", {}),
}
SOUND = {"aac": "aac", "ac3": "ac3", "pcm": "pcm_s16le"}


@dataclass(frozen=True, slots=True)
class Section:
    """What is shown and heard for `duration` seconds: moving shots or black; a layout of six channels."""

    duration: Fraction
    is_black: bool
    layout: str


STORY = (
    Section(Fraction(5, 2), is_black=False, layout="5.1"),
    Section(Fraction(6, 5), is_black=True, layout="silence"),
    Section(Fraction(8, 5), is_black=False, layout="stereo"),
    Section(Fraction(4, 5), is_black=True, layout="stereo"),
    Section(Fraction(4, 5), is_black=False, layout="silence"),
    Section(Fraction(8, 5), is_black=False, layout="mono"),
    Section(Fraction(1), is_black=True, layout="silence"),
    Section(Fraction(2, 5), is_black=False, layout="stereo"),
)


@dataclass(frozen=True, slots=True)
class Rung:
    """How the story is coded: names of `VIDEO` and `SOUND`, frames a second, bits of a code."""

    video: str
    rate: Fraction | None
    sound: str
    bits: int = 8
    is_full: bool = False

    def __str__(self) -> str:
        rate = f"{float(self.rate):.5g}" if self.rate else "vfr"
        return f"{self.video} {rate} {self.sound} {self.bits} bit {'full' if self.is_full else 'limited'}"

    @property
    def is_lossless(self) -> bool:
        return self.video in {"ffv1", "x264 0"}

    @property
    def coding(self) -> Coding:
        codec, options = VIDEO[self.video]
        pixels = {("prores", 10): "yuv422p10le", (self.video, 8): "yuv420p"}.get((self.video, self.bits), "yuv420p10le")
        return Coding(
            video=codec,
            pixels=pixels,
            options=options,
            rate=self.rate or Fraction(25),
            time_base=None if self.rate else MILLISECOND,
            full_range=self.is_full,
            audio=SOUND[self.sound],
            layout="5.1",
        )


FILM, NTSC, NTSC_FIELDS = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)
RUNGS = (
    Rung("ffv1", Fraction(25), "pcm"),
    Rung("x264 0", NTSC, "pcm"),
    Rung("ffv1", Fraction(50), "pcm", bits=10, is_full=True),
    Rung("ffv1", VARIABLE, "pcm", bits=10),
    Rung("x264 18", FILM, "aac"),
    Rung("x264 18", Fraction(50), "ac3", bits=10, is_full=True),
    Rung("x264 23", Fraction(24), "pcm", is_full=True),
    Rung("x264 23", Fraction(25), "aac"),
    Rung("x264 23", VARIABLE, "aac", bits=10),
    Rung("x264 28", NTSC, "ac3"),
    Rung("x264 28", NTSC_FIELDS, "aac", is_full=True),
    Rung("x265", Fraction(30), "aac"),
    Rung("x265", Fraction(25), "ac3", bits=10, is_full=True),
    Rung("x265", VARIABLE, "pcm"),
    Rung("mpeg2", FILM, "ac3"),
    Rung("mpeg2", Fraction(50), "pcm"),
    Rung("mpeg2", NTSC_FIELDS, "aac"),
    Rung("prores", Fraction(24), "pcm", bits=10),
    Rung("prores", Fraction(30), "pcm", bits=10),
    Rung("prores", VARIABLE, "aac", bits=10),
)
"""Not every product: each codec at several rates, and each rate, depth, range and sound through several codecs."""


@dataclass(frozen=True)
class Clip:
    """A written clip and its truth in seconds: when pictures are shown, the runs of black and silence, the cuts, the layouts."""

    path: Path
    rung: Rung
    starts: tuple[Fraction, ...]
    end: Fraction
    black: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    cuts: list[Fraction] = field(default_factory=list)
    sound: list[tuple[str, Fraction, Fraction]] = field(default_factory=list)

    @cached_property
    def analysis(self) -> Analysis:
        """What the three features find in it, black from half a second on."""
        return Analysis(self.path, USUAL, {"IN_BLACK": {"delay": 0.5}})


class Ladder:
    """The clips of one session, in `folder`, each written when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips: dict[Rung, Clip] = {}

    def clip(self, rung: Rung) -> Clip:
        """Return the story as `rung` codes it."""
        if rung not in self._clips:
            self._clips[rung] = written(self._folder / f"{rung}.{'mkv' if rung.video == 'ffv1' else 'mov'}", rung)
        return self._clips[rung]


def written(path: Path, rung: Rung) -> Clip:
    """Write the story to `path` and return it with its truth; Matroska holds whole milliseconds only."""
    times = _times(rung)
    edges = [next(time for time in times if time >= sum(section.duration for section in STORY[:n])) for n in range(len(STORY) + 1)]
    starts = [time for time in times if time < edges[-1]]
    clip = Clip(path, rung, tuple(starts), edges[-1])
    for section, start, end in zip(STORY, edges, edges[1:], strict=False):
        clip.sound.append((section.layout, start, end))
        if section.is_black and section.layout == "silence":
            clip.black.append((start, end))
    scenes = _scenes(rung, starts, edges)
    clip.cuts.extend(start for start, before, now in zip(starts[1:], scenes, scenes[1:], strict=False) if before != now)
    write_clip(path, _pictures(rung, starts, scenes), [_heard(edges)], rung.coding)
    return clip


def _times(rung: Rung) -> list[Fraction]:
    """Return when pictures are shown, some more than the story needs."""
    length = sum(section.duration for section in STORY) + 1
    if rung.rate:
        return [number / rung.rate for number in range(int(length * rung.rate))]
    steps = np.random.default_rng(11).integers(20, 61, int(length / Fraction(1, 40)))
    return [Fraction(int(at), 1000) for at in np.cumsum([0, *steps])]


def _scenes(rung: Rung, starts: list[Fraction], edges: list[Fraction]) -> list[int]:
    """Return the number of the scene of each picture, 0 for black; no shot is left shorter than the shortest."""
    dice = np.random.default_rng(len(str(rung)))
    scenes: list[int] = []
    number = 0
    for section, start, end in zip(STORY, edges, edges[1:], strict=False):
        left = sum(start <= at < end for at in starts)
        while left:
            number += 1
            frames = int(dice.integers(SHORTEST_SHOT, LONGEST_SHOT + 1))
            frames = left if section.is_black or left - frames < SHORTEST_SHOT else frames
            scenes += [0 if section.is_black else number] * frames
            left -= frames
    return scenes


def _pictures(rung: Rung, starts: list[Fraction], scenes: list[int]) -> Iterator[tuple[Fraction, Picture]]:
    dice = np.random.default_rng(3)
    field = dice.normal(0, NOISE_CODES, (5 * SIZE[1], 5 * SIZE[0])).astype(np.float32)
    for place, (start, number) in enumerate(zip(starts, scenes, strict=True)):
        planes = moved(number, place) if number else flat(SIZE)
        yield start, tuple(_coded(plane, _grain(field, plane.shape, dice), rung, chroma=layer > 0) for layer, plane in enumerate(planes))


def moved(number: int, shift: int) -> Picture:
    """Return scene `number` at `SIZE`, moved `shift` pixels to the left; as `scene`, but painted once."""
    return tuple(np.roll(plane, -(shift // 2 if layer else shift), axis=1) for layer, plane in enumerate(_still(number)))


@lru_cache(maxsize=256)
def _still(number: int) -> Picture:
    return scene(number, SIZE)


def _grain(field: np.ndarray, shape: tuple[int, ...], dice: np.random.Generator) -> np.ndarray:
    """Return another part of the field each time, so that no coder can foretell it."""
    row, column = (int(dice.integers(0, whole - part)) for whole, part in zip(field.shape, shape, strict=True))
    return field[row : row + shape[0], column : column + shape[1]]


def _coded(plane: np.ndarray, grain: np.ndarray, rung: Rung, *, chroma: bool) -> np.ndarray:
    """Return the codes, stretched to the full range where that is asked for, with grain."""
    codes = plane.astype(np.float32)
    if rung.is_full:
        codes = (codes - 128) * 255 / 224 + 128 if chroma else (codes - 16) * 255 / 219
    return np.clip(np.rint(codes + grain), 0, 255).astype(np.uint8)


def _heard(edges: list[Fraction]) -> np.ndarray:
    places = [-int(-edge * RATE_HZ // 1) for edge in edges]
    return np.concatenate(
        [_layout(section.layout, until - first) for section, first, until in zip(STORY, places, places[1:], strict=False)], axis=1
    )


def _layout(name: str, samples: int) -> np.ndarray:
    """Return (6, samples): noise that differs from channel to channel, a deep tone as LFE."""
    voices = (np.random.default_rng(samples).standard_normal((6, samples)) * 0.1).astype(np.float32)
    voices[3] = tone(60, samples)
    voices[{"5.1": 6, "stereo": 2, "mono": 2, "silence": 0}[name] :] = 0
    if name == "mono":
        voices[1] = voices[0]
    return voices
