"""How well changes of shot are found beside PySceneDetect's detectors, and whether an hour of sound is taken for data (media 4.2)."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module, util
from pathlib import Path

import numpy as np

from bench.figure import Baseline, Figure, Target, at_least, at_most
from triptych.media.analysis import Analysis
from triptych.media.bursts import Rows, Syncs
from triptych.media.measured import Burst, Finished, FromDecoder, Indexed, Measured
from triptych.media.pipeline import measure_all
from triptych.media.sample import RATE_HZ, Coding, Picture, flat, scene, write_clip
from triptych.media.spans import Segments, starting

SHOTS = "SHOT_CHANGE_DETECTION"
SIZE = (320, 180)
RATE = Fraction(25)
CUTS, GRADUALS, DISTRACTORS = 200, 40, 100
SHORTEST = 5
"""Pictures: 0.2 s, as `minShotLength`."""
RIVALS = ("ContentDetector", "AdaptiveDetector")
CODING = Coding(options={"preset": "veryfast", "crf": "23"})
HOUR_S = 3600
BLOCK_S = 10

Event = tuple[int, int]
"""The first and the last picture at which a boundary may be told."""
Score = Callable[[Sequence[int], Sequence[Event]], float]


@dataclass(slots=True)
class Film:
    """Pictures that are being put together, with the changes of shot in them."""

    pictures: list[Picture] = field(default_factory=list)
    truth: list[Event] = field(default_factory=list)

    def hold(self, number: int, frames: int, first: int = 0) -> None:
        """Add a slow pan over a scene."""
        self.pictures += [scene(number, SIZE, (first + frame) // 2) for frame in range(frames)]

    def mix(self, one: Picture, other: Picture, frames: int) -> None:
        """Add a dissolve."""
        self.pictures += [_mixed(one, other, (step + 1) / (frames + 1)) for step in range(frames)]


def figures() -> list[Figure]:
    """Score ours, and others' where they are installed, on the same three films."""
    with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
        path = Path(folder) / "film.mp4"
        found = [
            *_scored("200 hard cuts, F1 at zero frames", path, _hard(), f1, at_least(0.99)),
            *_scored("dissolves and fades of 12 to 50, F1", path, _gradual(), f1, at_least(0.9)),
            *_scored("false cuts in 100 distractors", path, _distracting(), lambda told, _truth: float(len(told)), at_most(1)),
        ]
    return [*found, Figure(name="false alarms for data in an hour of sound", value=_false_alarms(), unit="", target=at_most(0))]


def f1(told: Sequence[int], truth: Sequence[Event]) -> float:
    """Return F1 where each true event may be hit once, and whatever else is told is false."""
    hits = sum(any(first <= at <= last for at in told) for first, last in truth)
    return 2 * hits / (len(told) + len(truth))


def _scored(name: str, path: Path, film: Film, score: Score, target: Target) -> list[Figure]:
    write_clip(path, ((number / RATE, picture) for number, picture in enumerate(film.pictures)), [], CODING)
    ours = score(_ours(path), film.truth)
    beside = [Baseline(rival, score(told, film.truth)) for rival, told in _rivals(path)]
    if not beside:
        return [Figure(name=name, value=ours, unit="", target=target, note="PySceneDetect is absent")]
    return [Figure(name=name, value=ours, unit="", target=target, baseline=other) for other in beside]


def _ours(path: Path) -> list[int]:
    """Return the first picture of each shot but the first."""
    starts: list[Fraction] = []
    analysis = Analysis([SHOTS], {}, Segments(()), lambda _name, item: starts.append(starting(item)), lambda _name, _fault: None)

    def take(message: FromDecoder) -> None:
        match message:
            case Indexed():
                analysis.begin(message)
            case Measured():
                analysis.take(message)
            case Finished():
                analysis.conclude(message)

    with path.open("rb") as source:
        measure_all(source.fileno(), analysis.plan, take)
    return [round(start * RATE) for start in starts[1:]]


def _rivals(path: Path) -> list[tuple[str, list[int]]]:
    """Return what each of PySceneDetect's detectors finds with shots as short as ours, nothing where it is not installed."""
    if util.find_spec("scenedetect") is None:
        return []
    theirs = import_module("scenedetect")
    found = {name: theirs.detect(str(path), getattr(theirs, name)(min_scene_len=SHORTEST)) for name in RIVALS}
    return [(f"PySceneDetect {name}", [start.frame_num for start, _ in scenes][1:]) for name, scenes in found.items()]


def _hard() -> Film:
    dice, film = np.random.default_rng(5), Film()
    for number in range(CUTS + 1):
        if number:
            film.truth.append((len(film.pictures), len(film.pictures)))
        film.hold(number, int(dice.integers(8, 30)))
    return film


def _gradual() -> Film:
    dice, film = np.random.default_rng(6), Film()
    film.hold(1000, 60)
    for number in range(1001, 1001 + GRADUALS):
        first, frames = len(film.pictures), int(dice.integers(12, 51))
        old, new = film.pictures[-1], scene(number, SIZE)
        if number % 2:
            film.mix(old, new, frames)
        else:
            film.mix(old, flat(SIZE), frames // 2)
            film.mix(flat(SIZE), new, frames - frames // 2)
        film.truth.append((first, len(film.pictures)))
        film.hold(number, 60)
    return film


def _distracting() -> Film:
    """Return one scene with flashes, whip pans and overlays."""
    film, still = Film(), scene(7, SIZE)
    away = [scene(7, SIZE, 12 * step) for step in range(1, 8)]
    luma, *chroma = still
    written = luma.copy()
    written[140:156, 60:220:2] = 235
    for number in range(DISTRACTORS):
        film.pictures += [still] * 12
        film.pictures += ([flat(SIZE, 235)] * (1 + number // 3 % 3), [*away, *away[-2::-1]], [(written, *chroma)] * 12)[number % 3]
    film.pictures += [still] * 12
    return film


def _mixed(one: Picture, other: Picture, share: float) -> Picture:
    return tuple(np.rint(a * (1 - share) + b * share).astype(np.uint8) for a, b in zip(one, other, strict=True))


def _false_alarms() -> int:
    """Return how often an hour of swelling, partly clipped 16 bit stereo is taken for compressed data."""
    dice, syncs, rows, alarms = np.random.default_rng(7), Syncs(), Rows(), 0
    size = BLOCK_S * RATE_HZ
    swell = np.abs(np.sin(np.arange(size) / RATE_HZ * 4)).astype(np.float32)
    for block in range(HOUR_S // BLOCK_S):
        sound = np.clip(dice.standard_normal((2, size), np.float32) * swell, -1, 1 - 2**-15)
        quantised = np.round(sound * 2**15) / np.float32(2**15)
        found = syncs.find(block * size, quantised)
        rows.add(Burst(at=Fraction(at, RATE_HZ), channels=tuple(range(first, first + count))) for at, first, count in found)
        alarms += len(rows.carried(Fraction(max(0, block - 1) * BLOCK_S), Fraction(block * BLOCK_S)))
    return alarms
