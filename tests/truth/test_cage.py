"""Every sense at work in the decoder's real cage: loaded before it closes, with nothing to open afterwards (media S1)."""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinds.jobprocess import JobProcess
from media.scenes import FONTS, backdrop, place_hopper, write
from speaking import resampled, say
from triptych.media.sample import RATE_HZ, write_clip
from truth.films import FPS, LOSSLESS, planes

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("sense", ["voice", "speech", "faces", "faces_without_extra", "text", "shots"])
def test_a_sense_gives_the_same_in_the_cage_twice_as_outside(sense) -> None:
    """media S1, P6: closed in full, the same bits, and something found."""
    paths = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    words = [sys.executable, "-m", "media.caged", sense]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.split() == ["True", "True", "True", "True"], done.stderr


def test_one_job_measures_every_model_feature_at_once(tmp_path) -> None:
    """media K5, P1: a portrait under a title, an English sentence, a cut; in a job's own processes."""
    portrait = [write(place(number), "Platform nine", font=FONTS[0], size_px=28, x=20, y=20) for number in (0, 1)]
    sentence = resampled(say("The weather is very good today.", "en-us").samples, RATE_HZ)
    pictures = ((Fraction(number, FPS), planes(portrait[number // FPS])) for number in range(2 * FPS))
    write_clip(tmp_path / "a.mkv", pictures, [sentence[np.newaxis]], replace(LOSSLESS, layout="mono"))
    features = ("FACE_DETECTION", "TEXT_DETECTION", "SPOKEN_LANGUAGE", "SPEECH_TRANSCRIPTION", "SHOT_CHANGE_DETECTION")
    config = {"speechTranscriptionConfig": {"languageCode": "en"}, "shotDetectionConfig": {"model": "builtin/latest"}}
    with JobProcess(tmp_path) as job:
        job.start("a.mkv", features, config=config)
        result = job.ended().result
    assert result.get("errors") is None
    assert [span["faceCount"] for span in result["faceCountAnnotations"]] == [1]
    assert [item["text"] for item in result["textAnnotations"]] == ["Platform nine"]
    assert [item["channels"][0]["language"] for item in result["spokenLanguageAnnotations"]] == ["en"]
    assert "weather is very good" in result["speechTranscriptions"][0]["alternatives"][0]["transcript"]
    assert [item["startTimeOffset"] for item in result["shotAnnotations"]] == ["0.000000s", "1.000000s"]


def place(number: int) -> np.ndarray:
    """Return a portrait before one of two backdrops."""
    picture = backdrop(320, 180, 3 + 8 * number)
    place_hopper(picture, 45, 200, 100)
    return picture
