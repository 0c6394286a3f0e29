from fractions import Fraction

import pytest

from triptych.media import conformity
from triptych.media.conformity import Shot
from triptych.media.measured import AudioFacts, Indexed, VideoFacts
from triptych.media.options import Bounds, Colours, ConformanceOptions

SHOT = Shot(size=(1920, 1080), pixels="yuv420p", colour=(1, 1, 1, 1), interlaced=False)


def _track(kind="video", **changes):
    track = {"type": kind, "number": 0, "codec": "h264", "profile": "High", "level": 41, "size": [1920, 1080], "pixels": "yuv420p"}
    track |= {"colour": [1, 1, 1, 1], "start": (0, 1), "end": (10, 1), "packet": (1, 25), "gaps": [], "reversals": [], "header": {}}
    return {**track, **changes}


def _index(*tracks, **header) -> Indexed:
    return Indexed(
        format="mxf",
        video=VideoFacts("h264", 1920, 1080, (25, 1), "yuv420p", 8, False, 250),
        audio=(AudioFacts("pcm_s24le", 48_000, 2, "stereo"),),
        duration=(10, 1),
        origin=(0, 1),
        header={"format": "mxf", "bytes": 10_000_000, "tracks": list(tracks or [_track()]), **header},
    )


@pytest.mark.parametrize(
    ("name", "header", "passed"),
    [
        ("a.mxf", {"format": "mxf"}, True),
        ("a.MOV", {"format": "mov,mp4,m4a", "brand": "qt"}, True),
        ("a.mp4", {"format": "mov,mp4,m4a", "brand": "qt"}, False),
        ("a.mov", {"format": "mov,mp4,m4a", "brand": "isom"}, False),
        ("a.mkv", {"format": "mpegts"}, False),
        ("a.copy", {"format": "mpegts"}, None),
        ("a", {"format": "mpegts"}, None),
    ],
)
def test_a_name_is_judged_by_its_ending(name, header, passed) -> None:
    """media 4.3 CONFORMANCE: signature vs extension."""
    assert [check.passed for check in conformity.signature(name, header)] == ([] if passed is None else [passed])


@pytest.mark.parametrize(("told", "passed"), [((10, 1), True), ((251, 25), True), ((1009, 100), False), ((99, 10), False)])
def test_the_header_may_be_one_picture_off(told, passed) -> None:
    """media 4.3 CONFORMANCE: track durations within 1 frame."""
    (check,) = conformity.durations(_index(_track(header={"duration": told})))
    assert check.passed is passed


def test_sound_may_be_a_packet_longer_and_no_more() -> None:
    """media 4.3 CONFORMANCE: track durations within 1 frame."""
    for end, passed in (((1006, 100), True), ((102, 10), False)):
        sound = _track("audio", end=end, packet=(1024, 48_000))
        assert [check.passed for check in conformity.durations(_index(_track(), sound))] == [passed]


def test_flags_compare_only_what_both_sides_say() -> None:
    """media 4.3 CONFORMANCE: flags vs decoded pictures."""
    (silent,) = conformity.flags(_index(_track(colour=[2, 2, 2, 0])), SHOT)
    (wrong,) = conformity.flags(_index(_track(colour=[9, 16, 9, 2], header={"interlaced": True}, pixels="yuv420p10le")), SHOT)
    assert silent.passed
    assert wrong.expected == {
        "pixels": "yuv420p10le",
        "primaries": "bt2020",
        "transfer": "smpte2084",
        "matrix": "bt2020nc",
        "range": "full",
        "interlaced": True,
    }
    (same,) = conformity.flags(_index(_track(pixels="yuvj420p")), SHOT)
    assert same.passed


def test_holes_before_the_end_of_a_cut_off_file_are_not_told() -> None:
    """media 9: a cut off file has one finding."""
    index = _index(_track(gaps=[[(48, 5), (49, 5)], [(1, 1), (2, 1)]]))
    assert [check.start for check in conformity.times(index, is_cut=True) if not check.passed] == [1]
    assert len([check for check in conformity.times(index, is_cut=False) if not check.passed]) == 2


def test_levels_are_told_as_they_are_written() -> None:
    """media 4.3 CONFORMANCE: level."""
    options = ConformanceOptions(level=4.1)
    assert [check.passed for check in conformity.expectations(options, _index(), SHOT, None)] == [True]
    assert [check.passed for check in conformity.expectations(options, _index(_track(codec="hevc", level=123)), SHOT, None)] == [True]
    (unknown,) = conformity.expectations(options, _index(_track(level=-99)), SHOT, None)
    assert (unknown.found, unknown.passed) == (None, False)


def test_colour_and_bit_rate_are_compared() -> None:
    """media 4.3 CONFORMANCE: colour, bitRate."""
    options = ConformanceOptions(colour=Colours(primaries="bt709", range="limited"), bitRate=Bounds(max=9e6))
    assert [check.passed for check in conformity.expectations(options, _index(), SHOT, None)] == [True, True]
    high = ConformanceOptions(bitRate=Bounds(max=7e6))
    assert [(check.found, check.passed) for check in conformity.expectations(high, _index(), SHOT, None)] == [(8_000_000, False)]


def test_what_is_not_expected_is_not_compared() -> None:
    assert list(conformity.expectations(ConformanceOptions(), _index(), SHOT, "01:00:00:00")) == []


def test_broken_groups_are_told_at_their_place() -> None:
    index = _index(_track(breaks=[[(24, 25), "00:00:00:24", "10:00:00:00"]], groupTimecode="00:00:00:00"))
    (check,) = conformity.group_timecodes(index)
    assert (check.start, check.passed, conformity.group_start(index)) == (Fraction(24, 25), False, "00:00:00:00")
