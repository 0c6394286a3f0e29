"""The requests of a job process, read as they come: what is urgent is seen at once, whatever the process is busy with."""

import queue
import threading
from collections.abc import Callable
from datetime import timedelta

from triptych.contracts import Channel
from triptych.errors import ChannelClosed
from triptych.messages import Asked

GLANCE = timedelta(milliseconds=250)


class Inbox:
    """Reads a channel in a thread of its own. `glance` sees each request as it comes; then it waits for its turn."""

    def __init__(self, channel: Channel, glance: Callable[[Asked], None]) -> None:
        self._channel, self._glance = channel, glance
        self._waiting: queue.SimpleQueue[Asked | ChannelClosed] = queue.SimpleQueue()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def receive(self, timeout: timedelta) -> Asked | None:
        """Return the next request, or None after `timeout`. Raises `ChannelClosed` when the agent is gone."""
        try:
            asked = self._waiting.get(timeout=timeout.total_seconds())
        except queue.Empty:
            return None
        if isinstance(asked, ChannelClosed):
            raise asked
        return asked

    def close(self) -> None:
        """Read no more."""
        self._open = False
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._open:
                asked = self._channel.receive(GLANCE)
                if asked is not None:
                    self._glance(asked)
                    self._waiting.put(asked)
        except ChannelClosed as gone:
            self._waiting.put(gone)
