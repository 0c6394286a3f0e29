import hashlib
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from triptych.media.sample import Coding, _frame, flat, scene, tone, write_clip
from truth.chunked import Chunked
from truth.scoring import Analysis

NAMES = ["CONFORMANCE"]
SIZE = (160, 90)
RATE = 25
PLAIN = Coding()
MPEG_2 = Coding(video="mpeg2video", options={"bf": "0", "g": "12"})


def _pictures(count: int, *, rate: int = RATE, hole=range(0)):
    return ((Fraction(number, rate), scene(1, SIZE, number)) for number in range(count) if number not in hole)


def _sound(seconds: float):
    return [np.stack([tone(440, round(48_000 * seconds)), tone(660, round(48_000 * seconds))])]


def _clip(path: Path, coding: Coding = PLAIN, seconds: float = 2, **keys) -> Path:
    write_clip(path, _pictures(int(seconds * RATE), **keys), _sound(seconds) if path.suffix != ".mxf" else [], coding)
    return path


def _faults(path: Path, options=None) -> list[dict]:
    analysis = Analysis(path, NAMES, {"CONFORMANCE": options or {}})
    assert analysis.failed == {}
    return analysis.items["CONFORMANCE"]


def _checks(path: Path, options=None) -> list[str]:
    return [fault["check"] for fault in _faults(path, options)]


def _patched(path: Path, marks: tuple[bytes, ...], skip: int, data: bytes) -> Path:
    """Overwrite what lies `skip` bytes after a row of marks."""
    whole, at = bytearray(path.read_bytes()), 0
    for mark in marks:
        at = whole.index(mark, at) + len(mark)
    whole[at + skip : at + skip + len(data)] = data
    path.write_bytes(whole)
    return path


def _parts(path: Path, parts, coding: Coding = MPEG_2, gop_timecodes=(None, None)) -> Path:
    """Write pictures from one encoder after the other, (count, size) each, into one stream."""
    with av.open(str(path), "w") as out:
        stream, at = None, 0
        for (count, size), timecode in zip(parts, gop_timecodes, strict=True):
            encoder = av.CodecContext.create(coding.video, "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *size, "yuv420p", Fraction(1, RATE)
            encoder.framerate = Fraction(RATE)
            encoder.options = {**coding.options, **({"gop_timecode": timecode} if timecode else {})}
            stream = stream or out.add_mux_stream(coding.video, rate=RATE, width=size[0], height=size[1])
            for number in (*range(count), None):
                frame = None
                if number is not None:
                    frame = _frame(flat(size, 60 + number % 100))
                    frame.pts, frame.time_base = number, Fraction(1, RATE)
                for packet in encoder.encode(frame):
                    packet.pts, packet.dts = packet.pts + at, packet.dts + at
                    packet.time_base, packet.stream = Fraction(1, RATE), stream
                    out.mux(packet)
            at += count
    return path


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("film.mp4", Coding()),
        ("film.mov", Coding(video="mpeg4", options={}, audio="pcm_s16le")),
        ("film.mkv", Coding()),
        ("film.mkv", Coding(video="ffv1", options={}, audio="pcm_s16le")),
        ("film.ts", Coding()),
        ("film.ts", MPEG_2),
        ("film.mxf", Coding(video="mpeg2video", options={"bf": "2", "g": "12"})),
        ("film.avi", Coding(video="mpeg4", options={}, audio="pcm_s16le")),
        ("film.mp4", Coding(rate=Fraction(30_000, 1001), time_base=Fraction(1, 30_000))),
    ],
)
def test_good_files_have_no_fault(tmp_path, name, coding) -> None:
    """media 4.3 CONFORMANCE: each fault found, no other."""
    assert _faults(_clip(tmp_path / name, coding)) == []


def test_uneven_pictures_are_no_fault(tmp_path) -> None:
    """media 4.3, 9: VFR has full results."""
    times = [Fraction(number * number % 7 + 10 * number, 250) for number in range(50)]
    write_clip(tmp_path / "film.mkv", ((at, flat(SIZE)) for at in times), [], Coding(time_base=Fraction(1, 1000)))
    assert _faults(tmp_path / "film.mkv") == []


def test_a_name_that_lies_is_found(tmp_path) -> None:
    """media 4.3 CONFORMANCE: signature vs extension."""
    fault = _faults(_clip(tmp_path / "film.mkv").rename(tmp_path / "film.mp4"))
    assert [(one["check"], one["expected"], one["found"]) for one in fault] == [("signature", "mp4", "mkv")]
    assert _checks((tmp_path / "film.mp4").rename(tmp_path / "film.bin")) == []


def test_a_header_with_another_duration_is_found(tmp_path) -> None:
    """media 4.3 CONFORMANCE: track durations within 1 frame of the header's."""
    path = _clip(tmp_path / "film.mp4")
    told = struct.unpack(">I", path.read_bytes()[path.read_bytes().index(b"tkhd") + 24 :][:4])[0]
    assert told == 2000
    assert _checks(_patched(path, (b"tkhd",), 20, struct.pack(">I", told + 41))) == []
    assert _checks(_patched(path, (b"tkhd",), 20, struct.pack(">I", told + 100))) == ["headerDuration"]


def test_tracks_of_different_lengths_are_found(tmp_path) -> None:
    """media 4.3 CONFORMANCE: track durations within 1 frame."""
    write_clip(tmp_path / "film.mp4", _pictures(50), _sound(1.5), Coding())
    faults = _faults(tmp_path / "film.mp4")
    assert [one["check"] for one in faults] == ["trackDurations"]
    assert faults[0]["expected"] == 2.0


def test_a_hole_in_the_pictures_is_found_where_it_is(tmp_path) -> None:
    """media 4.3 CONFORMANCE: PTS gaps."""
    faults = _faults(_clip(tmp_path / "film.mkv", hole=range(20, 25)))
    assert [one["check"] for one in faults] == ["ptsGaps"]
    assert faults[0]["segment"] == {"startTimeOffset": "0.760000s", "endTimeOffset": "1.000000s"}


def test_times_that_go_back_are_found(tmp_path) -> None:
    """media 4.3 CONFORMANCE: PTS reversals."""
    path = _clip(tmp_path / "film.ts")
    path.write_bytes(path.read_bytes() * 2)
    assert set(_checks(path)) == {"ptsReversals"}


def test_a_timecode_that_jumps_is_found_where_it_does(tmp_path) -> None:
    """media 4.3 CONFORMANCE: timecode continuity (SMPTE ST 12-1)."""
    path = _parts(tmp_path / "film.ts", [(48, SIZE), (48, SIZE)], gop_timecodes=("01:00:00:00", "02:00:00:00"))
    faults = _faults(path)
    assert [one["check"] for one in faults] == ["timecodeContinuity"]
    assert faults[0]["segment"]["startTimeOffset"] == "1.920000s"
    steady = _parts(tmp_path / "steady.ts", [(48, SIZE), (48, SIZE)], gop_timecodes=("01:00:00:00", "01:00:01:23"))
    assert _checks(steady) == []


def test_a_header_with_another_size_or_colour_is_found(tmp_path) -> None:
    """media 4.3 CONFORMANCE: flags vs decoded pictures."""
    path = _clip(tmp_path / "film.mp4")
    faults = _faults(_patched(path, (b"stsd", b"avc1"), 24, struct.pack(">HH", 320, 180)))
    assert [(one["check"], one["expected"], one["found"]) for one in faults] == [("flags", {"size": [320, 180]}, {"size": [160, 90]})]


def test_pictures_that_change_size_are_found_where_they_do(tmp_path) -> None:
    """media 9: size change in mid-file: done; a CONFORMANCE finding."""
    faults = _faults(_parts(tmp_path / "film.ts", [(25, SIZE), (25, (128, 96))], gop_timecodes=("00:00:00:00", "00:00:01:00")))
    assert [(one["check"], one["expected"], one["found"]) for one in faults] == [("sizeChange", [160, 90], [128, 96])]
    assert faults[0]["segment"]["startTimeOffset"] == "1.000000s"


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.mxf"])
def test_a_cut_off_file_is_found(tmp_path, name) -> None:
    """media 9: cut off: what decodes is analysed; done, with a CONFORMANCE finding."""
    coding = Coding(video="mpeg2video", options={}) if name.endswith("mxf") else Coding()
    path = _clip(tmp_path / name, coding, 4)
    if name.endswith("mp4"):
        _faststart(path)
    os.truncate(path, path.stat().st_size * 6 // 10)
    assert _checks(path) == ["truncated"]


def _faststart(path: Path) -> None:
    """Remux a film with its index first."""
    other = path.with_name("other.mp4")
    with av.open(str(path)) as source, av.open(str(other), "w", options={"movflags": "faststart"}) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    other.rename(path)


MET = {
    "container": "mp4",
    "codecs": ["h264", "aac"],
    "profile": "High",
    "level": 1.1,
    "size": [160, 90],
    "frameRate": 25,
    "bitDepth": 8,
    "channels": [2],
    "sampleRate": 48000,
    "bitRate": {"min": 10_000, "max": 5_000_000},
    "durations": 2.0,
    "fastStart": True,
}
MISSED = {
    "container": "mxf",
    "codecs": ["hevc", "aac"],
    "profile": "Main",
    "level": 4.1,
    "size": [1920, 1080],
    "frameRate": 29.97,
    "bitDepth": 10,
    "channels": [2, 2],
    "sampleRate": 44100,
    "bitRate": {"min": 50_000_000},
    "durations": 3.0,
    "fastStart": False,
    "colour": {"primaries": "bt2020"},
    "startTimecode": "10:00:00:00",
    "dropFrame": True,
    "sha256": "0" * 64,
}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = _clip(tmp_path_factory.mktemp("conformance") / "film.mp4")
    _faststart(path)
    return path


def test_what_was_expected_and_is_there_is_no_fault(film) -> None:
    """media 4.3 CONFORMANCE: any of container, codecs, ... sha256."""
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    analysis = Analysis(film, NAMES, {"CONFORMANCE": {**MET, "sha256": digest.upper()}})
    assert analysis.items["CONFORMANCE"] == []
    passed = {one["check"] for one in analysis._features["CONFORMANCE"].extras()["conformancePassed"]}
    assert {*MET, "sha256"} <= passed


@pytest.mark.parametrize("key", MISSED)
def test_each_expectation_that_is_not_met_is_the_one_fault(film, key) -> None:
    """media 4.3 CONFORMANCE: one file per fault: each fault found, no other."""
    (fault,) = _faults(film, {key: MISSED[key]})
    assert (fault["check"], fault["result"]) == (key, "fail")
    assert fault["segment"] == {"startTimeOffset": "0.000000s", "endTimeOffset": "2.000000s"}


def test_start_timecode_and_drop_frame_are_read_from_the_header(tmp_path) -> None:
    """media 4.3 CONFORMANCE: startTimecode, dropFrame."""
    path = tmp_path / "film.mov"
    with av.open(str(path), "w") as out:
        out.metadata["timecode"] = "01:00:00;02"
        stream = out.add_stream("mpeg4", rate=Fraction(30_000, 1001))
        stream.width, stream.height = SIZE
        for number in range(30):
            frame = _frame(flat(SIZE, 60 + number))
            frame.pts, frame.time_base = number, Fraction(1001, 30_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert _checks(path, {"startTimecode": "01:00:00;02", "dropFrame": True}) == []
    assert _checks(path, {"startTimecode": "01:00:00:02", "dropFrame": False}) == ["startTimecode", "dropFrame"]


def test_chunks_change_nothing(tmp_path) -> None:
    """media P5, S1: the index step reads header and checksum inside the cage."""
    path = _parts(tmp_path / "film.ts", [(300, SIZE), (300, SIZE)], gop_timecodes=("01:00:00:00", "02:00:00:00"))
    options = {"CONFORMANCE": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}
    whole, chunked = (Chunked(path, NAMES, chunk_s, options=options) for chunk_s in (1000, 10))
    assert chunked.chunks > 1
    assert chunked.response == whole.response
    assert b"timecodeContinuity" in whole.response
