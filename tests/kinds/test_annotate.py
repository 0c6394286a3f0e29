import os
import signal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinds.jobprocess import PATIENCE_S, JobProcess
from triptych.media import content
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip, write_sample
from triptych.messages import Answer, Finding, Pause, Paused, Progress, Refused, Resumed, Running
from triptych.model import EndReason
from truth.wrapped import carried

LONG_FRAMES = 4 * 1000
MUTATIONS = 8
FLIPS = 40


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """A folder with a clip of known truth, a longer one, and their parts."""
    folder = tmp_path_factory.mktemp("media")
    write_sample(folder / "sample.mp4")
    pictures = [(Fraction(number, 25), scene(number // 50, (320, 180), number)) for number in range(LONG_FRAMES)]
    sound = np.tile(tone(440, LONG_FRAMES * RATE_HZ // 25), (2, 1))
    write_clip(folder / "long.mp4", pictures, [sound], Coding())
    write_clip(folder / "silent.mkv", pictures[:50], [], Coding())
    write_clip(folder / "sound.wav", [], [sound[:, :RATE_HZ]], Coding(audio="pcm_s16le"))
    return folder


@pytest.fixture
def job(media):
    with JobProcess(media) as process:
        yield process


def test_a_clip_is_measured_as_it_was_made(job) -> None:
    job.start("sample.mp4", config={"inBlackConfig": {"delay": 0.5}})
    ended = job.ended()
    assert ended.end.reason is EndReason.DONE
    assert ended.result["blackAnnotations"] == [{"startTimeOffset": "3.600000s", "endTimeOffset": "4.600000s"}]
    assert [shot["startTimeOffset"] for shot in ended.result["shotAnnotations"]][1:] == ["2.000000s", "3.600000s", "4.600000s", "6.000000s"]
    assert [span["audioFormat"] for span in ended.result["audioFormatAnnotations"]] == ["stereo", "mono", "silence", "stereo", "mono"]
    assert ended.result["media"]["duration"] == "8.000000s"
    assert ended.result["segment"] == {"startTimeOffset": "0.000000s", "endTimeOffset": "8.000000s"}


def test_everything_in_the_response_was_told_as_a_finding(job) -> None:
    """media 2.2: also by a feature that knows its array only at the end."""
    job.start("sample.mp4", features=["LOUDNESS", "SHOT_CHANGE_DETECTION"])
    result = job.ended().result
    told = [report.body.data for report in job.reports if isinstance(report.body, Finding) and report.body.note == "finding"]
    for feature, key in (("LOUDNESS", "loudnessAnnotations"), ("SHOT_CHANGE_DETECTION", "shotAnnotations")):
        assert [finding["item"] for finding in told if finding["feature"] == feature] == result[key]


def test_a_film_that_one_job_remembers_is_found_by_the_next(media) -> None:
    """media 4.2 VIDEO_INDEX: what is remembered outlives its job."""
    for uri, flag in (("sample.mp4", "index"), ("copy.mkv", "query")):
        write_sample(media / uri)
        with JobProcess(media) as job:
            job.start(uri, features=["VIDEO_INDEX"], config={"videoIndexConfig": {flag: True}})
            found = job.ended().result["videoIndexAnnotations"]
    assert [item["timeOffset"] for item in found] == ["0.000000s", "4.640000s"]
    assert {match["source"] for item in found for match in item["matches"]} == {"sample.mp4"}


def test_running_comes_first_then_rising_progress_then_the_end(job) -> None:
    """P7, B9."""
    job.start("long.mp4")
    job.ended()
    assert isinstance(job.reports[0].body, Running)
    assert [report.seq for report in job.reports] == list(range(1, len(job.reports) + 1))
    parts = [report.body.parts["IN_BLACK"] for report in job.reports if isinstance(report.body, Progress) and report.body.parts]
    assert parts == sorted(parts)
    assert parts[-1] == 100


def test_the_sandbox_is_told(job) -> None:
    job.start("sample.mp4")
    job.ended()
    told = [report.body.facts["sandbox"] for report in job.reports if isinstance(report.body, Progress) and "sandbox" in report.body.facts]
    assert told in (["full"], ["partial"])


def test_a_stop_kills_the_decoder_and_ends_as_cancelled(job) -> None:
    job.start("long.mp4")
    job.working()
    decoder = job.decoder()
    assert job.answer(job.stop()) == Answer()
    assert job.ended().end.reason is EndReason.CANCELLED
    assert not Path(f"/proc/{decoder}").exists()


def test_a_pause_stands_still_and_a_resume_goes_on(job) -> None:
    job.start("long.mp4")
    job.working()
    assert job.answer(job.pause()) == Answer()
    job.until(lambda body: isinstance(body, Paused))
    assert Path(f"/proc/{job.decoder()}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    assert job.answer(job.resume()) == Answer()
    job.until(lambda body: isinstance(body, Resumed))
    ended = job.ended()
    assert ended.end.reason is EndReason.DONE
    assert len(ended.result["shotAnnotations"]) == LONG_FRAMES // 50


def test_a_paused_job_can_be_stopped(job) -> None:
    job.start("long.mp4")
    job.working()
    job.answer(job.pause())
    job.stop()
    assert job.ended().end.reason is EndReason.CANCELLED


def test_a_decoder_that_dies_once_is_started_again(job) -> None:
    """P8."""
    job.start("long.mp4")
    job.working()
    os.kill(job.decoder(), signal.SIGKILL)
    assert job.ended().end.reason is EndReason.DONE


def test_a_decoder_that_dies_twice_fails_the_job(job) -> None:
    """P8, S4: nothing but this job is taken along."""
    job.start("long.mp4")
    job.working()
    first = job.decoders()
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    while not (second := job.decoders() - first):
        pass
    os.kill(second.pop(), signal.SIGKILL)
    end = job.ended().end
    assert end.reason is EndReason.FAILED
    assert end.fault.code == "internal"


def test_a_job_ends_at_its_deadline(job) -> None:
    job.start("long.mp4", deadline_s=0.0)
    end = job.ended().end
    assert (end.reason, end.fault.code) == (EndReason.FAILED, "deadline")


def test_the_process_ends_when_its_agent_is_gone(media) -> None:
    process = JobProcess(media)
    process.start("long.mp4")
    process.working()
    decoder = process.decoder()
    process.line.close()
    assert process.program.wait(PATIENCE_S) == 0
    assert not Path(f"/proc/{decoder}").exists()


def test_a_process_takes_no_second_job_and_nothing_before_a_start(job, media) -> None:
    job.start("long.mp4")
    job.working()
    second = job._number + 1
    job.start("long.mp4")
    assert isinstance(job.answer(second), Refused)
    job.stop()
    with JobProcess(media) as other:
        assert isinstance(other.answer(other.ask(Pause(job_id="x"))), Refused)


def test_features_that_need_a_picture_stop_alone_on_sound(job) -> None:
    """P8 and media 9: audio only."""
    job.start("sound.wav")
    ended = job.ended()
    assert ended.end.reason is EndReason.DONE
    assert [error["feature"] for error in ended.result["errors"]] == ["IN_BLACK", "SHOT_CHANGE_DETECTION"]
    assert {error["message"] for error in ended.result["errors"]} == {"input has no video"}
    assert ended.result["audioFormatAnnotations"] == [{"audioFormat": "mono", "startTimeOffset": "0.000000s", "endTimeOffset": "1.000000s"}]
    assert "blackAnnotations" not in ended.result


def test_a_job_of_which_nothing_can_be_measured_fails(job) -> None:
    job.start("sound.wav", ["IN_BLACK"])
    end = job.ended().end
    assert (end.fault.code, end.fault.message) == ("bad_media", "input has no video")


def test_black_is_found_without_sound_while_audio_format_stops_alone(job) -> None:
    job.start("silent.mkv", ["IN_BLACK", "AUDIO_FORMAT"])
    ended = job.ended()
    assert ended.result["errors"] == [{"feature": "AUDIO_FORMAT", "code": "bad_media", "message": "input has no audio"}]
    assert ended.result["blackAnnotations"] == []


@pytest.mark.parametrize(
    ("segments", "expected"),
    [([(1_000_000, 2_000_000)], {"startTimeOffset": "1.000000s", "endTimeOffset": "2.000000s"}), ([(7_000_000, 99_000_000)], "clipped")],
)
def test_segments_are_clipped_to_the_input(job, segments, expected) -> None:
    job.start("sample.mp4", segments=segments)
    found = job.ended().result["segment"]
    assert found == (expected if isinstance(expected, dict) else {"startTimeOffset": "7.000000s", "endTimeOffset": "8.000000s"})


def test_a_segment_wholly_past_the_end_fails(job) -> None:
    job.start("sample.mp4", segments=[(9_000_000, 10_000_000)])
    assert job.ended().end.fault.code == "segment_outside"


def _write(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return name


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("random.mp4", lambda data: np.random.default_rng(1).bytes(50_000), "bad_media"),
        ("empty.mp4", lambda data: b"", "bad_media"),
        ("headless.mp4", lambda data: data[: len(data) // 2], "bad_media"),
        ("playlist.mp4", lambda data: b"#EXTM3U\n#EXTINF:1,\nsample.mp4\n", "bad_media"),
    ],
)
def test_what_is_no_media_fails_with_a_clear_text(job, media, name, make, code) -> None:
    job.start(_write(media, name, make((media / "sample.mp4").read_bytes())))
    end = job.ended().end
    assert (end.reason, end.fault.code) == (EndReason.FAILED, code)
    assert str(media) not in end.fault.message


def test_a_codec_that_cannot_be_decoded_is_named_from_inside_the_sandbox(job, media) -> None:
    """Media 9."""
    data = (media / "sample.mp4").read_bytes()
    place = data.index(b"avc1", data.index(b"moov"))
    job.start(_write(media, "codec.mp4", data[:place] + b"zzzz" + data[place + 4 :]))
    end = job.ended().end
    assert (end.reason, end.fault.code) == (EndReason.FAILED, "bad_media")
    assert end.fault.message == "input has video in codec 'zzzz', which this server cannot decode"


def test_data_in_pcm_is_told_with_its_channels(job, media) -> None:
    """Media 4.2, on a WAV that FFmpeg would unwrap."""
    write_clip(media / "data.wav", [], [carried(50)], Coding(audio="pcm_s16le"))
    job.start("data.wav", features=("AUDIO_FORMAT",))
    ended = job.ended()
    assert ended.result["audioFormatAnnotations"] == [
        {"audioFormat": "compressed", "startTimeOffset": "0.000000s", "endTimeOffset": "1.600000s", "compressedChannels": [1, 2]}
    ]
    assert ended.result["media"]["audio"]["streams"][0]["codec"] == "pcm_s16le"


def test_an_input_that_is_gone_fails_with_its_own_code(job) -> None:
    job.start("nothing.mp4")
    assert job.ended().end.fault.code == "input_gone"


def test_half_a_file_is_analysed_as_far_as_it_goes(job, media) -> None:
    write_sample(media / "whole.mkv")
    data = (media / "whole.mkv").read_bytes()
    job.start(_write(media, "half.mkv", data[: len(data) // 2]))
    ended = job.ended()
    assert ended.end.reason is EndReason.DONE
    assert ended.result["media"]["truncated"] is True
    assert ended.result["shotAnnotations"]


def test_damaged_packets_are_counted_and_placed(job, media) -> None:
    data = bytearray((media / "sample.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    job.start(_write(media, "damaged.mp4", bytes(data)))
    ended = job.ended()
    assert ended.end.reason is EndReason.DONE
    assert ended.result["media"]["decodeErrors"]["count"] >= 1


def test_mutated_files_end_and_take_nothing_along(media) -> None:
    """S4, bounded: every mutation ends in words, none leaves a process."""
    dice = np.random.default_rng(11)
    clean = (media / "sample.mp4").read_bytes()
    for number in range(MUTATIONS):
        data = bytearray(clean)
        for place in dice.integers(0, len(data), FLIPS):
            data[place] = int(dice.integers(0, 256))
        with JobProcess(media) as process:
            process.start(_write(media, f"mutated{number}.mp4", bytes(data)))
            assert process.ended().end.reason in {EndReason.DONE, EndReason.FAILED}


def test_the_last_frame_before_each_end_is_told_for_features_of_v1(job, media) -> None:
    """media V5, G6: on a clip whose frames are not evenly spaced, the time that the frame had; jobs of other features tell none."""
    starts = [Fraction(number * 40 + number % 3 * 7, 1000) for number in range(60)]
    pictures = [(start, scene(1 if number < 25 else 2, (320, 180))) for number, start in enumerate(starts)]
    write_clip(media / "uneven.mkv", pictures, [], Coding(time_base=Fraction(1, 1000)))
    job.start("uneven.mkv", ["SHOT_CHANGE_DETECTION"])
    result = job.ended().result
    cut, end = (shot["endTimeOffset"] for shot in result["shotAnnotations"])
    assert cut == "1.007000s"
    assert result["lastFrames"] == {"last": "2.374000s", "before": {cut: "0.960000s", end: "2.374000s"}}


def test_a_job_that_v1_does_not_know_tells_no_last_frames(job) -> None:
    """media V1."""
    job.start("silent.mkv", ["SHOT_CHANGE_DETECTION", "IN_BLACK"])
    assert "lastFrames" not in job.ended().result


def test_content_of_the_request_is_the_input_of_its_job_alone(job, media) -> None:
    """media V6: a file outside the media roots, named by no inputUri."""
    name = content.keep(media, (media / "silent.mkv").read_bytes())
    job.start("inputContent", ["SHOT_CHANGE_DETECTION"], content=name)
    assert job.ended().result["media"]["frames"] == 50


def test_content_that_is_gone_fails_with_code_5(job) -> None:
    """media J1, V6."""
    job.start("inputContent", ["SHOT_CHANGE_DETECTION"], content="0" * 32)
    assert (job.ended().end.fault.code, job.ended().end.fault.message) == ("input_gone", "input not found")


def test_no_step_of_a_job_waits_for_the_tick(media) -> None:
    """media P7: each decoder is waited for, also when its pipe has the number of one that is gone."""
    with JobProcess(media, tick_s=10 * PATIENCE_S) as process:
        process.start("sample.mp4")
        assert process.ended().end.reason is EndReason.DONE
