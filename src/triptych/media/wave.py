"""WAV files that begin with compressed sound, shown to FFmpeg so that it reads the samples themselves.

FFmpeg looks into the first 64 KiB of 16 bit PCM in a WAV, and where it finds bursts of IEC 61937 it unwraps them; there is no option
against it. It does not do so in CAF, so the same samples are shown behind a CAF header.
"""

import os
import struct
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, RawIOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_CHUNKS = 64
UNKNOWN_SIZE = 0xFFFFFFFF
PCM_BITS = 16
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_CAF_HEAD = struct.Struct(">4sHH4sqd4sIIIII4sqI")
_LITTLE_ENDIAN = 2


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the samples of a WAV lie, and what they are."""

    channels: int
    rate_hz: int
    start: int
    size_bytes: int


def find_samples(descriptor: int) -> Samples | None:
    """Return where a RIFF or RF64 file holds 16 bit samples; None when it is none or they are not found in its first chunks."""
    at, form = 12, None
    for _ in range(MOST_CHUNKS):
        head = os.pread(descriptor, _CHUNK.size, at)
        if len(head) < _CHUNK.size:
            return None
        name, size = _CHUNK.unpack(head)
        at += _CHUNK.size
        if name == b"fmt " and size >= _FORMAT.size:
            form = os.pread(descriptor, _FORMAT.size, at)
        elif name == b"data":
            return _described(descriptor, form, at, size)
        at += size + size % 2
    return None


def _described(descriptor: int, form: bytes | None, start: int, size: int) -> Samples | None:
    if form is None or len(form) < _FORMAT.size:
        return None
    _, channels, rate_hz, _, _, bits = _FORMAT.unpack(form)
    if size == UNKNOWN_SIZE:
        size = max(0, _size_of(descriptor) - start)
    return Samples(channels, rate_hz, start, size) if bits == PCM_BITS else None


def _size_of(descriptor: int) -> int:
    """Return the length of a file by its end; the sandbox has no other way."""
    return os.lseek(descriptor, 0, os.SEEK_END)


class AsCaf(RawIOBase):
    """The samples of an open WAV as a CAF file; the descriptor stays the caller's."""

    def __init__(self, descriptor: int, samples: Samples) -> None:
        self._descriptor = descriptor
        self._head = _caf_head(samples)
        self._start = samples.start
        held = min(samples.size_bytes, _size_of(descriptor) - samples.start)
        self._size = len(self._head) + max(0, held)
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as a file does."""
        base = {SEEK_CUR: self._at, SEEK_END: self._size}.get(whence, 0)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill `buffer` from the header, then from the samples."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at))
        if self._at < len(self._head):
            data = self._head[self._at : self._at + wanted]
        else:
            data = os.pread(self._descriptor, wanted, self._start + self._at - len(self._head))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _caf_head(samples: Samples) -> bytes:
    """Return the header of Apple's Core Audio Format 1.0 for little-endian 16 bit samples."""
    frame_bytes = samples.channels * PCM_BITS // 8
    description = (b"desc", 32, float(samples.rate_hz), b"lpcm", _LITTLE_ENDIAN, frame_bytes, 1, samples.channels, PCM_BITS)
    return _CAF_HEAD.pack(b"caff", 1, 0, *description, b"data", samples.size_bytes + 4, 0)
