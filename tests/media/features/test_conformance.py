from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from triptych.media.context import Context
from triptych.media.features.conformance import Conformance
from triptych.media.measured import Finished, Indexed, Seen, VideoFacts
from triptych.media.options import ConformanceOptions

SHOT = [[64, 48], "yuv420p", [1, 1, 1, 1], False]
END = Finished(frames=5, samples=0, duration=(1, 5), errors=(), truncated=False)


def _run(looks, *, finished=END, codec="h264", truncated=False, header=(), source="") -> Conformance:
    feature = Conformance(ConformanceOptions())
    feature.context = Context(file_name=source, source=-1, data_dir=Path(), now=datetime.now(UTC))
    video = VideoFacts(codec, 64, 48, (25, 1), "yuv420p", 8, False, len(looks))
    facts = {"format": "mxf", "bytes": 1, "tracks": [], **dict(header)}
    feature.begin(Indexed(format="mxf", video=video, audio=(), duration=(1, 5), truncated=truncated, header=facts))
    for number, look in enumerate(looks):
        start = Fraction(number, 25)
        feature.frame(Seen(start=start, end=start + Fraction(1, 25), thumb=None, change=None, silent=True), look)
    feature.rest(Fraction(len(looks), 25))
    feature.conclude(finished)
    return feature


def _checks(feature: Conformance) -> list:
    return [item["check"] for item in feature.items()]


def test_what_agrees_is_listed_beside_the_faults() -> None:
    feature = _run([[SHOT, None]] * 5, source="film.mxf")
    assert feature.items() == []
    passed = [item["check"] for item in feature.extras()["conformancePassed"]]
    assert passed == ["truncated", "signature", "ptsGaps", "ptsReversals", "sizeChange"]


def test_a_file_cut_off_is_a_fault_whoever_noticed() -> None:
    """media 9: cut off: a CONFORMANCE finding."""
    cut = Finished(frames=5, samples=0, duration=(1, 5), errors=(), truncated=True)
    assert _checks(_run([[SHOT, None]], finished=cut)) == _checks(_run([[SHOT, None]], truncated=True)) == ["truncated"]


def test_a_change_of_size_and_one_of_flags_are_told_apart() -> None:
    """media 9: size change in mid-file."""
    other = [[32, 48], *SHOT[1:]]
    full = [*SHOT[:2], [1, 1, 1, 2], False]
    feature = _run([[SHOT, None], [SHOT, None], [other, None], [SHOT, None], [full, None]])
    assert _checks(feature) == ["sizeChange", "sizeChange", "flagChange"]
    assert feature.items()[0]["segment"] == {"startTimeOffset": "0.080000s", "endTimeOffset": "0.120000s"}
    assert "sizeChange" not in [item["check"] for item in feature.extras()["conformancePassed"]]


def test_timecodes_of_pictures_must_go_on_but_those_of_mpeg_2_lie_in_its_groups() -> None:
    """media 4.3 CONFORMANCE: timecode continuity."""
    looks = [[SHOT, f"10:00:00:{frames:02}"] for frames in (0, 1, 7, 8)]
    feature = _run(looks)
    assert [(item["check"], item["expected"], item["found"]) for item in feature.items()] == [
        ("timecodeContinuity", "10:00:00:02", "10:00:00:07")
    ]
    assert _checks(_run(looks, codec="mpeg2video")) == []


def test_the_header_must_name_the_first_pictures_timecode() -> None:
    """media 4.3 CONFORMANCE: the header is compared with the essence."""
    looks = [[SHOT, f"10:00:00:{frames:02}"] for frames in range(3)]
    assert _checks(_run(looks, header={"timecode": "10:00:00:00"})) == []
    assert _checks(_run(looks, header={"timecode": "09:00:00:00"})) == ["headerTimecode"]


def test_only_so_many_faults_of_a_kind_are_told() -> None:
    looks = [[[[64, 48 + 2 * (number % 2)], *SHOT[1:]], None] for number in range(300)]
    assert len(_run(looks).items()) == 100


def test_a_checksum_is_made_only_if_one_is_expected() -> None:
    assert not Conformance(ConformanceOptions()).hashes
    assert Conformance(ConformanceOptions(sha256="0" * 64)).hashes
