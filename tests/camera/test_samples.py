"""camera R1: the samples of fragments; tests/camera/test_seal.py compares them with what FFmpeg reads."""

import struct

import pytest

from triptych.camera.samples import Samples, Track


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def moov(tracks=(1,)):
    return box(b"moov", box(b"mvex", b"".join(box(b"trex", struct.pack(">6I", 0, track, 1, 3000, 50, 0x10000)) for track in tracks)))


HEADER = struct.pack(">II", 0x20000, 1)


def moof(run, at=0, header=HEADER):
    return box(b"moof", box(b"traf", box(b"tfhd", header) + box(b"tfdt", struct.pack(">II", 0, at)) + box(b"trun", run)))


def read(tmp_path, *parts):
    path = tmp_path / "x.mp4"
    path.write_bytes(b"".join(parts))
    samples = Samples(path)
    samples.advance()
    return samples


MDAT = box(b"mdat", bytes(300))


def test_samples_that_name_nothing_are_the_default(tmp_path):
    samples = read(tmp_path, moov(), moof(struct.pack(">II", 0, 2)), MDAT)
    assert (samples.tracks[1].sizes.tolist(), samples.tracks[1].durations.tolist()) == ([50, 50], [3000, 3000])
    assert samples.tracks[1].syncs.tolist() == []


def test_samples_may_name_all_and_the_first_be_another(tmp_path):
    run = struct.pack(">IIiI", 0x1 | 0x4 | 0x100 | 0x200, 2, 108, 0x2000000) + struct.pack(">4I", 10, 20, 30, 40)
    track = read(tmp_path, moov(), moof(run), MDAT).tracks[1]
    assert (track.durations.tolist(), track.sizes.tolist(), track.syncs.tolist()) == ([10, 30], [20, 40], [1])
    assert (track.chunk_offsets.tolist(), track.chunk_samples.tolist()) == ([len(moov()) + 108], [2])


def test_a_header_of_a_fragment_may_name_defaults(tmp_path):
    header = struct.pack(">5I", 0x20000 | 0x8 | 0x10 | 0x20, 1, 11, 12, 0)
    track = read(tmp_path, moov(), moof(struct.pack(">II", 0, 1), header=header), MDAT).tracks[1]
    assert (track.durations.tolist(), track.sizes.tolist(), track.syncs.tolist()) == ([11], [12], [1])


def test_a_sample_lasts_until_the_next_fragment(tmp_path):
    """camera R3: true times."""
    samples = read(tmp_path, moov(), moof(struct.pack(">II", 0, 1)), MDAT, moof(struct.pack(">II", 0, 1), at=9000), MDAT)
    assert samples.tracks[1].durations.tolist() == [9000, 3000]
    assert samples.tracks[1].end == 12000


def test_a_fragment_counts_once_its_data_is_whole(tmp_path):
    samples = read(tmp_path, moov(), moof(struct.pack(">II", 0, 1)), MDAT[:-1])
    assert len(samples.tracks[1].sizes) == 0
    samples._path.write_bytes(samples._path.read_bytes() + b"x")
    samples.advance()
    samples.advance()
    assert len(samples.tracks[1].sizes) == 1
    assert samples.end == samples._path.stat().st_size


@pytest.mark.parametrize(
    "bad",
    [
        moof(struct.pack(">II", 0, 1), header=struct.pack(">IIQ", 0x1, 1, 0)),
        moof(struct.pack(">II", 0x800, 1) + struct.pack(">I", 5)),
        box(b"moof", bytes(8)),
    ],
)
def test_what_is_not_like_ours_is_refused(tmp_path, bad):
    with pytest.raises(ValueError, match=r"."):
        read(tmp_path, moov(), bad, MDAT)


def test_a_track_keeps_its_time_where_fragments_overlap():
    track = Track()
    track.add(0, iter([(100, 1, 0)]))
    track.begin(50)
    assert (track.end, track.durations.tolist()) == (100, [100])
