"""How well the camera follows, beside the classic laws on the same courses, and what a frame costs: `python -m bench.camera`."""

import sys
from collections.abc import Callable, Iterator, Mapping

from bench import cameracosts, camerasim
from bench.__main__ import main
from bench.figure import Baseline, Figure, at_least, at_most
from bench.laws import bang_bang, jump_and_wait, pid
from triptych.camera.control import CALM, NORMAL
from triptych.camera.faces import Detector, open_detector
from triptych.camera.heads.crop import CropHead
from triptych.camera.trial import COURSES, Law, Outcome, following, run

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


def figures() -> list[Figure]:
    """Return how each law did on each course, the limits on `sim`, what learning finds, and what a frame costs."""
    detector = open_detector()
    classic = {(law, course): run(COURSES[course], build, detector=detector) for law, (build, _) in CLASSIC.items() for course in COURSES}
    return [*_classic(classic), *_ours(detector, classic), *camerasim.figures(), *cameracosts.figures()]


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


if __name__ == "__main__":
    sys.argv[1:] = ["camera"]
    main()
