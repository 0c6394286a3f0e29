"""A thread that lives only while there is something to do."""

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

log = structlog.get_logger()


class Ticker:
    """Calls `run_once` every `period` from `wake` on until it returns False. After a fault it calls `give_up`, and rests."""

    def __init__(self, run_once: Callable[[], bool], period: timedelta, give_up: Callable[[], None]) -> None:
        self._run_once, self._period, self._give_up = run_once, period, give_up
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._woken, self._open = False, True

    def wake(self) -> None:
        """Begin at once, if it rests."""
        with self._news:
            self._woken = True
            self._news.notify()
            if self._thread is None and self._open:
                self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End, and do not begin again."""
        with self._news:
            self._open, thread = False, self._thread
            self._news.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while self._goes_on(self._try()):
            pass

    def _try(self) -> bool:
        try:
            return self._run_once()
        except Exception:
            log.exception("motion ended")
            self._give_up()
            return False

    def _goes_on(self, again: bool) -> bool:  # noqa: FBT001 - what run_once said
        with self._news:
            if again and self._open and not self._woken:
                self._news.wait(self._period.total_seconds())
            goes_on = self._open and (again or self._woken)
            self._woken = False
            if not goes_on:
                self._thread = None
            return goes_on
