"""Ids have the shape that each contract documents."""

import re
import uuid
from datetime import UTC, datetime

from triptych.ids import make_id

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_job_of_a_worker_or_camera_is_a_random_uuid():
    """workers W10."""
    name = make_id("uuid", NOW)
    assert uuid.UUID(name).version == 4
    assert name == name.lower()


def test_an_annotation_is_24_hex_characters_that_begin_with_the_time():
    """media G3."""
    name = make_id("hex24", NOW)
    assert re.fullmatch(r"[0-9a-f]{24}", name)
    assert int(name[:8], 16) == int(NOW.timestamp())
    assert name != make_id("hex24", NOW)
