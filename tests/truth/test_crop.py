"""CROP on material that was padded by known amounts (media 4.3, K4)."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from triptych.media.sample import Coding, flat, scene, write_clip
from truth.scoring import Analysis

LOSSLESS = Coding(video="ffv1", options={}, rate=Fraction(10))
MATRIX_OFFSET = 44
"""From the name of a track header, version 0, to its display matrix."""

QUARTER_TURN = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)

X264 = Coding(options={"preset": "veryfast", "crf": "28"}, rate=Fraction(10))


def padded(number, size, borders, light=1.0):
    """Return a scene within borders of so many pixels, even ones: left, top, right, bottom."""
    left, top, right, bottom = borders
    inner = scene(number, (size[0] - left - right, size[1] - top - bottom), light=light)
    planes = [plane.copy() for plane in flat(size)]
    for place, (plane, part) in enumerate(zip(planes, inner, strict=True)):
        half = 2 if place else 1
        plane[top // half : top // half + part.shape[0], left // half : left // half + part.shape[1]] = part
    return tuple(planes)


def _clip(path, pictures, coding=LOSSLESS) -> None:
    write_clip(path, [(number / coding.rate, planes) for number, planes in enumerate(pictures)], [], coding)


def _found(path, **options):
    return Analysis(path, ["CROP"], {"CROP": options}).items["CROP"]


def _is_near(item, borders, size) -> bool:
    found = (item["left"], item["top"], size[0] - item["left"] - item["width"], size[1] - item["top"] - item["height"])
    return all(abs(one - other) <= 2 for one, other in zip(found, borders, strict=True))


@pytest.mark.parametrize("coding", [LOSSLESS, X264], ids=["ffv1", "x264"])
@pytest.mark.parametrize(
    ("kind", "size", "borders"),
    [
        ("none", (320, 180), (0, 0, 0, 0)),
        ("letterbox", (640, 360), (0, 46, 0, 46)),
        ("letterbox", (320, 180), (0, 0, 0, 14)),
        ("pillarbox", (720, 404), (90, 0, 90, 0)),
        ("windowbox", (640, 360), (80, 44, 80, 44)),
        ("windowbox", (1280, 720), (160, 92, 162, 88)),
    ],
)
def test_a_padded_picture_is_found_within_two_pixels(tmp_path, kind, size, borders, coding) -> None:
    """media 4.3 CROP: box ±2 px at full size, kind 100 %."""
    _clip(tmp_path / "a.mkv", [padded(7, size, borders)] * 26, coding)
    (item,) = _found(tmp_path / "a.mkv")
    assert (item["kind"], item["startTimeOffset"], item["endTimeOffset"]) == (kind, "0.000000s", "2.600000s")
    assert _is_near(item, borders, size)


def test_ten_bit_and_full_range_are_read_in_8_bit_codes(tmp_path) -> None:
    coding = Coding(options={"preset": "veryfast", "qp": "0"}, pixels="yuv420p10le", rate=Fraction(10))
    _clip(tmp_path / "a.mkv", [padded(7, (320, 180), (0, 20, 0, 20))] * 10, coding)
    (item,) = _found(tmp_path / "a.mkv")
    assert (item["kind"], item["top"], item["height"]) == ("letterbox", 20, 140)


def test_a_dark_scene_changes_nothing(tmp_path) -> None:
    """media 4.3 CROP: dark scenes: no change."""
    light, dark = padded(7, (320, 180), (0, 20, 0, 20)), padded(7, (320, 180), (0, 60, 0, 40), light=0.1)
    _clip(tmp_path / "a.mkv", [light] * 40 + [dark] * 40 + [flat((320, 180))] * 30 + [light] * 30)
    assert [(item["kind"], item["top"], item["height"]) for item in _found(tmp_path / "a.mkv")] == [("letterbox", 20, 140)]


def test_another_border_is_reported_from_where_it_begins(tmp_path) -> None:
    one, other = padded(7, (320, 180), (0, 20, 0, 20)), padded(7, (320, 180), (40, 0, 40, 0))
    _clip(tmp_path / "a.mkv", [one] * 40 + [other] * 40)
    first, second = _found(tmp_path / "a.mkv")
    assert (first["kind"], first["endTimeOffset"]) == ("letterbox", "4.000000s")
    assert (second["kind"], second["startTimeOffset"], second["endTimeOffset"]) == ("pillarbox", "4.000000s", "8.000000s")


def test_the_aspect_is_that_of_the_picture_within_as_shown(tmp_path) -> None:
    picture = np.concatenate([plane.ravel() for plane in padded(7, (360, 288), (0, 36, 0, 36))]).reshape(-1, 360)
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        out.mux(stream.encode(None))
    (item,) = _found(tmp_path / "a.mkv")
    assert (item["width"], item["height"], item["aspect"]) == (360, 216, 2.37)


def test_borders_are_those_of_the_picture_as_shown(tmp_path) -> None:
    path = tmp_path / "a.mp4"
    _clip(path, [padded(7, (320, 180), (0, 20, 0, 40))] * 5, X264)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + MATRIX_OFFSET
    data[at : at + 36] = struct.pack(">9i", *QUARTER_TURN)
    path.write_bytes(data)
    (item,) = _found(path)
    assert (item["kind"], item["height"], item["aspect"]) == ("pillarbox", 320, pytest.approx(120 / 320, abs=0.02))
    assert {round(item["left"], -1), round(180 - item["left"] - item["width"], -1)} == {20, 40}
