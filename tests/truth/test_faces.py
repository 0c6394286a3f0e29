"""FACE_DETECTION on a real portrait and drawn heads moved over scenes (media 4.2)."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from media.scenes import backdrop, place_head, place_hopper
from triptych.media.tracks import Box
from truth.films import FPS, write_film
from truth.scoring import Analysis, seconds, tiles

WIDE, HIGH = 640, 360
SECONDS = 8
SAMPLES = [Fraction(number, 5) for number in range(SECONDS * 5)]


def _places(picture, number):
    """Draw what is seen at frame `number` and return the boxes: a portrait all the time, a head from 2 s to 6 s, another from 4 s."""
    at = number / FPS
    boxes = [place_hopper(picture, 60, 120 + 8 * at, 180 + 20 * np.sin(at))]
    if 2 <= at < 6:
        boxes.append(place_head(picture, 1, 34, 330 - 10 * (at - 2), 120))
    if at >= 4:
        boxes.append(place_head(picture, 5, 30, 540, 240 - 12 * (at - 4)))
    return boxes


def _fraction(box) -> Box:
    left, top, right, bottom = box
    return Box(left=left / WIDE, top=top / HIGH, right=right / WIDE, bottom=bottom / HIGH, score=1.0)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    path = tmp_path_factory.mktemp("faces") / "a.mkv"
    truth = {}

    def pictures():
        for number in range(SECONDS * FPS):
            picture = backdrop(WIDE, HIGH)
            truth[Fraction(number, FPS)] = [_fraction(box) for box in _places(picture, number)]
            yield picture

    write_film(path, pictures())
    found = Analysis(path, ["FACE_DETECTION"])
    return found, truth


def _boxes(item):
    for frame in item["frames"]:
        sides = frame["normalizedBoundingBox"]
        yield seconds(frame["timeOffset"]), Box(**sides, score=1.0)


def test_faces_are_found_where_they_are(analysis) -> None:
    """media 4.2: recall and precision at least 0.95 at an overlap of 0.5."""
    found, truth = analysis
    boxes = [pair for item in found.items["FACE_DETECTION"] for pair in _boxes(item)]
    hits = sum(any(box.overlap(real) >= 0.5 for real in truth[at]) for at, box in boxes)
    there = [(at, real) for at in SAMPLES for real in truth[at]]
    seen = sum(any(when == at and box.overlap(real) >= 0.5 for when, box in boxes) for at, real in there)
    assert hits / len(boxes) >= 0.95
    assert seen / len(there) >= 0.95


def test_an_unobstructed_face_is_one_track(analysis) -> None:
    """media 4.2."""
    items = analysis[0].items["FACE_DETECTION"]
    assert len(items) == 3
    assert [(item["segment"]["startTimeOffset"], item["segment"]["endTimeOffset"]) for item in items] == [
        ("0.000000s", "8.000000s"),
        ("2.000000s", "6.000000s"),
        ("4.000000s", "8.000000s"),
    ]
    assert all(0.5 <= item["confidence"] <= 1 for item in items)


def test_the_count_is_right_outside_its_changes(analysis) -> None:
    """media 4.2: within 0.4 s of each change; contiguous."""
    spans = analysis[0].extras("FACE_DETECTION")["faceCountAnnotations"]
    assert tiles(spans, "0.000000s", "8.000000s")
    assert [span["faceCount"] for span in spans] == [1, 2, 3, 2]
    for (before, after), change in zip(pairwise(spans), (2, 4, 6), strict=True):
        assert before["endTimeOffset"] == after["startTimeOffset"]
        assert abs(seconds(after["startTimeOffset"]) - change) <= Fraction(2, 5)


def test_a_track_ends_where_a_shot_does(tmp_path) -> None:
    """media 4.2: ended at shot boundaries, even where the next face is in the same place."""

    def pictures():
        for number in range(2 * FPS):
            picture = backdrop(WIDE, HIGH, 3 if number < FPS else 11)
            place_head(picture, number // FPS, 40, 320, 180)
            yield picture

    write_film(tmp_path / "a.mkv", pictures())
    items = Analysis(tmp_path / "a.mkv", ["FACE_DETECTION"], {"FACE_DETECTION": {"includeBoundingBoxes": False}}).items["FACE_DETECTION"]
    assert [item["segment"]["startTimeOffset"] for item in items] == ["0.000000s", "1.000000s"]
    assert set(items[0]["frames"][0]) == {"timeOffset"}
