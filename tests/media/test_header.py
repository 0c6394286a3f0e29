import hashlib
import os
from array import array
from fractions import Fraction

import av
import pytest

from triptych.media.decode import open_input, survey
from triptych.media.header import checksum, picture_gaps, read_file
from triptych.media.sample import Coding, scene, tone, write_clip

MILLI = Fraction(1, 1000)


def _ticks(*values: int) -> "array[int]":
    return array("q", values)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([40] * 20, []),
        ([33, 34, 33] * 7, []),
        ([40] * 10 + [80] + [40] * 10, [(400, 480)]),
        ([40, 20, 70, 33, 90, 120, 10, 55] * 3, []),
        ([40, 20, 70, 33, 90, 120, 10, 55] * 3 + [1500], [(1314, 2814)]),
        ([10_000] * 5, []),
        ([40], []),
    ],
)
def test_a_hole_is_a_step_that_is_unlike_the_others(steps, expected) -> None:
    """media 4.3 CONFORMANCE: PTS gaps; VFR and slow films have none."""
    times = _ticks(*(sum(steps[:count]) for count in range(len(steps) + 1)))
    assert picture_gaps(times, MILLI) == expected


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    pictures = ((Fraction(number, 25), scene(1, (96, 64), number)) for number in range(25))
    write_clip(path, pictures, [tone(440, 48_000).reshape(1, -1)], Coding(layout="mono"))
    descriptor = os.open(path, os.O_RDONLY)
    yield path, descriptor
    os.close(descriptor)


def test_the_index_tells_what_header_and_packets_say(film) -> None:
    """media 4.3 CONFORMANCE: facts come from demuxing alone."""
    _, descriptor = film
    with open_input(descriptor) as container:
        header = survey(container, lambda: None).header
    header |= read_file(descriptor, header, lambda: None, hashes=False)
    picture, sound = header["tracks"]
    assert (header["format"], header["brand"], header["fastStart"]) == ("mov,mp4,m4a,3gp,3g2,mj2", "isom", False)
    assert (picture["codec"], picture["size"], picture["start"], picture["end"]) == ("h264", [96, 64], (0, 1), (1, 1))
    assert picture["header"] == {"duration": [1000, 1000], "size": [96, 64]}
    assert (sound["codec"], sound["channels"], sound["rate"], sound["gaps"], sound["reversals"]) == ("aac", 1, 48_000, [], [])


def test_the_checksum_is_of_the_whole_file_and_only_made_if_asked_for(film) -> None:
    """media 4.3 CONFORMANCE: sha256."""
    path, descriptor = film
    signs = []
    assert checksum(descriptor, lambda: signs.append(1)) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert signs
    assert "sha256" not in read_file(descriptor, {"format": "mpegts"}, lambda: None, hashes=False)


def test_sound_with_a_hole_is_told(tmp_path) -> None:
    """media 4.3 CONFORMANCE: PTS gaps."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for number in (0, 1, 2, 6, 7):
            frame = av.AudioFrame(format="s16", layout="mono", samples=4800)
            frame.planes[0].update(bytes(9600))
            frame.sample_rate, frame.pts = 48_000, number * 4800
            out.mux(stream.encode(frame))
    with av.open(str(path)) as container:
        (track,) = survey(container, lambda: None).header["tracks"]
    assert track["gaps"] == [[(3, 10), (3, 5)]]
