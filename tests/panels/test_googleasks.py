"""media 6: requests of v1, as the official client and others write them."""

import base64
import json
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from google.cloud import videointelligence_v1 as vi
from google.protobuf import json_format

from triptych.kinds import GoogleAsk
from triptych.media.features import GOOGLE_V1
from triptych.panels.faults import Refused
from triptych.panels.googleasks import MOST_CONTENT_BYTES, Message, VideoContext, _as_api, _convert
from triptych.panels.googleasks import read as read_it

read = partial(read_it, models_dir=Path("/nonexistent/models"))
SHOTS = {"inputUri": "a.mp4", "features": ["SHOT_CHANGE_DETECTION"]}
MEDIA = b"\0\0\0\x18ftypmp42"


def _refusal(body) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read(body, 4)
    return [(fault.field, fault.reason) for fault in caught.value.faults]


def test_the_features_have_the_numbers_of_v1() -> None:
    """media 6: the table."""
    assert {feature.name: feature.value for feature in vi.Feature if feature.value} == dict(GOOGLE_V1)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def test_every_field_of_every_config_is_known() -> None:
    """media V2: whatever the client can write, camelCase or snake_case, is read."""
    context = vi.VideoContext.pb(vi.VideoContext())
    fields = {field.name: field.message_type for field in context.DESCRIPTOR.fields if field.name != "segments"}
    for name, message in fields.items():
        ours = getattr(VideoContext(), name)
        assert isinstance(ours, Message)
        assert {field.name for field in message.fields} == set(ours.__struct_fields__)
    request = vi.AnnotateVideoRequest.pb(vi.AnnotateVideoRequest())
    assert {_camel(field.name) for field in request.DESCRIPTOR.fields} == set(type(_convert({})).__struct_encode_fields__)


@pytest.mark.parametrize("features", [[2], ["SHOT_CHANGE_DETECTION"], ["2"], [2, "SHOT_CHANGE_DETECTION"]])
@pytest.mark.parametrize("style", ["inputUri", "input_uri"])
def test_numbers_and_names_and_both_spellings_mix(features, style) -> None:
    """media V2."""
    asked = read({style: "a.mp4", "features": features, "video_context": {"segments": [{"start_time_offset": "1s"}]}}, 4)
    spec = asked.understood.spec
    assert (spec.input_uri, spec.features, spec.segments[0][0]) == ("a.mp4", ("SHOT_CHANGE_DETECTION",), 1_000_000)
    assert (asked.understood.origin, asked.google) == ("google_v1", GoogleAsk())


@pytest.mark.parametrize("as_numbers", [True, False])
@pytest.mark.parametrize("snake", [True, False])
def test_a_request_of_the_client_means_the_same_however_it_is_written(as_numbers, snake) -> None:
    """media V2, V8."""
    segment = vi.VideoSegment(start_time_offset=timedelta(seconds=1.5), end_time_offset=timedelta(seconds=3))
    request = vi.AnnotateVideoRequest(
        input_uri="a.mp4",
        features=list(GOOGLE_V1.values()),
        location_id="us-east1",
        output_uri="gs://results/x.json",
        video_context=vi.VideoContext(
            segments=[segment],
            label_detection_config=vi.LabelDetectionConfig(label_detection_mode=3, frame_confidence_threshold=0.5),
            shot_change_detection_config=vi.ShotChangeDetectionConfig(model="builtin/stable"),
            face_detection_config=vi.FaceDetectionConfig(include_bounding_boxes=True),
            person_detection_config=vi.PersonDetectionConfig(include_pose_landmarks=True),
            text_detection_config=vi.TextDetectionConfig(language_hints=["en"]),
            speech_transcription_config=vi.SpeechTranscriptionConfig(
                language_code="en-US", max_alternatives=2, audio_tracks=[0, 1], speech_contexts=[vi.SpeechContext(phrases=["x"])]
            ),
        ),
    )
    body = json_format.MessageToJson(
        vi.AnnotateVideoRequest.pb(request), use_integers_for_enums=as_numbers, preserving_proto_field_name=snake
    )
    converted = _convert(json.loads(body))
    assert (converted.location_id, converted.output_uri) == ("us-east1", "gs://results/x.json")
    assert json.loads(json.dumps(_as_api(converted, list(GOOGLE_V1)))) == {
        "inputUri": "a.mp4",
        "features": list(GOOGLE_V1),
        "origin": "google_v1",
        "videoContext": {
            "labelDetectionConfig": {"mode": "SHOT_AND_FRAME_MODE", "frameConfidenceThreshold": 0.5},
            "shotDetectionConfig": {"model": "builtin/stable"},
            "faceDetectionConfig": {"includeBoundingBoxes": True},
            "speechTranscriptionConfig": {
                "languageCode": "en-US",
                "maxAlternatives": 2,
                "audioTracks": [0, 1],
                "speechContexts": [{"phrases": ["x"]}],
            },
            "textDetectionConfig": {"languageHints": ["en"]},
            "personDetectionConfig": {"includeBoundingBoxes": False, "includePoseLandmarks": True, "includeAttributes": False},
            "segments": [{"startTimeOffset": "1.500s", "endTimeOffset": "3s"}],
        },
    }


def test_boxes_are_asked_for_only_by_those_who_want_them() -> None:
    """media 6: face boxes only with includeBoundingBoxes, which v1 leaves off."""
    config = _as_api(_convert({"features": [4]}), ["FACE_DETECTION"])["videoContext"]["faceDetectionConfig"]
    assert config == {"includeBoundingBoxes": False}


@pytest.mark.parametrize("feature", ["IN_BLACK", 5, 0, "FEATURE_UNSPECIFIED", -1, "", 2.5])
def test_a_feature_outside_the_table_is_sent_to_the_other_api(feature) -> None:
    """media V7."""
    ((field, reason),) = _refusal({"inputUri": "a.mp4", "features": [2, feature]})
    assert field in {"features[1]", "features[...]"}
    assert "/api/ai/jobs" in reason or isinstance(feature, float)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ([], "", "must be a JSON object"),
        ({**SHOTS, "features": []}, "features", "non-empty array"),
        ({"inputUri": "a.mp4"}, "features", "non-empty array"),
        ({"features": [2]}, "inputUri", "give either inputUri or inputContent"),
        ({**SHOTS, "inputContent": "AAAA"}, "inputUri", "give either inputUri or inputContent"),
        ({**SHOTS, "TTL": 3}, "", "unknown field `TTL`"),
        ({**SHOTS, "videoContext": {"segment": []}}, "videoContext", "unknown field `segment`"),
        ({**SHOTS, "videoContext": 3}, "videoContext", "expected `object`"),
        ({**SHOTS, "locationId": "../x"}, "locationId", "at most 63"),
        ({**SHOTS, "inputUri": "rtmp://a"}, "inputUri", "scheme 'rtmp' is not allowed"),
        (
            {**SHOTS, "videoContext": {"segments": [{"startTimeOffset": "2s", "endTimeOffset": "1s"}]}},
            "videoContext.segments[0]",
            "must be before",
        ),
        (
            {**SHOTS, "videoContext": {"shotChangeDetectionConfig": {"model": "mine"}}},
            "videoContext.shotChangeDetectionConfig.model",
            "builtin/stable or builtin/latest",
        ),
        ({"inputContent": "%%%", "features": [2]}, "inputContent", "must be base64"),
        ({"inputContent": base64.b64encode(b"#EXTM3U\nx.ts\n").decode(), "features": [2]}, "inputContent", "input is a playlist"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name_in_v1(body, field, words) -> None:
    """media V7."""
    faults = _refusal(body)
    assert faults[0][0] == field
    assert words in faults[0][1]


def test_speech_needs_a_language_and_tells_no_speakers_apart() -> None:
    """media 6: languageCode required, a request for diarisation is 400."""
    config = {"speechTranscriptionConfig": {"enableSpeakerDiarization": True}}
    faults = dict(_refusal({"inputUri": "a.mp4", "features": [6], "videoContext": config}))
    place = "videoContext.speechTranscriptionConfig"
    assert faults[f"{place}.languageCode"] == "SPEECH_TRANSCRIPTION needs a languageCode"
    assert faults[f"{place}.enableSpeakerDiarization"] == "speakers are not told apart by this server"
    assert read({**SHOTS, "videoContext": config}, 4).understood.spec.features == ("SHOT_CHANGE_DETECTION",)


@pytest.mark.parametrize("spell", [base64.b64encode, base64.urlsafe_b64encode, lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")])
def test_content_is_read_in_either_alphabet(spell) -> None:
    """media V6."""
    content = MEDIA + bytes(range(256))
    asked = read({"inputContent": spell(content).decode(), "features": [2]}, 4)
    assert (asked.content, asked.understood.spec.input_uri) == (content, "inputContent")


def test_content_may_be_64_mib_and_no_more() -> None:
    """media V6."""
    most = base64.b64encode(bytes(MOST_CONTENT_BYTES)).decode()
    assert len(read({"inputContent": most, "features": [2]}, 4).content) == MOST_CONTENT_BYTES == 64 * 1024 * 1024
    more = base64.b64encode(bytes(MOST_CONTENT_BYTES + 1)).decode()
    assert _refusal({"inputContent": more, "features": [2]})[0][0] == "inputContent"
