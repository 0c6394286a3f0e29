"""What a crash leaves half written: F16 of the workers panel."""

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faults import calls
from faults.system import System

STARTS = 12
ENDED = {"done": True, "error": False, "error_text": ""}
STORES = ("triptych.db", "journal.db")
FRAME_BYTES = 24 + 4096


@pytest.fixture
def crashed(system: System) -> Iterator[tuple[System, list[str]]]:
    """A system that was killed with its databases open, and the jobs that it had acknowledged as ended."""
    system.start()
    jobs = [calls.start(system, "true") for _ in range(STARTS)]
    for job_id in jobs:
        calls.ended(system, job_id)
    system.kill()
    yield system, jobs
    for name in STORES:
        _check_sound(system.data / name)


def test_a_torn_last_record_costs_nothing_that_was_acknowledged(crashed: tuple[System, list[str]]) -> None:
    """workers I10 (F16): the beginning of a frame that was never committed, or garbage, lies at the end of the journals."""
    system, jobs = crashed
    for torn in (1, 24, FRAME_BYTES - 1):
        _tear(system, lambda journal, torn=torn: _frame_like_the_last(journal)[:torn])
        _check_all_there(system, jobs)
    _tear(system, lambda _: random.Random(8700).randbytes(3 * FRAME_BYTES))
    _check_all_there(system, jobs)


def test_a_kill_at_any_write_leaves_a_store_that_opens_with_every_acknowledged_start(system: System) -> None:
    """workers I1, I10: killed three times right behind an answer."""
    acknowledged: list[str] = []
    for moment in range(3):
        system.start()
        acknowledged += [calls.start(system, "true") for _ in range(3 + moment)]
        system.kill()
        _check_sound(system.data / "triptych.db", copy=True)
    system.start()
    assert {calls.record(system, job_id)["state"] for job_id in acknowledged} == {"ended"}
    assert {calls.record(system, job_id)["end_reason"] for job_id in acknowledged} <= {"exited", "worker_lost"}


def _tear(system: System, end: Callable[[Path], bytes]) -> None:
    """Append to the journal of each database what a write that was cut short leaves there."""
    for name in STORES:
        journal = system.data / f"{name}-wal"
        data = end(journal)
        with journal.open("ab") as file:
            file.write(data)


def _check_all_there(system: System, jobs: list[str]) -> None:
    system.start()
    assert [calls.query(system, job_id) for job_id in jobs] == [ENDED] * len(jobs)
    calls.stop(system, calls.start(system, "sleep", "600"))
    system.kill()


def _check_sound(path: Path, *, copy: bool = False) -> None:
    """Check the whole file; with `copy` look at a copy, so that what the crash left stays as it is."""
    if copy:
        folder = path.parent.parent / f"copy-{os.urandom(4).hex()}"
        folder.mkdir()
        for part in path.parent.glob(f"{path.name}*"):
            (folder / part.name).write_bytes(part.read_bytes())
        path = folder / path.name
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _frame_like_the_last(journal: Path) -> bytes:
    """Return a frame with the right salts but a checksum that cannot be right."""
    last = bytearray(journal.read_bytes()[-FRAME_BYTES:])
    last[16] ^= 0xFF
    return bytes(last)
