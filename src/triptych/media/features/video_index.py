"""VIDEO_INDEX: finds known films in this one, and remembers this one (media 4.2)."""

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction

import numpy as np

from triptych.media.context import Context
from triptych.media.feature import Feature
from triptych.media.hashing import HASH_BYTES, hashes
from triptych.media.library import Film, Library
from triptych.media.likeness import Match, Stretch, find, stretch_of
from triptych.media.measured import Finished, Seen
from triptych.media.options import VideoIndexOptions
from triptych.media.sight import Sight
from triptych.media.spans import Item, microseconds, offset_text

INDEX_HZ = 2
QUERY_HZ = 8
STRETCH = Fraction(4)
LEAST_SAMPLES = 4
STRETCHES_AT_ONCE = 64

Look = tuple[bool, bytes]
"""Whether the picture is one of the two a second that are remembered, and its hashes."""


@dataclass(slots=True)
class Open:
    """The stretch that is being collected; `sampled` of its pictures are such as would be remembered."""

    pictures: list[tuple[Fraction, bytes]] = field(default_factory=list)
    sampled: int = 0


class VideoIndex(Feature):
    """Remembers two hashes a second; looks for eight a second, so that a copy that begins between two of the remembered ones is found."""

    def __init__(self, options: VideoIndexOptions) -> None:
        super().__init__(options)
        self._options = options
        self._hz = QUERY_HZ if options.query else INDEX_HZ
        self._open = Open()
        self._wanted: list[tuple[Fraction, Stretch]] = []
        self._times: list[int] = []
        self._hashes = bytearray()

    def look(self, sight: Sight) -> Look | None:
        """Return the hashes of a sampled picture that is not flat."""
        if not (self._options.query or self._options.index) or not sight.is_sampled(self._hz):
            return None
        found = hashes(sight.picture, also_uncropped=self._options.query)
        return None if found is None else (sight.is_sampled(INDEX_HZ), found)

    def frame(self, seen: Seen, look: Look | None) -> None:
        """Keep what will be remembered, and collect what is looked for."""
        if look is None:
            return
        is_kept, found = look
        if is_kept and self._options.index:
            self._times.append(microseconds(seen.start))
            self._hashes += found[:HASH_BYTES]
        if self._options.query:
            if self._open.pictures and seen.start // STRETCH != self._open.pictures[0][0] // STRETCH:
                self._close()
            self._open.pictures.append((seen.start, found))
            self._open.sampled += is_kept

    def rest(self, at: Fraction) -> None:  # noqa: ARG002 - a stretch ends with its last picture
        """Close the stretch: none crosses a gap."""
        self._close()

    def conclude(self, finished: Finished) -> None:  # noqa: ARG002 - it asks only for the end
        """Look for the rest, then remember this film."""
        self._search()
        if self._options.index and self._times:
            film = Film(self._known.file_name, np.array(self._times, np.int64).tobytes(), bytes(self._hashes))
            until = self._known.now + timedelta(days=self._options.ttl)
            library = Library(self._known.data_dir)
            library.sweep(self._known.now)
            library.keep(self._known.content, film, until)

    def _close(self) -> None:
        if self._open.sampled >= LEAST_SAMPLES:
            self._wanted.append((self._open.pictures[0][0], stretch_of(self._open.pictures, self._open.sampled)))
        self._open = Open()
        if len(self._wanted) >= STRETCHES_AT_ONCE:
            self._search()

    def _search(self) -> None:
        if not self._wanted:
            return
        films = Library(self._known.data_dir).films(self._known.now, besides=self._known.content)
        matches = find([stretch for _, stretch in self._wanted], films)
        for (start, _), found in zip(self._wanted, matches, strict=True):
            if found:
                self.found({"timeOffset": offset_text(start), "matches": [_told(match) for match in found]})
        self._wanted.clear()

    @property
    def _known(self) -> Context:
        if self.context is None:
            raise LookupError("the feature was told nothing of its job")
        return self.context


def _told(match: Match) -> Item:
    at = Fraction(match.at_us, 1_000_000)
    return {"source": match.source, "sourceTimestamp": offset_text(at), "confidence": match.confidence}
