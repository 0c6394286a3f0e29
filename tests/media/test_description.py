from triptych.media.description import describe
from triptych.media.measured import AudioFacts, Finished, Indexed, VideoFacts

VIDEO = VideoFacts("h264", 64, 48, (30_000, 1001), "yuv420p", 8, False, 75)
AUDIO = AudioFacts("aac", 48_000, 2, "stereo")


def _finished(**more) -> Finished:
    return Finished(**{"frames": 75, "samples": 100, "duration": (5, 2), "errors": (), "truncated": False, **more})


def test_the_input_is_described_by_what_was_found() -> None:
    """media J2."""
    told = describe(Indexed(format="mov", video=VIDEO, audio=(AUDIO, AUDIO), duration=(5, 2)), _finished())
    assert told["duration"] == "2.500000s"
    assert told["frames"] == 75
    assert told["video"]["frameRate"] == 29.97
    assert (told["audio"]["channels"], len(told["audio"]["streams"])) == (4, 2)
    assert not {"decodeErrors", "truncated", "timestampsRebuilt"} & told.keys()


def test_damage_is_counted_and_errors_within_a_second_are_one_span() -> None:
    """media 9."""
    errors = tuple((at, 10) for at in (55, 10, 14, 20))
    told = describe(
        Indexed(format="mov", video=None, audio=(), duration=(6, 1), truncated=True, times_rebuilt=True), _finished(errors=errors)
    )
    assert told["decodeErrors"] == {
        "count": 4,
        "spans": [
            {"startTimeOffset": "1.000000s", "endTimeOffset": "2.000000s"},
            {"startTimeOffset": "5.500000s", "endTimeOffset": "5.500000s"},
        ],
    }
    assert told["truncated"] is told["timestampsRebuilt"] is True
