import os
import select
import signal
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from triptych.media.chunks import Chunk
from triptych.media.features import FEATURES
from triptych.media.features.black import InBlack
from triptych.media.measured import Broken, Finished, Measured, Torn
from triptych.media.measuring import DEAD, LATE, Measuring
from triptych.media.options import InBlackOptions
from triptych.media.pipeline import Plan
from triptych.media.sample import RATE_HZ, Coding, scene, tone, write_clip
from triptych.media.shelf import Shelf
from triptych.media.spans import Segments

X264 = {"preset": "ultrafast", "x264-params": "keyint=25:min-keyint=25:scenecut=0"}
SECONDS = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    pictures = ((Fraction(number, 25), scene(1, (160, 90), number)) for number in range(SECONDS * 25))
    write_clip(path, pictures, [np.tile(tone(440, SECONDS * RATE_HZ), (2, 1))], Coding(options=X264))
    return path


class Slow(InBlack):
    """A feature whose look takes its time, so that a test can meet a decoder at work."""

    def look(self, sight):
        time.sleep(0.002)
        return super().look(sight)


class Greedy(InBlack):
    def look(self, sight):
        while True:
            pass


@pytest.fixture
def measuring(clip):
    made = []

    def make(feature=Slow, path=clip, **more) -> Measuring:
        plan = Plan(features={"IN_BLACK": feature(InBlackOptions())}, needs={"IN_BLACK": FEATURES["IN_BLACK"].needs}, segments=Segments(()))
        source = os.open(path, os.O_RDONLY)
        made.append((Measuring(source, plan, **{"processes": 2, "chunk_s": 2.0, **more}), source))
        return made[-1][0]

    yield make
    for one, source in made:
        one.end()
        os.close(source)


def _run(measuring: Measuring, until=(Finished, Broken, Torn), also=lambda: None) -> list:
    found = []
    deadline = time.monotonic() + 60
    while not (found and isinstance(found[-1], until)) and time.monotonic() < deadline:
        if waiting := list(measuring.filenos()):
            select.select(waiting, [], [], 0.5)
        found += measuring.work()
        also()
    return found


def _pids(measuring: Measuring) -> set[int]:
    return {run.decoder.pid for run in measuring._runs if run.decoder is not None}


def _frames(found) -> list:
    return [frame for message in found if isinstance(message, Measured) for frame in message.frames]


def test_pictures_come_in_order_of_time_whatever_chunk_is_done_first(measuring) -> None:
    """media P3."""
    found = _run(measuring())
    assert isinstance(found[-1], Finished), found[-1]
    assert [Fraction(*frame.start) for frame in _frames(found)] == [Fraction(number, 25) for number in range(SECONDS * 25)]
    assert found[-1].frames == SECONDS * 25


def test_as_many_decoders_run_as_there_are_processes_and_one_for_the_sound(measuring) -> None:
    made = measuring(processes=3)
    most = []
    _run(made, also=lambda: most.append(len(_pids(made))))
    assert max(most) == 4


def test_a_second_try_gives_nothing_twice(measuring) -> None:
    """media P8: a dead decoder's chunk is tried once more."""
    made = measuring()
    killed: set[int] = set()

    def kill() -> None:
        if not killed and made._tally is not None:
            killed.update(_pids(made))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    found = _run(made, also=kill)
    assert len(killed) == 3
    assert [Fraction(*frame.start) for frame in _frames(found)] == [Fraction(number, 25) for number in range(SECONDS * 25)]
    assert isinstance(found[-1], Finished)


def test_a_second_death_is_the_end(measuring) -> None:
    """media P8."""
    made = measuring()

    def kill() -> None:
        for pid in _pids(made):
            os.kill(pid, signal.SIGKILL)

    assert _run(made, also=kill)[-1] == DEAD


def test_a_decoder_that_takes_too_much_time_is_late(measuring, monkeypatch) -> None:
    """media 9."""
    monkeypatch.setattr("triptych.media.measuring.CPU_BASE_S", 1)
    monkeypatch.setattr("triptych.media.measuring.CPU_PER_SECOND", 0)
    assert _run(measuring(Greedy))[-1] == LATE


def test_a_held_decoder_stands_still_until_it_is_released(measuring) -> None:
    made = measuring()
    _run(made, until=Measured)
    made.hold()
    states = {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in _pids(made)}
    assert "T" in states
    assert states <= {"T", "Z"}
    made.release()
    assert isinstance(_run(made)[-1], Finished)


def test_the_end_leaves_nobody(measuring) -> None:
    """media P9."""
    made = measuring()
    _run(made, until=Measured)
    pids = _pids(made)
    made.end()
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_whoever_is_too_far_ahead_waits(measuring) -> None:
    """media P10."""
    made = measuring()
    _run(made, until=Measured)
    everybody = made.filenos()
    made.pace(Fraction(0), Fraction(31))
    sound_waits = made.filenos()
    made.pace(Fraction(31), Fraction(0))
    film_waits = made.filenos()
    assert len(sound_waits) == len(everybody) - 1
    assert sound_waits != film_waits
    made.pace(Fraction(0), Fraction(29))
    assert made.filenos() == everybody


def test_an_unreadable_file_is_broken(measuring, tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"\0nothing")
    assert isinstance(_run(measuring(path=tmp_path / "a"))[-1], Broken)


def test_chunks_that_an_earlier_attempt_finished_are_not_decoded_again(measuring, tmp_path) -> None:
    """media J5."""
    shelf = Shelf(tmp_path / "chunks", "ask")
    first = measuring(shelf=shelf)
    _run(first, until=Measured, also=lambda: None)
    while not any(shelf.has(run.part) for run in first._runs if isinstance(run.part, Chunk)) and first._tally is not None:
        _run(first, until=Measured)
    kept = sum(shelf.has(run.part) for run in first._runs if isinstance(run.part, Chunk))
    first.end()
    again = measuring(shelf=shelf)
    launched: set[tuple] = set()

    def note() -> None:
        launched.update((run.part.first, run.part.last) for run in again._runs if isinstance(run.part, Chunk) and run.tries)

    found = _run(again, also=note)
    assert len(launched) <= 6 - max(1, kept)
    assert [Fraction(*frame.start) for frame in _frames(found)] == [Fraction(number, 25) for number in range(SECONDS * 25)]
    assert found[-1].frames == SECONDS * 25


def test_neighbours_that_saw_another_picture_at_their_seam_tear_the_plan(measuring) -> None:
    """media P2: a decoder that is damaged without a word shows another picture there than one that begins at the seam."""
    made = measuring()
    _run(made, until=Measured)
    ends = [Finished(frames=50, samples=0, duration=(12, 1), errors=(), truncated=False, opens=opens, closes=7) for opens in (None, 7, 8)]
    made._compare(Chunk(0, 50), ends[0])
    made._compare(Chunk(50, 100), ends[1])
    assert made._torn is None
    made._compare(Chunk(100, 150), ends[2])
    assert isinstance(_run(made)[-1], Torn)
