"""FACE_DETECTION from boxes on; tests/truth measures the whole."""

from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.faces import Faces
from triptych.media.measured import Finished, Seen
from triptych.media.options import FaceAlarm, FaceOptions

FACE = [0.4, 0.4, 0.5, 0.5, 0.9]
OTHER = [0.7, 0.4, 0.8, 0.5, 0.8]


class _Alarm:
    def __init__(self) -> None:
        self.told: list[tuple] = []

    def judge(self, start, end, value) -> None:
        self.told.append((start, end, value))


def _run(looks, *, rest=None, **alarm):
    """Show one look a picture, a fifth of a second each."""
    feature = Faces(FaceOptions(alarmSettings=FaceAlarm(**alarm)))
    feature.alarm = _Alarm()
    thumb = np.full((3, 27, 48), 100, np.uint8)
    for number, look in enumerate(looks):
        at = Fraction(number, 5)
        feature.frame(Seen(start=at, end=at + Fraction(1, 5), thumb=thumb, change=0.0, silent=True), look)
        if number + 1 == rest:
            feature.rest(at + Fraction(1, 5))
    feature.rest(Fraction(len(looks), 5))
    feature.conclude(Finished(frames=len(looks), samples=0, duration=(len(looks), 5), errors=(), truncated=False))
    return feature


@pytest.mark.parametrize(("faces", "most", "expected"), [(0, 1, 0), (1, 1, 0), (2, 1, 1), (3, 2, 0.5), (4, 2, 1), (1, 0, 1)])
def test_severity_is_how_many_too_many(faces, most, expected) -> None:
    """media 3.4: min(1, (faces - maxFaceCount) / max(1, maxFaceCount)), never below 0."""
    boxes = [[0.2 * number, 0.4, 0.2 * number + 0.1, 0.5, 0.9] for number in range(faces)]
    told = _run([boxes] * 3, maxFaceCount=most).alarm.told
    assert told == [(Fraction(number, 5), Fraction(number + 1, 5), expected) for number in range(3)]


def test_pictures_between_samples_hold_what_was_seen_last() -> None:
    feature = _run([[FACE], None, None, [FACE, OTHER], None])
    spans = feature.extras()["faceCountAnnotations"]
    assert [(span["faceCount"], span["startTimeOffset"], span["endTimeOffset"]) for span in spans] == [
        (1, "0.000000s", "0.600000s"),
        (2, "0.600000s", "1.000000s"),
    ]


def test_a_gap_between_segments_ends_tracks_and_counts() -> None:
    feature = _run([[FACE]] * 6, rest=3)
    assert [item["segment"] for item in feature.items()] == [
        {"startTimeOffset": "0.000000s", "endTimeOffset": "0.600000s"},
        {"startTimeOffset": "0.600000s", "endTimeOffset": "1.200000s"},
    ]
    assert len(feature.extras()["faceCountAnnotations"]) == 2


def test_nothing_seen_is_an_empty_array_and_a_count_of_none() -> None:
    feature = _run([[]] * 3)
    assert feature.items() == []
    assert [span["faceCount"] for span in feature.extras()["faceCountAnnotations"]] == [0]
