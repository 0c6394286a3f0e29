import numpy as np
import pytest

from triptych.media.features.audio_format import BITS, Window, correlations, read, severity
from triptych.media.options import AudioFormatAlarm


def _window(active, pairs=(), lfe=()) -> Window:
    """`active`, `lfe`: channels from 1; `pairs`: channels that carry the same."""
    mask = np.isin(np.arange(1, 9), active)
    correlation = np.eye(8)
    for one, other in pairs:
        correlation[one - 1, other - 1] = correlation[other - 1, one - 1] = 0.99
    return Window(mask, correlation, ~mask | np.isin(np.arange(1, 9), lfe))


@pytest.mark.parametrize(
    ("window", "label"),
    [
        (_window([3]), "mono"),
        (_window([1, 2], [(1, 2)]), "mono"),
        (_window([1, 2]), "stereo"),
        (_window([5, 6]), "stereo"),
        (_window([1, 2, 3, 4]), "stereo pairs"),
        (_window([1, 2, 5]), "stereo sap"),
        (_window([1, 2, 3, 4], [(3, 4)]), "stereo sap"),
        (_window([1, 2, 3, 4, 5, 6], lfe=[4]), "5.1"),
        (_window([1, 2, 3, 5, 6]), "5.1"),
        (_window([1, 2, 3, 4, 5, 6]), "stereo pairs"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], lfe=[4]), "5.1 stereo"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], [(7, 8)], lfe=[4]), "5.1 sap"),
        (_window([1, 2, 3, 4, 5, 6, 8], lfe=[4]), "5.1 sap"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8], lfe=[6]), "stereo 5.1"),
        (_window([1, 2, 3, 4, 5, 6, 7, 8]), "stereo pairs"),
    ],
)
def test_each_layout_of_the_table_is_read(window, label) -> None:
    assert read(window).label == label


def test_correlation_is_1_for_equal_and_0_for_nothing() -> None:
    found = correlations(np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


BY_BIT = {
    128: {"silence"},
    64: {"mono"},
    32: {"stereo", "stereo pairs"},
    16: {"5.1 sap"},
    8: {"stereo sap"},
    4: {"stereo 5.1"},
    2: {"5.1 stereo"},
    1: {"5.1"},
}


def test_nine_formats_by_256_masks_are_allowed_by_their_bit_alone() -> None:
    """media 4.2, 3.4: the mask table, written out by bit as in the spec."""
    labels = set().union(*BY_BIT.values())
    assert len(labels) == 9
    assert labels == set(BITS)
    for mask in range(256):
        allowed = set().union(*(names for bit, names in BY_BIT.items() if mask // bit % 2))
        found = {label for label in labels if severity(AudioFormatAlarm(allowableAudioFormat=mask), label, ()) == 0}
        assert found == allowed


def test_15_allows_surround_and_sap_unless_said_otherwise() -> None:
    """media 4.2: the default of `allowableAudioFormat`."""
    allowed = {label for label in BITS if not severity(AudioFormatAlarm(), label, ())}
    assert allowed == {"5.1", "5.1 stereo", "stereo 5.1", "stereo sap"}


@pytest.mark.parametrize(("mask", "channels", "found"), [(3, (0, 1), 0), (3, (2,), 1), (3, (0, 2), 1), (0, (0,), 1), (1 << 15, (15,), 0)])
def test_compressed_is_judged_by_its_channels_alone(mask, channels, found) -> None:
    """media 4.2: bit n is channel n, from 0."""
    assert severity(AudioFormatAlarm(allowableAudioFormat=0, allowCompressedAudio=mask), "compressed", channels) == found


def test_a_layout_that_is_allowed_fails_by_data_beside_it() -> None:
    """media 3.4"""
    assert severity(AudioFormatAlarm(allowableAudioFormat=32), "stereo", (4, 5)) == 1
    assert severity(AudioFormatAlarm(allowableAudioFormat=32, allowCompressedAudio=48), "stereo", (4, 5)) == 0
