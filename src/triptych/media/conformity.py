"""What a file's header, packets and pictures should agree on, and what was expected of it (media 4.3 CONFORMANCE). Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import msgspec

from triptych.media.measured import Indexed
from triptych.media.options import ConformanceOptions

ISO_SUFFIXES = ("mp4", "m4v", "m4a", "m4b", "3gp", "3g2", "mj2", "f4v")
QUICKTIME = ("mov", "qt")
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "matroska,webm": ("mkv", "webm", "mka", "mk3d"),
    "mpegts": ("ts", "m2ts", "mts", "m2t", "trp", "tts"),
    "mpeg": ("mpg", "mpeg", "vob", "m2p", "ps"),
    "mxf": ("mxf",),
    "avi": ("avi", "divx"),
    "wav": ("wav", "wave", "bwf", "rf64"),
    "w64": ("w64",),
    "aiff": ("aiff", "aif", "aifc"),
    "flac": ("flac",),
    "ogg": ("ogg", "oga", "ogv", "opus", "ogx"),
    "mp3": ("mp3",),
    "aac": ("aac", "adts"),
    "ac3": ("ac3",),
    "eac3": ("eac3", "ec3"),
    "flv": ("flv",),
    "asf": ("wmv", "wma", "asf"),
    "h264": ("h264", "264", "avc"),
    "hevc": ("hevc", "h265", "265"),
    "mpegvideo": ("m2v", "m1v", "mpv"),
    "gxf": ("gxf",),
    "nut": ("nut",),
    "dv": ("dv", "dif"),
    "caf": ("caf",),
    "au": ("au", "snd"),
    "yuv4mpegpipe": ("y4m",),
    "ivf": ("ivf",),
}
"""The endings that belong to each format, its usual name first; a file with an ending of none of them is not judged by it."""
KNOWN_SUFFIXES = {*ISO_SUFFIXES, *QUICKTIME, *(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)}
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 11: "smpte431", 12: "smpte432"}
TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 13: "iec61966-2-1"} | {
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}
RANGES = {1: "limited", 2: "full"}
COLOUR_NAMES = (("primaries", PRIMARIES), ("transfer", TRANSFERS), ("matrix", MATRICES), ("range", RANGES))
LEVEL_STEPS = {"hevc": 30}
USUAL_LEVEL_STEPS = 10
RATE_TOLERANCE = 0.005
REORDERED = 17
MOMENT = Fraction(1, 1000)
"""Times in some containers are told in milliseconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. `start` and `end` bound what it is about, in seconds; None is the whole file."""

    name: str
    expected: object
    found: object
    passed: bool
    start: Fraction | None = None
    end: Fraction | None = None


class Shot(msgspec.Struct, frozen=True, array_like=True):
    """What one decoded picture says of itself; colour as code points of ISO/IEC 23091-2, range 1 limited and 2 full."""

    size: tuple[int, int]
    pixels: str
    colour: tuple[int, int, int, int]
    interlaced: bool


def container_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the endings that fit a file, its usual one first; none for a format without any."""
    name = header.get("format", "")
    if "mp4" in name.split(","):
        return QUICKTIME if header.get("brand", "") in {"qt", ""} else ISO_SUFFIXES
    return SUFFIXES.get(name, ())


def signature(source: str, header: Mapping[str, Any]) -> Iterator[Check]:
    """Compare what the file is with what its name says."""
    suffix = PurePosixPath(source).suffix.lower().removeprefix(".")
    fitting = container_of(header)
    if fitting and suffix in KNOWN_SUFFIXES:
        yield Check("signature", suffix, fitting[0], suffix in fitting)


def durations(index: Indexed) -> Iterator[Check]:
    """Compare how long the header says each track is with its packets, and the tracks with each other, within one picture and packet."""
    tracks = index.header.get("tracks", [])
    for track in tracks:
        told = track["header"].get("duration")
        if told is not None:
            length, end = _length(track), Fraction(*track["end"]) + Fraction(*(index.origin or (0, 1)))
            passed = min(abs(Fraction(*told) - length), abs(Fraction(*told) - end)) <= _tolerance(index, track)
            yield Check("headerDuration", _seconds(Fraction(*told)), _seconds(length), passed)
    if len(tracks) > 1:
        lengths = [_length(track) for track in tracks]
        passed = max(lengths) - min(lengths) <= max(_tolerance(index, track) for track in tracks)
        yield Check("trackDurations", _seconds(lengths[0]), [_seconds(length) for length in lengths], passed)


def times(index: Indexed, *, is_cut: bool) -> Iterator[Check]:
    """Tell holes in the times of a track, and times that go back; before the end of a cut off file reordered pictures are missing."""
    tracks = index.header.get("tracks", [])
    frame = 1 / Fraction(*index.video.rate) if index.video is not None else Fraction(0)
    last = Fraction(*index.duration) - (REORDERED * frame if is_cut else 0)
    gaps = [(track["number"], *gap) for track in tracks for gap in track["gaps"] if Fraction(*gap[0]) < last]
    reversals = [(track["number"], at, at) for track in tracks for at in track["reversals"]]
    for name, broken in (("ptsGaps", gaps), ("ptsReversals", reversals)):
        for number, start, end in broken:
            yield Check(
                name, None, {"track": number}, passed=False, start=max(Fraction(*start), Fraction(0)), end=max(Fraction(*end), Fraction(0))
            )
        if not broken:
            yield Check(name, None, None, passed=True)


def group_timecodes(index: Indexed) -> Iterator[Check]:
    """Tell where the timecodes of groups of pictures do not go on."""
    for track in index.header.get("tracks", []):
        for at, expected, found in track.get("breaks", ()):
            yield Check("timecodeContinuity", expected, found, passed=False, start=Fraction(*at), end=Fraction(*at))
        if track.get("breaks") == []:
            yield Check("timecodeContinuity", None, None, passed=True)


def group_start(index: Indexed) -> str | None:
    """Return the timecode of the first group of pictures."""
    return next((track["groupTimecode"] for track in index.header.get("tracks", []) if "groupTimecode" in track), None)


def flags(index: Indexed, shot: Shot) -> Iterator[Check]:
    """Compare what the header says of the pictures with the first one decoded."""
    track = next((track for track in index.header.get("tracks", []) if track["type"] == "video"), None)
    if track is None:
        return
    expected: dict[str, object] = {"size": track["header"].get("size", track["size"]), "pixels": _plain(track["pixels"])}
    found: dict[str, object] = {"size": list(shot.size), "pixels": _plain(shot.pixels)}
    for place, (name, names) in enumerate(COLOUR_NAMES):
        if track["colour"][place] in names and shot.colour[place] in names:
            expected[name], found[name] = names[track["colour"][place]], names[shot.colour[place]]
    if "interlaced" in track["header"]:
        expected["interlaced"], found["interlaced"] = track["header"]["interlaced"], shot.interlaced
    wrong = [key for key in expected if expected[key] != found[key]]
    keys = wrong or list(expected)
    yield Check("flags", {key: expected[key] for key in keys}, {key: found[key] for key in keys}, not wrong)


def expectations(options: ConformanceOptions, index: Indexed, shot: Shot | None, start_timecode: str | None) -> Iterator[Check]:
    """Compare the file with everything that was expected of it."""
    header = index.header
    fitting = container_of(header)
    if options.container is not None:
        yield Check("container", options.container, fitting[0] if fitting else header["format"], options.container.lower() in fitting)
    for name, expected, found in _equal(options, index, shot, start_timecode):
        if expected is not None:
            yield Check(name, expected, found, expected == found)
    yield from _near(options, index)
    if options.colour is not None:
        yield _colour(options, shot)
    if options.bitRate is not None:
        rate = 8 * header["bytes"] / max(float(Fraction(*index.duration)), float(MOMENT))
        asked = options.bitRate
        yield Check("bitRate", {"min": asked.min, "max": asked.max}, round(rate), asked.min <= rate <= asked.max)


def _equal(options: ConformanceOptions, index: Indexed, shot: Shot | None, timecode: str | None) -> Iterator[tuple[str, Any, Any]]:
    """Yield (check, expected, found) of what must be the same."""
    header, video = index.header, index.video
    picture: Mapping[str, Any] = next((track for track in header["tracks"] if track["type"] == "video"), {})
    yield "codecs", _listed(options.codecs), [track["codec"] for track in header["tracks"]]
    yield "profile", options.profile, picture.get("profile")
    yield "level", options.level, _level(picture)
    yield "size", _listed(options.size), None if shot is None else list(shot.size)
    yield "bitDepth", options.bitDepth, video.bits if video is not None else None
    yield "channels", _listed(options.channels), [audio.channels for audio in index.audio]
    rates = sorted({audio.rate_hz for audio in index.audio})
    yield "sampleRate", options.sampleRate, rates[0] if len(rates) == 1 else rates
    yield "startTimecode", options.startTimecode, timecode
    yield "dropFrame", options.dropFrame, None if timecode is None else ";" in timecode
    yield "fastStart", options.fastStart, header.get("fastStart")
    yield "sha256", options.sha256.lower() if options.sha256 else None, header.get("sha256")


def _near(options: ConformanceOptions, index: Indexed) -> Iterator[Check]:
    """Compare what need not be the same to the last digit."""
    if options.frameRate is not None:
        rate = float(Fraction(*index.video.rate)) if index.video is not None else 0.0
        yield Check("frameRate", options.frameRate, round(rate, 3), abs(rate - options.frameRate) <= RATE_TOLERANCE)
    if options.durations is not None:
        asked = Fraction(str(options.durations))
        tracks = index.header["tracks"]
        passed = all(abs(_length(track) - asked) <= _tolerance(index, track) for track in tracks)
        yield Check("durations", options.durations, [_seconds(_length(track)) for track in tracks], passed)


def _colour(options: ConformanceOptions, shot: Shot | None) -> Check:
    asked = {name: value for name, value in msgspec.to_builtins(options.colour).items() if value is not None}
    codes = shot.colour if shot is not None else (0, 0, 0, 0)
    found = {name: names.get(code) for code, (name, names) in zip(codes, COLOUR_NAMES, strict=True) if name in asked}
    return Check("colour", asked, found, asked == found)


def _level(track: Mapping[str, Any]) -> float | None:
    level = track.get("level")
    return None if level is None or level < 0 else level / LEVEL_STEPS.get(track["codec"], USUAL_LEVEL_STEPS)


def _listed(values: tuple[object, ...] | None) -> list[object] | None:
    return None if values is None else list(values)


def _length(track: Mapping[str, Any]) -> Fraction:
    return Fraction(*track["end"]) - Fraction(*track["start"])


def _tolerance(index: Indexed, track: Mapping[str, Any]) -> Fraction:
    """Return the seconds of one picture, and of one packet where that is sound: its last one may be filled up."""
    frame = 1 / Fraction(*index.video.rate) if index.video is not None else Fraction(0)
    return frame + MOMENT + (Fraction(*track["packet"]) if track["type"] == "audio" else 0)


def _seconds(value: Fraction) -> float:
    return round(float(value), 3)


def _plain(pixels: str | None) -> str:
    """Return the name of a pixel format without what only says its range."""
    return (pixels or "").replace("yuvj", "yuv")
