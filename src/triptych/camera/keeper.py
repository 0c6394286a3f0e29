"""Looks after the records folder beside a camera's work: finishes what dead writers left, and deletes what is not to be kept any more."""

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from triptych.camera.definition import Keeping
from triptych.camera.mend import finish
from triptych.camera.records import Archive
from triptych.camera.retention import Removed, prune
from triptych.contracts import Clock
from triptych.model import Json

log = structlog.get_logger()

EVERY = timedelta(minutes=10)


class Keeper:
    """A thread that recovers once, and prunes by the rules it is given: at once, and every ten minutes."""

    def __init__(self, archive: Archive, clock: Clock, tell: Callable[[str, Json], None], *, every: timedelta = EVERY) -> None:
        self._archive, self._clock, self._tell, self._every = archive, clock, tell, every
        self._rules: tuple[str, Keeping] | None = None
        self._rounds, self._open = 0, True
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def keep(self, camera: str, rules: Keeping) -> None:
        """Take the rules for what `camera` kept."""
        with self._change:
            if self._rules != (camera, rules):
                self._rules, self._rounds = (camera, rules), 0
                self._change.notify_all()

    def ready(self, bound: timedelta) -> bool:
        """Wait until the folder is as the rules want it; False after `bound`."""
        with self._change:
            return self._change.wait_for(lambda: self._rounds > 0 or not self._open, bound.total_seconds())

    def close(self) -> None:
        """End the thread; what it is deleting is deleted first."""
        with self._change:
            self._open = False
            self._change.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def run_once(self, camera: str, rules: Keeping) -> list[Removed]:
        """Delete what `rules` do not keep, and tell each."""
        removed = prune(self._archive, camera, rules, self._clock.now().astimezone())
        for one in removed:
            note = one.note
            self._tell("removed", {"id": note.id, "camera": note.camera, "name": note.name, "date": note.date, "why": one.why})
        return removed

    def _run(self) -> None:
        try:
            self._archive.recover(finish)
        except OSError:
            log.exception("recordings not recovered")
        while (asked := self._asked()) is not None:
            try:
                self.run_once(*asked)
            except OSError:
                log.exception("records not pruned")
            with self._change:
                self._rounds += self._rules == asked
                self._change.notify_all()

    def _asked(self) -> tuple[str, Keeping] | None:
        """Wait for the next round; None at the end."""
        with self._change:
            self._change.wait_for(lambda: not self._open or (self._rules is not None and not self._rounds), self._every.total_seconds())
            while self._open and self._rules is None:
                self._change.wait()
            return self._rules if self._open else None
