"""Every kind of input that is not as it should be: full jobs on real files, each answered as the table says (media 9)."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kinds.jobprocess import JobProcess
from triptych.media import seeing
from triptych.media.sample import RATE_HZ, Coding, tone, write_clip
from triptych.messages import Ended
from triptych.model import EndReason
from truth import broken
from truth.broken import film
from truth.outside import as_mxf_locator, with_reference
from truth.scoring import Analysis, near, seconds

NOT_MEDIA = "input is not a media file this server can read"
ELSEWHERE = "input refers to media outside the file"
USUAL = ("IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION")
AT_ONCE = {"inBlackConfig": {"delay": 0}}
MXF = Coding(video="mpeg2video", options={"b": "2000000"}, pixels="yuv422p")
MOV = Coding(video="mpeg4", options={"b": "2000000"}, audio="pcm_s16le")


def _job(folder: Path, name: str, features=USUAL, **spec) -> Ended:
    with JobProcess(folder) as process:
        process.start(name, features, config=AT_ONCE, **spec)
        ended = process.ended()
    assert str(folder) not in str(ended)
    return ended


def _failed(folder: Path, name: str) -> tuple[str, str]:
    end = _job(folder, name).end
    assert end.reason is EndReason.FAILED
    return end.fault.code, end.fault.message


def _done(folder: Path, name: str, features=USUAL, **spec) -> dict:
    ended = _job(folder, name, features, **spec)
    assert ended.end.reason is EndReason.DONE, ended.end
    return ended.result


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


FAILS: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "random bytes": ("a.mxf", lambda path: path.write_bytes(np.random.default_rng(3).bytes(90_000)), "bad_media", NOT_MEDIA),
    "no index": ("a.mov", lambda path: path.write_bytes(_half(film(path, MOV))), "bad_media", NOT_MEDIA),
    "a picture": ("a.mp4", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(999)), "bad_media", NOT_MEDIA),
    "a playlist behind a zero": ("a.mp4", lambda path: path.write_bytes(b"#EXTM3U\n#EXTINF:1,\nb.ts\n\0"), "bad_media", NOT_MEDIA),
    "a playlist in UTF-16": ("a.mp4", lambda path: path.write_bytes("#EXTM3U\nb.ts\n".encode("utf-16")), "bad_media", NOT_MEDIA),
    "a concat list behind a zero": (
        "a.mp4",
        lambda path: path.write_bytes(b"ffconcat version 1.0\nfile b\n\0"),
        "bad_media",
        NOT_MEDIA,
    ),
    "a drawing behind a zero": ("a.mp4", lambda path: path.write_bytes(b"<svg>\0</svg>"), "bad_media", NOT_MEDIA),
    "too wide": ("a.y4m", lambda path: broken.large(path, 16386, 16), "limits", "pictures of 16386x16 are larger than this server decodes"),
    "too many pixels": (
        "a.y4m",
        lambda path: broken.large(path, 12000, 10000),
        "limits",
        "pictures of 12000x10000 are larger than this server decodes",
    ),
    "65 streams": ("a.mkv", lambda path: broken.many_streams(path, 65), "limits", "input has more than 64 streams"),
    "90 streams": ("a.mkv", lambda path: broken.many_streams(path, 90), "limits", "input has more than 64 streams"),
    "an alias to another file": (
        "a.mov",
        lambda path: path.write_bytes(with_reference(film(path, MOV), b"\0\0\0\x14alis\0\0\0\0/a/b.mov")),
        "bad_media",
        ELSEWHERE,
    ),
    "an address of another file": (
        "a.mp4",
        lambda path: path.write_bytes(with_reference(film(path, Coding()), b"\0\0\0\x1furl \0\0\0\0http://127.0.0.1/x\0")),
        "bad_media",
        ELSEWHERE,
    ),
    "essence elsewhere": ("a.mxf", lambda path: path.write_bytes(as_mxf_locator(film(path, MXF, sound=False))), "bad_media", ELSEWHERE),
    "an IMF composition": ("a.xml", lambda path: path.write_bytes(b"<?xml version='1.0'?><CompositionPlaylist>"), "bad_media", ELSEWHERE),
}


@pytest.mark.parametrize("name", FAILS)
def test_an_input_that_cannot_be_analysed_fails_with_its_own_words(tmp_path, name) -> None:
    """media 9."""
    file, write, code, message = FAILS[name]
    write(tmp_path / file)
    assert _failed(tmp_path, file) == (code, message)


@pytest.mark.parametrize(("name", "coding"), [("a.ts", broken.PLAIN), ("a.mkv", MOV), ("a.avi", MOV), ("a.mxf", MXF)])
def test_what_decodes_of_half_a_file_is_analysed(tmp_path, name, coding) -> None:
    """media 9: cut off."""
    (tmp_path / name).write_bytes(_half(film(tmp_path / name, coding, sound=name != "a.mxf")))
    found = _done(tmp_path, name, ("IN_BLACK", "SHOT_CHANGE_DETECTION"))
    assert found["shotAnnotations"][0]["startTimeOffset"] == "0.000000s"
    assert found["media"]["frames"] < 75
    if name != "a.ts":
        assert found["media"]["truncated"] is True


def test_a_change_of_size_restarts_the_grid_and_both_halves_are_measured(tmp_path) -> None:
    """media 9; FFmpeg may lose the picture at the joint, so one frame is allowed for."""
    broken.two_sizes(tmp_path / "a.ts")
    found = _done(tmp_path, "a.ts", ("IN_BLACK", "SHOT_CHANGE_DETECTION"))
    assert found["media"]["frames"] in {149, 150}
    spans = [(seconds(span["startTimeOffset"]), seconds(span["endTimeOffset"])) for span in found["blackAnnotations"]]
    assert near(spans, [(1, 2), (4, 5)], Fraction(1, 25))


def test_pictures_without_times_are_shown_in_order_and_that_is_flagged(tmp_path) -> None:
    """media 9: missing PTS are rebuilt from order and rate."""
    broken.without_times(tmp_path / "a.h264")
    found = _done(tmp_path, "a.h264", ("IN_BLACK", "SHOT_CHANGE_DETECTION"))
    assert found["media"]["timestampsRebuilt"] is True
    assert found["blackAnnotations"] == [{"startTimeOffset": "1.000000s", "endTimeOffset": "2.000000s"}]
    assert found["media"]["duration"] == "3.000000s"


def test_times_below_zero_count_from_the_first_picture(tmp_path) -> None:
    """media 9, G6."""
    broken.timed(tmp_path / "a.nut", [Fraction(number, 1) for number in (-2, -1, 0)])
    found = _done(tmp_path, "a.nut", ("IN_BLACK",))
    assert found["blackAnnotations"] == [{"startTimeOffset": "1.000000s", "endTimeOffset": "2.000000s"}]


def test_30_hours_are_as_good_as_3_seconds(tmp_path) -> None:
    """media 9."""
    hour = 3600
    broken.timed(tmp_path / "a.mkv", [Fraction(hours * hour) for hours in (0, 10, 20, 30)])
    found = _done(tmp_path, "a.mkv", ("IN_BLACK",))
    assert found["blackAnnotations"][0] == {"startTimeOffset": f"{10 * hour}.000000s", "endTimeOffset": f"{20 * hour}.000000s"}
    assert found["media"]["frames"] == 4


def test_a_time_days_away_is_no_time(tmp_path) -> None:
    """media 9: times that leave more than 48 hours of nothing are rebuilt."""
    broken.timed(tmp_path / "a.mkv", [Fraction(0), Fraction(1, 25), Fraction(2, 25), Fraction(10**6)])
    found = _done(tmp_path, "a.mkv", ("SHOT_CHANGE_DETECTION",))
    assert found["media"]["timestampsRebuilt"] is True
    assert Fraction(found["media"]["duration"].removesuffix("s")) < 1


def test_sound_days_away_is_heard_right_after_what_was_before(tmp_path) -> None:
    """media 9, as for pictures."""
    broken.leaping_sound(tmp_path / "a.mkv", Fraction(10**6))
    found = _done(tmp_path, "a.mkv", ("AUDIO_FORMAT",))
    assert found["audioFormatAnnotations"] == [{"audioFormat": "mono", "startTimeOffset": "0.000000s", "endTimeOffset": "2.000000s"}]


LONG = Coding(options={"preset": "ultrafast", "g": "25"}, audio="mp2")


def _while_running(folder: Path, deed: Callable[[Path], None]) -> dict:
    """Do something to a file whose decoder has it open and stands still."""
    path = folder / "long.mkv"
    film(path, LONG, frames=750)
    with JobProcess(folder) as process:
        process.start(path.name, USUAL)
        process.decoder()
        process.answer(process.pause())
        deed(path)
        process.resume()
        ended = process.ended()
    assert ended.end.reason is EndReason.DONE, ended.end
    return ended.result


def _replace(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(b"#EXTM3U\n")
    other.rename(path)


@pytest.mark.parametrize("deed", [Path.unlink, _replace])
def test_a_file_that_is_taken_away_while_it_is_read_is_read_to_its_end(tmp_path, deed) -> None:
    """media 9, U1: the opened descriptor goes on."""
    assert _while_running(tmp_path, deed)["media"].get("truncated") is None


def test_a_file_that_is_cut_off_while_it_is_read_is_analysed_as_far_as_it_went(tmp_path) -> None:
    """media 9: truncated in place."""
    found = _while_running(tmp_path, lambda path: os.truncate(path, path.stat().st_size // 10))
    assert found["media"]["truncated"] is True
    assert found["shotAnnotations"]


def test_packets_without_end_that_give_no_picture_are_beyond_the_limits(tmp_path, monkeypatch) -> None:
    """media 9: ten million in a row, here twenty."""
    assert seeing.MOST_PACKETS_WITHOUT_FRAME == 10_000_000
    monkeypatch.setattr(seeing, "MOST_PACKETS_WITHOUT_FRAME", 20)
    data = film(tmp_path / "a.mp4", Coding(options={"preset": "ultrafast"}), sound=False)
    begin, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    (tmp_path / "a.mp4").write_bytes(data[:begin] + b"\xff" * (end - begin) + data[end:])
    found = Analysis(tmp_path / "a.mp4", ["SHOT_CHANGE_DETECTION"])
    assert (found.end.code, found.end.message) == ("limits", "input has no picture in ten million packets")


def test_sound_that_changes_its_rate_in_mid_file_is_heard_to_its_end(tmp_path) -> None:
    """media 9, S4: found by a mutated file."""
    pieces = []
    for number, rate in enumerate((48000, 44100, 32000)):
        path = tmp_path / f"{number}.mp3"
        with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as out:
            stream = out.add_stream("libmp3lame", rate=rate, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.full((2, rate), 0.25, np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            out.mux([*stream.encode(frame), *stream.encode(None)])
        pieces.append(path.read_bytes())
    (tmp_path / "a.mp3").write_bytes(b"".join(pieces))
    found = _done(tmp_path, "a.mp3", ("AUDIO_FORMAT",))
    assert Fraction(found["media"]["duration"].removesuffix("s")) >= 2
    assert "errors" not in found


def test_six_channels_are_told_apart_inside_the_cage(tmp_path) -> None:
    """media S1: nothing is imported once no file can be opened; found by a mutated file."""
    samples = np.stack([tone(110 * (number + 1), RATE_HZ) for number in range(6)])
    write_clip(tmp_path / "a.wav", [], [samples], Coding(audio="pcm_s16le", layout="5.1"))
    found = _done(tmp_path, "a.wav", ("AUDIO_FORMAT",))
    assert "errors" not in found
    assert found["media"]["audio"]["channels"] == 6
