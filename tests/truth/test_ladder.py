"""IN_BLACK, AUDIO_FORMAT and SHOT_CHANGE_DETECTION on one story in every coding (media K4, 4.2)."""

from fractions import Fraction
from itertools import pairwise

import pytest

from truth.chunked import Chunked
from truth.ladder import RUNGS, STORY, VARIABLE, Clip, Rung
from truth.scoring import USUAL, Analysis, cut, near, right_share

EDGE = Fraction(45, 1000)

COARSE = Rung("x264 28", Fraction(60000, 1001), "aac", is_full=True)
"""Right after a cut to grainy black it leaves codes up to 4, where black ends at 2."""

each_rung = pytest.mark.parametrize("rung", RUNGS, ids=str)


def test_the_ladder_holds_what_coded_truth_is() -> None:
    """media K4: every codec, rate, depth, range and sound, and none in one coding alone."""
    coded = [rung for rung in RUNGS if not rung.is_lossless]
    assert {rung.video for rung in coded} == {"x264 18", "x264 23", "x264 28", "x265", "mpeg2", "prores"}
    rates = {None if rung.rate is VARIABLE else round(float(rung.rate), 2) for rung in coded}
    assert rates == {23.98, 24, 25, 29.97, 30, 50, 59.94, None}
    for values in ([r.video for r in coded], [r.sound for r in coded], [r.bits for r in coded], [r.is_full for r in coded]):
        assert all(values.count(value) >= 2 for value in values)


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung != COARSE], ids=str)
def test_black_and_silent_runs_are_found_and_nothing_else(ladder, rung: Rung) -> None:
    """media 4.2 IN_BLACK: F1 1.0, edges exact on lossless and within a frame or 45 ms where coded; black with sound is none."""
    clip = ladder.clip(rung)
    assert near(clip.analysis.spans("IN_BLACK"), [(cut(start), cut(end)) for start, end in clip.black], _tolerance(clip))


def test_the_coarsest_coding_needs_a_higher_level(ladder) -> None:
    """media 4.2 IN_BLACK: with grain cut off at code 0 the two codes of the default do not hold what CRF 28 leaves; 2 % do."""
    clip = ladder.clip(COARSE)
    found = Analysis(clip.path, ["IN_BLACK"], {"IN_BLACK": {"delay": 0.5, "black_value": 0.02}}).spans("IN_BLACK")
    assert near(found, [(cut(start), cut(end)) for start, end in clip.black], _tolerance(clip))


@each_rung
def test_layouts_are_right_and_silence_is_exact_in_pcm(ladder, rung: Rung) -> None:
    """media 4.2 AUDIO_FORMAT: PCM right at every moment outside 0.25 s of a change, silence edges exact; AAC and AC-3 98 %."""
    clip = ladder.clip(rung)
    spans = clip.analysis.spans("AUDIO_FORMAT")
    assert right_share(spans, clip.sound) >= (1 if rung.sound == "pcm" else Fraction(98, 100))
    if rung.sound == "pcm":
        truth = [(cut(start), cut(end)) for name, start, end in clip.sound if name == "silence"]
        assert [(start, end) for name, start, end in spans if name == "silence"] == truth


def test_hard_cuts_are_found_at_their_frame_in_every_coding(ladder) -> None:
    """media 4.2 SHOT_CHANGE: F1 >= 0.99 at zero frames over 400 cuts and more, and no coding is left far behind."""
    hits = told = true = 0
    for rung in RUNGS:
        clip = ladder.clip(rung)
        found, cuts = set(clip.analysis.cuts()), {cut(at) for at in clip.cuts}
        assert 2 * len(found & cuts) / (len(found) + len(cuts)) >= 0.95, rung
        hits, told, true = hits + len(found & cuts), told + len(found), true + len(cuts)
    assert true >= 400
    assert 2 * hits / (told + true) >= 0.99


@pytest.mark.parametrize("rung", [RUNGS[0], RUNGS[9], RUNGS[12]], ids=str)
def test_in_chunks_the_same_is_found(ladder, rung: Rung) -> None:
    """media P5: byte for byte."""
    path = ladder.clip(rung).path
    whole, parts = Chunked(path, USUAL, 1e9, processes=1), Chunked(path, USUAL, 2)
    assert parts.chunks > 1
    assert whole.response == parts.response
    assert not parts.torn


def test_the_story_tells_black_from_silence() -> None:
    """Black with sound and pictures without are in it, or nothing would be proved."""
    assert {(section.is_black, section.layout == "silence") for section in STORY} == {(a, b) for a in (True, False) for b in (True, False)}


def _tolerance(clip: Clip) -> Fraction:
    frame = max(after - before for before, after in pairwise(clip.starts))
    return Fraction(0) if clip.rung.is_lossless else max(frame, EDGE)
