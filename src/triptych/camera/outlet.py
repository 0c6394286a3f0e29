"""The seam of how a live stream leaves the house: RTMP and files are members, each with a thread of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from triptych.camera.tap import Tap


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where files go: the worker's data folder. `check_room` raises `Unavailable` with code `disk_full`."""

    folder: Path
    check_room: Callable[[], None]


class Outlet(Protocol):
    """One connection to one far end, used once."""

    def open(self) -> None:
        """Reach the far end and be accepted. Raises `OSError` or `Unavailable`, neither of which tells the key."""
        ...

    def carry(self, tap: Tap) -> None:
        """Send all that `tap` gives until it ends, and end properly. Raises `OSError`, `av.FFmpegError` or `Unavailable` at a loss."""
        ...

    def close(self) -> None:
        """Give up what is held, from any thread and at any time; whatever waits for the far end fails soon."""
        ...
