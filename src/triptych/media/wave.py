"""WAV files that begin with compressed sound, shown to FFmpeg so that it reads the samples themselves.

FFmpeg looks into the first 64 KiB of 16 bit PCM in a WAV, and where it finds bursts of IEC 61937 it unwraps them; there is no option
against it. It does not do so in CAF, so the same samples are shown behind a CAF header.
"""

import os
import struct
from dataclasses import dataclass

from triptych.media.byplace import ByPlace, size_of

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
        size = max(0, size_of(descriptor) - start)
    return Samples(channels, rate_hz, start, size) if bits == PCM_BITS else None


class AsCaf(ByPlace):
    """The samples of an open WAV as a CAF file; the descriptor stays the caller's."""

    def __init__(self, descriptor: int, samples: Samples) -> None:
        super().__init__(descriptor)
        self._head = _caf_head(samples)
        self._start = samples.start
        held = min(samples.size_bytes, size_of(descriptor) - samples.start)
        self._size = len(self._head) + max(0, held)

    def size(self) -> int:
        """Return the length of the CAF file."""
        return self._size

    def piece(self, at: int, size: int) -> bytes:
        """Return bytes of the header, then of the samples."""
        wanted = max(0, min(size, self._size - at))
        if at < len(self._head):
            return self._head[at : at + wanted]
        return super().piece(self._start + at - len(self._head), wanted)


def _caf_head(samples: Samples) -> bytes:
    """Return the header of Apple's Core Audio Format 1.0 for little-endian 16 bit samples."""
    frame_bytes = samples.channels * PCM_BITS // 8
    description = (b"desc", 32, float(samples.rate_hz), b"lpcm", _LITTLE_ENDIAN, frame_bytes, 1, samples.channels, PCM_BITS)
    return _CAF_HEAD.pack(b"caff", 1, 0, *description, b"data", samples.size_bytes + 4, 0)
