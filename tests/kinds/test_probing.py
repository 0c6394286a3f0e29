"""A look at an input without a job, in a process as the agent would start it."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinds.jobprocess import JobProcess
from triptych.media.sample import Coding, Stretch, scene, tone, write_clip, write_sample
from triptych.messages import Answer, Ask, Refused


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_sample(folder / "both.mp4", (Stretch(Fraction(0), Fraction(2), 1, "stereo"),))
    write_clip(folder / "silent.mp4", [(Fraction(number, 25), scene(1, (320, 180), number)) for number in range(13)], [], Coding())
    write_clip(folder / "sound.mp4", [], [np.tile(tone(440, 48_000), (2, 1))], Coding())
    (folder / "noise.mp4").write_bytes(os.urandom(9000))
    (folder / "list.mp4").write_text("#EXTM3U\nother.ts\n")
    return folder


def _ask(media, uri, *features, verb="probe", **more):
    with JobProcess(media) as process:
        spec = {"input_uri": uri, "features": list(features or ("IN_BLACK", "AUDIO_FORMAT")), **more}
        reply = process.answer(process.ask(Ask(process="probe:1", kind="annotate", spec=spec, verb=verb)))
    return process, reply


def test_a_probe_tells_the_duration_and_the_process_ends(media) -> None:
    """media 2.2: POST `:validate`; the decoder is gone with its process."""
    process, reply = _ask(media, "both.mp4")
    assert reply == Answer(data={"duration": "2.000000s", "warnings": []})
    assert process.program.returncode == 0


def test_a_feature_that_finds_nothing_to_measure_is_a_warning(media) -> None:
    assert _ask(media, "silent.mp4")[1].data == {"duration": "0.520000s", "warnings": ["AUDIO_FORMAT: input has no audio"]}
    assert _ask(media, "sound.mp4")[1].data["warnings"] == ["IN_BLACK: input has no video"]


@pytest.mark.parametrize(
    ("uri", "features", "more", "refusal"),
    [
        ("noise.mp4", (), {}, ("bad_media", "input is not a media file this server can read")),
        ("list.mp4", (), {}, ("unprocessable", "input is a playlist that points to other media; submit the media itself")),
        ("gone.mp4", (), {}, ("input_not_found", "input not found")),
        ("silent.mp4", ("AUDIO_FORMAT",), {}, ("bad_media", "input has no audio")),
        ("both.mp4", (), {"segments": [(3_000_000, 4_000_000)]}, ("segment_outside", "every segment lies beyond the end of the input")),
        ("both.mp4", (), {"verb": "dance"}, ("invalid", "an annotate process knows no dance")),
    ],
)
def test_a_probe_refuses_with_what_the_job_would_fail_with(media, uri, features, more, refusal) -> None:
    """media U0."""
    reply = _ask(media, uri, *features, **more)[1]
    assert isinstance(reply, Refused)
    assert (reply.code, reply.message) == refusal
