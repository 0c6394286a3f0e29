"""Finds where stretches of one film lie in the films that are remembered (media 4.2 VIDEO_INDEX).

Two hashes within 40 bits of each other nearly always share one of 16 columns of 16 bits, so only those that do are compared.
Such pairs vote for how far apart the films lie in time, and what got votes is then compared picture by picture.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from triptych.media.hashing import HASH_BYTES
from triptych.media.library import Film

NEAR_BITS = 40
CHANCE_BITS = 128
LEAST_CONFIDENCE = 0.5
COLUMNS = 16
VALUES = 1 << 16
ROWS_AT_ONCE = 1 << 16
MOST_PAIRS = 1 << 16
OFFSET_BIN_US = 125_000
OFFSETS = 1 << 32
"""More bins than any two films can lie apart."""

MOST_OFFSETS = 16
BESIDE_US = 130_000
"""How far a remembered picture may lie from the nearest one of the stretch."""

Words = NDArray[np.uint64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch to look for: `times` in microseconds, `words` (n, variants, 4) hashes, and how many of them count as sampled."""

    times: Times
    words: Words
    sampled: int


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """Where the first picture of a stretch lies in a remembered film, in microseconds."""

    confidence: float
    source: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Block:
    """Some films as one block of rows; `film` numbers the film of each row, and `begins` is the first row of each film, then of none."""

    films: Sequence[Film]
    begins: Sequence[int]
    film: NDArray[np.int32]
    times: Times
    words: Words


def find(stretches: Sequence[Stretch], films: Iterable[Film]) -> list[list[Match]]:
    """Return the matches of each stretch, best first, at most one for each film."""
    wanted = Wanted(stretches)
    found: list[list[Match]] = [[] for _ in stretches]
    for block in blocks(films):
        for (stretch, number), offsets in wanted.votes(block).items():
            rows = slice(block.begins[number], block.begins[number + 1])
            match = _best(stretches[stretch], block.films[number].source, block.times[rows], block.words[rows], offsets)
            if match is not None:
                found[stretch].append(match)
    return [sorted(matches, key=lambda match: (-match.confidence, match.source, match.at_us)) for matches in found]


def blocks(films: Iterable[Film]) -> Iterator[Block]:
    """Yield the films in blocks of about 65 536 pictures; no film is divided."""
    held: list[Film] = []
    rows = 0
    for film in films:
        held.append(film)
        rows += len(film.hashes) // HASH_BYTES
        if rows >= ROWS_AT_ONCE:
            yield _block(held)
            held, rows = [], 0
    if rows:
        yield _block(held)


class Wanted:
    """All hashes that are looked for, by their columns."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._words = np.concatenate([stretch.words.reshape(-1, 4) for stretch in stretches])
        self._times = np.concatenate([np.repeat(stretch.times, stretch.words.shape[1]) for stretch in stretches])
        counts = [stretch.words.shape[0] * stretch.words.shape[1] for stretch in stretches]
        self._stretch = np.repeat(np.arange(len(stretches)), counts)
        self._columns = [_Column(values, self._stretch) for values in columns(self._words)]

    def votes(self, block: Block) -> dict[tuple[int, int], list[int]]:
        """Return by stretch and film how far later in the film the stretch may lie, in bins of 1/8 s, those with most votes first."""
        rows = columns(block.words)
        ballots = np.concatenate([self._ballots(block, *column.pairs(row)) for column, row in zip(self._columns, rows, strict=True)])
        cast, votes = np.unique(ballots, return_counts=True)
        standing: dict[tuple[int, int], list[int]] = defaultdict(list)
        for ballot in cast[np.argsort(-votes, kind="stable")].tolist():
            place, offset = divmod(ballot, OFFSETS)
            standing[divmod(place, len(block.films))].append(offset - OFFSETS // 2)
        return standing

    def _ballots(self, block: Block, mine: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return one number for each pair that is near: its stretch, film and offset."""
        near = distance(self._words[mine], block.words[rows]) <= NEAR_BITS
        mine, rows = mine[near], rows[near]
        offsets = (block.times[rows] - self._times[mine] + OFFSET_BIN_US // 2) // OFFSET_BIN_US
        return np.asarray((self._stretch[mine] * len(block.films) + block.film[rows]) * OFFSETS + offsets + OFFSETS // 2)


class _Column:
    """The hashes that are looked for by one column of theirs, each value once for a stretch."""

    def __init__(self, values: NDArray[np.uint16], stretch: NDArray[np.int64]) -> None:
        _, first = np.unique(stretch * VALUES + values, return_index=True)
        self._hashes = first[np.argsort(values[first], kind="stable")]
        self._counts = np.bincount(values[first], minlength=VALUES)
        self._begins = np.cumsum(self._counts) - self._counts
        self._is_wanted = self._counts > 0

    def pairs(self, values: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (hashes, rows) that share this column; of what is on every second picture only some rows."""
        rows = np.flatnonzero(self._is_wanted[values])
        counts = self._counts[values[rows]]
        thin = int(counts.sum()) // MOST_PAIRS + 1
        rows, counts = rows[::thin], counts[::thin]
        ends = np.cumsum(counts)
        within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
        return self._hashes[np.repeat(self._begins[values[rows]], counts) + within], np.repeat(rows, counts)


def columns(words: Words) -> NDArray[np.uint16]:
    """Return the 16 columns of (n, 4) hashes as (16, n)."""
    return np.ascontiguousarray(words.view(np.uint16).reshape(-1, COLUMNS).T)


def distance(one: Words, other: Words) -> NDArray[np.int64]:
    """Return how many bits differ, over the last axis."""
    return np.asarray(np.bitwise_count(one ^ other).sum(axis=-1, dtype=np.int64))


def _block(films: Sequence[Film]) -> Block:
    counts = [len(film.hashes) // HASH_BYTES for film in films]
    return Block(
        films=tuple(films),
        begins=np.cumsum([0, *counts]).tolist(),
        film=np.repeat(np.arange(len(films), dtype=np.int32), counts),
        times=np.frombuffer(b"".join(film.times for film in films), np.int64),
        words=np.frombuffer(b"".join(film.hashes for film in films), np.uint64).reshape(-1, 4),
    )


def _best(stretch: Stretch, source: str, times: Times, words: Words, offsets: Sequence[int]) -> Match | None:
    """Return the best place in one film among the offsets that got votes, None where it is not sure enough."""
    ranked = []
    for rank, offset in enumerate(offsets[:MOST_OFFSETS]):
        later_us = offset * OFFSET_BIN_US
        confidence = _confidence(stretch, times - later_us, words)
        ranked.append((confidence, -rank, max(0, int(stretch.times[0]) + later_us)))
    confidence, _, at_us = max(ranked)
    return Match(round(confidence, 4), source, at_us) if confidence >= LEAST_CONFIDENCE else None


def _confidence(stretch: Stretch, times: Times, words: Words) -> float:
    """Return the agreeing share of the pictures x (1 - their mean distance / 128); the film's `times` are on the stretch's clock."""
    first, last = np.searchsorted(times, (stretch.times[0] - BESIDE_US, stretch.times[-1] + BESIDE_US))
    times, words = times[first:last], words[first:last]
    if not times.size:
        return 0.0
    after = np.clip(np.searchsorted(stretch.times, times), 1, max(1, stretch.times.size - 1))
    nearest = after - (times - stretch.times[after - 1] < stretch.times[np.minimum(after, stretch.times.size - 1)] - times)
    apart = distance(stretch.words[nearest], words[:, None]).min(axis=1)
    agree = (apart <= NEAR_BITS) & (np.abs(stretch.times[nearest] - times) <= BESIDE_US)
    if not agree.any():
        return 0.0
    share = min(1.0, int(agree.sum()) / stretch.sampled)
    return float(share * (1 - apart[agree].mean() / CHANCE_BITS))


def stretch_of(pictures: Sequence[tuple[Fraction, bytes]], sampled: int) -> Stretch:
    """Return the stretch of pictures shown at these seconds, each with one hash or more, all alike."""
    times = np.array([int(at * 1_000_000) for at, _ in pictures], np.int64)
    words = np.frombuffer(b"".join(found for _, found in pictures), np.uint64).reshape(len(pictures), -1, 4)
    return Stretch(times, words, sampled)
