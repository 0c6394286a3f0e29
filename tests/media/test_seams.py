from fractions import Fraction

import av
import pytest

from triptych.media.sample import Coding, scene, write_clip
from triptych.media.seams import seam_test

X264 = {"preset": "ultrafast", "g": "10", "bf": "2"}


def _pictures(count: int):
    return ((Fraction(number, 25), scene(1, (64, 48), number)) for number in range(count))


def _keys(path) -> list[tuple[bool, bool]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        is_seam = seam_test(stream.codec_context.name, stream.codec_context.extradata or b"")
        assert is_seam is not None
        return [(is_seam(bytes(packet)), packet.is_keyframe) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("a.mp4", Coding(options=X264)),
        ("a.ts", Coding(options=X264, audio="mp2")),
        ("b.mp4", Coding(video="libx265", options={"preset": "ultrafast", "x265-params": "keyint=10:min-keyint=10:log-level=none"})),
        ("b.ts", Coding(video="libx265", options={"preset": "ultrafast", "x265-params": "keyint=10:min-keyint=10:log-level=none"})),
        ("c.ts", Coding(video="mpeg2video", options={"g": "10", "bf": "2"})),
    ],
)
def test_idr_cra_and_groups_are_seams_in_either_way_of_writing(tmp_path, name, coding) -> None:
    """media P2."""
    write_clip(tmp_path / name, _pictures(30), [], coding)
    found = _keys(tmp_path / name)
    assert [seam for seam, is_key in found if is_key] == [True] * sum(is_key for _, is_key in found)
    assert sum(is_key for _, is_key in found) >= 3
    assert not any(seam for seam, is_key in found if not is_key)


def test_a_recovery_point_is_no_seam(tmp_path) -> None:
    """media P2."""
    coding = Coding(options={"preset": "ultrafast", "x264-params": "keyint=10:open-gop=1:bframes=3:scenecut=0"})
    write_clip(tmp_path / "a.mp4", _pictures(40), [], coding)
    found = _keys(tmp_path / "a.mp4")
    assert [seam for seam, _ in found].count(True) == 1


def test_codecs_of_key_frames_alone_and_unknown_ones() -> None:
    assert seam_test("prores", b"")(b"anything")
    assert seam_test("vp9", b"")(b"anything")
    assert seam_test("mpeg4", b"") is None


@pytest.mark.parametrize("packet", [b"", b"\0", b"\0\0\1", b"\0\0\0\5\x65", b"\xff" * 40])
def test_broken_packets_are_no_seams(packet) -> None:
    assert not seam_test("h264", b"\x01" + bytes(3) + b"\xff" + bytes(5))(packet[:4])
    assert seam_test("hevc", b"")(packet) is False
