from pathlib import Path

import pytest

from triptych.media.features import FeatureEntry
from triptych.panels.contexts import Context, Lack, absence, offset
from triptych.panels.faults import Faults

NO_MODELS = Path("/nonexistent/models")


@pytest.mark.parametrize("value", ["1.5s", "1.5", 1.5, "1.500000000s"])
def test_an_offset_may_be_written_in_several_ways(value) -> None:
    """media G4."""
    assert offset(value) == 1.5


@pytest.mark.parametrize("value", ["-1s", -1, True, "1m", "1.0000000000s", "", None, [], "s", float("inf")])
def test_what_is_no_offset_is_none(value) -> None:
    """media G4: a negative offset is 400."""
    assert offset(value) is None


@pytest.mark.parametrize(
    ("context", "features"),
    [
        ({"inBlackConfig": {"enabled": True}}, ("IN_BLACK",)),
        ({"inBlackConfig": {"delay": 1}}, ("IN_BLACK",)),
        ({"inBlackConfig": {"delay": 1, "enabled": False}}, ()),
        ({"inBlackConfig": {}}, ()),
        ({"inBlackConfig": None, "priority": 3, "segments": [1]}, ()),
        ({"shotChangeConfig": {"enabled": True}, "audioFormatConfig": {"enabled": True}}, ("SHOT_CHANGE_DETECTION", "AUDIO_FORMAT")),
    ],
)
def test_a_feature_is_on_when_its_config_says_so_or_says_anything_else(context, features) -> None:
    """media W3."""
    assert Context(context, Faults()).enabled() == features


def test_a_feature_that_is_missing_says_why() -> None:
    """media K5."""
    entry = FeatureEntry(config_key="c", result_key="r")
    assert absence("X", entry, NO_MODELS) == Lack("feature X is not available yet")
    assert absence("X", FeatureEntry(config_key="c", result_key="r", run="m:C"), NO_MODELS) is None
    needing = FeatureEntry(config_key="c", result_key="r", run="m:C", model="object")
    lack = absence("X", needing, NO_MODELS)
    assert lack is not None
    assert lack.reason == "feature X needs model 'object', which is not installed on this server"
    assert lack.told == f"{lack.reason}; no model is known for it; docs/reference/models.md says how to fill it"
