"""Annotations as v1 shows them: each result cut to the fields of its message, so that nothing else can leak (media V3, V5)."""

from collections.abc import Callable, Mapping
from enum import Enum, auto

from triptych.media.features import FEATURES, GOOGLE_V1
from triptych.model import Json

LIKELIHOODS = ("LIKELIHOOD_UNSPECIFIED", "VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")


class Leaf(Enum):
    """What is not made of parts: a value that is told as it is, an end, an enum."""

    PLAIN = auto()
    END = auto()
    LIKELIHOOD = auto()


Shape = Leaf | Mapping[str, "Shape"] | list["Shape"]
"""A message by field, a repeated field as a list of one shape."""

PLAIN, END = Leaf.PLAIN, Leaf.END

SEGMENT: Shape = {"startTimeOffset": PLAIN, "endTimeOffset": END}
BOX: Shape = {"left": PLAIN, "top": PLAIN, "right": PLAIN, "bottom": PLAIN}
VERTEX: Shape = {"x": PLAIN, "y": PLAIN}
ENTITY: Shape = {"entityId": PLAIN, "description": PLAIN, "languageCode": PLAIN}
ATTRIBUTES: Shape = [{"name": PLAIN, "confidence": PLAIN, "value": PLAIN}]
LANDMARKS: Shape = [{"name": PLAIN, "point": VERTEX, "confidence": PLAIN}]
OBJECT: Shape = {"normalizedBoundingBox": BOX, "timeOffset": PLAIN, "attributes": ATTRIBUTES, "landmarks": LANDMARKS}
TRACK: Shape = {"segment": SEGMENT, "timestampedObjects": [OBJECT], "attributes": ATTRIBUTES, "confidence": PLAIN}
LABELS: Shape = [
    {
        "entity": ENTITY,
        "categoryEntities": [ENTITY],
        "segments": [{"segment": SEGMENT, "confidence": PLAIN}],
        "frames": [{"timeOffset": PLAIN, "confidence": PLAIN}],
        "version": PLAIN,
    }
]
TEXT_FRAME: Shape = {"rotatedBoundingBox": {"vertices": [VERTEX]}, "timeOffset": PLAIN}
WORD: Shape = {"startTime": PLAIN, "endTime": PLAIN, "word": PLAIN, "confidence": PLAIN}

RESULTS: Mapping[str, Shape] = {
    "segmentLabelAnnotations": LABELS,
    "shotLabelAnnotations": LABELS,
    "frameLabelAnnotations": LABELS,
    "shotAnnotations": [SEGMENT],
    "explicitAnnotation": {"frames": [{"timeOffset": PLAIN, "pornographyLikelihood": Leaf.LIKELIHOOD}], "version": PLAIN},
    "faceDetectionAnnotations": [{"tracks": [TRACK], "thumbnail": PLAIN, "version": PLAIN}],
    "speechTranscriptions": [
        {"alternatives": [{"transcript": PLAIN, "confidence": PLAIN, "words": [WORD]}], "languageCode": PLAIN},
    ],
    "textAnnotations": [
        {"text": PLAIN, "segments": [{"segment": SEGMENT, "confidence": PLAIN, "frames": [TEXT_FRAME]}], "version": PLAIN},
    ],
    "objectAnnotations": [
        {
            "entity": ENTITY,
            "confidence": PLAIN,
            "segment": SEGMENT,
            "frames": [{"normalizedBoundingBox": BOX, "timeOffset": PLAIN}],
            "version": PLAIN,
        },
    ],
    "logoRecognitionAnnotations": [{"entity": ENTITY, "tracks": [TRACK], "segments": [SEGMENT]}],
    "personDetectionAnnotations": [{"tracks": [TRACK], "version": PLAIN}],
}
"""Each result field of v1 with its shape. No speaker is told and no track is numbered, since files are cut in segments."""


class Results:
    """The result of one job in the words of v1. `numbers` tells enums as numbers."""

    def __init__(self, result: Json, *, numbers: bool) -> None:
        self._result = result
        self._numbers = numbers
        frames = result.get("lastFrames")
        self._frames: Json = frames if isinstance(frames, Mapping) else {}

    def segment(self) -> object:
        """Return the stretch that was analysed, its end on the last frame."""
        told = self._result.get("segment")
        whole = dict(told) if isinstance(told, Mapping) else {}
        last = self._frames.get("last")
        return whole if last is None else {**whole, "endTimeOffset": last}

    def annotations(self, feature: str) -> dict[str, object]:
        """Return every result field that a feature filled."""
        entry = FEATURES[feature]
        keys = (key for key in (entry.result_key, *entry.extra_keys) if key in RESULTS and key in self._result)
        return {key: self._fit(_arranged(key, self._result[key]), RESULTS[key]) for key in keys}

    def _fit(self, told: object, shape: Shape) -> object:
        """Return `told` with the parts that `shape` names and no other."""
        if isinstance(shape, list):
            return [self._fit(part, shape[0]) for part in told] if isinstance(told, list | tuple) else []
        if isinstance(shape, Mapping):
            parts = told if isinstance(told, Mapping) else {}
            return {key: self._fit(parts[key], part) for key, part in shape.items() if parts.get(key) is not None}
        return self._leaf(told, shape)

    def _leaf(self, told: object, leaf: Leaf) -> object:
        if leaf is Leaf.END:
            before = self._frames.get("before")
            return before.get(told, told) if isinstance(before, Mapping) else told
        if leaf is Leaf.LIKELIHOOD and isinstance(told, int) and not self._numbers:
            return LIKELIHOODS[told] if told in range(len(LIKELIHOODS)) else LIKELIHOODS[0]
        return told


def feature_enum(name: str, *, numbers: bool) -> int | str:
    """Return a feature as an enum of v1."""
    return GOOGLE_V1[name] if numbers else name


def _arranged(key: str, told: object) -> object:
    """Return annotations of `/api` in the arrangement of v1, where these differ."""
    arrange = ARRANGED.get(key)
    if arrange is None:
        return told
    return [arrange(item) for item in told if isinstance(item, Mapping)] if isinstance(told, list | tuple) else arrange(_mapping(told))


def _face(track: Json) -> Json:
    """Return one face: v1 wraps each track in an annotation of its own."""
    return {"tracks": [_track(track)], "thumbnail": track.get("thumbnail")}


def _person(annotation: Json) -> Json:
    tracks = annotation.get("tracks")
    return {**annotation, "tracks": [_track(_mapping(track)) for track in tracks] if isinstance(tracks, list | tuple) else []}


def _track(track: Json) -> Json:
    """Return a track; what `/api` calls frames v1 calls timestamped objects."""
    return {"timestampedObjects": track.get("frames"), **track}


def _explicit(annotation: Json) -> Json:
    frames = annotation.get("frames")
    told = [_mapping(frame) for frame in frames] if isinstance(frames, list | tuple) else []
    return {**annotation, "frames": [{"pornographyLikelihood": frame.get("likelihood"), **frame} for frame in told]}


def _mapping(told: object) -> Json:
    return told if isinstance(told, Mapping) else {}


ARRANGED: Mapping[str, Callable[[Json], Json]] = {
    "faceDetectionAnnotations": _face,
    "personDetectionAnnotations": _person,
    "logoRecognitionAnnotations": _person,
    "explicitAnnotation": _explicit,
}
