"""A live picture on its way to those who look: a head of 24 bytes, then the JPEG, which carries what was found in it (camera 6). Pure."""

from struct import Struct
from typing import NamedTuple

HEAD = Struct("<IQHHQ")
HEAD_BYTES = HEAD.size
_SEQUENCES = 1 << 32
_COMMENT = b"\xff\xfe"
_APP0 = b"\xff\xe0"
_MOST_COMMENT_BYTES = 0xFFFF - 2


class Head(NamedTuple):
    """What stands before a JPEG: `captured_us` is the camera's wall clock, in microseconds since 1970; sizes are in pixels."""

    sequence: int
    captured_us: int
    width: int
    height: int


def wrap(head: Head, jpeg: bytes, comment: bytes = b"") -> bytes:
    """Return `jpeg` behind its head. `comment` goes into its comment segment, or is left out where it is longer than that may be."""
    front = HEAD.pack(head.sequence % _SEQUENCES, head.captured_us, head.width, head.height, 0)
    if not comment or len(comment) > _MOST_COMMENT_BYTES:
        return front + jpeg
    place = _after_app0(jpeg)
    segment = _COMMENT + (len(comment) + 2).to_bytes(2, "big") + comment
    return b"".join((front, jpeg[:place], segment, jpeg[place:]))


def read_head(picture: bytes) -> Head:
    """Return the head of a picture."""
    return Head(*HEAD.unpack_from(picture)[:4])


def _after_app0(jpeg: bytes) -> int:
    """Return where a comment may stand: JFIF wants its own segment to be the first."""
    return 4 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == _APP0 else 2
