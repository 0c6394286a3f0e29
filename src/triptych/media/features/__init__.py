"""The register of features: what each is called, takes and gives, and where it runs.

To add one, write a file here that does what media/feature.py says, and a row.
"""

from dataclasses import dataclass
from enum import Flag, auto
from types import MappingProxyType

from triptych.media.options import (
    AudioFormatOptions,
    AudioPhaseOptions,
    CaptionLanguageOptions,
    ColourBarsOptions,
    ConformanceOptions,
    CropOptions,
    FaceOptions,
    FreezeOptions,
    InBlackOptions,
    InterlaceOptions,
    LevelsOptions,
    LoudnessOptions,
    MacroblockOptions,
    ObjectOptions,
    Options,
    PseOptions,
    ShotOptions,
    SilenceOptions,
    SpeechOptions,
    SpokenLanguageOptions,
    TextOptions,
    VideoIndexOptions,
)


class Need(Flag):
    """What a feature subscribes to; measured once however many ask for it.

    LOOK: its own look at each picture. THUMB, CHANGE: the thumb of each picture, and the change from the one before. SOUND: cells.
    EAR: its own ear on the samples.
    """

    NOTHING = 0
    LOOK = auto()
    THUMB = auto()
    CHANGE = auto()
    SOUND = auto()
    EAR = auto()
    PICTURES = LOOK | THUMB | CHANGE
    SOUNDS = SOUND | EAR


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEntry:
    """One feature. `run` is `module:class`, named as text so that asking what exists imports nothing that decodes; None: not built yet.

    `model` is the slot that it needs filled. `sees` and `hears` say which of picture and sound it cannot do without. `extra_keys` are
    those of the result beside `result_key`; `required` are the options that a request must name.
    """

    config_key: str
    result_key: str
    config_alias: str | None = None
    extra_keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    alarmable: bool = False
    model: str | None = None
    run: str | None = None
    options: type[Options] = Options
    needs: Need = Need.NOTHING
    sees: bool = False
    hears: bool = False


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
            run="triptych.media.features.latest_shots:detector",
            options=ShotOptions,
            needs=Need.THUMB | Need.CHANGE,
            sees=True,
        ),
        "MACROBLOCKING": FeatureEntry(
            config_key="macroBlockDetectionConfig",
            result_key="macroblockAnnotations",
            alarmable=True,
            run="triptych.media.features.blocks:Macroblocking",
            options=MacroblockOptions,
            needs=Need.LOOK | Need.THUMB | Need.CHANGE,
            sees=True,
        ),
        "SPOKEN_LANGUAGE": FeatureEntry(
            config_key="spokenLanguageConfig",
            result_key="spokenLanguageAnnotations",
            alarmable=True,
            model="spoken-language",
            run="triptych.media.features.spoken_language:SpokenLanguage",
            options=SpokenLanguageOptions,
            needs=Need.EAR,
            hears=True,
        ),
        "CAPTION_LANGUAGE": FeatureEntry(
            config_key="captionLanguageConfig",
            result_key="captionLanguageAnnotations",
            alarmable=True,
            run="triptych.media.features.captions:CaptionLanguage",
            options=CaptionLanguageOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "FACE_DETECTION": FeatureEntry(
            config_key="faceDetectionConfig",
            result_key="faceDetectionAnnotations",
            config_alias="facialRecognitionConfig",
            extra_keys=("faceCountAnnotations",),
            alarmable=True,
            model="face",
            run="triptych.media.features.faces:Faces",
            options=FaceOptions,
            needs=Need.LOOK | Need.THUMB | Need.CHANGE,
            sees=True,
        ),
        "VIDEO_INDEX": FeatureEntry(
            config_key="videoIndexConfig",
            result_key="videoIndexAnnotations",
            run="triptych.media.features.video_index:VideoIndex",
            options=VideoIndexOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "FREEZE": FeatureEntry(
            config_key="freezeConfig",
            result_key="freezeAnnotations",
            alarmable=True,
            run="triptych.media.features.freeze:Freeze",
            options=FreezeOptions,
            needs=Need.LOOK | Need.THUMB,
            sees=True,
        ),
        "SILENCE": FeatureEntry(
            config_key="silenceConfig",
            result_key="silenceAnnotations",
            alarmable=True,
            run="triptych.media.features.silence:Silence",
            options=SilenceOptions,
            needs=Need.EAR,
            hears=True,
        ),
        "LOUDNESS": FeatureEntry(
            config_key="loudnessConfig",
            result_key="loudnessAnnotations",
            alarmable=True,
            run="triptych.media.features.loudness:Loudness",
            options=LoudnessOptions,
            needs=Need.SOUND | Need.EAR,
            hears=True,
        ),
        "AUDIO_PHASE": FeatureEntry(
            config_key="audioPhaseConfig",
            result_key="audioPhaseAnnotations",
            alarmable=True,
            run="triptych.media.features.phase:AudioPhase",
            options=AudioPhaseOptions,
            needs=Need.SOUND,
            hears=True,
        ),
        "COLOUR_BARS": FeatureEntry(
            config_key="colourBarsConfig",
            result_key="colourBarsAnnotations",
            config_alias="colorBarsConfig",
            alarmable=True,
            run="triptych.media.features.colour_bars:ColourBars",
            options=ColourBarsOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "CROP": FeatureEntry(
            config_key="cropConfig",
            result_key="cropAnnotations",
            run="triptych.media.features.crop:Crop",
            options=CropOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "INTERLACE": FeatureEntry(
            config_key="interlaceConfig",
            result_key="interlaceAnnotations",
            run="triptych.media.features.interlace:Interlace",
            options=InterlaceOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "LEVELS": FeatureEntry(
            config_key="levelsConfig",
            result_key="levelsAnnotations",
            extra_keys=("levelsTotals",),
            alarmable=True,
            run="triptych.media.features.levels:Levels",
            options=LevelsOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "PSE": FeatureEntry(
            config_key="pseConfig",
            result_key="pseAnnotations",
            alarmable=True,
            run="triptych.media.features.pse:Pse",
            options=PseOptions,
            needs=Need.THUMB,
            sees=True,
        ),
        "TEXT_DETECTION": FeatureEntry(
            config_key="textDetectionConfig",
            result_key="textAnnotations",
            model="text",
            run="triptych.media.features.text:TextInPicture",
            options=TextOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "OBJECT_TRACKING": FeatureEntry(
            config_key="objectTrackingConfig",
            result_key="objectAnnotations",
            model="object",
            options=ObjectOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "PERSON_DETECTION": FeatureEntry(
            config_key="personDetectionConfig",
            result_key="personDetectionAnnotations",
            model="object",
            options=ObjectOptions,
            needs=Need.LOOK,
            sees=True,
        ),
        "LABEL_DETECTION": FeatureEntry(
            config_key="labelDetectionConfig",
            result_key="segmentLabelAnnotations",
            extra_keys=("shotLabelAnnotations", "frameLabelAnnotations"),
            model="label",
            sees=True,
        ),
        "LOGO_RECOGNITION": FeatureEntry(
            config_key="logoRecognitionConfig",
            result_key="logoRecognitionAnnotations",
            model="logo",
            sees=True,
        ),
        "EXPLICIT_CONTENT_DETECTION": FeatureEntry(
            config_key="explicitContentDetectionConfig",
            result_key="explicitAnnotation",
            model="explicit",
            sees=True,
        ),
        "SPEECH_TRANSCRIPTION": FeatureEntry(
            config_key="speechTranscriptionConfig",
            result_key="speechTranscriptions",
            model="speech",
            run="triptych.media.features.speech:Speech",
            required=("languageCode",),
            options=SpeechOptions,
            needs=Need.EAR,
            hears=True,
        ),
        "CONFORMANCE": FeatureEntry(
            config_key="conformanceConfig",
            result_key="conformanceAnnotations",
            extra_keys=("conformancePassed",),
            run="triptych.media.features.conformance:Conformance",
            options=ConformanceOptions,
            needs=Need.LOOK,
        ),
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
