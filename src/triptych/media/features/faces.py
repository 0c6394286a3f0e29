"""FACE_DETECTION: how many faces are seen, and where each goes (media 4.2). Nobody is told apart from anybody."""

from collections.abc import Mapping
from fractions import Fraction

import cv2

from triptych.media.feature import Feature
from triptych.media.features.shots import Shots
from triptych.media.measured import Finished, Seen
from triptych.media.options import FaceOptions, ShotOptions
from triptych.media.senses.faces import BlazeFace, make
from triptych.media.sight import Sight
from triptych.media.slots import need
from triptych.media.spans import Item, bounds, offset_text
from triptych.media.tracks import Box, Sighted, Track, Tracker, counts

TALLEST = 432
"""Rows of the picture that is searched: the detector itself looks at 192, in tiles."""

PLACES = 6

Found = list[list[float]]
"""The faces of one picture as left, top, right, bottom and score."""


class Faces(Feature):
    """Looks `sampleHz` times a second, joins what it sees into tracks, and ends them at shots."""

    def __init__(self, options: FaceOptions) -> None:
        super().__init__(options)
        self._options = options
        self._sense: BlazeFace | None = None
        self._shots = Shots(ShotOptions())
        self._tracker = Tracker()
        self._parts: list[tuple[Fraction, Fraction]] = []
        self._since: Fraction | None = None
        self._judged: tuple[Fraction, int] | None = None

    def prepare(self) -> None:
        """Load the detector."""
        self._sense = make(need("face", self.models_dir).read())

    def look(self, sight: Sight) -> Found | None:
        """Return the faces of a sampled picture that are at least `minHeight` high."""
        if self._sense is None or not sight.is_sampled(self._options.sampleHz):
            return None
        width, height = sight.size
        scale = min(1.0, TALLEST / height)
        image = sight.rgb(max(1, round(width * scale)), max(1, round(height * scale)))
        faces = self._sense.find(cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype("uint8", copy=False))
        return [
            [face.left, face.top, face.right, face.bottom, face.score]
            for face in faces
            if face.bottom - face.top >= self._options.minHeight
        ]

    def frame(self, seen: Seen, look: Found | None) -> None:
        """Take the faces of a sampled picture, and every picture for its shots."""
        self._shots.frame(seen)
        self._since = seen.start if self._since is None else self._since
        if look is not None:
            self._tell(seen.start)
            self._judged = (seen.start, len(look))
            self._tracker.look(seen.start, [Box(left=le, top=t, right=r, bottom=b, score=s) for le, t, r, b, s in look])

    def rest(self, at: Fraction) -> None:
        """End all tracks."""
        self._tell(at)
        self._judged = None
        self._shots.rest(at)
        self._tracker.rest(at)
        if self._since is not None:
            self._parts.append((self._since, at))
        self._since = None

    def conclude(self, finished: Finished) -> None:  # noqa: ARG002 - nothing of it is needed
        """Cut the tracks where shots begin, and report them."""
        edges = [Fraction(str(shot["startTimeOffset"]).removesuffix("s")) for shot in self._shots.items()]
        self._tracker.done = [part for track in self._tracker.done for part in track.parted(edges)]
        for track in sorted(self._tracker.done, key=lambda track: (track.start, track.seen[0].box.left)):
            self.found(self._item(track))

    def extras(self) -> Mapping[str, object]:
        """Return how many faces were seen when, without gaps within a segment."""
        spans = [span for start, end in self._parts for span in counts(self._tracker.done, start, end)]
        return {"faceCountAnnotations": [{"faceCount": count, **bounds(start, end)} for count, start, end in spans]}

    def _tell(self, until: Fraction) -> None:
        """Judge the time since the last look: media 3.4."""
        if self._judged is not None:
            at, count = self._judged
            most = self._options.alarmSettings.maxFaceCount
            self.judge(at, until, min(1.0, max(0, count - most) / max(1, most)))

    def _item(self, track: Track) -> Item:
        frames = [self._frame(one) for one in track.seen]
        return {"confidence": round(track.score, PLACES), "segment": bounds(track.start, track.end), "frames": frames}

    def _frame(self, one: Sighted) -> Item:
        if not self._options.includeBoundingBoxes:
            return {"timeOffset": offset_text(one.at)}
        sides = {name: round(min(1.0, max(0.0, getattr(one.box, name))), PLACES) for name in ("left", "top", "right", "bottom")}
        return {"normalizedBoundingBox": sides, "timeOffset": offset_text(one.at)}
