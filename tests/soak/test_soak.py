"""camera row 51 in short; `make soak` runs the hour."""

import pytest

from soak.run import soak

SECONDS = 15


@pytest.mark.timeout(120)
def test_tracking_and_recording_do_not_grow(tmp_path):
    """camera row 51: memory, in pictures so small that those which wait for a busy machine do not hide what leaks."""
    found = soak(tmp_path, SECONDS, (320, 180))
    assert found.growth_bytes < 20_000_000
    assert found.file_s > 0.9 * SECONDS
    assert found.frames > 0
    assert found.drops < 0.3, "0.1 % on an idle machine"
