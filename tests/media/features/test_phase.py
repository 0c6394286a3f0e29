from fractions import Fraction

import numpy as np
import pytest

from triptych.media.features.phase import AudioPhase, correlated, pair_sums
from triptych.media.measured import Cell, Piece
from triptych.media.options import AudioPhaseOptions

HOP = Fraction(1, 25)
SAMPLES = 1920


class Watch:
    """Keeps the severities."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def judge(self, start: Fraction, end: Fraction, severity: float) -> None:
        self.told.append(round(severity, 6))


def _products(*correlations: float | None) -> np.ndarray:
    """Return the products of a pair for each: None is silence, a number its correlation."""
    products = np.zeros((2 * len(correlations), 2 * len(correlations)))
    for pair, correlation in enumerate(correlations):
        if correlation is not None:
            products[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = [[1, correlation], [correlation, 1]]
    return products


def _shown(hops, first: int = 0, feature: AudioPhase | None = None) -> AudioPhase:
    feature = feature or AudioPhase(AudioPhaseOptions())
    for number, products in enumerate(hops, first):
        piece = Piece(start=number * HOP, end=(number + 1) * HOP, samples=SAMPLES, products=products)
        feature.cell(Cell(start=piece.start, end=piece.end, power=np.diag(products) / SAMPLES, grains=(piece,)))
    feature.rest((first + len(hops)) * HOP)
    return feature


def _found(feature: AudioPhase) -> list:
    return [(*item["pair"], item["kind"], item["startTimeOffset"], item["endTimeOffset"]) for item in feature.items()]


@pytest.mark.parametrize(
    ("correlation", "kind"),
    [(-1, "reversed"), (-0.81, "reversed"), (-0.79, None), (0, None), (0.97, None), (0.981, "dual_mono"), (1, "dual_mono")],
)
def test_the_kind_is_told_by_the_correlation(correlation, kind) -> None:
    """media 4.3 AUDIO_PHASE: reversed at or below -0.8, dual_mono at or above 0.98."""
    items = _shown([_products(correlation)] * 50).items()
    assert [(item["kind"], item["correlation"]) for item in items] == ([(kind, correlation)] if kind else [])


@pytest.mark.parametrize(("hops", "found"), [(49, 0), (50, 1)])
def test_it_must_hold_two_seconds(hops, found) -> None:
    """media 4.3 AUDIO_PHASE: at least 2 s."""
    assert len(_found(_shown([_products(1)] * hops))) == found


def test_an_edge_lies_within_half_a_window() -> None:
    found = _found(_shown([_products(0)] * 60 + [_products(-1)] * 60 + [_products(0)] * 60))
    ((_, _, kind, start, end),) = found
    assert kind == "reversed"
    assert 2.4 <= float(start[:-1]) <= 2.6
    assert 4.6 <= float(end[:-1]) <= 4.8


def test_a_short_silence_neither_ends_nor_lengthens_a_run() -> None:
    talk = [_products(1)] * 30
    assert _found(_shown([*talk, *[_products(None)] * 50, *talk, *[_products(None)] * 20])) == [
        (1, 2, "dual_mono", "0.000000s", "4.400000s")
    ]
    assert _found(_shown([*talk, *[_products(None)] * 51, *talk])) == []


def test_one_channel_that_falls_silent_ends_a_run() -> None:
    alone = np.diag([1.0, 0.0])
    assert _found(_shown([*[_products(1)] * 60, *[alone] * 10, *[_products(1)] * 60])) == [
        (1, 2, "dual_mono", "0.000000s", "2.400000s"),
        (1, 2, "dual_mono", "2.800000s", "5.200000s"),
    ]


def test_pairs_are_judged_apart_and_told_by_their_starts() -> None:
    found = _found(_shown([_products(0, 1)] * 60 + [_products(-1, 1)] * 60 + [_products(-1, 0)] * 60))
    assert [(first, second, kind) for first, second, kind, *_ in found] == [(3, 4, "dual_mono"), (1, 2, "reversed")]


def test_a_gap_between_segments_ends_a_run() -> None:
    feature = _shown([_products(1)] * 60)
    assert len(_found(_shown([_products(1)] * 60, 100, feature))) == 2


def test_severity_is_the_most_negative_correlation() -> None:
    """media 3.4: max(0, -correlation)."""
    feature = AudioPhase(AudioPhaseOptions())
    feature.alarm = watch = Watch()
    _shown([_products(0.5, -0.25)] * 20 + [_products(None, None)] * 20, feature=feature)
    assert watch.told == [0.25] * 20 + [0.0] * 20


def test_a_channel_without_a_partner_is_left_out() -> None:
    assert pair_sums(np.eye(3)).tolist() == [[1], [1], [0]]
    assert correlated(pair_sums(np.eye(1))).tolist() == []
    assert _found(_shown([np.eye(1)] * 60)) == []
