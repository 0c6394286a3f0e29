import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.media.alarms import Episode, Episodes
from triptych.media.options import AlarmSettings


def _judged(severities, *, hold=2.0, sensitivity=0.2, step=Fraction(1, 2)) -> tuple[list[Episode], list[Episode]]:
    opened, closed = [], []
    episodes = Episodes(AlarmSettings(enabled=True, sensitivity=sensitivity, secsInAlarmDuration=hold), opened.append, closed.append)
    for number, severity in enumerate(severities):
        episodes.judge(number * step, (number + 1) * step, severity)
    episodes.finish()
    return opened, closed


def _spans(episodes) -> list[tuple[float, float]]:
    return [(float(episode.start), float(episode.end)) for episode in episodes]


def test_an_episode_opens_once_it_has_held_and_begins_at_its_true_first_moment() -> None:
    """media A1."""
    opened, closed = _judged([0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    assert _spans(opened) == [(1.0, 3.0)]
    assert _spans(closed) == [(1.0, 4.0)]
    assert (opened[0].is_open, closed[0].is_open) == (True, False)


def test_what_does_not_hold_is_no_episode() -> None:
    assert _judged([1, 1, 1, 0, 0, 0, 1, 1, 1]) == ([], [])


def test_a_gap_of_a_second_joins_and_a_longer_one_parts() -> None:
    """media A1."""
    assert _spans(_judged([1, 1, 0, 0, 1, 1])[1]) == [(0.0, 3.0)]
    assert _spans(_judged([1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1])[1]) == [(0.0, 2.0), (3.5, 5.5)]


@pytest.mark.parametrize(
    ("sensitivity", "severity", "trips"), [(0.2, 0.2, True), (0.2, 0.19, False), (0.0, 0.0, False), (0.0, 0.001, True)]
)
def test_the_level_is_the_sensitivity_and_nothing_is_never_enough(sensitivity, severity, trips) -> None:
    """media A1."""
    assert bool(_judged([severity] * 6, sensitivity=sensitivity)[0]) is trips


def test_the_greatest_severity_is_kept_and_each_episode_has_its_own() -> None:
    _, closed = _judged([0.3, 0.9, 0.3, 0.3, 0, 0, 0, 0.4, 0.4, 0.4, 0.4])
    assert [episode.severity for episode in closed] == [0.9, 0.4]


def test_no_debounce_takes_a_single_picture_and_a_hole_in_time_ends_an_episode() -> None:
    closed: list[Episode] = []
    episodes = Episodes(AlarmSettings(enabled=True, secsInAlarmDuration=0), lambda _: None, closed.append)
    episodes.judge(Fraction(0), Fraction(1, 25), 1.0)
    episodes.judge(Fraction(5), Fraction(126, 25), 1.0)
    episodes.finish()
    assert _spans(closed) == [(0.0, 0.04), (5.0, 5.04)]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), max_size=60), st.sampled_from([0.0, 0.5, 2.0]))
def test_every_opened_episode_closes_and_they_lie_apart(severities, hold) -> None:
    opened, closed = _judged(severities, hold=hold)
    assert [episode.start for episode in opened] == [episode.start for episode in closed]
    assert all(later.start - earlier.end > 1 for earlier, later in itertools.pairwise(closed))
    assert all(episode.end - episode.start >= hold for episode in closed)
