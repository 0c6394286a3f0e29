"""media V3, V5: every annotation of media 4 fits the message of v1, and nothing else goes with it."""

import json

import pytest
from google.cloud import videointelligence_v1 as vi
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from triptych.media.features import FEATURES, GOOGLE_V1
from triptych.panels.googleresults import RESULTS, Leaf, Results

BOX = {"left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.4}
SPAN = {"startTimeOffset": "0.000000s", "endTimeOffset": "2.000000s"}
ENTITY = {"entityId": "/m/1", "description": "dog", "languageCode": "en-US", "score": 1}
FRAME = {"normalizedBoundingBox": BOX, "timeOffset": "0.040000s", "quality": 0.5}
LABELS = [
    {
        "entity": ENTITY,
        "categoryEntities": [ENTITY],
        "segments": [{"segment": SPAN, "confidence": 0.5, "rank": 1}],
        "frames": [{"timeOffset": "0.040000s", "confidence": 0.5}],
    }
]
VERTICES = [{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.2}, {"x": 0.3, "y": 0.4}, {"x": 0.1, "y": 0.4}]
TRACK = {"segment": SPAN, "confidence": 0.9, "frames": [FRAME], "trackId": 3}

API = {
    "segment": SPAN,
    "lastFrames": {"last": "7.960000s", "before": {"2.000000s": "1.960000s"}},
    "segmentLabelAnnotations": LABELS,
    "shotLabelAnnotations": LABELS,
    "frameLabelAnnotations": LABELS,
    "shotAnnotations": [{**SPAN, "kind": "cut"}],
    "explicitAnnotation": {"frames": [{"timeOffset": "0.000000s", "likelihood": 5, "score": 0.9}], "model": "x"},
    "faceDetectionAnnotations": [{"confidence": 0.9, "segment": SPAN, "frames": [FRAME], "trackId": 1}],
    "speechTranscriptions": [
        {
            "alternatives": [
                {
                    "transcript": "good day",
                    "confidence": 0.8,
                    "words": [
                        {"startTime": "1.000000s", "endTime": "2.000000s", "word": "good", "confidence": 0.5, "speakerTag": 1},
                        {"startTime": "2.000000s", "endTime": "2.500000s", "word": "day"},
                    ],
                    "tokens": 2,
                }
            ],
            "languageCode": "en-us",
            "audioTrack": 0,
        }
    ],
    "textAnnotations": [
        {
            "text": "EXIT",
            "script": "latin",
            "segments": [
                {
                    "segment": SPAN,
                    "confidence": 0.9,
                    "frames": [{"rotatedBoundingBox": {"vertices": VERTICES, "angle": 0}, "timeOffset": "0.000000s"}],
                }
            ],
        }
    ],
    "objectAnnotations": [{"entity": ENTITY, "confidence": 0.7, "segment": SPAN, "trackId": 4, "frames": [FRAME]}],
    "logoRecognitionAnnotations": [{"entity": ENTITY, "tracks": [TRACK], "segments": [SPAN], "picture": "mark.png"}],
    "personDetectionAnnotations": [
        {
            "tracks": [
                {
                    **TRACK,
                    "attributes": [{"name": "hat", "confidence": 0.5, "value": "red", "x": 1}],
                    "frames": [{**FRAME, "landmarks": [{"name": "nose", "point": {"x": 0.5, "y": 0.5, "z": 0}, "confidence": 0.5}]}],
                }
            ]
        }
    ],
}
"""A result of every feature, in the schemas of media 4 with fields that v1 does not know strewn in."""


def _told(*, numbers: bool = False) -> dict:
    results = Results(API, numbers=numbers)
    told = {"segment": results.segment()}
    for feature in GOOGLE_V1:
        told |= results.annotations(feature)
    return told


def _parsed(told) -> vi.VideoAnnotationResults:
    """Read as a client does that knows no mercy."""
    message = vi.VideoAnnotationResults()
    json_format.Parse(json.dumps(told), vi.VideoAnnotationResults.pb(message), ignore_unknown_fields=False)
    return message


@pytest.mark.parametrize("numbers", [True, False])
def test_every_result_is_a_message_of_v1_and_nothing_leaks(numbers) -> None:
    """media V3: any leak fails here."""
    parsed = _parsed(_told(numbers=numbers))
    filled = {field.name for field, _ in vi.VideoAnnotationResults.pb(parsed).ListFields()}
    assert filled == {
        "segment",
        "segment_label_annotations",
        "shot_label_annotations",
        "frame_label_annotations",
        "shot_annotations",
        "explicit_annotation",
        "face_detection_annotations",
        "speech_transcriptions",
        "text_annotations",
        "object_annotations",
        "logo_recognition_annotations",
        "person_detection_annotations",
    }


def test_every_value_arrives_in_its_place() -> None:
    """media 6: the table's result fields."""
    told = _parsed(_told())
    (face,) = told.face_detection_annotations
    assert (len(face.tracks), face.tracks[0].confidence) == (1, pytest.approx(0.9))
    assert face.tracks[0].timestamped_objects[0].normalized_bounding_box.right == pytest.approx(0.3)
    assert told.explicit_annotation.frames[0].pornography_likelihood == vi.Likelihood.VERY_LIKELY
    (words,) = [[word.word for word in alternative.words] for alternative in told.speech_transcriptions[0].alternatives]
    assert words == ["good", "day"]
    assert told.speech_transcriptions[0].alternatives[0].words[0].speaker_tag == 0
    assert len(told.text_annotations[0].segments[0].frames[0].rotated_bounding_box.vertices) == 4
    assert told.person_detection_annotations[0].tracks[0].timestamped_objects[0].landmarks[0].name == "nose"
    assert told.logo_recognition_annotations[0].tracks[0].timestamped_objects
    assert told.segment_label_annotations[0].entity.description == "dog"


def test_ends_of_segments_are_inclusive_and_ends_of_words_are_not_touched() -> None:
    """media V5."""
    told = _told()
    assert told["segment"] == {"startTimeOffset": "0.000000s", "endTimeOffset": "7.960000s"}
    inclusive = {"startTimeOffset": "0.000000s", "endTimeOffset": "1.960000s"}
    assert told["shotAnnotations"] == [inclusive]
    assert told["faceDetectionAnnotations"][0]["tracks"][0]["segment"] == inclusive
    assert told["textAnnotations"][0]["segments"][0]["segment"] == inclusive
    assert told["objectAnnotations"][0]["segment"] == inclusive
    assert told["logoRecognitionAnnotations"][0]["segments"] == [inclusive]
    assert told["speechTranscriptions"][0]["alternatives"][0]["words"][0]["endTime"] == "2.000000s"


def test_a_file_is_cut_in_segments_and_no_track_is_numbered() -> None:
    """media 6: OBJECT_TRACKING uses `segment`, never `trackId`."""
    (found,) = _parsed(_told()).object_annotations
    assert vi.ObjectTrackingAnnotation.pb(found).WhichOneof("track_info") == "segment"


def test_without_known_frames_an_end_stays_as_it_is() -> None:
    """media V5: sound alone has no last frame."""
    results = Results({"segment": SPAN, "shotAnnotations": [SPAN]}, numbers=False)
    assert (results.segment(), results.annotations("SHOT_CHANGE_DETECTION")) == (SPAN, {"shotAnnotations": [SPAN]})


def test_a_result_of_another_form_is_empty_rather_than_a_fault() -> None:
    broken = dict.fromkeys((entry.result_key for entry in FEATURES.values()), 3) | {"segment": None}
    results = Results(broken, numbers=False)
    for feature in GOOGLE_V1:
        _parsed(results.annotations(feature))
    assert results.segment() == {}


@pytest.mark.parametrize("key", RESULTS)
def test_a_shape_names_only_fields_of_its_message(key) -> None:
    """media V3."""
    fields = vi.VideoAnnotationResults.pb(vi.VideoAnnotationResults()).DESCRIPTOR.fields
    field = next(field for field in fields if field.json_name == key)
    _compare(RESULTS[key], field)


def _compare(shape, field) -> None:
    if isinstance(shape, list):
        assert field.is_repeated
        shape = shape[0]
    if isinstance(shape, Leaf):
        is_enum = field.type == FieldDescriptor.TYPE_ENUM
        assert (shape is Leaf.LIKELIHOOD) is is_enum
        return
    known = {part.json_name: part for part in field.message_type.fields}
    for name, part in shape.items():
        _compare(part, known[name])
