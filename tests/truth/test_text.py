"""TEXT_DETECTION on lines rendered in five free fonts (media 4.3)."""

from itertools import pairwise

import pytest

from media.scenes import FONTS, backdrop, write
from truth.films import FPS, write_film
from truth.scoring import Analysis, seconds

LINES = ("Breaking news at nine", "Weather: 24 degrees", "GOAL! Hamburg 3:1", "Next, the long river", "Live from Lisbon")
WIDE, HIGH = 640, 360
SECONDS = 4
START, END = 1, 3
"""When all lines but the first one stand; that one always does."""


def _distance(told: str, truth: str) -> int:
    row = list(range(len(truth) + 1))
    for place, sign in enumerate(told, 1):
        before, row = row, [place]
        for at, wanted in enumerate(truth):
            row.append(min(before[at] + (sign != wanted), before[at + 1] + 1, row[at] + 1))
    return row[-1]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.mkv"

    def pictures():
        few = write(backdrop(WIDE, HIGH), LINES[0], font=FONTS[0], size_px=24, x=30, y=20)
        many = few
        for number in range(1, 5):
            many = write(many, LINES[number], font=FONTS[number], size_px=24 + 2 * number, x=30 + 15 * number, y=20 + 65 * number)
        for number in range(SECONDS * FPS):
            yield many if START <= number / FPS < END else few

    write_film(path, pictures())
    return Analysis(path, ["TEXT_DETECTION"]).items["TEXT_DETECTION"]


def test_lines_are_read_sign_by_sign(items) -> None:
    """media 4.3: character accuracy at least 0.97 for lines of 24 pixels and more in five fonts."""
    errors = sum(min(_distance(item["text"], line) for item in items) for line in LINES)
    assert errors / sum(map(len, LINES)) <= 0.03
    assert len(items) == len(LINES)


def test_a_line_stands_from_when_to_when(items) -> None:
    """media 4.3: times within 1 s."""
    for item in items:
        (stretch,) = item["segments"]
        start, end = (seconds(stretch["segment"][key]) for key in ("startTimeOffset", "endTimeOffset"))
        wanted = (0, SECONDS) if _distance(item["text"], LINES[0]) <= 1 else (START, END)
        assert abs(start - wanted[0]) <= 1
        assert abs(end - wanted[1]) <= 1
        assert 0.5 <= stretch["confidence"] <= 1


def test_a_line_lies_where_it_was_written(items) -> None:
    for item in items:
        frames = item["segments"][0]["frames"]
        number = min(range(5), key=lambda place: _distance(item["text"], LINES[place]))
        corners = frames[0]["rotatedBoundingBox"]["vertices"]
        middle = sum(corner["y"] for corner in corners) / 4 * HIGH
        assert abs(middle - (20 + 65 * number + 15)) < 12
        assert all(seconds(one["timeOffset"]) < seconds(other["timeOffset"]) for one, other in pairwise(frames))
