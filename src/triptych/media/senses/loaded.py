"""Speech models made once in a process, however many features listen: one takes some 300 MB."""

import os
from functools import lru_cache

from triptych.media.senses.whisper import Whisper
from triptych.media.slots import Part


def speech_model(parts: tuple[Part, ...]) -> Whisper:
    """Return the model made of `parts`, the same one for the same parts in this process. Raises `Unavailable`."""
    return _made(parts, os.getpid())


@lru_cache(maxsize=1)
def _made(parts: tuple[Part, ...], _process: int) -> Whisper:
    """Make the model; its threads do not come along when a process forks, so each process makes its own."""
    return Whisper({part.name: part.read() for part in parts})
