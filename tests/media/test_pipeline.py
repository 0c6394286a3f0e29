import itertools
import os
from fractions import Fraction

import numpy as np
import pytest

from triptych.media import decode
from triptych.media.features import FEATURES, Need
from triptych.media.features.black import InBlack
from triptych.media.measured import Broken, Dropped, Finished, Indexed, Measured, Times
from triptych.media.options import InBlackOptions
from triptych.media.pipeline import Plan, measure_all
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip
from triptych.media.spans import Segments


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    pictures = [(Fraction(number, 25), scene(1, (64, 48), number)) for number in range(75)]
    write_clip(path, pictures, [np.tile(tone(440, 3 * RATE_HZ), (2, 1))], Coding())
    return path


class Blind(InBlack):
    def look(self, picture):
        raise ZeroDivisionError


def _messages(path, needs: dict[str, Need], feature=InBlack, segments=()):
    features = {name: feature(InBlackOptions()) for name in needs}
    found = []
    descriptor = os.open(path, os.O_RDONLY)
    measure_all(descriptor, Plan(features=features, needs=needs, segments=Segments(segments)), found.append)
    os.close(descriptor)
    return found


def _all(messages, part):
    return [one for message in messages if isinstance(message, Measured) for one in getattr(message, part)]


def test_index_comes_first_and_finished_last(clip) -> None:
    found = _messages(clip, {"IN_BLACK": FEATURES["IN_BLACK"].needs})
    assert isinstance(found[0], Times)
    assert isinstance(found[1], Indexed)
    assert found[-1] == Finished(frames=75, samples=found[-1].samples, duration=(3, 1), errors=(), truncated=False)


def test_frames_and_cells_tile_the_file(clip) -> None:
    found = _messages(clip, {"IN_BLACK": Need.LOOK | Need.SOUND})
    for part in (_all(found, "frames"), _all(found, "cells")):
        edges = [(Fraction(*one.start), Fraction(*one.end)) for one in part]
        assert edges[0][0] == 0
        assert edges[-1][1] == 3
        assert all(one[1] == other[0] for one, other in itertools.pairwise(edges))


def test_nothing_is_measured_that_nobody_asked_for(clip) -> None:
    sound = _messages(clip, {"AUDIO_FORMAT": Need.SOUND})
    assert _all(sound, "frames") == []
    assert len(_all(sound, "cells")) == 75
    looks = _messages(clip, {"IN_BLACK": Need.LOOK})
    assert _all(looks, "cells") == []
    assert {(frame.thumb, frame.change) for frame in _all(looks, "frames")} == {(b"", None)}
    shots = _messages(clip, {"SHOT_CHANGE_DETECTION": Need.THUMB | Need.CHANGE})
    assert {(len(frame.thumb), *frame.looks) for frame in _all(shots, "frames")} == {(3888,)}


def test_a_change_belongs_to_the_picture_before_it(clip) -> None:
    """P1."""
    frames = _all(_messages(clip, {"SHOT_CHANGE_DETECTION": Need.CHANGE}), "frames")
    assert all(frame.change is not None for frame in frames[:-1])
    assert frames[-1].change is None


def test_a_feature_that_raises_stops_alone(clip) -> None:
    """P8."""
    found = _messages(clip, {"IN_BLACK": Need.LOOK | Need.THUMB}, Blind)
    assert [message.feature for message in found if isinstance(message, Dropped)] == ["IN_BLACK"]
    assert len(_all(found, "frames")) == 75
    assert isinstance(found[-1], Finished)


def test_only_the_segments_are_measured_and_reading_stops_after_the_last(clip) -> None:
    found = _messages(clip, {"IN_BLACK": Need.LOOK}, segments=[(400_000, 600_000)])
    frames = _all(found, "frames")
    assert [Fraction(*frame.start) for frame in frames] == [Fraction(number, 25) for number in range(10, 16)]
    assert Fraction(*frames[-1].end) == Fraction(16, 25)


def test_an_unreadable_file_is_one_message(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"nothing")
    assert _messages(tmp_path / "a", {"IN_BLACK": Need.LOOK}) == [Broken(code="bad_media", message=decode.NOT_MEDIA)]


def test_the_same_input_gives_the_same_messages(clip) -> None:
    needs = {name: FEATURES[name].needs for name in ("IN_BLACK", "SHOT_CHANGE_DETECTION")}
    assert _messages(clip, needs) == _messages(clip, needs)
