"""Speech models made once in a process."""

from dataclasses import replace
from pathlib import Path

import pytest

from triptych.errors import Unavailable
from triptych.media.senses.loaded import speech_model
from triptych.media.slots import need

NOWHERE = Path("/nonexistent")


def test_two_slots_with_the_same_files_share_one_model() -> None:
    one, other = need("speech", NOWHERE), need("spoken-language", NOWHERE)
    assert one.parts == other.parts
    assert speech_model(one.parts) is speech_model(other.parts)


def test_a_file_that_changed_since_it_was_looked_at_is_refused() -> None:
    first, *rest = need("speech", NOWHERE).parts
    with pytest.raises(Unavailable, match=r"model\.bin has changed"):
        speech_model((replace(first, sha256="0" * 64), *rest))
