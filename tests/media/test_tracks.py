"""Boxes joined into tracks."""

from fractions import Fraction

import pytest

from triptych.media.tracks import Box, Sighted, Track, Tracker, counts


def _box(x: float, y: float = 0.5, size: float = 0.1) -> Box:
    return Box(left=x, top=y, right=x + size, bottom=y + size, score=0.9)


def _tracks(looks) -> list[Track]:
    """Run a tracker over (time, boxes) and end it half a second after the last look."""
    tracker = Tracker()
    for at, boxes in looks:
        tracker.look(Fraction(at), boxes)
    tracker.rest(Fraction(looks[-1][0]) + Fraction(1, 2))
    return sorted(tracker.done, key=lambda track: track.start)


def test_two_that_pass_each_other_keep_their_tracks() -> None:
    steps = [(Fraction(number, 5), [_box(0.1 + 0.04 * number, 0.5), _box(0.8 - 0.04 * number, 0.56)]) for number in range(20)]
    found = _tracks(steps)
    assert len(found) == 2
    for track in found:
        xs = [one.box.left for one in track.seen]
        assert xs in (sorted(xs), sorted(xs, reverse=True))


def test_one_that_moves_further_than_its_own_size_between_looks_is_followed() -> None:
    assert len(_tracks([(Fraction(number, 5), [_box(0.05 + 0.08 * number, size=0.15)]) for number in range(8)])) == 1


def test_a_gap_of_up_to_a_second_is_bridged_and_a_longer_one_ends_it() -> None:
    """media 4.2: closed after 1 s unseen."""
    there, gone = [_box(0.4)], []
    short = [(Fraction(number, 5), gone if 5 < number <= 9 else there) for number in range(20)]
    long = [(Fraction(number, 5), gone if 5 < number <= 10 else there) for number in range(20)]
    assert len(_tracks(short)) == 1
    first, second = _tracks(long)
    assert (first.end, second.start) == (Fraction(6, 5), Fraction(11, 5))


def test_a_track_is_cut_where_a_shot_begins() -> None:
    track = Track([Sighted(Fraction(number), Fraction(number + 1), _box(0.1)) for number in range(4)])
    parts = list(track.parted([Fraction(0), Fraction(3, 2), Fraction(9)]))
    assert [(part.start, part.end) for part in parts] == [(0, Fraction(3, 2)), (2, 4)]


def test_counts_tile_the_time_and_change_where_tracks_do() -> None:
    one = Track([Sighted(Fraction(1), Fraction(3), _box(0.1))])
    other = Track([Sighted(Fraction(2), Fraction(3), _box(0.6))])
    assert counts([one, other], Fraction(0), Fraction(4)) == [(0, 0, 1), (1, 1, 2), (2, 2, 3), (0, 3, 4)]
    assert counts([], Fraction(0), Fraction(4)) == [(0, 0, 4)]


def test_overlap_is_the_share_of_both() -> None:
    assert _box(0.1).overlap(_box(0.1)) == pytest.approx(1)
    assert _box(0.1).overlap(_box(0.15)) == pytest.approx(1 / 3)
    assert _box(0.1).overlap(_box(0.5)) == 0
