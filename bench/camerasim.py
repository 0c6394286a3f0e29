"""What the camera keeps on the `sim` source over ten seeds (camera 7.3), and what a calibration run finds (camera 4)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

from bench.figure import Baseline, Figure, at_least, at_most
from triptych.camera.control import CALM, NORMAL, Preset
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.learn import Learnt
from triptych.camera.pilots.learn import Learner
from triptych.camera.trial import COURSES, Course, following, line, run
from triptych.camera.wheel import Owner, Wheel
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

SEEDS = range(10)
STEP = Course(angle=lambda time_s: -8.0 if time_s < 2.0 else 7.0, seconds=4.0)
STOP = line(-25.0, 25.0, 25.0)
REST = Course(angle=lambda _: 5.0, seconds=14.0)
SETTLED = 60
"""The frame of the step, and the one from which a head that follows somebody at rest is to rest."""
STOPPED = 75
LIMITS: Mapping[str, tuple[Preset, float, float]] = {"Calm": (CALM, 15.0, 0.0), "official_ai": (NORMAL, 20.0, 6.0)}
"""By law: the preset, the most overshoot of a sudden stop in percent of the path, the most travel in degrees for a target at rest."""
ADDED_S = 0.1

Places = tuple[float, ...]


def figures() -> Iterator[Figure]:
    """Return the worst of ten seeds for each limit, and the figures of two calibration runs."""
    for law, (preset, stop, travel) in LIMITS.items():
        yield _worst(law, preset, STEP, "15-degree step settles", _settles_s, "s", 0.6)
        yield _worst(law, preset, STEP, "overshoot of the step", lambda places: 100 * (max(places) - 7.0) / 15.0, "%", 5.0)
        yield _worst(law, preset, STOP, "overshoot of a sudden stop", lambda places: 100 * max(places) / 25.0, "%", stop)
        yield _worst(law, preset, STOP, "turns to and fro after it", lambda places: _reversals(places[STOPPED + SETTLED :]), "", 2)
        yield _worst(law, preset, REST, "travel in 12 s at rest", lambda places: _travel(places[SETTLED:]), "deg", travel)
    yield from _learning()


def _worst(law: str, preset: Preset, course: Course, name: str, judge: Callable[[Places], float], unit: str, limit: float) -> Figure:  # noqa: PLR0917 - a row of the table
    worst = max(judge(run(course, following(preset), seed=seed).head_deg) for seed in SEEDS)
    return Figure(name=f"{law}, {name}", value=max(worst, 0.0), unit=unit, target=at_most(limit), note="worst of 10 seeds")


def _settles_s(places: Places) -> float:
    outside = [number for number in range(SETTLED, len(places)) if abs(places[number] - 7.0) > 1.5]
    return (outside[-1] + 1 - SETTLED) / FPS


def _travel(places: Places) -> float:
    return sum(abs(later - earlier) for earlier, later in pairwise(places))


def _reversals(places: Places) -> float:
    turns = [later - earlier for earlier, later in pairwise(places) if later != earlier]
    return sum(one * other < 0 for one, other in pairwise(turns))


def _learning() -> Iterator[Figure]:
    plain, slow = CropOptions(), CropOptions(lag_s=CropOptions().lag_s + ADDED_S)
    (first, took_s), (second, _) = learn(plain), learn(slow)
    yield Figure(name="learn takes", value=took_s, unit="s", target=at_most(30))
    yield Figure(
        name="learnt lag off 70 ms", value=abs(1000 * first.lag_s - 70), unit="ms", target=at_most(20), note=f"{first.lag_s:.3f} s"
    )
    rise = 1000 * (second.lag_s - first.lag_s)
    yield Figure(name="learnt rise off 100 ms", value=abs(rise - 100), unit="ms", target=at_most(15), note=f"{rise:.0f} ms")
    off = 100 * max(abs(part - 1) for learnt in (first, second) for part in learnt.factor)
    yield Figure(name="learnt view factor off", value=off, unit="%", target=at_most(2))
    before = run(COURSES["sine"], following(NORMAL), options=slow).rms_deg
    after = run(COURSES["sine"], following(NORMAL, lag=timedelta(seconds=second.lag_s)), options=slow).rms_deg
    beside = Baseline("rms of the sine unlearnt, deg", before)
    yield Figure(name="learnt, the sine rms falls", value=100 * (1 - after / before), unit="%", target=at_least(35), baseline=beside)


def learn(options: CropOptions) -> tuple[Learnt, float]:
    """Return what a calibration of the scene through a head of these `options` finds, and the virtual seconds that it takes."""
    clock = VirtualClock()
    source, head = SceneSource(SceneOptions(), clock, wait=clock.wait), CropHead(options, clock)
    learner, wheel = Learner(options.lens(source.size), head.limits), Wheel(head)
    while learner.learnt is None:
        if learner.fault is not None:
            raise RuntimeError(learner.fault)
        view = head.view(source.read())
        learner.watch(view, head.at(view.captured), ())
        wheel.steer(Owner.TRACK, learner.steer(clock.monotonic(), head.pose()))
    return learner.learnt, clock.monotonic().total_seconds()
