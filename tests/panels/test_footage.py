"""camera 6: bytes of recordings, and their ranges."""

import pytest

from triptych.errors import Invalid
from triptych.panels.footage import byte_range

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-99", (0, 100)),
        ("bytes=900-", (900, 1000)),
        ("bytes=900-5000", (900, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=500-400", None),
        ("bytes=0-1,5-6,8-9", None),
        ("bytes=-", None),
        ("items=0-99", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range_is_kept_and_nonsense_is_the_whole(header, part):
    """The bad-input table of camera 11: reversed and several ranges are answered with the whole."""
    assert byte_range(header, SIZE) == part


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_past_the_end_is_refused(header):
    with pytest.raises(Invalid, match="past the end"):
        byte_range(header, SIZE)
