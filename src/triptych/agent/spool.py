"""What a shim writes down of its jobs, in pages that its agent throws away when the server has all that is on them (workers K11, O5)."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from triptych.agent.channel import HEADER, Enrol, FrameReader, Page, Up, decode_down, decode_up, pack
from triptych.agent.ending import boot_s
from triptych.errors import ChannelClosed

SPENT_BYTES = 64 * 1024
PAGE_BYTES = 8 * 1024 * 1024
_READ_BYTES = 1 << 18
_LOOK_PAUSE_S = 1.0
_IDENTITY = "identity"
_LINE = "line"
_PAGE = re.compile(r"[0-9]{8}")

Position = tuple[int, int]
"""The number of a page and an offset in it."""


class Spool:
    """The pages of one shim in a folder of its own, and who the shim is.

    Nothing is synced: a spool need only survive processes. Raises `OSError` when the folder cannot be made.
    """

    def __init__(self, identity: Enrol) -> None:
        self.folder = identity.folder
        self.owed = b""
        self._cap_bytes = identity.cap_bytes
        self._number = 0
        self._size = 0
        self._file = -1
        self._muted = False
        self._look_at_s = 0.0
        os.makedirs(self.folder, 0o700, exist_ok=True)
        with open(os.open(f"{self.folder}/{_IDENTITY}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(pack(identity))
        self._open_page(1)

    @property
    def position(self) -> Position:
        """Return where the next frame will lie."""
        return self._number, self._size

    @property
    def spent(self) -> bool:
        """Whether the next job should begin a page."""
        return self._size >= SPENT_BYTES

    @property
    def overfull(self) -> bool:
        """Whether this page is too long even for one job."""
        return self._size >= PAGE_BYTES

    def begin(self, frame: bytes) -> bool:
        """Write down that an attempt begins, whatever the cap says of its output; False when the disk refuses."""
        self._muted = False
        return self.append(frame, must=False)

    def append(self, frame: bytes, *, must: bool) -> bool:
        """Write a frame down; False when the disk or the cap refuses. What `must` be kept is owed then: written before the next frame."""
        if self._muted and not must:
            return False
        if self._write(self.owed + frame):
            self.owed = b""
            return True
        if must:
            self.owed += frame
        return False

    def turn(self) -> bytes | None:
        """Begin a page and return the frame that says so; None while the disk or the cap refuses (workers O8)."""
        if self.overfull:
            self._listen_to_cap()
        if self._muted:
            return None
        with suppress(OSError):
            return self._open_page(self._number + 1)
        return None

    def read(self, position: Position) -> tuple[bytes, Position]:
        """Return whole frames from `position` on and where they end; nothing, and the place to go on, at the end of a page."""
        number, offset = position
        data = b""
        with suppress(FileNotFoundError):
            data = _whole_frames(page_of(self.folder, number), offset)
        if data or number >= self._number:
            return data, (number, offset + len(data))
        return b"", (number + 1, 0)

    def close(self) -> None:
        """Close its page, which stays."""
        os.close(self._file)

    def _write(self, data: bytes) -> bool:
        if _wrote(self._file, data):
            self._size += len(data)
            return True
        with suppress(OSError):
            os.ftruncate(self._file, self._size)
        return False

    def _open_page(self, number: int) -> bytes:
        frame = pack(Page(number=number))
        path = page_of(self.folder, number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if not _wrote(file, frame):
            os.close(file)
            os.unlink(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._file >= 0:
            os.close(self._file)
        self._file, self._number, self._size = file, number, len(frame)
        return frame

    def _listen_to_cap(self) -> None:
        """Fall silent while all spools together are over the cap and this one is the largest; looked up at most once a second."""
        if boot_s() < self._look_at_s:
            return
        self._look_at_s = boot_s() + _LOOK_PAUSE_S
        sizes = {entry.path: size_of(entry.path) for entry in os.scandir(os.path.dirname(self.folder))}
        self._muted = sum(sizes.values()) > self._cap_bytes and sizes.get(self.folder, 0) >= max(sizes.values())


def _wrote(file: int, data: bytes) -> bool:
    try:
        return os.write(file, data) == len(data)
    except OSError:
        return False


def size_of(folder: str) -> int:
    """Return how many bytes a spool takes."""
    with suppress(FileNotFoundError):
        return sum(os.stat(page_of(folder, number)).st_size for number in pages_of(folder))
    return 0


def pages_of(folder: str) -> list[int]:
    """Return the numbers of the pages of a spool, in order."""
    try:
        return sorted(int(name) for name in os.listdir(folder) if _PAGE.fullmatch(name))
    except FileNotFoundError:
        return []


def page_of(folder: str, number: int) -> str:
    """Return the path of a page."""
    return f"{folder}/{number:08d}"


def identity_of(folder: str) -> Enrol | None:
    """Return who wrote a spool, None where nobody finished saying so."""
    try:
        with open(f"{folder}/{_IDENTITY}", "rb") as file:
            identity = decode_down(file.read()[HEADER.size :])
    except (OSError, msgspec.DecodeError):
        return None
    return identity if isinstance(identity, Enrol) else None


def door_of(folder: str) -> tuple[int, str]:
    """Return a descriptor of the folder, and by way of it the path of its socket, which no length of the folder's name makes too long."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return handle, f"/proc/self/fd/{handle}/{_LINE}"


def replay(folder: str, until: Position | None = None) -> Iterator[Up]:
    """Yield what a spool holds before `until`, in order. A record that was cut short ends its page (workers F16)."""
    for number in pages_of(folder):
        if until is not None and number > until[0]:
            return
        limit = until[1] if until is not None and number == until[0] else None
        yield from _replay_page(page_of(folder, number), limit)


def _replay_page(path: str, limit: int | None) -> Iterator[Up]:
    reader = FrameReader()
    with open(path, "rb", buffering=0) as file, suppress(ChannelClosed, msgspec.DecodeError):
        left = os.fstat(file.fileno()).st_size if limit is None else limit
        while data := file.read(min(left, _READ_BYTES)):
            left -= len(data)
            yield from map(decode_up, reader.feed(data))


def _whole_frames(path: str, offset: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(file, _READ_BYTES, offset)
        end = 0
        while len(data) >= end + HEADER.size and len(data) >= (following := end + HEADER.size + HEADER.unpack_from(data, end)[0]):
            end = following
        if end or len(data) < HEADER.size:
            return data[:end]
        return os.pread(file, HEADER.size + HEADER.unpack_from(data)[0], offset)
    finally:
        os.close(file)
