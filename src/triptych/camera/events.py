"""Tells what happens at a camera over a line that may lose messages: each one repeats the newest events, so that none is missed."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from triptych.clock import to_text
from triptych.contracts import Clock
from triptych.model import Json

REPEATED = 64


class Tail:
    """The newest events of one camera, shown on its topic each time there is one; numbers only rise, also from process to process."""

    def __init__(self, process: str, show: Callable[[str, bytes], None], clock: Clock) -> None:
        self._topic, self._show, self._clock = topic(process), show, clock
        self._number = int(clock.now().timestamp() * 1_000_000)
        self._events: deque[dict[str, Any]] = deque(maxlen=REPEATED)

    def add(self, note: str, data: Json) -> None:
        """Tell one more event; `note` is its kind."""
        self._number += 1
        self._events.append({"number": self._number, "note": note, "at": to_text(self._clock.now()), "data": data})
        self._show(self._topic, msgspec.json.encode({"events": list(self._events)}))


def topic(process: str) -> str:
    """Return the topic that a camera's events are shown on."""
    return f"{process}:events"
