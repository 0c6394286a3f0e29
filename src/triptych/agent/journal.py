"""What this worker was told to run, so that a repeated request starts nothing twice and a crash leaves no doubt (engine.md E5).

It need only survive a process: a power cut ends the jobs too, so nothing is synced.
"""

import sqlite3
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from triptych.agent.tree import Member
from triptych.clock import to_us
from triptych.contracts import Clock
from triptych.errors import Unavailable
from triptych.messages import Key

log = structlog.get_logger()

FORGOTTEN_AT_ONCE = 10_000
"""Five times what a worker at its fastest ends between two heartbeats."""
_KEEP_ENDED = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
DROP TABLE IF EXISTS told;
CREATE TABLE IF NOT EXISTS attempt (
    job_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    told_us INTEGER NOT NULL,
    spooled INTEGER NOT NULL,
    pid INTEGER,
    start_ticks INTEGER,
    refused TEXT,
    ended_us INTEGER,
    PRIMARY KEY (job_id, attempt)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempt_ended ON attempt (ended_us) WHERE ended_us IS NOT NULL;
"""
_TELL = "INSERT INTO attempt (job_id, attempt, boot_id, told_us, spooled) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_FORGET = (
    "DELETE FROM attempt WHERE (job_id, attempt) IN (SELECT job_id, attempt FROM attempt WHERE ended_us < ? ORDER BY ended_us LIMIT ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One attempt as the journal knows it: `refused` is why its program could not be executed, None where it may have been."""

    job_id: str
    attempt: int
    pid: int | None
    refused: str | None
    ended: bool


class Journal:
    """The journal of one worker in one small SQLite file. One write before a hand-over; all else is noted and written by `flush`."""

    def __init__(self, file: Path, boot_id: str, clock: Clock) -> None:
        self._boot_id = boot_id
        self._clock = clock
        self._ran: dict[Key, Member] = {}
        self._ended: dict[Key, tuple[int | None, int]] = {}
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.executescript(_SCHEMA)

    def tell(self, job_id: str, attempt: int, *, spooled: bool = False) -> bool:
        """Write down that this attempt is about to be handed to a process; False when it was before.

        One that is `spooled` is begun only where a spool says so.

        Raises `Unavailable` with code `store_unavailable` when the disk refuses; nothing may be started then.
        """
        row = (job_id, attempt, self._boot_id, to_us(self._clock.now()), spooled)
        try:
            return self._database.execute(_TELL, row).rowcount == 1
        except sqlite3.OperationalError as fault:
            raise Unavailable("store unavailable", code="store_unavailable") from fault

    def forbid(self, job_id: str, attempt: int) -> bool:
        """Write down that this attempt is never to begin; False when it was told before. Raises `Unavailable` as `tell` does."""
        fresh = self.tell(job_id, attempt)
        if fresh:
            self.refused((job_id, attempt), "revoked")
            self.ended((job_id, attempt), None)
        return fresh

    def ran(self, key: Key, main: Member) -> None:
        """Note the main process of an attempt."""
        self._ran[key] = main

    def ended(self, key: Key, pid: int | None) -> None:
        """Note that nothing of an attempt is left."""
        self._ran.pop(key, None)
        self._ended[key] = pid, to_us(self._clock.now())

    def refused(self, key: Key, text: str) -> None:
        """Write down that the program of an attempt could not be executed."""
        self._try(lambda: self._database.execute("UPDATE attempt SET refused = ? WHERE job_id = ? AND attempt = ?", (text, *key)))

    def find(self, job_id: str, attempt: int | None = None) -> Told | None:
        """Return an attempt of a job, None where it was never told; without `attempt` the newest."""
        self.flush()
        row = self._database.execute(
            "SELECT job_id, attempt, pid, refused, ended_us FROM attempt WHERE job_id = ? AND attempt = coalesce(?, attempt)"
            " ORDER BY attempt DESC LIMIT 1",
            (job_id, attempt),
        ).fetchone()
        return None if row is None else Told(job_id=row[0], attempt=row[1], pid=row[2], refused=row[3], ended=row[4] is not None)

    def open_here(self, *, spooled: bool) -> AbstractSet[Key]:
        """Return the attempts of this boot whose end is not known."""
        asked = "SELECT job_id, attempt FROM attempt WHERE ended_us IS NULL AND boot_id = ? AND spooled = ?"
        return set(self._database.execute(asked, (self._boot_id, spooled)))

    def flush(self) -> None:
        """Write what was noted, and forget what nobody will ask for any more; while the disk refuses, all is kept for the next time."""
        self._try(self._write_down)

    def close(self) -> None:
        """Write what was noted and close the file."""
        self.flush()
        self._database.close()

    def _write_down(self) -> None:
        now_us = to_us(self._clock.now())
        self._database.execute("BEGIN")
        ran = [(main.pid, main.start_ticks, *key) for key, main in self._ran.items()]
        self._database.executemany("UPDATE attempt SET pid = ?, start_ticks = ? WHERE job_id = ? AND attempt = ?", ran)
        ended = [(*end, *key) for key, end in self._ended.items()]
        self._database.executemany("UPDATE attempt SET pid = ?, ended_us = ? WHERE job_id = ? AND attempt = ?", ended)
        self._database.execute(_FORGET, (now_us - _KEEP_ENDED // _MICROSECOND, FORGOTTEN_AT_ONCE))
        self._database.execute("COMMIT")
        self._ran.clear()
        self._ended.clear()

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except sqlite3.OperationalError as fault:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            log.warning("journal not written", reason=str(fault))
