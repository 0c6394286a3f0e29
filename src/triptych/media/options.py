"""What each feature can be told: its config, with defaults, and its alarm's (media 3.4, 4). Imports nothing that decodes.

Each type's `description` completes the sentence "X must be ...".
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Flag = Annotated[bool, Meta(description="true or false")]
Seconds = Annotated[float, Meta(ge=0, le=1e9, description="a number of seconds, 0 or more")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number between 0 and 1")]
Rate = Annotated[float, Meta(ge=0, le=1000, description="a number of pictures a second, 0 for every one")]
Decibels = Annotated[float, Meta(ge=-200, le=100, description="a number of decibels between -200 and 100")]
Percent = Annotated[float, Meta(ge=-100, le=200, description="a number of percent between -100 and 200")]
Code = Annotated[float, Meta(ge=0, le=255, description="a code between 0 and 255")]
Days = Annotated[int, Meta(ge=1, le=3650, description="a whole number of days between 1 and 3650")]
Count = Annotated[int, Meta(ge=0, le=1_000_000, description="a whole number, 0 or more")]
Text = Annotated[str, Meta(max_length=256, description="a string of at most 256 characters")]
Texts = Annotated[tuple[Text, ...], Meta(max_length=256, description="an array of at most 256 strings")]


class AlarmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a feature raises an alarm (media A1)."""

    enabled: Flag = False
    sensitivity: Share = 0.2
    secsInAlarmDuration: Seconds = 210.0  # noqa: N815 - as documented


class AudioFormatAlarm(AlarmSettings, frozen=True, kw_only=True):
    """Which formats pass, as a mask of the format's bits, and on which channels compressed sound does, bit 0 for the first."""

    allowableAudioFormat: Annotated[int, Meta(ge=0, le=255, description="a mask between 0 and 255")] = 15  # noqa: N815 - as documented
    allowCompressedAudio: Annotated[int, Meta(ge=0, le=65535, description="a mask between 0 and 65535")] = 3  # noqa: N815 - as documented


class MacroblockAlarm(AlarmSettings, frozen=True, kw_only=True):
    """The score below which the picture is too blocky."""

    minSsimValue: Annotated[float, Meta(gt=0, le=1, description="a number above 0 and at most 1")] = 0.9  # noqa: N815 - as documented


_Masks = Annotated[int, Meta(ge=0, le=15)]


class SpokenAlarm(AlarmSettings, frozen=True, kw_only=True):
    """What may be heard on each of eight channels: 1 noise or music, 2 English, 4 Spanish, 8 other; 0 is not monitored."""

    maskAllowableLanguages: Annotated[  # noqa: N815 - as documented
        tuple[_Masks, ...], Meta(max_length=8, description="an array of at most 8 masks between 0 and 15")
    ] = (3,) * 8
    maskAllowableLangauges: (  # noqa: N815 - as documented, misspelt
        Annotated[tuple[_Masks, ...], Meta(max_length=8, description="an array of at most 8 masks between 0 and 15")] | None
    ) = None


class CaptionAlarm(AlarmSettings, frozen=True, kw_only=True):
    """What may be read in each of four services: 1 English, 2 Spanish, 4 other; 0 is not monitored."""

    maskAllowableLanguages: Annotated[  # noqa: N815 - as documented
        tuple[Annotated[int, Meta(ge=0, le=7)], ...], Meta(max_length=4, description="an array of at most 4 masks between 0 and 7")
    ] = (3,) * 4


class FaceAlarm(AlarmSettings, frozen=True, kw_only=True):
    """How many faces may be seen."""

    maxFaceCount: Count = 1  # noqa: N815 - as documented


Alarm = Annotated[AlarmSettings, Meta(description="an object")]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's config."""

    enabled: Flag = True


class InBlackOptions(Options, frozen=True, kw_only=True):
    """`black_value` up to 1 is a fraction of the range above black, above 1 an 8-bit code; `blackValue` is always a code."""

    delay: Seconds = 7.0
    black_value: Annotated[float, Meta(ge=0, le=255, description="a number between 0 and 255")] | None = None
    blackValue: Code | None = None  # noqa: N815 - as documented
    coverage: Share = 0.98
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class AudioFormatOptions(Options, frozen=True, kw_only=True):
    """`compressed_channels` counts from 1."""

    compressed_channels: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=16)], ...], Meta(max_length=16, description="an array of channel numbers between 1 and 16")
    ] = ()
    alarmSettings: Annotated[AudioFormatAlarm, Meta(description="an object")] = AudioFormatAlarm()  # noqa: N815 - as documented


class ShotOptions(Options, frozen=True, kw_only=True):
    """`model` names the detector."""

    model: Annotated[Literal["builtin/stable", "builtin/latest"], Meta(description="builtin/stable or builtin/latest")] = "builtin/stable"
    minShotLength: Seconds = 0.2  # noqa: N815 - as documented


class MacroblockOptions(Options, frozen=True, kw_only=True):
    """How often a picture is scored."""

    sampleHz: Rate = 2.0  # noqa: N815 - as documented
    alarmSettings: Annotated[MacroblockAlarm, Meta(description="an object")] = MacroblockAlarm()  # noqa: N815 - as documented


class SpokenLanguageOptions(Options, frozen=True, kw_only=True):
    """Nothing but its alarm."""

    alarmSettings: Annotated[SpokenAlarm, Meta(description="an object")] = SpokenAlarm()  # noqa: N815 - as documented


class CaptionLanguageOptions(Options, frozen=True, kw_only=True):
    """After `gap` seconds without text a service counts as absent."""

    gap: Seconds = 10.0
    alarmSettings: Annotated[CaptionAlarm, Meta(description="an object")] = CaptionAlarm()  # noqa: N815 - as documented


class FaceOptions(Options, frozen=True, kw_only=True):
    """`minHeight` is a share of the picture's height."""

    sampleHz: Rate = 5.0  # noqa: N815 - as documented
    minHeight: Share = 0.03  # noqa: N815 - as documented
    includeBoundingBoxes: Flag = True  # noqa: N815 - as documented
    alarmSettings: Annotated[FaceAlarm, Meta(description="an object")] = FaceAlarm()  # noqa: N815 - as documented


class VideoIndexOptions(Options, frozen=True, kw_only=True):
    """Look for what is known, remember what is seen, for `ttl` days."""

    query: Flag = False
    index: Flag = False
    ttl: Days = 5


class FreezeOptions(Options, frozen=True, kw_only=True):
    """`noise` is a share of the code range."""

    noise: Share = 0.001
    duration: Seconds = 2.0
    ignoreBlack: Flag = True  # noqa: N815 - as documented
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class SilenceOptions(Options, frozen=True, kw_only=True):
    """`level` in dBFS RMS."""

    level: Decibels = -60.0
    duration: Seconds = 2.0
    perChannel: Flag = False  # noqa: N815 - as documented
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class LoudnessTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers in place of a named target: LUFS, LU, dBTP."""

    lufs: Decibels = -23.0
    tolerance: Annotated[float, Meta(ge=0, le=100, description="a number of LU between 0 and 100")] = 0.5
    truePeak: Decibels = -1.0  # noqa: N815 - as documented


class LoudnessOptions(Options, frozen=True, kw_only=True):
    """A named target or numbers; `series` adds momentary and short-term values ten times a second."""

    target: Annotated[Literal["ebu_r128", "atsc_a85"] | LoudnessTarget, Meta(description="ebu_r128, atsc_a85 or an object of numbers")] = (
        "ebu_r128"
    )
    series: Flag = False
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class AudioPhaseOptions(Options, frozen=True, kw_only=True):
    """Nothing but its alarm."""

    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class ColourBarsOptions(Options, frozen=True, kw_only=True):
    """Shorter bars are not reported."""

    duration: Seconds = 0.5
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class CropOptions(Options, frozen=True, kw_only=True):
    """`limit` is an 8-bit code, `hold` how long another border must stand."""

    limit: Code = 24.0
    hold: Seconds = 2.0


class InterlaceOptions(Options, frozen=True, kw_only=True):
    """How often a pair of pictures is looked at."""

    sampleHz: Rate = 5.0  # noqa: N815 - as documented


class LevelsOptions(Options, frozen=True, kw_only=True):
    """Bounds in percent of the range from black to white; `area` in percent of the picture."""

    lumaMin: Percent = -1.0  # noqa: N815 - as documented
    lumaMax: Percent = 103.0  # noqa: N815 - as documented
    rgbMin: Percent = -5.0  # noqa: N815 - as documented
    rgbMax: Percent = 105.0  # noqa: N815 - as documented
    area: Annotated[float, Meta(ge=0, le=100, description="a number of percent between 0 and 100")] = 1.0
    duration: Seconds = 0.2
    sampleHz: Rate = 2.0  # noqa: N815 - as documented
    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class PseOptions(Options, frozen=True, kw_only=True):
    """Nothing but its alarm."""

    alarmSettings: Alarm = AlarmSettings()  # noqa: N815 - as documented


class TextOptions(Options, frozen=True, kw_only=True):
    """Languages to expect, as BCP 47 tags."""

    languageHints: Texts = ()  # noqa: N815 - as documented
    sampleHz: Rate = 1.0  # noqa: N815 - as documented


class ObjectOptions(Options, frozen=True, kw_only=True):
    """How often to look, and how sure to be."""

    sampleHz: Rate = 5.0  # noqa: N815 - as documented
    minConfidence: Share = 0.4  # noqa: N815 - as documented


class SpeechOptions(Options, frozen=True, kw_only=True):
    """`languageCode` is needed: a BCP 47 tag, or `auto`; `audioTracks` count from 0."""

    languageCode: Annotated[str, Meta(min_length=2, max_length=35, description="a language tag or auto")] | None = None  # noqa: N815
    maxAlternatives: Annotated[int, Meta(ge=1, le=30, description="a whole number between 1 and 30")] = 1  # noqa: N815 - as documented
    audioTracks: Annotated[  # noqa: N815 - as documented
        tuple[Annotated[int, Meta(ge=0, le=63)], ...], Meta(max_length=16, description="an array of track numbers from 0")
    ] = (0,)


class Colours(msgspec.Struct, frozen=True, kw_only=True):
    """How codes mean colours, by FFmpeg's names; what is left out is not compared."""

    primaries: Text | None = None
    transfer: Text | None = None
    matrix: Text | None = None
    range: Annotated[Literal["limited", "full"], Meta(description="limited or full")] | None = None


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Least and greatest value that pass."""

    min: Annotated[float, Meta(ge=0, le=1e12, description="a number, 0 or more")] = 0.0
    max: Annotated[float, Meta(ge=0, le=1e12, description="a number, 0 or more")] = 1e12


Positive = Annotated[int, Meta(ge=1, le=1_000_000_000, description="a whole number, 1 or more")]
Size = Annotated[tuple[Positive, Positive], Meta(description="an array of width and height")]


class ConformanceOptions(Options, frozen=True, kw_only=True):
    """What the file is expected to be; what is left out is not expected. `bitRate` in bits a second, of the whole file."""

    container: Text | None = None
    codecs: Texts | None = None
    profile: Text | None = None
    level: Annotated[float, Meta(ge=0, le=100, description="a number between 0 and 100")] | None = None
    size: Size | None = None
    frameRate: Annotated[float, Meta(gt=0, le=1000, description="a number above 0")] | None = None  # noqa: N815 - as documented
    bitDepth: Annotated[int, Meta(ge=1, le=32, description="a whole number between 1 and 32")] | None = None  # noqa: N815 - as documented
    colour: Annotated[Colours, Meta(description="an object")] | None = None
    channels: Annotated[tuple[Positive, ...], Meta(max_length=64, description="an array of one number for each audio track")] | None = None
    sampleRate: Positive | None = None  # noqa: N815 - as documented
    bitRate: Annotated[Bounds, Meta(description="an object of min and max")] | None = None  # noqa: N815 - as documented
    durations: Seconds | None = None
    startTimecode: Annotated[str, Meta(pattern=r"^\d\d:\d\d:\d\d[:;]\d\d$", description="a timecode")] | None = None  # noqa: N815
    dropFrame: Flag | None = None  # noqa: N815 - as documented
    fastStart: Flag | None = None  # noqa: N815 - as documented
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="64 hexadecimal digits")] | None = None
