"""How far a growing mp4 can be played: its boxes (ISO/IEC 14496-12), looked at once each."""

import os
import struct
import threading
from pathlib import Path
from typing import BinaryIO

_BOX = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")
_MOST_FILES = 64


class Fragments:
    """Tells the whole bytes of growing files, and remembers how far it had looked."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def whole_bytes(self, path: Path) -> int:
        """Return how many bytes of a fragmented mp4 that is being written end with a whole fragment."""
        with self._lock:
            end, whole = self._seen.pop(path, (0, 0))
            end, whole = _look(path, end, whole)
            self._seen[path] = end, whole
            if len(self._seen) > _MOST_FILES:
                del self._seen[next(iter(self._seen))]
        return whole


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a fragmented mp4 that is being written end with a whole fragment."""
    return _look(path, 0, 0)[1]


def _look(path: Path, end: int, whole: int) -> tuple[int, int]:
    """Go on from the box at `end`; return where the boxes that are there end, and the whole fragments among them."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while (head := _box(file, end)) is not None and end + head[0] <= size:
            end += head[0]
            whole = end if head[1] == b"mdat" else whole
    return end, whole


def _box(file: BinaryIO, offset: int) -> tuple[int, bytes] | None:
    """Return (size in bytes, type) of the box at `offset`; None at the end or where none has been written yet."""
    file.seek(offset)
    head = file.read(_BOX.size + _LARGE.size)
    if len(head) < _BOX.size:
        return None
    size, kind = _BOX.unpack_from(head)
    if size == 1 and len(head) == _BOX.size + _LARGE.size:
        (size,) = _LARGE.unpack_from(head, _BOX.size)
    return (size, kind) if size >= _BOX.size else None
