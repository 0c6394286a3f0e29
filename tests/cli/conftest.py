"""The command line as a process."""

import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from cli.terminal import COMMAND
from triptych.media.sample import Stretch, write_sample

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `triptych WORDS` in a folder of its own; whatever still runs at the end is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object) -> "subprocess.Popen[str]":
        command = [*COMMAND, *map(str, words)]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def small_clip(tmp_path: Path) -> Path:
    """A clip of two seconds that nothing is known about."""
    path = tmp_path / "own.mp4"
    write_sample(path, (Stretch(Fraction(0), Fraction(2), 1, "stereo"),))
    return path
