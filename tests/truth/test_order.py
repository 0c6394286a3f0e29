"""What every array of annotations has in common, over a clip in which each feature finds something."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from triptych.media.features import FEATURES
from triptych.media.sample import write_sample
from truth.scoring import Analysis, seconds

NAMES = tuple(name for name, entry in FEATURES.items() if entry.run is not None and entry.model is None)
OVERLAPPING = {"AUDIO_PHASE", "LOUDNESS", "PSE", "CONFORMANCE", "VIDEO_INDEX", "CAPTION_LANGUAGE"}
"""Features whose items are of several things at once: pairs, programmes, kinds, checks, matches, services."""


@pytest.fixture(scope="module")
def analysis(tmp_path_factory) -> Analysis:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_sample(path)
    options = {"IN_BLACK": {"delay": 0}, "FREEZE": {"duration": 0.2}, "SILENCE": {"duration": 0.2}}
    return Analysis(path, NAMES, {name: chosen for name, chosen in options.items() if name in NAMES})


def _spans(items) -> Iterator[tuple[Fraction, Fraction]]:
    for item in items:
        yield seconds(item["startTimeOffset"]), seconds(item["endTimeOffset"])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OVERLAPPING])
def test_spans_are_in_order_and_do_not_overlap(analysis, name) -> None:
    """media K3."""
    spans = list(_spans(analysis.items[name]))
    assert all(start < end for start, end in spans)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_no_feature_failed_and_the_usual_ones_found_something(analysis) -> None:
    assert analysis.failed == {}
    assert all(analysis.items[name] for name in ("IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION"))
