"""engine.md E5: nothing is started twice, and a crash leaves no doubt about what may have been started."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triptych.agent.journal import FORGOTTEN_AT_ONCE, Journal, Told
from triptych.agent.tree import Member
from triptych.clock import SystemClock
from triptych.errors import Unavailable


class SetClock(SystemClock):
    """A wall clock that the test sets."""

    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(file: Path, clock: SetClock) -> Iterator[Journal]:
    journal = Journal(file, "boot-1", clock)
    yield journal
    journal.close()


def test_an_attempt_is_new_once(journal: Journal) -> None:
    assert journal.tell("a", 1)
    assert not journal.tell("a", 1)
    assert journal.tell("a", 2)


def test_what_was_told_is_there_after_a_crash(journal: Journal, file: Path, clock: SetClock) -> None:
    journal.tell("a", 1)
    heir = Journal(file, "boot-1", clock)
    assert not heir.tell("a", 1)
    assert heir.open_here(spooled=False) == {("a", 1)}
    heir.close()


def test_nothing_of_another_boot_can_be_alive(journal: Journal, file: Path, clock: SetClock) -> None:
    journal.tell("a", 1)
    heir = Journal(file, "boot-2", clock)
    assert heir.open_here(spooled=False) == set()
    assert heir.find("a") is not None
    heir.close()


def test_an_end_is_remembered_for_an_hour(journal: Journal, clock: SetClock) -> None:
    journal.tell("a", 1)
    journal.ended(("a", 1), 7)
    assert journal.find("a", 1) == Told(job_id="a", attempt=1, pid=7, refused=None, ended=True)
    assert journal.open_here(spooled=False) == set()
    clock.moment += timedelta(minutes=61)
    journal.flush()
    assert journal.find("a") is None


def test_what_is_old_is_forgotten_in_pieces_so_that_no_heartbeat_waits_for_it(journal: Journal, file: Path, clock: SetClock) -> None:
    """A worker that was off for an hour has millions of ends to forget."""
    rows = ((str(number), 1, "boot-1", 0, 1, 0) for number in range(3 * FORGOTTEN_AT_ONCE))
    database = sqlite3.connect(file)
    with database:
        database.executemany("INSERT INTO attempt (job_id, attempt, boot_id, told_us, spooled, ended_us) VALUES (?, ?, ?, ?, ?, ?)", rows)
    left = []
    for _ in range(4):
        journal.flush()
        left += database.execute("SELECT count(*) FROM attempt").fetchone()
    database.close()
    assert left == [2 * FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE, 0, 0]


def test_an_open_attempt_is_never_forgotten(journal: Journal, clock: SetClock) -> None:
    journal.tell("a", 1)
    clock.moment += timedelta(days=400)
    journal.flush()
    assert journal.open_here(spooled=False) == {("a", 1)}


def test_a_refused_program_was_never_spawned(journal: Journal) -> None:
    journal.tell("a", 1)
    journal.refused(("a", 1), "exec: no command")
    journal.ended(("a", 1), None)
    assert journal.find("a", 1) == Told(job_id="a", attempt=1, pid=None, refused="exec: no command", ended=True)


def test_the_newest_attempt_is_found_by_the_job_alone(journal: Journal) -> None:
    journal.tell("a", 1)
    journal.tell("a", 2)
    told = journal.find("a")
    assert told is not None
    assert told.attempt == 2
    assert journal.find("b") is None


def test_the_main_process_is_written_with_the_next_flush(journal: Journal, file: Path) -> None:
    journal.tell("a", 1)
    journal.ran(("a", 1), Member(pid=5, start_ticks=99))
    journal.flush()
    with sqlite3.connect(file) as reader:
        assert reader.execute("SELECT pid, start_ticks, boot_id FROM attempt").fetchall() == [(5, 99, "boot-1")]
    reader.close()


def test_a_disk_that_refuses_is_said(file: Path, clock: SetClock) -> None:
    journal = Journal(file, "boot-1", clock)
    journal._database.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable) as fault:
        journal.tell("a", 1)
    assert fault.value.code == "store_unavailable"
    journal._database.execute("PRAGMA query_only = OFF")
    journal.close()


def test_what_a_spool_must_confirm_is_asked_for_apart(journal: Journal) -> None:
    """workers K11."""
    journal.tell("a", 1, spooled=True)
    journal.tell("b", 1)
    assert journal.open_here(spooled=True) == {("a", 1)}
    assert journal.open_here(spooled=False) == {("b", 1)}


def test_what_is_forbidden_is_as_if_told_and_refused(journal: Journal) -> None:
    """workers L6."""
    assert journal.forbid("a", 1)
    assert not journal.tell("a", 1)
    assert journal.find("a") == Told(job_id="a", attempt=1, pid=None, refused="revoked", ended=True)
    journal.tell("b", 1)
    assert not journal.forbid("b", 1)
