"""The one hand on a head: whoever wants to turn it asks here, and a lower rank waits for a higher one (camera 3.3)."""

import threading
from enum import IntEnum

from triptych.camera.control import Command
from triptych.contracts import Head


class Owner(IntEnum):
    """Who may turn a head, by rank."""

    TRACK = 0
    MISSION = 1
    MANUAL = 2


class Wheel:
    """Passes on the commands of whoever has the highest rank of those who claim the head; `TRACK` needs no claim."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._claims = {Owner.TRACK}
        self._moves = False
        self._lock = threading.Lock()

    @property
    def owner(self) -> Owner:
        """Return who turns the head now."""
        return max(self._claims)

    def claim(self, owner: Owner) -> None:
        """Let `owner` turn the head, and nobody below it, until it gives the head back."""
        with self._lock:
            self._claims.add(owner)

    def release(self, owner: Owner) -> None:
        """Give the head back."""
        with self._lock:
            if owner is not Owner.TRACK:
                self._claims.discard(owner)

    def steer(self, owner: Owner, command: Command) -> bool:
        """Do what `owner` commands; False, and nothing is done, while a higher rank has the head."""
        with self._lock:
            if owner < self.owner:
                return False
            if command.moves:
                self._head.move(command.pan_deg, command.tilt_deg, command.cap_deg_s, command.speed_deg_s)
            elif self._moves:
                self._head.stop()
            self._moves = command.moves
            return True

    def stop(self, owner: Owner) -> None:
        """Stand still at once, unless a higher rank has the head."""
        with self._lock:
            if owner >= self.owner:
                self._moves = False
                self._head.stop()
