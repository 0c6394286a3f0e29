"""The one hand on a head: whoever wants to turn it asks here, and a lower rank waits for a higher one (camera 3.3)."""

import threading
from enum import IntEnum

from triptych.camera.control import Command
from triptych.camera.mount import Carried
from triptych.contracts import Head


class Owner(IntEnum):
    """Who may turn a head, by rank."""

    TRACK = 0
    MISSION = 1
    MANUAL = 2


class Wheel:
    """Passes on the commands of whoever has the highest rank of those who claim the head; `TRACK` needs no claim."""

    def __init__(self, head: Head) -> None:
        self.axes = head.axes if isinstance(head, Carried) else head
        self._head = head
        self._halted = False
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
            if owner < self.owner or self._halted:
                return False
            if command.moves:
                self._head.move(command.pan_deg, command.tilt_deg, command.cap_deg_s, command.speed_deg_s)
            elif self._moves:
                self._head.stop()
            self._moves = command.moves
            return True

    def turn(self, owner: Owner, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> bool:
        """Send the head's own axes to an angle for `owner`; False, and nothing is done, while a higher rank has the head."""
        with self._lock:
            if owner < self.owner or self._halted:
                return False
            self.axes.move(pan_deg, tilt_deg, cap_deg_s, speed_deg_s)
            self._moves = True
            return True

    def halt(self) -> None:
        """Stand still at once, whoever has the head, and stay so until `ease`."""
        with self._lock:
            self._halted, self._moves = True, False
            self._head.stop()

    def ease(self) -> None:
        """Let the head be turned again."""
        with self._lock:
            self._halted = False

    def stop(self, owner: Owner) -> None:
        """Stand still at once, unless a higher rank has the head."""
        with self._lock:
            if owner >= self.owner:
                self._moves = False
                self._head.stop()
