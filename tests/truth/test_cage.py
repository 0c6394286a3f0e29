"""Every engine at work in the decoder's real cage: loaded before it closes, with nothing to open afterwards (media S1)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("engine", ["voice", "language", "speech", "faces", "faces_without_extra", "text", "shots"])
def test_an_engine_gives_the_same_in_the_cage_twice_as_outside(engine) -> None:
    """media S1, P6: closed in full, the same bits, and something found."""
    paths = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    words = [sys.executable, "-m", "media.caged", engine]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.split() == ["True", "True", "True", "True"], done.stderr
