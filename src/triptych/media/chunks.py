"""Cuts a file at seams into chunks that are measured apart, so that what they give together is what the whole would give (media P2, P3)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from triptych.media.spans import Segments

LONGEST_S = 60.0
SHORTEST_S = 10.0
CHUNKS_PER_PROCESS = 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pictures `first` to `last` of the index, the last one excluded; decoding goes on to it, as the neighbour of the one before."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All pictures in one run, whether or not they are those that the index promises."""


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """All sound; it is never split (media P4)."""


Part = Chunk | Whole | SoundTrack


def aim(duration: Fraction, processes: int) -> float:
    """Return how many seconds a chunk should take, so that processes end at about the same time."""
    return min(LONGEST_S, max(SHORTEST_S, float(duration) / (CHUNKS_PER_PROCESS * processes)))


def cut(starts: Sequence[int], seams: Sequence[int], base: Fraction, chunk_s: float, segments: Segments) -> list[Chunk]:
    """Return the chunks of `chunk_s` seconds or a little more that hold something of the segments, in order; at most one: do not cut.

    `starts` and `seams` are sorted ticks of `base` seconds.
    """
    if not starts:
        return []
    edges = [0]
    step = chunk_s / base
    for seam in seams:
        if seam - starts[edges[-1]] >= step and starts[-1] - seam >= step / 2:
            edges.append(bisect_left(starts, seam))
    chunks = [Chunk(first, last) for first, last in zip(edges, [*edges[1:], len(starts)], strict=True)]
    return [chunk for chunk in chunks if _holds(chunk, starts, base, segments)]


def _holds(chunk: Chunk, starts: Sequence[int], base: Fraction, segments: Segments) -> bool:
    first, last = (starts[place] - starts[0] for place in (chunk.first, chunk.last - 1))
    return segments.overlaps(first * base, last * base)
