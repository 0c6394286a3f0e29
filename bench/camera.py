"""How well the camera follows, beside the classic laws on the same courses, and what a frame costs: `python -m bench.camera`."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from statistics import median

import cv2

from bench.__main__ import main
from bench.figure import Baseline, Figure, at_least, at_most
from bench.laws import bang_bang, jump_and_wait, pid
from triptych.camera.control import CALM, NORMAL
from triptych.camera.faces import Cadence, Detector, open_detector
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.trial import COURSES, Following, Law, Outcome, following, run
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import FPS, SceneSource
from triptych.media.sources.sim import VirtualClock

Build = Callable[[CropHead], Law]
Numbers = Mapping[str, tuple[float, float]]
"""By course: rms in degrees, and the percentage of frames in which the target is central."""

CLASSIC: Mapping[str, tuple[Build, Numbers]] = {
    "bang-bang": (bang_bang, {"walk": (4.7, 70), "sine": (6.0, 51), "dash": (9.7, 74), "occlusion": (5.9, 60)}),
    "jump and wait": (jump_and_wait, {"walk": (4.9, 67), "sine": (8.2, 43), "dash": (8.3, 79), "occlusion": (6.9, 48)}),
    "P 4": (pid(4), {"walk": (3.3, 100), "sine": (5.2, 66), "dash": (4.8, 83), "occlusion": (4.8, 78)}),
    "PID 6/4/0.25": (pid(6, 4, 0.25), {"walk": (1.6, 100), "sine": (3.0, 100), "dash": (3.1, 92), "occlusion": (3.3, 91)}),
}
OURS: Mapping[str, tuple[Build, Numbers]] = {
    "Calm": (following(CALM), {"walk": (2.0, 100), "sine": (2.5, 100), "dash": (3.2, 90), "occlusion": (2.4, 95)}),
    "official_ai": (following(NORMAL), {"walk": (1.5, 100), "sine": (1.2, 100), "dash": (2.4, 95), "occlusion": (2.4, 93)}),
}
BUDGET = 40.0
FRAMES = 600


def figures() -> list[Figure]:
    """Return how each law did on each course, and the cost of a frame with each runtime that is installed."""
    detector = open_detector()
    classic = {(law, course): run(COURSES[course], build, detector=detector) for law, (build, _) in CLASSIC.items() for course in COURSES}
    return [*_classic(classic), *_ours(detector, classic), *_costs()]


def _classic(outcomes: Mapping[tuple[str, str], Outcome]) -> Iterator[Figure]:
    for (law, course), outcome in outcomes.items():
        rms, central = CLASSIC[law][1][course]
        off = abs(outcome.rms_deg / rms - 1)
        note = f"{100 * outcome.central:.0f} % central, spec {central} %; off by {100 * off:.0f} %"
        yield Figure(name=f"{law}, {course}", value=outcome.rms_deg, unit="deg rms", baseline=Baseline("spec", rms), note=note)
    worst = max(abs(outcome.rms_deg / CLASSIC[law][1][course][0] - 1) for (law, course), outcome in outcomes.items())
    yield Figure(name="classic laws off the spec", value=100 * worst, unit="%", target=at_most(25))


def _ours(detector: Detector, classic: Mapping[tuple[str, str], Outcome]) -> Iterator[Figure]:
    for law, (build, numbers) in OURS.items():
        for course, (rms, central) in numbers.items():
            outcome = run(COURSES[course], build, detector=detector)
            beside = Baseline("PID", classic["PID 6/4/0.25", course].rms_deg)
            yield Figure(name=f"{law}, {course}", value=outcome.rms_deg, unit="deg rms", target=at_most(rms), baseline=beside)
            yield Figure(name=f"{law}, {course}", value=100 * outcome.central, unit="% central", target=at_least(central))


def _costs() -> Iterator[Figure]:
    """Measure capture, detection, tracking and one JPEG at 720p30, as the frame loop does them, in CPU time of this thread."""
    for fast in [True, False] if find_spec("ai_edge_litert") else [False]:
        detector = open_detector(fast=fast)
        cost = _Loop(detector).run()
        note = ", ".join(f"{part} {share:.1f} %" for part, share in cost.items())
        yield Figure(name=f"a frame with {detector.name}", value=sum(cost.values()), unit="% of a core", target=at_most(BUDGET), note=note)


class _Loop:
    """The default camera at work on the virtual clock, its CPU time noted by part."""

    def __init__(self, detector: Detector) -> None:
        self._clock = VirtualClock()
        self._detector, self._cadence = detector, Cadence(fps=FPS)
        self._source = SceneSource(SceneOptions(), self._clock, wait=self._clock.wait)
        self._head = CropHead(CropOptions(), self._clock)
        self._law = Following(NORMAL, self._head)

    def run(self) -> Mapping[str, float]:
        """Return by part the share of a core, in percent, at 30 frames a second; the first half settles caches and cadence."""
        frames = [self._frame(number) for number in range(2 * FRAMES)][FRAMES:]
        shares = {part: 100 * FPS * median(frame[part] for frame in frames) for part in ("capture", "track", "jpeg")}
        searched = [frame["detect"] for frame in frames if frame["detect"] > 0]
        return {**shares, f"detect every {self._cadence.every}": 100 * FPS * median(searched) / self._cadence.every}

    def _frame(self, number: int) -> Mapping[str, float]:
        marks = [time.thread_time()]
        view = self._head.view(self._source.read())
        marks.append(time.thread_time())
        due = self._cadence.due(number)
        faces = self._detector.find(view) if due else None
        marks.append(time.thread_time())
        self._law(self._clock.monotonic(), view.captured, faces, self._head)
        marks.append(time.thread_time())
        cv2.imencode(".jpg", view.image, [cv2.IMWRITE_JPEG_QUALITY, 80])
        marks.append(time.thread_time())
        capture, detect, track, jpeg = (later - earlier for earlier, later in itertools.pairwise(marks))
        self._cadence.note(view.captured, capture + track + jpeg, detect if due else 0.0)
        return {"capture": capture, "detect": detect if due else 0.0, "track": track, "jpeg": jpeg}


if __name__ == "__main__":
    sys.argv[1:] = ["camera"]
    main()
