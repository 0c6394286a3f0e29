"""The last seconds of a camera, kept packed in memory for a file that may begin before its cause (camera R5)."""

import threading
from collections import deque
from dataclasses import replace
from datetime import timedelta

from triptych.camera.taken import Taken, pack
from triptych.contracts import Sound

RING_BYTES = 32_000_000
"""At most, for 5 s of 1280 x 720; in proportion for more."""
_USUAL_PX = 1280 * 720
_USUAL_S = 5.0
_RAW_FRAMES = 8


class Ring:
    """Keeps what was taken within `span` of the newest frame. A thread of its own packs, so whoever offers never waits."""

    def __init__(self, span: timedelta, size: tuple[int, int]) -> None:
        share = max(1.0, size[0] * size[1] / _USUAL_PX) * max(1.0, span.total_seconds() / _USUAL_S)
        self.most_bytes = round(RING_BYTES * share)
        self.span = span
        self._raw: deque[Taken] = deque()
        self._packed: deque[Taken] = deque()
        self._unheard: tuple[Sound, ...] = ()
        self._bytes = 0
        self._change = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="pre-roll", daemon=True)
        self._thread.start()

    @property
    def size_bytes(self) -> int:
        """How much is kept packed."""
        return self._bytes

    def offer(self, taken: Taken) -> None:
        """Keep a frame; one that packing cannot keep up with is left out, not its sound."""
        with self._change:
            if not self._open:
                return
            if len(self._raw) >= _RAW_FRAMES:
                self._unheard = (*self._unheard, *taken.sound)
                return
            self._raw.append(replace(taken, sound=(*self._unheard, *taken.sound)))
            self._unheard = ()
            self._change.notify_all()

    def drain(self) -> tuple[Taken, ...]:
        """Return all there is, oldest first, and keep no more; what is not packed yet comes as it is."""
        with self._change:
            self._open = False
            self._change.notify_all()
            found = (*self._packed, *self._raw)
            self._packed.clear()
            self._raw.clear()
            self._bytes = 0
        since = found[-1].captured - self.span if found else timedelta(0)
        return tuple(taken for taken in found if taken.captured >= since)

    def close(self) -> None:
        """Forget everything and end the thread."""
        self.drain()
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._oldest()) is not None:
            packed = pack(taken)
            with self._change:
                if self._raw and self._raw[0] is taken:
                    self._raw.popleft()
                    self._keep(packed)

    def _oldest(self) -> Taken | None:
        with self._change:
            self._change.wait_for(lambda: self._raw or not self._open)
            return self._raw[0] if self._open else None

    def _keep(self, packed: Taken) -> None:
        self._packed.append(packed)
        self._bytes += packed.size_bytes
        since = packed.captured - self.span
        while self._packed and (self._packed[0].captured < since or self._bytes > self.most_bytes):
            self._bytes -= self._packed.popleft().size_bytes
