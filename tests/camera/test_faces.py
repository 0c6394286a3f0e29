"""The detectors, on the pictures that the generated world really shows."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from triptych.camera import faces
from triptych.camera.control import Lens
from triptych.camera.faces import Cadence, Detector, Gaze, SimFaces, open_detector
from triptych.camera.track import Box, Face, Track
from triptych.contracts import Frame, Pose
from triptych.errors import Unavailable
from triptych.media import backdrop, world
from triptych.media.senses.faces import FULL_RANGE, SHORT_RANGE
from triptych.media.sources import SceneOptions, SimOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import SimSource, VirtualClock

WIDE, HIGH = 1280, 720


@pytest.fixture(scope="module", params=["litert", "dnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "litert":
        pytest.importorskip("ai_edge_litert")
    return open_detector(fast=request.param == "litert")


def shown(image: NDArray[np.uint8]) -> Frame:
    return Frame(number=0, captured=timedelta(0), image=image)


def views(figure: world.Figure, count: int, seed: int) -> Iterator[tuple[NDArray[np.uint8], float, float]]:
    """Give views of one figure anywhere in the picture, wholly visible, with the true centre of its head in view pixels."""
    random = np.random.default_rng(seed)
    clock = VirtualClock()
    source = SceneSource(SceneOptions(figures=0), clock, cast=[figure], wait=clock.wait)
    while count:
        moment, part = random.uniform(0, 18), random.uniform(0, 1)
        canvas, head = source.draw(moment), source.truth(moment)[0]
        if head.shown < 1.0:
            continue
        x, y = world.to_px(head.pan_deg, head.tilt_deg)
        margin = figure.radius_px
        left = int(np.clip(x - margin - part * (WIDE - 2 * margin), 0, world.WIDTH_PX - WIDE))
        top = int(np.clip(random.uniform(8, 352), 0, max(0, y - 1.05 * margin)))
        count -= 1
        yield canvas[top : top + HIGH, left : left + WIDE], x - left, y - top


def hits(face: Face, x: float, y: float, radius: int) -> bool:
    centre = face.box.centre
    return abs(centre[0] * WIDE - x) < 0.5 * radius and abs(centre[1] * HIGH - y) < 0.7 * radius


@pytest.mark.parametrize("radius", [40, 60, 110, 180])
def test_a_wholly_visible_head_is_found_in_95_of_100_frames(detector: Detector, radius: int) -> None:
    """Camera 1: heads of 40 to 180 px radius, every look, anywhere in the picture."""
    found = total = 0
    for look in range(8):
        figure = world.Figure(look=look, radius_px=radius, path=lambda moment: -85 + 9 * moment)
        for image, x, y in views(figure, 8, seed=look):
            found += any(hits(face, x, y, radius) for face in detector.find(shown(image)))
            total += 1
    assert found / total >= 0.95


@pytest.mark.parametrize("radius", [40, 110, 180])
def test_near_the_target_one_strip_finds_it_as_well(detector: Detector, radius: int) -> None:
    """Camera 1, 9: heads of 40 to 180 px radius, looked for round where they were 5 degrees ago."""
    found = total = 0
    for look in range(8):
        figure = world.Figure(look=look, radius_px=radius, path=lambda moment: -85 + 9 * moment)
        for image, x, y in views(figure, 4, seed=100 + look):
            was = (x + 100) / WIDE
            near = detector.find_near(shown(image), Box(left=was - 0.05, top=0.4, right=was + 0.05, bottom=0.6))
            found += any(hits(face, x, y, radius) for face in near)
            total += 1
    assert found / total >= 0.95


def test_the_gaze_rests_on_the_target_every_second_look_and_never_misses_it() -> None:
    """Camera 9: detection runs on every frame; a face aside of the target is seen on every second one."""
    clock = VirtualClock()
    cast = [world.Figure(look=0, radius_px=90, path=lambda _: 0.0), world.Figure(look=2, radius_px=90, path=lambda _: 27.0)]
    canvas = SceneSource(SceneOptions(figures=0), clock, cast=cast, wait=clock.wait).draw(0.0)
    frame, detector, gaze = shown(canvas[180 : 180 + HIGH, WIDE : 2 * WIDE]), open_detector(), Gaze()
    looks: list[int] = []
    network = detector._sense._network
    detector._sense._network = lambda picture: looks.append(1) or network(picture)
    target = None
    counts, costs = [], []
    for number in range(8):
        looks.clear()
        faces = gaze.find(detector, frame, target, every=3 if number > 5 else 1)
        central = [face for face in faces if abs(face.box.centre[0] - 0.5) < 0.05]
        assert len(central) == 1
        box = central[0].box
        seen = {"seen": number != 4, "confirmed": True, "began": timedelta(0), "last_seen": timedelta(0)}
        target = Track(number=1, box=box, pan_deg=0.0, tilt_deg=0.0, score=0.9, **seen)
        counts.append(len(faces))
        costs.append(len(looks))
    assert counts == [2, 1, 2, 1, 2, 2, 2, 2]
    assert costs == [2, 1, 2, 1, 2, 2, 2, 2]


def test_the_empty_room_shows_no_face(detector: Detector) -> None:
    room = backdrop.paint()
    for left in range(0, world.WIDTH_PX - WIDE + 1, 128):
        assert not detector.find(shown(room[180 : 180 + HIGH, left : left + WIDE]))


def test_a_head_in_the_middle_is_found_once(detector: Detector) -> None:
    figure = world.Figure(look=0, radius_px=150, path=lambda moment: 0.1 * moment)
    clock = VirtualClock()
    canvas = SceneSource(SceneOptions(figures=0), clock, cast=[figure], wait=clock.wait).draw(3.0)
    found = detector.find(shown(canvas[100 : 100 + HIGH, WIDE : 2 * WIDE]))
    assert len(found) == 1
    assert 0.5 < found[0].score <= 1.0


def test_both_runtimes_find_the_same_boxes() -> None:
    pytest.importorskip("ai_edge_litert")
    clock = VirtualClock()
    canvas = SceneSource(SceneOptions(figures=6), clock, wait=clock.wait).draw(12.0)
    image = canvas[180 : 180 + HIGH, WIDE : 2 * WIDE]
    by_litert, by_dnn = (open_detector(fast=fast).find(shown(image)) for fast in (True, False))
    assert len(by_litert) >= 2
    for one, other in zip(by_litert, by_dnn, strict=True):
        assert one.box.overlap(other.box) > 0.99


def test_the_short_range_model_finds_a_near_head() -> None:
    figure = world.Figure(look=2, radius_px=150, path=lambda _: 10.0)
    clock = VirtualClock()
    canvas = SceneSource(SceneOptions(figures=0), clock, cast=[figure], wait=clock.wait).draw(0.0)
    found = open_detector(SHORT_RANGE).find(shown(canvas[100 : 100 + HIGH, WIDE : 2 * WIDE]))
    assert len(found) == 1


def test_any_size_of_picture_is_taken(detector: Detector) -> None:
    for size in ((1, 1), (48, 640), (640, 48), (480, 640), (1080, 3840)):
        assert not detector.find(shown(np.full((*size, 3), 127, np.uint8)))


def test_damaged_weights_are_refused_and_the_name_says_so(tmp_path: Path) -> None:
    shutil.copytree(faces.MODELS_DIR, tmp_path / "models")
    file = tmp_path / "models" / FULL_RANGE.file
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    fallback = open_detector(models_dir=tmp_path / "models")
    assert fallback.name.startswith("haar")
    assert not fallback.find(shown(np.full((HIGH, WIDE, 3), 127, np.uint8)))


def test_missing_weights_leave_the_cascade(tmp_path: Path) -> None:
    assert open_detector(models_dir=tmp_path).name.startswith("haar")


def test_the_shipped_weights_are_the_published_ones() -> None:
    assert faces.trusted(FULL_RANGE) is not None
    assert faces.trusted(SHORT_RANGE) is not None
    assert "Apache License" in (faces.MODELS_DIR / "LICENSE").read_text()


def test_opencv_5_is_refused_with_the_pin() -> None:
    """Camera 13, row 52."""
    with pytest.raises(Unavailable, match=r"opencv-python-headless>=4\.10,<5"):
        faces.check_opencv("5.0.0")
    with pytest.raises(Unavailable):
        faces.check_opencv("4.9.0-dev")
    faces.check_opencv(cv2.__version__)


def test_the_sim_detector_tells_the_truth_of_the_view() -> None:
    clock = VirtualClock()
    figure = world.Figure(look=0, radius_px=64, path=lambda _: 20.0)
    source = SimSource(SimOptions(noise_deg=0.0, misses=0.0), clock, cast=[figure], wait=clock.wait)
    lens = Lens(view_deg=(60.0, 100 / 3), linear=True)
    sim = SimFaces(source, lambda at: Pose(at=at, pan_deg=5.0, tilt_deg=0.0), lens)
    (face,) = sim.find(source.read())
    assert lens.angles(*face.box.centre)[0] == pytest.approx(15.0)
    away = SimFaces(source, lambda at: Pose(at=at, pan_deg=-60.0, tilt_deg=0.0), lens)
    assert not away.find(source.read())


def feed(cadence: Cadence, start: int, seconds: float, work_s: float, detect_s: float) -> int:
    for number in range(start, start + round(30 * seconds)):
        at = timedelta(seconds=number / 30)
        cadence.note(at, work_s, detect_s if cadence.due(number) else 0.0)
    return start + round(30 * seconds)


def test_detection_runs_on_every_frame_within_the_budget() -> None:
    cadence = Cadence(budget=0.35)
    feed(cadence, 0, 10, work_s=0.005, detect_s=0.006)
    assert cadence.every == 1


def test_detection_thins_over_the_budget_to_every_third_and_never_less() -> None:
    cadence = Cadence(budget=0.35)
    number = feed(cadence, 0, 2.5, work_s=0.004, detect_s=0.014)
    assert cadence.every == 2
    feed(cadence, number, 20, work_s=0.011, detect_s=0.030)
    assert cadence.every == 3


def test_detection_returns_after_five_seconds_with_room() -> None:
    cadence = Cadence(budget=0.35)
    number = feed(cadence, 0, 2.5, work_s=0.004, detect_s=0.014)
    number = feed(cadence, number, 6.0, work_s=0.004, detect_s=0.005)
    assert cadence.every == 2
    feed(cadence, number, 3.0, work_s=0.004, detect_s=0.005)
    assert cadence.every == 1


def test_detection_does_not_return_while_it_would_go_over_again() -> None:
    cadence = Cadence(budget=0.35)
    feed(cadence, 0, 60, work_s=0.004, detect_s=0.014)
    assert cadence.every == 2
