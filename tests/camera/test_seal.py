"""camera R1, R2: an ordinary file of fragments, in place; FFmpeg reads what comes of it."""

import av
import numpy as np
import pytest

from camera.mp4 import top_level
from triptych.camera import seal as sealing
from triptych.camera.mend import finish
from triptych.camera.record import Recording
from triptych.camera.samples import Samples, boxes
from triptych.camera.seal import seal


@pytest.fixture
def growing(archive, noon, shoot):
    """Return a file of 10 s with uneven frames, still of fragments."""
    entry = archive.begin("default", "mp4", noon, audio="silence")
    made = Recording(entry, (160, 90), 30.0, {})
    for at_s in np.cumsum(np.random.default_rng(1).uniform(0.02, 0.05, 280)):
        made.write(shoot(0, at_s))
    path = entry.path.with_name("cut.mp4")
    path.write_bytes(entry.path.read_bytes())
    made.close()
    return path


def packets(path):
    """Return (track, time, size, key) of every packet of a file."""
    with av.open(str(path)) as container:
        found = [(one.stream.type, one.pts, one.size, one.is_keyframe) for one in container.demux() if one.size]
    return sorted(found)


def sealed(path):
    samples = Samples(path)
    samples.advance()
    return seal(path, samples)


def test_every_packet_is_where_it_was(growing):
    before = packets(growing)
    sealed(growing)
    assert top_level(growing) == ["ftyp", "mdat", "moov"]
    assert packets(growing) == before
    assert any(key for kind, *_, key in before if kind == "video")


def test_its_length_is_that_of_its_picture(growing):
    length_s = sealed(growing)
    with av.open(str(growing)) as container:
        video = container.streams.video[0]
        assert float(video.duration * video.time_base) == pytest.approx(length_s, abs=0.001)
        assert container.duration / av.time_base == pytest.approx(length_s, abs=0.002)


def test_it_can_be_sought(growing):
    """camera R1: seekable to its key frames."""
    sealed(growing)
    with av.open(str(growing)) as container:
        video = container.streams.video[0]
        container.seek(round(5 / video.time_base), stream=video)
        assert 4.0 <= next(container.decode(video)).time <= 5.0


def test_what_was_read_on_the_way_makes_the_same_index(growing, tmp_path):
    whole = growing.read_bytes()
    part = tmp_path / "part.mp4"
    part.write_bytes(b"")
    samples = Samples(part)
    for end in range(0, len(whole) + 7000, 7000):
        part.write_bytes(whole[:end])
        samples.advance()
    assert seal(part, samples) == sealed(growing)
    assert part.read_bytes() == growing.read_bytes()


@pytest.mark.parametrize("kept", [0.3, 0.9, 1.0])
def test_a_kill_while_it_is_sealed_leaves_fragments_that_are_sealed_again(growing, kept):
    """camera R2: the index is whole before the fragments are hidden."""
    fragments = growing.read_bytes()
    before = packets(growing)
    sealed(growing)
    index = growing.read_bytes()[len(fragments) :]
    growing.write_bytes(fragments + index[: round(len(index) * kept)])
    assert finish(growing) is not None
    assert packets(growing) == before


def test_a_file_that_was_sealed_though_its_note_was_not_written_is_good(growing):
    length_s = sealed(growing)
    assert finish(growing) == pytest.approx(length_s, abs=0.05)


def test_a_file_beyond_4_gib_has_long_offsets():
    samples = Samples.__new__(Samples)
    track = sealing.Track()
    track.add(5 << 30, iter([(3000, 100, 0), (3000, 90, 0x10000)]))
    samples.tracks = {1: track}
    kinds = dict(boxes(sealing._tables(track)))
    assert kinds[b"co64"][8:] == (5 << 30).to_bytes(8, "big")
    assert kinds[b"stss"][4:] == bytes([0, 0, 0, 1, 0, 0, 0, 1])
    assert b"stco" not in kinds
