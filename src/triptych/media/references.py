"""Finds the files that hold their media elsewhere: MOV data references and MXF locators, which FFmpeg passes over in silence (media 9)."""

import struct
from collections.abc import Iterator
from itertools import islice

from triptych.media.byplace import ByPlace, size_of

FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
MEDIA_HANDLERS = frozenset({b"vide", b"soun"})
LARGEST_MOOV_BYTES = 64 << 20
MOST_BOXES = 10_000
MXF_HEAD_BYTES = 16 << 20
MXF_PARTITION = bytes.fromhex("060e2b34020501010d0102010102")
MXF_NETWORK_LOCATOR = bytes.fromhex("060e2b34025301010d01010101013200")
MXF_ESSENCE = tuple(map(bytes.fromhex, ("060e2b34010201010d010301", "060e2b34010201010e04")))
"""How the keys of essence elements begin, by SMPTE ST 379-1 and as one vendor writes them."""


def refers_outside(descriptor: int) -> bool:
    """Say whether the file names media outside itself that it would need."""
    file = ByPlace(descriptor)
    head = file.piece(0, 16)
    if head[4:8] in FIRST_BOXES:
        return any(_is_reference(moov) for moov in _moovs(file, size_of(descriptor)))
    return head.startswith(MXF_PARTITION) and _locates_all(file.piece(0, MXF_HEAD_BYTES))


def _locates_all(head: bytes) -> bool:
    return MXF_NETWORK_LOCATOR in head and not any(key in head for key in MXF_ESSENCE)


def _moovs(file: ByPlace, size_bytes: int) -> Iterator[bytes]:
    """Yield the bodies of the movie boxes, however long what lies between them is."""
    at = 0
    for _ in range(MOST_BOXES):
        head = file.piece(at, 16)
        if len(head) < 8:  # noqa: PLR2004 - a size and a name
            return
        length, name = struct.unpack(">I4s", head[:8])
        body = 8
        if length == 1 and len(head) == 16:  # noqa: PLR2004 - a long size follows
            length, body = struct.unpack(">Q", head[8:])[0], 16
        if name == b"moov" and length <= LARGEST_MOOV_BYTES:
            yield file.piece(at + body, (length or size_bytes - at) - body)
        if length < body:
            return
        at += length


def _is_reference(moov: bytes) -> bool:
    """Say whether a track of pictures or sound lies outside."""
    for track in _boxes(moov, b"trak"):
        for media in _boxes(track, b"mdia"):
            if any(handler[8:12] in MEDIA_HANDLERS for handler in _boxes(media, b"hdlr")) and _is_outside(media):
                return True
    return False


def _is_outside(media: bytes) -> bool:
    """Say whether any sample description of a track uses a data reference that is not the file itself."""
    for information in _boxes(media, b"minf"):
        references = [box for data in _boxes(information, b"dinf") for table in _boxes(data, b"dref") for box in _all_boxes(table[8:])]
        used = [entry for samples in _boxes(information, b"stbl") for table in _boxes(samples, b"stsd") for entry in _all_boxes(table[8:])]
        for _, entry in used:
            number = int.from_bytes(entry[6:8], "big")
            if 0 < number <= len(references) and _names_another(*references[number - 1]):
                return True
    return False


def _names_another(kind: bytes, reference: bytes) -> bool:
    is_here = bool(reference[3:4] and reference[3] & 1)
    return not is_here and (kind != b"url " or bool(reference[4:].strip(b"\0")))


def _boxes(data: bytes, name: bytes) -> Iterator[bytes]:
    return (body for kind, body in _all_boxes(data) if kind == name)


def _all_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    return islice(_cut(data), MOST_BOXES)


def _cut(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:  # noqa: PLR2004 - a size and a name
            return
        yield name, data[at + 8 : at + length]
        at += length
