from fractions import Fraction

import pytest

from triptych.errors import TriptychError
from triptych.media.analysis import Analysis
from triptych.media.measured import AudioFacts, Finished, FrameMeasure, Indexed, Measured, VideoFacts
from triptych.media.spans import Segments
from triptych.model import Fault

VIDEO = VideoFacts("h264", 64, 48, (1, 1), "yuv420p", 8, False, 4)
AUDIO = AudioFacts("aac", 48_000, 2, "stereo")
INDEX = Indexed(format="mov", video=VIDEO, audio=(), duration=(4, 1))


def _analysis(names=("IN_BLACK",), segments=(), config=None) -> tuple[Analysis, list, list]:
    found, lost = [], []
    analysis = Analysis(
        names,
        config or {"inBlackConfig": {"delay": 0, "alarmSettings": {"enabled": True}}},
        Segments(segments),
        lambda name, item: found.append((name, item)),
        lambda name, fault: lost.append((name, fault.message)),
    )
    return analysis, found, lost


def _frames(looks) -> Measured:
    return Measured(frames=tuple(FrameMeasure((n, 1), (n + 1, 1), b"", None, {"IN_BLACK": look}) for n, look in enumerate(looks)))


def _finished(frames=4, samples=0) -> Finished:
    return Finished(frames=frames, samples=samples, duration=(4, 1), errors=(), truncated=False)


def test_a_try_goes_from_the_index_to_the_response() -> None:
    analysis, found, _ = _analysis()
    assert analysis.begin(INDEX) is None
    analysis.take(_frames([0, 1, 1, 0]))
    assert analysis.progress() == {"IN_BLACK": 99.0}
    assert analysis.reached == (Fraction(4), Fraction(0))
    items = analysis.conclude(_finished())
    span = {"startTimeOffset": "1.000000s", "endTimeOffset": "3.000000s"}
    assert items == {"IN_BLACK": [span]}
    assert found == [("IN_BLACK", span)]
    result = analysis.result(_finished(), items)
    assert result["segment"] == {"startTimeOffset": "0.000000s", "endTimeOffset": "4.000000s"}
    assert result["blackAnnotations"] == [span]
    assert "errors" not in result


def test_progress_is_by_pictures_and_by_time_with_segments() -> None:
    """media P7."""
    analysis, *_ = _analysis()
    assert analysis.progress() == {}
    analysis.begin(INDEX)
    analysis.take(_frames([0]))
    assert analysis.progress() == {"IN_BLACK": 25.0}
    part, *_ = _analysis(segments=[(0, 2_000_000)])
    part.begin(INDEX)
    part.take(_frames([0]))
    assert part.progress() == {"IN_BLACK": 50.0}


def test_a_feature_that_lacks_its_input_stops_alone_and_all_of_them_are_the_end() -> None:
    """media P8."""
    analysis, _, lost = _analysis(("IN_BLACK", "AUDIO_FORMAT"))
    assert analysis.begin(INDEX) is None
    assert lost == [("AUDIO_FORMAT", "input has no audio")]
    alone, *_ = _analysis(("AUDIO_FORMAT",))
    assert alone.begin(INDEX) == Fault(code="bad_media", message="input has no audio")


def test_nothing_decoded_is_a_fault_of_each_feature() -> None:
    analysis, *_ = _analysis(("IN_BLACK", "AUDIO_FORMAT"))
    analysis.begin(Indexed(format="mov", video=VIDEO, audio=(AUDIO,), duration=(4, 1)))
    fault = analysis.conclude(_finished(frames=0))
    assert fault == Fault(code="bad_media", message="no picture of the input could be decoded")
    assert analysis.told_failures()["AUDIO_FORMAT"]["message"] == "no sound of the input could be decoded"


def test_a_segment_beyond_the_end_is_a_fault() -> None:
    analysis, *_ = _analysis(segments=[(9_000_000, 10_000_000)])
    fault = analysis.begin(INDEX)
    assert fault is not None
    assert fault.code == "segment_outside"


def test_alarm_settings_are_read_with_their_defaults() -> None:
    """media 3.4."""
    analysis, *_ = _analysis(("IN_BLACK", "SHOT_CHANGE_DETECTION"))
    assert {name: (alarm.enabled, alarm.sensitivity) for name, alarm in analysis.alarms.items()} == {"IN_BLACK": (True, 0.2)}


def test_nothing_is_known_before_the_index() -> None:
    analysis, *_ = _analysis()
    with pytest.raises(TriptychError, match="before it indexed"):
        _ = analysis.index
    with pytest.raises(TriptychError, match="before it indexed"):
        analysis.take(_frames([0]))
