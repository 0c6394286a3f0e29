"""The validation table of media 2.5, row by row."""

import pytest

from triptych.panels.submissions import Refused, offset, understand

GOOD = {"inputUri": "a.mp4", "features": ["AUDIO_FORMAT"]}


def _refused(**changes) -> Refused:
    with pytest.raises(Refused) as caught:
        understand({**GOOD, **changes}, 4)
    return caught.value


def _context(**context) -> dict:
    return {**GOOD, "videoContext": context}


def test_the_least_that_can_be_asked_has_the_documented_defaults() -> None:
    asked = understand(GOOD, 4)
    assert (asked.origin, asked.priority, asked.spec.ttl_days, asked.warnings) == ("api", 20, 30, ())
    assert (asked.spec.features, asked.spec.segments, asked.spec.deadline_s) == (("AUDIO_FORMAT",), (), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": None}, "give either features or workflow"),
        ({"workflow": "w"}, "features and workflow exclude each other"),
        ({"features": []}, "features must be a non-empty array of feature names"),
        ({"features": "AUDIO_FORMAT"}, "features must be a non-empty array of feature names"),
        ({"features": [1]}, "features must be a non-empty array of feature names"),
        ({"features": ["X"]}, "unknown feature 'X'"),
        ({"features": ["CONFORMANCE"]}, "feature CONFORMANCE is not available yet"),
        ({"features": ["FACE_DETECTION"]}, "feature FACE_DETECTION needs model 'face', which is not installed on this server"),
        ({"features": None, "workflow": "w"}, "unknown workflow 'w'"),
        ({"template": "t"}, "unknown template 't'"),
        ({"videoContext": []}, "videoContext must be an object"),
        ({"TTL": 0}, "TTL must be a whole number of days between 1 and 3650"),
        ({"TTL": True}, "TTL must be a whole number of days between 1 and 3650"),
        ({"TTL": 1.5}, "TTL must be a whole number of days between 1 and 3650"),
        ({"origin": "x" * 65}, "origin must be a string of at most 64 characters"),
        ({"deadlineSeconds": 0}, "deadlineSeconds must be a whole number of seconds, 1 or more"),
        ({"pri": 140}, "priority must be between 0 and 139"),
        ({"videoContext": {"priority": -1}}, "priority must be between 0 and 139"),
        ({"target": 5}, "target must be a core number between 1 and 4"),
        ({"target": 0}, "target must be a core number between 1 and 4"),
        ({"target": True}, "target must be a core number between 1 and 4"),
        ({"target": "1"}, "target must be a core number between 1 and 4"),
        ({"videoContext": {"segments": {}}}, "segments must be an array of at most 1000 objects with startTimeOffset and endTimeOffset"),
        (
            {"videoContext": {"segments": [{"startTimeOffset": "2s", "endTimeOffset": 2}]}},
            "segments[0]: startTimeOffset must be before endTimeOffset",
        ),
        (
            {"videoContext": {"segments": [{"startTimeOffset": "-1s"}]}},
            'segments[0].startTimeOffset must be a time of 0 or more, as "1.5s" or 1.5',
        ),
        ({"inputUri": None}, "inputUri must be a path or URI"),
        ({"inputUri": 7}, "inputUri must be a path or URI"),
        ({"inputUri": "gs://bucket/x"}, "inputUri scheme 'gs' is not allowed here"),
    ],
)
def test_a_fault_is_told_in_the_words_of_the_table(changes, message) -> None:
    assert _refused(**changes).message == message


@pytest.mark.parametrize(
    ("feature", "config", "message"),
    [
        ("IN_BLACK", {"inBlackConfig": {"delay": -1}}, "delay must be a number of seconds, 0 or more"),
        ("IN_BLACK", {"inBlackConfig": {"delay": True}}, "delay must be a number of seconds, 0 or more"),
        ("IN_BLACK", {"inBlackConfig": {"coverage": "all"}}, "coverage must be a number between 0 and 1"),
        ("IN_BLACK", {"inBlackConfig": {"black_value": 300}}, "black_value must be a number between 0 and 255"),
        ("IN_BLACK", {"inBlackConfig": []}, "videoContext.inBlackConfig must be an object"),
        (
            "AUDIO_FORMAT",
            {"audioFormatConfig": {"compressed_channels": [0]}},
            "compressed_channels must be an array of channel numbers between 1 and 16",
        ),
        ("AUDIO_FORMAT", {"audioFormatConfig": {"enabled": 1}}, "enabled must be true or false"),
        (
            "SHOT_CHANGE_DETECTION",
            {"shotDetectionConfig": {"model": "builtin/latest"}},
            "feature SHOT_CHANGE_DETECTION needs model 'shot', which is not installed on this server",
        ),
        ("SHOT_CHANGE_DETECTION", {"shotChangeConfig": {"model": "x"}}, "model must be builtin/stable or builtin/latest"),
    ],
)
def test_options_are_checked_by_their_declaration(feature, config, message) -> None:
    assert _refused(features=[feature], videoContext=config).message == message


def test_all_faults_are_in_the_details_and_the_first_is_the_message() -> None:
    """G8."""
    refused = _refused(features=["X", "AUDIO_FORMAT"], TTL=0, inputUri="")
    assert refused.message == "unknown feature 'X'"
    assert [fault.field for fault in refused.faults] == ["features[0]", "TTL", "inputUri"]


def test_a_body_must_be_an_object() -> None:
    with pytest.raises(Refused, match="body must be a JSON object"):
        understand([], 4)


def test_duplicates_collapse_in_the_order_of_first_mention() -> None:
    asked = understand({**GOOD, "features": ["SHOT_CHANGE_DETECTION", "IN_BLACK", "SHOT_CHANGE_DETECTION"]}, 4)
    assert asked.spec.features == ("SHOT_CHANGE_DETECTION", "IN_BLACK")


def test_an_explicit_enabled_false_switches_a_listed_feature_off() -> None:
    asked = understand({**GOOD, "features": ["AUDIO_FORMAT", "IN_BLACK"], "videoContext": {"inBlackConfig": {"enabled": False}}}, 4)
    assert asked.spec.features == ("AUDIO_FORMAT",)
    refused = _refused(videoContext={"audioFormatConfig": {"enabled": False}})
    assert refused.message == "every feature is switched off by enabled:false"


def test_unknown_keys_are_ignored_and_named() -> None:
    asked = understand(
        {**GOOD, "colour": 1, "videoContext": {"zoom": 2, "faceDetectionConfig": {"a": 1}, "audioFormatConfig": {"alarmSettings": {}}}}, 4
    )
    assert asked.warnings == (
        "videoContext.audioFormatConfig.alarmSettings is not known and was ignored",
        "colour is not known and was ignored",
        "videoContext.zoom is not known and was ignored",
    )
    assert asked.spec.config == {"audioFormatConfig": {}}


def test_there_are_as_many_targets_as_cores() -> None:
    assert understand({**GOOD, "target": 5}, 5).warnings
    with pytest.raises(Refused, match="target must be a core number between 1 and 2"):
        understand({**GOOD, "target": 3}, 2)


def test_a_target_is_taken_with_a_word_that_it_changes_nothing_yet() -> None:
    assert understand({**GOOD, "target": 1}, 4).warnings == ("target is not available yet; any free core takes the job",)


@pytest.mark.parametrize(
    ("place", "expected"), [({"videoContext": {"pri": 3}}, 3), ({"pri": 4}, 4), ({"videoContext": {"priority": 5}, "pri": 4}, 5)]
)
def test_priority_has_two_names_and_two_places(place, expected) -> None:
    assert understand({**GOOD, **place}, 4).priority == expected


def test_segments_become_whole_microseconds() -> None:
    asked = understand(_context(segments=[{"startTimeOffset": "1.5s", "endTimeOffset": 2}, {"startTimeOffset": 3}]), 4)
    assert asked.spec.segments == ((1_500_000, 2_000_000), (3_000_000, 10**15))


@pytest.mark.parametrize("value", ["1.5s", "1.5", 1.5, "1.500000000s"])
def test_an_offset_may_be_written_in_several_ways(value) -> None:
    """G4."""
    assert offset(value) == 1.5


@pytest.mark.parametrize("value", ["-1s", -1, True, "1m", "1.0000000000s", "", None, [], "s", float("inf")])
def test_what_is_no_offset_is_none(value) -> None:
    assert offset(value) is None
