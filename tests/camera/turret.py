"""What turns inside the stub devices: a camera on two motors, in real time."""

import threading
import time


class Turret:
    """Turns as told, in degrees and degrees a second; writes down every command that could move it."""

    def __init__(self, at=(0.0, 0.0)):
        self._lock = threading.Lock()
        self._from, self._since_s = at, time.monotonic()
        self._speeds, self._ends, self._until_s = (0.0, 0.0), (None, None), float("inf")
        self.commands = []

    def run(self, speeds, ends=(None, None), lease_s=float("inf")):
        with self._lock:
            self._settle()
            self._speeds, self._ends, self._until_s = speeds, ends, self._since_s + lease_s
            self.commands.append(("run", speeds, ends))

    def halt(self):
        with self._lock:
            self._settle()
            self._speeds = (0.0, 0.0)
            self.commands.append(("halt",))

    @property
    def moves(self):
        """The commands that could move it."""
        return [command for command in self.commands if command[0] == "run"]

    def place(self):
        with self._lock:
            return self._place()

    def _settle(self):
        self._from, self._since_s = self._place(), time.monotonic()

    def _place(self):
        gone_s = max(min(time.monotonic(), self._until_s) - self._since_s, 0.0)
        return tuple(_run(*axis, gone_s) for axis in zip(self._from, self._speeds, self._ends, strict=True))


def _run(start, speed, end, gone_s):
    place = start + speed * gone_s
    if end is None:
        return place
    return min(place, max(end, start)) if speed > 0 else max(place, min(end, start))
