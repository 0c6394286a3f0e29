"""Small real things that the camera tests share."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from triptych.camera.record import Taken
from triptych.camera.records import Archive
from triptych.contracts import Frame, Pose

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "records")


@pytest.fixture
def noon():
    return NOON


@pytest.fixture
def shoot():
    """Make the frame that a camera would take at `at_s`: a bar that walks over a gradient."""
    gradient = np.repeat(np.linspace(40, 200, 160, dtype=np.uint8)[None, :, None], 90, axis=0).repeat(3, axis=2)

    def take(number, at_s=None, pan_deg=0.0):
        image = gradient.copy()
        image[:, (number * 4) % 150 : (number * 4) % 150 + 8] = (20, 200, 240)
        captured = timedelta(seconds=100 + (number / 30 if at_s is None else at_s))
        return Taken(frame=Frame(number=number, captured=captured, image=image), pose=Pose(at=captured, pan_deg=pan_deg, tilt_deg=0.0))

    return take
