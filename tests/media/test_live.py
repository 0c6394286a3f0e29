"""The newest picture of a live stream, its time on our clock, and how a loss is said."""

import errno

import av
import pytest

from media.farcamera import FarCamera
from triptych.clock import SystemClock
from triptych.errors import Invalid, Unavailable
from triptych.media.live import Anchor, LiveSource, lost
from triptych.media.sources import UrlOptions
from triptych.media.sources.url import HttpLine


def test_times_of_another_clock_are_laid_on_ours_by_what_came_soonest():
    anchor = Anchor()
    anchor.note(0.0, 1000.30)
    anchor.note(0.04, 1000.14)
    assert anchor.at(0.08) == pytest.approx(1000.18)
    anchor.note(0.08, 1000.40)
    assert anchor.at(0.12) == pytest.approx(1000.22, abs=0.004)


def test_times_that_are_ours_are_kept():
    """camera R3: a driver stamps when the picture was taken."""
    anchor = Anchor()
    anchor.note(500.0, 500.07)
    anchor.note(500.1, 500.11)
    assert anchor.at(500.1) == 500.1


def test_a_clock_that_runs_slow_is_followed_and_one_that_jumps_is_taken_anew():
    anchor = Anchor()
    for second in range(100):
        anchor.note(second * 0.999, 1000 + second)
    assert anchor.at(99 * 0.999) == pytest.approx(1099, abs=0.02)
    anchor.note(5.0, 1100.0)
    assert anchor.at(5.0) == 1100.0


def test_a_reader_who_slept_gets_the_newest_picture():
    """No backlog: twenty pictures later the next one read is a new one."""
    with FarCamera() as camera:
        source = LiveSource(HttpLine(UrlOptions(url=camera.url)), SystemClock())
        first = source.read()
        with source._arrived:
            assert source._arrived.wait_for(lambda: source._number > first.number + 20, 10)
        assert len(source._pictures) == 1
        late = source.read()
        assert late.number > first.number + 20
        assert (SystemClock().monotonic() - late.captured).total_seconds() < 0.5
        source.close()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (av.error.HTTPUnauthorizedError(1, "x"), "The camera refused the user name or password."),
        (av.error.HTTPNotFoundError(1, "x"), "The camera has no such stream."),
        (TimeoutError("rtsp://u:secret@h"), "The camera does not answer in time."),
        (ConnectionRefusedError(), "The camera's host takes no connection."),
        (av.error.InvalidDataError(1, "/etc/x"), "The camera sends nothing that can be decoded."),
        (OSError(errno.EIO, "/dev/video0"), "The camera's stream broke off."),
        (Invalid("No."), "No."),
    ],
)
def test_a_loss_is_one_sentence_without_path_address_or_credential(fault, sentence):
    """camera W3"""
    said = lost(fault)
    assert (type(said), said.message, said.code) == (Unavailable, sentence, "source_lost")
