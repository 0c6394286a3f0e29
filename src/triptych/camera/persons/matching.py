"""Whose face a track shows, judged from its descriptors alone (camera 9). Pure; every moment is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Descriptors = NDArray[np.float32]
"""(n, 128): the nearer two of them lie, the likelier they are of one person (Euclidean distance)."""

SAMPLES = 3
ALIKE = 0.6
"""Below this dlib's network was trained to bring pictures of one person (King 2017)."""
AHEAD = 0.05
AGAIN = timedelta(seconds=3)
FACELESS = timedelta(seconds=2)


class Standing(StrEnum):
    """What is known of a face so far."""

    UNKNOWN = "unknown"
    PERSON = "person"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose face a track shows; `person` and `name` are empty unless it is an enrolled person's."""

    standing: Standing = Standing.UNKNOWN
    person: str = ""
    name: str = ""


NOBODY_YET = Identity()
STRANGER = Identity(standing=Standing.STRANGER)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enrolled:
    """A person to compare with: one descriptor for each photo."""

    id: str
    name: str
    descriptors: Descriptors

    @property
    def identity(self) -> Identity:
        """Return what a track is that shows this person."""
        return Identity(standing=Standing.PERSON, person=self.id, name=self.name)

    def distance(self, samples: Descriptors) -> float:
        """Return the mean distance over every pair of a sample and a photo."""
        return float(np.linalg.norm(samples[:, None, :] - self.descriptors[None, :, :], axis=2).mean())


def match(samples: Descriptors, enrolled: Sequence[Enrolled]) -> Enrolled | None:
    """Return who is nearest to all of `samples` (n, 128): nearer than 0.6, and 0.05 nearer than the next person; else None."""
    ranked = sorted(((one.distance(samples), one) for one in enrolled if len(one.descriptors)), key=lambda pair: pair[0])
    if not ranked or ranked[0][0] >= ALIKE:
        return None
    if len(ranked) > 1 and ranked[1][0] - ranked[0][0] < AHEAD:
        return None
    return ranked[0][1]


class Dossier:
    """What is known of one track: samples come three at a time, when it is new, in doubt, and every 3 s (camera 9).

    A person who once was not recognised in three samples stays who she was until the next three: a turned head is no stranger.
    `since` is when the track was new or in doubt; samples from before are not taken.
    """

    def __init__(self, began: timedelta) -> None:
        self.since = self._faceless_since = began
        self._concluded: timedelta | None = None
        self._coming: list[Descriptors] = []
        self._judged: Descriptors | None = None
        self._identity = NOBODY_YET
        self._missed = False

    def due(self, at: timedelta) -> bool:
        """Say whether another sample is wanted."""
        return bool(self._coming) or self._concluded is None or at - self._concluded >= AGAIN

    @property
    def urgent(self) -> bool:
        """Whether nothing is known of it."""
        return self._concluded is None

    def face(self, at: timedelta) -> None:
        """Take it that its face could be looked at then, whether or not there was time for it."""
        self._faceless_since = at

    def add(self, sample: Descriptors, at: timedelta, enrolled: Sequence[Enrolled]) -> None:
        """Take the descriptor (128,) of its face at `at`; the third in a row leads to a judgement."""
        self._coming.append(sample)
        if len(self._coming) == SAMPLES:
            self._judged, self._coming, self._concluded = np.stack(self._coming), [], at
            self._conclude(match(self._judged, enrolled))

    def compare(self, enrolled: Sequence[Enrolled]) -> None:
        """Judge the samples again: who is enrolled has changed."""
        self._identity, self._missed = NOBODY_YET, False
        if self._judged is not None:
            self._conclude(match(self._judged, enrolled))

    def doubt(self, at: timedelta) -> None:
        """Forget whose face it was: the track may have gone over to another one."""
        self._identity, self._missed = NOBODY_YET, False
        self.since = self._faceless_since = at
        self._concluded, self._coming, self._judged = None, [], None

    def identity(self, at: timedelta) -> Identity:
        """Return whose face it is; after 2 s in which none could be looked at, nobody's who is enrolled."""
        faceless = self._identity is NOBODY_YET and at - self._faceless_since >= FACELESS
        return STRANGER if faceless else self._identity

    def _conclude(self, found: Enrolled | None) -> None:
        if found is not None:
            self._identity, self._missed = found.identity, False
        elif self._identity.standing is Standing.PERSON and not self._missed:
            self._missed = True
        else:
            self._identity, self._missed = STRANGER, False
