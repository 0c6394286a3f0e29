"""Photos on their way in: they come in pieces, each is judged when it is whole, and those that may be kept wait for the enrolment."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triptych.camera.parameters import is_label
from triptych.camera.persons.album import Accepted
from triptych.camera.persons.matching import Descriptors
from triptych.camera.persons.photos import Photo, read_photo
from triptych.camera.persons.rules import MOST_PHOTO_BYTES, MOST_PHOTOS
from triptych.camera.track import Box
from triptych.errors import Invalid, NotFound

MOST_UPLOADS = 2
SMALLEST_PX = 80

Picture = NDArray[np.uint8]
Find = Callable[[Picture], tuple[Box, ...]]
"""Returns the boxes of the faces in a picture, (H, W, 3) uint8 BGR."""


@dataclass(slots=True)
class Upload:
    """The photos of one request so far."""

    coming: bytearray = field(default_factory=bytearray)
    accepted: list[Accepted] = field(default_factory=list)


class Intake:
    """Judges photos. Of more than two uploads at a time the oldest is dropped: its client went away, or asks again."""

    def __init__(self, find: Find, describe: Callable[[Picture, Box], Descriptors]) -> None:
        self._find, self._describe = find, describe
        self._uploads: OrderedDict[str, Upload] = OrderedDict()

    def take(self, upload: str, name: str, piece: bytes, *, last: bool) -> str | None:
        """Take the next piece of the photo `name`; after the last one return why it is rejected, None when it is accepted.

        Raises `Unavailable` when no face can be described at all.
        """
        kept = self._upload(upload)
        kept.coming += piece[: MOST_PHOTO_BYTES + 1 - len(kept.coming)]
        if not last:
            return None
        data, kept.coming = bytes(kept.coming), bytearray()
        try:
            kept.accepted.append(self.judge(name, data))
        except Invalid as fault:
            return fault.message
        return None

    def judge(self, name: str, data: bytes) -> Accepted:
        """Return the photo as it is kept. Raises `Invalid` with the reason when it cannot be."""
        if not is_label(name):
            raise Invalid("its name must be 1 to 80 visible characters without / and \\")
        photo = read_photo(data)
        box = self._face(photo)
        return Accepted(name=name, extension=photo.extension, data=photo.data, descriptor=self._describe(photo.image, box))

    def release(self, upload: str) -> list[Accepted]:
        """Return what was accepted of an upload, and forget it. Raises `NotFound`."""
        if upload not in self._uploads:
            raise NotFound("The photos were lost on the way; send them again.", code="upload_lost")
        return self._uploads.pop(upload).accepted

    def _upload(self, upload: str) -> Upload:
        kept = self._uploads.setdefault(upload, Upload())
        while len(self._uploads) > MOST_UPLOADS:
            self._uploads.popitem(last=False)
        if len(kept.accepted) >= MOST_PHOTOS:
            raise Invalid(f"At most {MOST_PHOTOS} photos may be sent at once.", field="face_images")
        return kept

    def _face(self, photo: Photo) -> Box:
        """Return the one face that is 80 px wide or more. Raises `Invalid`."""
        wide = photo.image.shape[1]
        faces = self._find(photo.image)
        large = [box for box in faces if (box.right - box.left) * wide >= SMALLEST_PX]
        if len(large) == 1:
            return large[0]
        if large:
            raise Invalid(f"it shows {len(large)} faces; exactly one is needed")
        if faces:
            raise Invalid(f"its face is smaller than {SMALLEST_PX} px")
        raise Invalid("it shows no face")
