"""Files that hold their media elsewhere, made from ones that hold it themselves."""

import struct

from triptych.media.references import MXF_ESSENCE, MXF_NETWORK_LOCATOR

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


def with_reference(movie: bytes, entries: bytes) -> bytes:
    """Return a MOV whose last box is the movie, with `entries` as data references of its first track."""
    at = movie.rindex(b"moov") - 4
    return movie[:at] + _rewritten(movie[at:], entries)


def _rewritten(boxes: bytes, entries: bytes) -> bytes:
    out, at = b"", 0
    while at < len(boxes):
        size, name = struct.unpack_from(">I4s", boxes, at)
        body = boxes[at + 8 : at + size]
        if name in CONTAINERS:
            body = _rewritten(body, entries)
        elif name == b"dref":
            body = struct.pack(">II", 0, entries.count(b"alis") + entries.count(b"url ")) + entries
        out += struct.pack(">I4s", len(body) + 8, name) + body
        at += size
    return out


def as_mxf_locator(film: bytes) -> bytes:
    """Return the head of an MXF up to its essence, with a network locator in place of what fills the room before that."""
    head = film[: min(film.index(key) for key in MXF_ESSENCE if key in film)]
    url = "file:///elsewhere.mxf".encode("utf-16-be")
    local = struct.pack(">HH", 0x4001, len(url)) + url
    return head + MXF_NETWORK_LOCATOR + bytes([len(local)]) + local
