"""What a recording is, seen from outside."""

from dataclasses import dataclass
from pathlib import Path

import av


@dataclass(frozen=True, slots=True)
class Movie:
    """Length in seconds, (width, height) in pixels, and the codec of each stream in order."""

    length_s: float
    size: tuple[int, int]
    codecs: tuple[str, ...]


def probe(path: Path) -> Movie:
    """Read the headers of a finished recording."""
    with av.open(path) as container:
        video = container.streams.video[0]
        length_s = float((container.duration or 0) / av.time_base)
        return Movie(length_s, (video.width, video.height), tuple(stream.codec_context.name for stream in container.streams))
