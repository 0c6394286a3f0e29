"""Writes a live stream into a file of the data folder, an ordinary mp4 once it is closed."""

import math
import time
from datetime import datetime
from pathlib import Path

import av

from triptych.camera.outlet import Disk
from triptych.camera.sites import Target, file_name
from triptych.camera.tap import Tap, remux
from triptych.errors import Unavailable

FOLDER = "live"
FRAGMENT_US = 250_000
ROOM_CHECK_S = 1.0
_MOST_CLASHES = 1000


class FileOutlet:
    """A file that is named after its target and the local time of its begin."""

    def __init__(self, target: Target, disk: Disk) -> None:
        self._name, self._disk = file_name(target.server), disk
        self._path: Path | None = None

    def open(self) -> None:
        """Make the file."""
        self._disk.check_room()
        self._path = _made(self._disk.folder / FOLDER, f"{self._name}_{datetime.now().astimezone():%d_%m_%Y_%H_%M_%S}")

    def carry(self, tap: Tap) -> None:
        """Write all that comes; a file into which nothing came is gone."""
        if self._path is None:
            raise FileNotFoundError("not open")
        options = {"movflags": "hybrid_fragmented", "frag_duration": str(FRAGMENT_US), "flush_packets": "1"}
        watched = _Watched(tap, self._disk)
        try:
            with av.open(str(self._path), "w", format="mp4", options=options) as container:
                remux(watched, container)
            if watched.fault is not None:
                raise watched.fault
        finally:
            if not self._path.stat().st_size:
                self._path.unlink()

    def close(self) -> None:
        """Nothing waits for a far end here."""


class _Watched:
    """The tap, as long as there is room on the disk."""

    name = Tap.name

    def __init__(self, tap: Tap, disk: Disk) -> None:
        self._tap, self._disk, self._checked = tap, disk, -math.inf
        self.fault: Unavailable | None = None

    def read(self, size: int) -> bytes:
        if time.monotonic() - self._checked > ROOM_CHECK_S:
            self._check()
        return self._tap.read(size) if self.fault is None else b""

    def _check(self) -> None:
        self._checked = time.monotonic()
        try:
            self._disk.check_room()
        except Unavailable as fault:
            self.fault = fault


def _made(folder: Path, stem: str) -> Path:
    """Return a new empty file of that name, or of the next one that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, _MOST_CLASHES):
        path = folder / (f"{stem}.mp4" if number == 1 else f"{stem}_{number}.mp4")
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(stem)
