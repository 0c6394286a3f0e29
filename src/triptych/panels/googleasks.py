"""What a client may ask of the view of Google's v1, read into a request of the media panel (media 6)."""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from triptych.errors import Invalid
from triptych.kinds import GoogleAsk
from triptych.media.features import FEATURES, GOOGLE_V1
from triptych.media.inputs import NOWHERE_ELSE, refuse_text
from triptych.model import Inputs
from triptych.panels.faults import Fault, Refused
from triptych.panels.submissions import Understood, understand

ORIGIN = "google_v1"
MOST_CONTENT_BYTES = 64 * 1024 * 1024
HEAD_BYTES = 4096
CONTENT = "inputContent"
"""What an input that came in the request is called under `/api`, where it has no path."""

NAMES = {number: name for name, number in GOOGLE_V1.items()}
MODES = {0: None, 1: "SHOT_MODE", 2: "FRAME_MODE", 3: "SHOT_AND_FRAME_MODE", "LABEL_DETECTION_MODE_UNSPECIFIED": None}

Config = dict[str, object]
Json = Mapping[str, object]


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A message of v1 as JSON."""


class VideoSegment(Message, frozen=True, kw_only=True):
    """A stretch of the input, both ends inclusive."""

    start_time_offset: str | float | None = None
    end_time_offset: str | float | None = None


class LabelDetectionConfig(Message, frozen=True, kw_only=True):
    """How labels are found."""

    label_detection_mode: int | str | None = None
    stationary_camera: bool = False
    model: str = ""
    frame_confidence_threshold: float | None = None
    video_confidence_threshold: float | None = None


class ModelConfig(Message, frozen=True, kw_only=True):
    """Which model does it."""

    model: str = ""


class FaceDetectionConfig(Message, frozen=True, kw_only=True):
    """What is told of faces."""

    model: str = ""
    include_bounding_boxes: bool = False
    include_attributes: bool = False


class PersonDetectionConfig(Message, frozen=True, kw_only=True):
    """What is told of people."""

    include_bounding_boxes: bool = False
    include_pose_landmarks: bool = False
    include_attributes: bool = False


class SpeechContext(Message, frozen=True, kw_only=True):
    """Phrases that are likely."""

    phrases: tuple[str, ...] = ()


class SpeechTranscriptionConfig(Message, frozen=True, kw_only=True):
    """How speech is written down."""

    language_code: str = ""
    max_alternatives: int = 0
    filter_profanity: bool = False
    speech_contexts: tuple[SpeechContext, ...] = ()
    enable_automatic_punctuation: bool = False
    audio_tracks: tuple[int, ...] = ()
    enable_speaker_diarization: bool = False
    diarization_speaker_count: int = 0
    enable_word_confidence: bool = False


class TextDetectionConfig(Message, frozen=True, kw_only=True):
    """How text is read."""

    language_hints: tuple[str, ...] = ()
    model: str = ""


class VideoContext(Message, frozen=True, kw_only=True):
    """Segments, and the config of each feature."""

    segments: tuple[VideoSegment, ...] = ()
    label_detection_config: LabelDetectionConfig = LabelDetectionConfig()
    shot_change_detection_config: ModelConfig = ModelConfig()
    explicit_content_detection_config: ModelConfig = ModelConfig()
    face_detection_config: FaceDetectionConfig = FaceDetectionConfig()
    speech_transcription_config: SpeechTranscriptionConfig = SpeechTranscriptionConfig()
    text_detection_config: TextDetectionConfig = TextDetectionConfig()
    person_detection_config: PersonDetectionConfig = PersonDetectionConfig()
    object_tracking_config: ModelConfig = ModelConfig()


class AnnotateVideoRequest(Message, frozen=True, kw_only=True):
    """A video and the features to find on it. `features` are numbers or names."""

    input_uri: str = ""
    input_content: str = ""
    features: tuple[int | str, ...] = ()
    video_context: VideoContext = VideoContext()
    output_uri: str = ""
    location_id: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may become a job; `content` is the video where it came in the request, empty where it did not."""

    understood: Understood
    google: GoogleAsk
    content: bytes


def read(body: object, cores: int, inputs: Inputs = NOWHERE_ELSE, *, models_dir: Path) -> Asked:
    """Return what a JSON body asks for. Raises `Refused` with every fault found, each naming its field of v1."""
    request = _convert(body)
    features, faults = _features(request)
    if faults:
        raise Refused(faults)
    faults = [*_of_input(request), *_of_speech(request, features), *_of_location(request)]
    try:
        understood = understand(_as_api(request, features), cores, inputs=inputs, models_dir=models_dir)
    except Refused as refused:
        raise Refused([*(Fault(_field(fault.field), fault.reason, mend=fault.mend) for fault in refused.faults), *faults]) from None
    if faults:
        raise Refused(faults)
    google = GoogleAsk(location=request.location_id or "local", output_uri=request.output_uri or None)
    return Asked(understood=understood, google=google, content=_content(request.input_content))


def _convert(body: object) -> AnnotateVideoRequest:
    if not isinstance(body, dict):
        raise Refused([Fault("", "body must be a JSON object")])
    try:
        return msgspec.convert(_camel(body), AnnotateVideoRequest, strict=False)
    except msgspec.ValidationError as fault:
        reason, _, place = str(fault).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        raise Refused([Fault(field, f"{field or 'body'}: {reason[:1].lower()}{reason[1:]}")]) from None


def _camel(value: object) -> object:
    """Return `value` with every key in camelCase, and without keys whose value is null: in v1 those are not there."""
    if isinstance(value, dict):
        return {_UNDERSCORED.sub(_upper, key): _camel(part) for key, part in value.items() if part is not None}
    return [_camel(part) for part in value] if isinstance(value, list) else value


def _upper(found: re.Match[str]) -> str:
    return found[1].upper()


def _features(request: AnnotateVideoRequest) -> tuple[list[str], list[Fault]]:
    names, faults = [], []
    for place, asked in enumerate(request.features):
        number = int(asked) if isinstance(asked, str) and asked.isdecimal() else asked
        name = NAMES.get(number) if isinstance(number, int) else number
        if name is not None and name in GOOGLE_V1:
            names.append(name)
        else:
            reason = f"feature '{asked}' is none of v1; every feature of this server is at /api/ai/jobs"
            faults.append(Fault(f"features[{place}]", reason))
    return names, faults


def _of_input(request: AnnotateVideoRequest) -> Iterator[Fault]:
    if bool(request.input_uri) == bool(request.input_content):
        yield Fault("inputUri", "give either inputUri or inputContent")


def _of_speech(request: AnnotateVideoRequest, features: list[str]) -> Iterator[Fault]:
    config = request.video_context.speech_transcription_config
    if "SPEECH_TRANSCRIPTION" not in features:
        return
    place = "videoContext.speechTranscriptionConfig"
    if not config.language_code:
        yield Fault(f"{place}.languageCode", "SPEECH_TRANSCRIPTION needs a languageCode")
    if config.enable_speaker_diarization:
        yield Fault(f"{place}.enableSpeakerDiarization", "speakers are not told apart by this server")


def _of_location(request: AnnotateVideoRequest) -> Iterator[Fault]:
    if not _LOCATION.fullmatch(request.location_id):
        yield Fault("locationId", "locationId must be at most 63 lowercase letters, digits and dashes")


def _as_api(request: AnnotateVideoRequest, features: list[str]) -> Config:
    """Return the body that asks the same of `/api/ai/jobs`."""
    context: Config = {FEATURES[name].config_key: CONFIGS[name](request.video_context) for name in features if name in CONFIGS}
    if request.video_context.segments:
        context["segments"] = [_given(segment) for segment in request.video_context.segments]
    return {"inputUri": request.input_uri or CONTENT, "features": features, "videoContext": context, "origin": ORIGIN}


def _given(message: Message) -> Config:
    """Return the fields of a message that are there."""
    told: Config = msgspec.to_builtins(message)
    return {key: value for key, value in told.items() if value is not None}


def _label(context: VideoContext) -> Config:
    config = context.label_detection_config
    mode = MODES.get(config.label_detection_mode or 0, config.label_detection_mode)
    told = {
        "mode": mode,
        "frameConfidenceThreshold": config.frame_confidence_threshold,
        "videoConfidenceThreshold": config.video_confidence_threshold,
    }
    return {key: value for key, value in told.items() if value is not None}


def _shot(context: VideoContext) -> Config:
    model = context.shot_change_detection_config.model
    return {"model": model} if model else {}


def _speech(context: VideoContext) -> Config:
    """Return what was asked for beside the defaults of v1, which say "as the server likes"."""
    config = context.speech_transcription_config
    told: Config = msgspec.to_builtins(config)
    return {key: value for key, value in told.items() if value}


CONFIGS: Mapping[str, Callable[[VideoContext], Config]] = {
    "LABEL_DETECTION": _label,
    "SHOT_CHANGE_DETECTION": _shot,
    "FACE_DETECTION": lambda context: {"includeBoundingBoxes": context.face_detection_config.include_bounding_boxes},
    "SPEECH_TRANSCRIPTION": _speech,
    "TEXT_DETECTION": lambda context: {"languageHints": list(context.text_detection_config.language_hints)},
    "PERSON_DETECTION": lambda context: _given(context.person_detection_config),
}
"""How the config of a feature in v1 is said under `/api`; the others have nothing to say."""


def _content(text: str) -> bytes:
    """Return the bytes of `inputContent`, in either alphabet of base64, padded or not. Raises `Refused`, or `Invalid` for text."""
    try:
        plain = text.translate(_URL_SAFE) if "-" in text or "_" in text else text
        content = binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True) if plain else b""
    except (binascii.Error, ValueError):
        raise Refused([Fault(CONTENT, "inputContent must be base64")]) from None
    if len(content) > MOST_CONTENT_BYTES:
        raise Refused([Fault(CONTENT, f"inputContent must be at most {MOST_CONTENT_BYTES} bytes; larger media goes by inputUri")])
    if content:
        _refuse_text(content[:HEAD_BYTES])
    return content


def _refuse_text(head: bytes) -> None:
    try:
        refuse_text(head)
    except Invalid as fault:
        raise Refused([Fault(CONTENT, fault.message)]) from None


def _field(name: str) -> str:
    """Return what v1 calls a field of `/api`."""
    return name.replace("shotDetectionConfig", "shotChangeDetectionConfig") if not name.startswith("segments") else f"videoContext.{name}"


_UNDERSCORED = re.compile(r"_([a-z0-9])")
_LOCATION = re.compile(r"[a-z0-9-]{0,63}")
_URL_SAFE = str.maketrans("-_", "+/")
