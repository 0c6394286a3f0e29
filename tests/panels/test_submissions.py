"""The validation table of media 2.5, row by row."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.kinds import AnnotateSpec
from triptych.media.features import FEATURES
from triptych.panels.faults import Refused
from triptych.panels.submissions import KNOWN_KEYS, read, understand

GOOD = {"inputUri": "a.mp4", "features": ["AUDIO_FORMAT"]}
NO_MODELS = Path("/nonexistent/models")


def _understand(body, cores=4, *more, models_dir=NO_MODELS, **others):
    return understand(body, cores, *more, models_dir=models_dir, **others)


def _refused(**changes) -> Refused:
    with pytest.raises(Refused) as caught:
        _understand({**GOOD, **changes}, 4)
    return caught.value


def _context(**context) -> dict:
    return {**GOOD, "videoContext": context}


def test_the_least_that_can_be_asked_has_the_documented_defaults() -> None:
    asked = _understand(GOOD, 4)
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
        ({"features": ["OBJECT_TRACKING"]}, "feature OBJECT_TRACKING needs model 'object', which is not installed on this server"),
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
        ("IN_BLACK", {"inBlackConfig": {"delay": -1}}, "inBlackConfig.delay must be a number of seconds, 0 or more"),
        ("IN_BLACK", {"inBlackConfig": {"delay": True}}, "inBlackConfig.delay must be a number of seconds, 0 or more"),
        ("IN_BLACK", {"inBlackConfig": {"coverage": "all"}}, "inBlackConfig.coverage must be a number between 0 and 1"),
        ("IN_BLACK", {"inBlackConfig": {"black_value": 300}}, "inBlackConfig.black_value must be a number between 0 and 255"),
        ("IN_BLACK", {"inBlackConfig": []}, "inBlackConfig must be an object"),
        (
            "AUDIO_FORMAT",
            {"audioFormatConfig": {"compressed_channels": [0]}},
            "audioFormatConfig.compressed_channels must be an array of channel numbers between 1 and 16",
        ),
        (
            "IN_BLACK",
            {"inBlackConfig": {"alarmSettings": {"enabled": True, "sensitivity": True}}},
            "inBlackConfig.alarmSettings.sensitivity must be a number between 0 and 1",
        ),
        (
            "AUDIO_FORMAT",
            {"audioFormatConfig": {"alarmSettings": {"enabled": True, "allowableAudioFormat": 256}}},
            "audioFormatConfig.alarmSettings.allowableAudioFormat must be a mask between 0 and 255",
        ),
        ("AUDIO_FORMAT", {"audioFormatConfig": {"enabled": 1}}, "audioFormatConfig.enabled must be true or false"),
        ("SPEECH_TRANSCRIPTION", {}, "speechTranscriptionConfig.languageCode must be a language tag or auto"),
        (
            "SPEECH_TRANSCRIPTION",
            {"speechTranscriptionConfig": {"languageCode": None}},
            "speechTranscriptionConfig.languageCode must be a language tag or auto",
        ),
        (
            "SPEECH_TRANSCRIPTION",
            {"speechTranscriptionConfig": {"languageCode": 1}},
            "speechTranscriptionConfig.languageCode must be a language tag or auto",
        ),
        ("SHOT_CHANGE_DETECTION", {"shotChangeConfig": {"model": "x"}}, "shotChangeConfig.model must be builtin/stable or builtin/latest"),
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
        _understand([], 4)


def test_duplicates_collapse_in_the_order_of_first_mention() -> None:
    asked = _understand({**GOOD, "features": ["SHOT_CHANGE_DETECTION", "IN_BLACK", "SHOT_CHANGE_DETECTION"]}, 4)
    assert asked.spec.features == ("SHOT_CHANGE_DETECTION", "IN_BLACK")


def test_an_explicit_enabled_false_switches_a_listed_feature_off() -> None:
    asked = _understand({**GOOD, "features": ["AUDIO_FORMAT", "IN_BLACK"], "videoContext": {"inBlackConfig": {"enabled": False}}}, 4)
    assert asked.spec.features == ("AUDIO_FORMAT",)
    refused = _refused(videoContext={"audioFormatConfig": {"enabled": False}})
    assert refused.message == "every feature is switched off by enabled:false"


def test_unknown_keys_are_ignored_and_named() -> None:
    """media 2.3."""
    sound = {"alarmSettings": {"enabled": False, "x": 1}}
    context = {"zoom": 2, "faceDetectionConfig": {"a": 1}, "audioFormatConfig": sound}
    asked = _understand({**GOOD, "colour": 1, "videoContext": context}, 4)
    assert asked.warnings == (
        "videoContext.audioFormatConfig.alarmSettings.x is not known and was ignored",
        "colour is not known and was ignored",
        "videoContext.zoom is not known and was ignored",
    )
    assert asked.spec.config == {"audioFormatConfig": {"alarmSettings": {"enabled": False}}}


def test_an_index_that_is_neither_asked_nor_filled_is_named() -> None:
    """media 4.2 VIDEO_INDEX: neither flag gives a warning."""
    body = {**GOOD, "features": ["VIDEO_INDEX"]}
    for config in ({}, {"query": False, "index": False}, {"ttl": 9}):
        asked = _understand({**body, "videoContext": {"videoIndexConfig": config}}, 4)
        assert asked.warnings == ("VIDEO_INDEX finds nothing: set query or index in videoContext.videoIndexConfig",)
    for config in ({"query": True}, {"index": True}, {"query": True, "index": True}):
        assert _understand({**body, "videoContext": {"videoIndexConfig": config}}, 4).warnings == ()


def test_there_are_as_many_targets_as_cores() -> None:
    """media 2.5: target."""
    assert _understand({**GOOD, "target": 5}, 5).target == 5
    with pytest.raises(Refused, match="target must be a core number between 1 and 2"):
        _understand({**GOOD, "target": 3}, 2)


def test_a_job_with_a_target_waits_for_that_core_and_one_without_for_any() -> None:
    """media J7."""
    asked = _understand({**GOOD, "target": 1}, 4)
    assert (asked.warnings, asked.submission(None, None).berth_wish) == ((), "1")
    assert _understand(GOOD, 4).submission(None, None).berth_wish == ""


def test_a_target_that_takes_no_jobs_is_refused() -> None:
    """media 2.5: live or dir_poll core."""
    with pytest.raises(Refused, match=r"^core 2 does not take jobs$") as refusal:
        _understand({**GOOD, "target": 2}, 4, closed={2, 3})
    assert [fault.field for fault in refusal.value.faults] == ["target"]


@pytest.mark.parametrize(
    ("place", "expected"), [({"videoContext": {"pri": 3}}, 3), ({"pri": 4}, 4), ({"videoContext": {"priority": 5}, "pri": 4}, 5)]
)
def test_priority_has_two_names_and_two_places(place, expected) -> None:
    assert _understand({**GOOD, **place}, 4).priority == expected


def test_segments_become_whole_microseconds() -> None:
    asked = _understand(_context(segments=[{"startTimeOffset": "1.5s", "endTimeOffset": 2}, {"startTimeOffset": 3}]), 4)
    assert asked.spec.segments == ((1_500_000, 2_000_000), (3_000_000, 10**15))


def test_faults_are_told_in_the_order_of_the_table_whatever_their_order_in_the_body() -> None:
    """media 2.5, G8: `message` is the first fault by the table, `details` holds all."""
    refused = _refused(
        features=["OBJECT_TRACKING", "X"],
        inputUri=None,
        videoContext={"segments": [{"startTimeOffset": 2, "endTimeOffset": 1}], "priority": True},
        target=9,
        TTL="1",
        template="t",
    )
    assert [fault.reason for fault in refused.faults] == [
        "unknown feature 'X'",
        "feature OBJECT_TRACKING needs model 'object', which is not installed on this server",
        "unknown template 't'",
        "TTL must be a whole number of days between 1 and 3650",
        "priority must be between 0 and 139",
        "target must be a core number between 1 and 4",
        "segments[0]: startTimeOffset must be before endTimeOffset",
        "inputUri must be a path or URI",
    ]
    assert refused.message == "unknown feature 'X'"


@pytest.mark.parametrize(
    ("changes", "slot"),
    [
        ({"features": ["FACE_DETECTION"]}, "face"),
        ({"features": ["SPOKEN_LANGUAGE"]}, "vad"),
        ({"features": ["SHOT_CHANGE_DETECTION"], "videoContext": {"shotDetectionConfig": {"model": "builtin/latest"}}}, "shot"),
    ],
)
def test_a_model_whose_hash_differs_is_a_missing_model(changes, slot, tmp_path) -> None:
    """media K5: the exact words in the message, what mends it in the details."""
    (tmp_path / "weights").write_bytes(b"others")
    manifest = {"slot": slot, "name": "x", "version": "1", "licence": "MIT", "measured_on": "-", "file": "weights", "sha256": "0" * 64}
    (tmp_path / "x.json").write_text(json.dumps(manifest))
    with pytest.raises(Refused) as caught:
        _understand({**GOOD, **changes}, models_dir=tmp_path)
    fault = caught.value.faults[0]
    assert caught.value.message == f"feature {changes['features'][0]} needs model '{slot}', which is not installed on this server"
    assert fault.detail == f"{fault.reason}; weights has another hash than x.json says and is refused"


BLACK = {"inBlackConfig": {"delay": 1}, "audioFormatConfig": {}, "shotDetectionConfig": {"enabled": False}, "priority": 7}


def _by_workflow(context, **more):
    return _understand({"inputUri": "a.mp4", "workflow": "w", **more}, 4, {"w": context})


def test_a_workflow_gives_its_features_options_segments_and_priority() -> None:
    """media 2.3: its `videoContext` is copied into the job."""
    asked = _by_workflow({**BLACK, "segments": [{"startTimeOffset": 1, "endTimeOffset": 2}]})
    assert (asked.spec.workflow, asked.spec.features, asked.priority) == ("w", ("IN_BLACK",), 7)
    assert asked.spec.config == {"inBlackConfig": {"delay": 1.0}}
    assert asked.spec.segments == ((1_000_000, 2_000_000),)


def test_segments_and_priority_beside_a_workflow_win() -> None:
    """media 2.3."""
    beside = {"segments": [{"startTimeOffset": 3, "endTimeOffset": 4}], "priority": 3}
    asked = _by_workflow({**BLACK, "segments": [{"startTimeOffset": 1, "endTimeOffset": 2}]}, videoContext=beside)
    assert (asked.spec.segments, asked.priority) == (((3_000_000, 4_000_000),), 3)
    assert _by_workflow(BLACK, pri=5).priority == 5
    assert _by_workflow(BLACK, videoContext={"segments": []}).priority == 7


@pytest.mark.parametrize(
    ("context", "more", "message"),
    [
        ({}, {}, "workflow 'w' enables no feature"),
        ({"inBlackConfig": {}}, {}, "workflow 'w' enables no feature"),
        ({"inBlackConfig": {"enabled": False, "delay": 1}}, {}, "workflow 'w' enables no feature"),
        (BLACK, {"videoContext": {"inBlackConfig": {}}}, "videoContext.inBlackConfig cannot be combined with workflow"),
        (BLACK, {"videoContext": {"zoom": 1}}, "videoContext.zoom cannot be combined with workflow"),
        (BLACK, {"workflow": "v"}, "unknown workflow 'v'"),
        (BLACK, {"workflow": 5}, "workflow must be the name of a workflow"),
        (
            {"objectTrackingConfig": {"enabled": True}},
            {},
            "feature OBJECT_TRACKING needs model 'object', which is not installed on this server",
        ),
    ],
)
def test_a_submission_by_workflow_is_refused_in_the_words_of_the_table(context, more, message) -> None:
    """media 2.5, W3, W4."""
    with pytest.raises(Refused) as caught:
        _by_workflow(context, **more)
    assert caught.value.message == message


def test_what_a_workflow_ignores_was_told_when_it_was_saved() -> None:
    assert _by_workflow({**BLACK, "zoom": 1}).warnings == ()


OPTION_KEYS = sorted({option.name for entry in FEATURES.values() for option in msgspec.structs.fields(entry.options)})
CONTEXT_KEYS = sorted({"priority", "segments", *(entry.config_key for entry in FEATURES.values())})
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
VALUE = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=6
)
OPTIONS = st.dictionaries(
    st.sampled_from(OPTION_KEYS), VALUE | st.dictionaries(st.sampled_from(OPTION_KEYS), VALUE, max_size=3), max_size=4
)
CONTEXT = st.dictionaries(st.sampled_from(CONTEXT_KEYS), OPTIONS | VALUE, max_size=5)
BODY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(sorted(KNOWN_KEYS), VALUE),
        "features": st.lists(st.sampled_from(sorted(FEATURES)), max_size=4) | VALUE,
        "videoContext": CONTEXT | VALUE,
        "workflow": st.just("w") | VALUE,
        "inputUri": st.just("a.mp4") | VALUE,
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(body=BODY, context=CONTEXT)
def test_whatever_is_asked_is_understood_or_refused(body, context) -> None:
    """media 2.5: what is understood can be stored as a job, what is not has a message and details."""
    reading = read(body, 4, {"w": context}, models_dir=NO_MODELS)
    if reading.faults:
        refused = Refused(reading.faults)
        assert refused.message == refused.faults[0].reason
        assert all(fault.reason for fault in refused.faults)
        return
    spec = msgspec.convert(msgspec.json.decode(msgspec.json.encode(reading.asked.spec)), AnnotateSpec)
    assert spec.features
    for name in spec.features:
        msgspec.convert(spec.config.get(FEATURES[name].config_key, {}), FEATURES[name].options)
