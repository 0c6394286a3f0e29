"""camera 11: a source that is unplugged, refused, stalled or frozen; all on a virtual clock."""

from datetime import timedelta

import numpy as np
import pytest

from media.films import write_film
from triptych.camera.definition import read_definition
from triptych.camera.feed import Feed, Stillness, check_fit, open_feed
from triptych.camera.heads import CropOptions, NoneOptions
from triptych.clock import SystemClock
from triptych.contracts import Frame, Sound
from triptych.errors import Unavailable
from triptych.media.sources.sim import VirtualClock
from triptych.model import Place

BEAT_S = 1 / 30
STALL_S = 0.25


class Bench:
    """What a source on a bench can be made to do: `sends` is `new`, `same`, `nothing` or `error`; `there` whether it can be opened."""

    def __init__(self):
        self.clock = VirtualClock()
        self.sends, self.there, self.size, self.sounds = "new", True, (64, 48), False
        self.number, self.opened_at, self.closed, self.told = 0, [], 0, []

    def open(self):
        self.opened_at.append(self.now_s)
        if not self.there:
            raise Unavailable("The camera's host takes no connection.", code="source_lost")
        return BenchSource(self)

    def feed(self, **options):
        return Feed(self.open, self.clock, told=lambda *told: self.told.append(told), wait=self.clock.wait, **options)

    @property
    def now_s(self):
        return self.clock.monotonic().total_seconds()

    def run(self, feed, seconds):
        """Read as the frame loop does; return the frames."""
        until, frames = self.now_s + seconds, []
        while self.now_s < until:
            frames.append(feed.read())
            if feed._opener.is_alive():
                feed._opener.join()
        return [frame for frame in frames if frame is not None]


class BenchSource:
    """A source that does what its bench says."""

    fps = 30.0

    def __init__(self, bench):
        self.bench, self.size, self.has_sound = bench, bench.size, bench.sounds

    def read(self):
        bench = self.bench
        if bench.sends == "error":
            raise Unavailable("The camera ended its stream.", code="source_lost")
        bench.clock.wait(STALL_S if bench.sends == "nothing" else BEAT_S)
        if bench.sends == "nothing":
            return None
        bench.number += bench.sends == "new"
        image = np.full((self.size[1], self.size[0], 3), bench.number % 250, np.uint8)
        return Frame(number=bench.number, captured=bench.clock.monotonic(), image=image)

    def listen(self):
        return [Sound(captured=self.bench.clock.monotonic(), samples=np.zeros(480, np.float32))]

    def close(self):
        self.bench.closed += 1


@pytest.fixture
def bench():
    return Bench()


def test_fresh_pictures_pass_untouched(bench):
    feed = bench.feed(freezes=True)
    frames = bench.run(feed, 3)
    assert len(frames) == pytest.approx(90, abs=2)
    assert (feed.size, feed.fps, feed.trouble, bench.told) == ((64, 48), 30.0, None, [])
    feed.close()
    assert bench.closed == 1


def test_a_source_that_cannot_be_opened_at_first_says_why(bench):
    bench.there = False
    with pytest.raises(Unavailable, match="takes no connection"):
        bench.feed()


def test_no_read_takes_longer_than_the_head_may_go_on(bench):
    """camera 11: the head stops at most 300 ms after the last frame, so the loop must hear of it by then."""
    feed = bench.feed()
    bench.run(feed, 1)
    for bench.sends in ("nothing", "error"):
        begun = bench.now_s
        assert feed.read() is None
        assert bench.now_s - begun <= 0.3


def test_an_unplugged_source_is_opened_again_after_1_2_4_and_8_s(bench):
    """camera row 41: retries at 1, 2, 4, 8 s, and every 8 s from then on."""
    feed = bench.feed()
    bench.run(feed, 1)
    bench.sends, bench.there = "error", False
    gone_s = bench.now_s
    assert bench.run(feed, 32) == []
    since = [at - gone_s for at in bench.opened_at[1:]]
    assert since == pytest.approx([1, 3, 7, 15, 23, 31], abs=0.3)
    assert {(trouble.kind, trouble.message) for trouble, _ in bench.told} == {("gone", "The camera ended its stream.")}
    assert bench.told[-1][1].total_seconds() == pytest.approx(32, abs=0.3)


def test_a_source_that_is_back_is_shown_by_itself(bench):
    """camera row 41: replugged."""
    feed = bench.feed()
    bench.run(feed, 1)
    bench.sends, bench.there = "error", False
    bench.run(feed, 5)
    bench.sends, bench.there = "new", True
    assert bench.run(feed, 5)
    assert feed.trouble is None
    assert [trouble for trouble, _ in bench.told].count(None) == 1
    before = len(bench.opened_at)
    bench.run(feed, 30)
    assert len(bench.opened_at) == before


def test_a_stall_is_told_and_ends_when_pictures_come_again(bench):
    feed = bench.feed()
    bench.run(feed, 1)
    bench.sends = "nothing"
    bench.run(feed, 0.6)
    assert bench.told == []
    bench.run(feed, 0.6)
    assert bench.told[-1][0].kind == "stalled"
    bench.sends = "new"
    assert bench.run(feed, 0.2)
    assert bench.told[-1] == (None, timedelta(0))
    assert len(bench.opened_at) == 1


def test_a_stalled_source_is_closed_before_it_is_opened_again(bench):
    feed = bench.feed()
    bench.sends = "nothing"
    bench.run(feed, 4.5)
    assert (len(bench.opened_at), bench.closed) == (3, 2)


def test_a_frozen_picture_is_noticed_after_2_s_and_never_shown_from_then_on(bench):
    """camera 11: bit-identical frames for 2 s; also after it was opened again, until the picture is another one."""
    feed = bench.feed(freezes=True)
    bench.run(feed, 1)
    bench.sends = "same"
    frozen_s = bench.now_s
    shown = bench.run(feed, 10)
    assert shown[-1].captured.total_seconds() - frozen_s < 2
    assert feed.trouble.kind == "frozen"
    assert len(bench.opened_at) > 2
    bench.sends = "new"
    assert bench.run(feed, 0.5)
    assert feed.trouble is None


def test_a_drawn_picture_may_stand(bench):
    feed = bench.feed(freezes=False)
    bench.sends = "same"
    assert len(bench.run(feed, 5)) == pytest.approx(150, abs=2)


def test_one_pixel_that_changes_is_no_freeze():
    stillness, image = Stillness(), np.zeros((48, 64, 3), np.uint8)
    assert stillness.moves(image, timedelta(0))
    changed = image.copy()
    changed[5, 7, 1] = 1
    assert stillness.moves(changed, timedelta(seconds=3))
    assert not stillness.moves(changed.copy(), timedelta(seconds=5))


def test_a_source_that_comes_back_in_another_size_is_shown_in_the_first_one(bench):
    feed = bench.feed()
    bench.run(feed, 0.5)
    bench.sends = "nothing"
    bench.run(feed, 1.9)
    bench.sends, bench.size = "new", (128, 96)
    feed._reopen()
    assert feed.origin.size == (128, 96)
    assert bench.run(feed, 0.1)[-1].image.shape == (48, 64, 3)


def test_a_source_that_is_opened_while_the_feed_closes_is_closed_too(bench):
    feed = bench.feed()
    feed.close()
    feed._reopen()
    assert bench.closed == len(bench.opened_at) == 2


def test_the_sound_is_that_of_the_source_where_it_has_some(bench):
    """camera R4: `audio` says source, mic or silence."""
    feed = bench.feed()
    assert (feed.audio, feed.has_sound, feed.listen()) == ("silence", False, ())
    bench.sounds = True
    feed = bench.feed(microphone="nowhere")
    assert (feed.audio, feed.has_sound, len(feed.listen()), feed.deafness) == ("source", True, 1, None)


def test_a_microphone_that_is_not_there_leaves_silence_and_a_hint(bench):
    feed = bench.feed(microphone="no-such-device")
    assert (feed.audio, feed.deafness) == ("silence", "The microphone cannot be opened.")
    assert bench.run(feed, 0.2)


def test_a_definition_is_opened_with_what_its_source_may_reach(tmp_path):
    write_film(tmp_path / "film.mp4", frames=5)
    definition = read_definition({"source": {"kind": "file", "path": "film.mp4"}, "head": {"kind": "none"}})
    place = Place(worker_id="", data_dir=str(tmp_path), media_roots=(str(tmp_path),))
    feed = open_feed(definition, SystemClock(), place, lambda *_: None)
    assert (feed.size, feed.fps, feed.audio) == ((320, 240), 30.0, "source")
    feed.close()


def test_a_head_made_of_pixels_needs_a_picture_as_large_as_its_window():
    check_fit(CropOptions(), (1280, 720))
    check_fit(NoneOptions(), (16, 16))
    with pytest.raises(Unavailable, match=r"head\.size must fit into the source's picture of 640 x 720"):
        check_fit(CropOptions(), (640, 720))
