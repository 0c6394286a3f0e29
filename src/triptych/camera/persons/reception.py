"""Enrols persons and recognises them, for one camera's process; begins nothing before it is needed."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.camera.faces import Detector, open_detector
from triptych.camera.parameters import Parameters
from triptych.camera.persons.album import Album, Card
from triptych.camera.persons.choice import EVERYBODY
from triptych.camera.persons.describer import Describer, lacks
from triptych.camera.persons.intake import Intake
from triptych.camera.persons.matching import Enrolled
from triptych.camera.persons.recognise import Recogniser
from triptych.camera.track import Box
from triptych.contracts import Clock, Frame
from triptych.errors import Invalid, Unavailable

FRESH = timedelta(seconds=0.25)

Picture = NDArray[np.uint8]


class Reception:
    """The persons of a worker as one camera sees them. `faceless` says why it sees no real faces, if so."""

    def __init__(self, folder: Path, models_dir: Path, clock: Clock, *, faceless: str | None = None) -> None:
        self.album = Album(folder)
        self._models_dir, self._clock, self._faceless = models_dir, clock, faceless
        self._describer = Describer(models_dir)
        self.intake = Intake(self._faces, self._describer.describe)
        self._recogniser: Recogniser | None = None
        self._read: tuple[str, tuple[Enrolled, ...]] = ("", ())
        self._read_at: timedelta | None = None

    @cached_property
    def lack(self) -> str | None:
        """Why nobody can be recognised here, None when it can be done; looked at once in a process."""
        return lacks(self._models_dir)

    def check(self) -> None:
        """Raise `Unavailable` with code `faces_missing` when nobody can be enrolled or recognised here."""
        if self.lack is not None:
            raise Unavailable(self.lack, code="faces_missing")

    def check_choice(self, parameters: Parameters) -> None:
        """Raise `TriptychError` when the persons of `parameters` cannot be recognised by this camera."""
        if parameters.recognized_persons is None:
            return
        if self._faceless is not None:
            raise Invalid(f"recognized_persons must be null: {self._faceless}.", field="recognized_persons")
        self.check()

    def check_enrolled(self, parameters: Parameters) -> None:
        """Raise `Invalid` when nobody of the choice is enrolled."""
        chosen, self._read_at = parameters.recognized_persons, None
        if chosen is not None and not any(chosen == EVERYBODY or one.id in chosen for one in self.enrolled()):
            raise Invalid("recognized_persons: nobody of the choice is enrolled.", field="recognized_persons")

    def hints(self, parameters: Parameters) -> list[str]:
        """Return what a choice of persons does not do yet, one sentence each."""
        chosen = parameters.recognized_persons
        if chosen is None:
            return []
        known = {one.id for one in self.enrolled()}
        found = [] if self.lack is None else [f"recognized_persons: {self.lack}"]
        if chosen == EVERYBODY and not known:
            found.append("recognized_persons: nobody is enrolled.")
        elif chosen != EVERYBODY and (missing := len(set(chosen) - known)):
            found.append(f"recognized_persons: {missing} of the ids {'is' if missing == 1 else 'are'} not enrolled.")
        if self._recogniser is not None and self._recogniser.fault is not None:
            found.append(f"recognized_persons: {self._recogniser.fault}")
        return found

    def enrolled(self) -> tuple[Enrolled, ...]:
        """Return everybody with a photo, as of at most 0.25 s ago; the same object while nothing changed."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= FRESH:
            self._read_at = now
            if (version := self.album.version) != self._read[0]:
                self._read = version, tuple(card.enrolled for card in self.album.cards())
        return self._read[1]

    def recogniser(self) -> Recogniser:
        """Return what recognises the faces of this camera, begun if need be."""
        if self._recogniser is None:
            self._recogniser = Recogniser(self._describer.describe, self.enrolled, prepare=self._describer.prepare)
        return self._recogniser

    def rest(self) -> None:
        """Recognise nobody any more; never waits."""
        recogniser, self._recogniser = self._recogniser, None
        if recogniser is not None:
            recogniser.close()

    def enrol(self, upload: str, name: str, role: str) -> Card:
        """Keep the accepted photos of an upload for the person of this name. Raises `TriptychError`."""
        return self.album.enrol(name, self.intake.release(upload), self._clock.now(), role)

    def amend(self, person: str, upload: str | None, name: str | None, role: str) -> Card:
        """Rename a person, add the accepted photos of an upload, or both. Raises `TriptychError`."""
        photos = [] if upload is None else self.intake.release(upload)
        return self.album.amend(person, name, photos, self._clock.now(), role)

    def close(self) -> None:
        """End what was begun."""
        self.rest()
        self._describer.close()

    @cached_property
    def _detector(self) -> Detector:
        return open_detector()

    def _faces(self, image: Picture) -> tuple[Box, ...]:
        """Return the faces in a photo; one that fills it is found in twice the picture."""
        found = self._detector.find(_shown(image))
        if found:
            return tuple(face.box for face in found)
        high, wide = image.shape[:2]
        wider = cv2.copyMakeBorder(image, high // 2, high // 2, wide // 2, wide // 2, cv2.BORDER_REPLICATE)
        return tuple(_within(face.box) for face in self._detector.find(_shown(wider.astype(np.uint8, copy=False))))


def _shown(image: Picture) -> Frame:
    return Frame(number=0, captured=timedelta(0), image=image)


def _within(box: Box) -> Box:
    """Return where a box of twice the picture lies in the picture."""
    left, top, right, bottom = (2 * edge - 0.5 for edge in box.edges)
    return Box(left=left, top=top, right=right, bottom=bottom)
