"""The register of features: what each is called, takes and gives, and where it runs.

To add one, write a file here that does what media/feature.py says, and a row.
"""

from dataclasses import dataclass
from enum import Flag, auto
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Need(Flag):
    """What a feature subscribes to; measured once however many ask for it."""

    NOTHING = 0
    LOOK = auto()
    THUMB = auto()
    CHANGE = auto()
    SOUND = auto()
    PICTURES = LOOK | THUMB | CHANGE


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's config. Each type's `description` completes the sentence "X must be ..."."""

    enabled: Annotated[bool, Meta(description="true or false")] = True


Seconds = Annotated[float, Meta(ge=0, le=1e9, description="a number of seconds, 0 or more")]


class InBlackOptions(Options, frozen=True, kw_only=True):
    """`black_value` up to 1 is a fraction of the range above black, above 1 an 8-bit code; `blackValue` is always a code."""

    delay: Seconds = 7.0
    black_value: Annotated[float, Meta(ge=0, le=255, description="a number between 0 and 255")] | None = None
    blackValue: Annotated[float, Meta(ge=0, le=255, description="a code between 0 and 255")] | None = None  # noqa: N815 - as documented
    coverage: Annotated[float, Meta(ge=0, le=1, description="a number between 0 and 1")] = 0.98


class AudioFormatOptions(Options, frozen=True, kw_only=True):
    """`compressed_channels` counts from 1."""

    compressed_channels: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=16)], ...], Meta(max_length=16, description="an array of channel numbers between 1 and 16")
    ] = ()


class ShotOptions(Options, frozen=True, kw_only=True):
    """`model` names the detector."""

    model: Annotated[Literal["builtin/stable", "builtin/latest"], Meta(description="builtin/stable or builtin/latest")] = "builtin/stable"
    minShotLength: Seconds = 0.2  # noqa: N815 - as documented


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEntry:
    """One feature. `run` is `module:class`, named as text so that asking what exists imports nothing that decodes; None: not built yet.

    `model` is the slot that it needs filled. `sees` and `hears` say which of picture and sound it cannot do without.
    """

    config_key: str
    result_key: str
    config_alias: str | None = None
    alarmable: bool = False
    model: str | None = None
    run: str | None = None
    options: type[Options] = Options
    needs: Need = Need.NOTHING
    sees: bool = False
    hears: bool = False


def _absent(config: str, result: str, *, model: str | None = None, alarmable: bool = False, alias: str | None = None) -> FeatureEntry:
    return FeatureEntry(config_key=config, result_key=result, config_alias=alias, model=model, alarmable=alarmable)


FEATURES = MappingProxyType(
    {
        "IN_BLACK": FeatureEntry(
            config_key="inBlackConfig",
            result_key="blackAnnotations",
            alarmable=True,
            run="triptych.media.features.black:InBlack",
            options=InBlackOptions,
            needs=Need.LOOK | Need.SOUND,
            sees=True,
        ),
        "AUDIO_FORMAT": FeatureEntry(
            config_key="audioFormatConfig",
            result_key="audioFormatAnnotations",
            alarmable=True,
            run="triptych.media.features.audio_format:AudioFormat",
            options=AudioFormatOptions,
            needs=Need.SOUND,
            hears=True,
        ),
        "SHOT_CHANGE_DETECTION": FeatureEntry(
            config_key="shotDetectionConfig",
            result_key="shotAnnotations",
            config_alias="shotChangeConfig",
            run="triptych.media.features.shots:Shots",
            options=ShotOptions,
            needs=Need.THUMB | Need.CHANGE,
            sees=True,
        ),
        "MACROBLOCKING": _absent("macroBlockDetectionConfig", "macroblockAnnotations", alarmable=True),
        "SPOKEN_LANGUAGE": _absent("spokenLanguageConfig", "spokenLanguageAnnotations", model="spoken-language", alarmable=True),
        "CAPTION_LANGUAGE": _absent("captionLanguageConfig", "captionLanguageAnnotations", alarmable=True),
        "FACE_DETECTION": _absent(
            "faceDetectionConfig", "faceDetectionAnnotations", model="face", alarmable=True, alias="facialRecognitionConfig"
        ),
        "VIDEO_INDEX": _absent("videoIndexConfig", "videoIndexAnnotations"),
        "FREEZE": _absent("freezeConfig", "freezeAnnotations", alarmable=True),
        "SILENCE": _absent("silenceConfig", "silenceAnnotations", alarmable=True),
        "LOUDNESS": _absent("loudnessConfig", "loudnessAnnotations", alarmable=True),
        "AUDIO_PHASE": _absent("audioPhaseConfig", "audioPhaseAnnotations", alarmable=True),
        "COLOUR_BARS": _absent("colourBarsConfig", "colourBarsAnnotations", alarmable=True, alias="colorBarsConfig"),
        "CROP": _absent("cropConfig", "cropAnnotations"),
        "INTERLACE": _absent("interlaceConfig", "interlaceAnnotations"),
        "LEVELS": _absent("levelsConfig", "levelsAnnotations", alarmable=True),
        "PSE": _absent("pseConfig", "pseAnnotations", alarmable=True),
        "TEXT_DETECTION": _absent("textDetectionConfig", "textAnnotations", model="text"),
        "OBJECT_TRACKING": _absent("objectTrackingConfig", "objectAnnotations", model="object"),
        "PERSON_DETECTION": _absent("personDetectionConfig", "personDetectionAnnotations", model="object"),
        "LABEL_DETECTION": _absent("labelDetectionConfig", "segmentLabelAnnotations", model="label"),
        "LOGO_RECOGNITION": _absent("logoRecognitionConfig", "logoRecognitionAnnotations", model="logo"),
        "EXPLICIT_CONTENT_DETECTION": _absent("explicitContentDetectionConfig", "explicitAnnotation", model="explicit"),
        "SPEECH_TRANSCRIPTION": _absent("speechTranscriptionConfig", "speechTranscriptions", model="speech"),
        "CONFORMANCE": _absent("conformanceConfig", "conformanceAnnotations"),
    }
)

FEATURE_ALIASES = MappingProxyType({"COLOR_BARS": "COLOUR_BARS"})

GOOGLE_V1 = MappingProxyType(
    {
        "LABEL_DETECTION": 1,
        "SHOT_CHANGE_DETECTION": 2,
        "EXPLICIT_CONTENT_DETECTION": 3,
        "FACE_DETECTION": 4,
        "SPEECH_TRANSCRIPTION": 6,
        "TEXT_DETECTION": 7,
        "OBJECT_TRACKING": 9,
        "LOGO_RECOGNITION": 12,
        "PERSON_DETECTION": 14,
    }
)
"""The features that Google Video Intelligence v1 knows, each with its number there (media 6)."""
