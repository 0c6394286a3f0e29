"""Workers 9, denied deeds: who did what, each entry holding the hash of the one before; edit one entry and verification fails."""

import asyncio
import errno
import os
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from manualclock import ManualClock
from triptych.audit import MOST_DENIALS, Audit, verify
from triptych.clock import SystemClock
from triptych.stores.memory import MemoryStore


@pytest.fixture
def catalog():
    return MemoryStore()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "audit.jsonl"


async def written(file, catalog, count=5):
    async with Audit(file, catalog, ManualClock()) as audit:
        for number in range(count):
            audit.note("uid:0", "job.start", job=f"j{number}")


async def test_what_was_done_is_read_back_newest_first_page_by_page(file, catalog):
    async with Audit(file, catalog, ManualClock()) as audit:
        for number in range(1000):
            audit.note("token:a", "job.start", job=f"j{number}", text="ä" * 50)
        pages, cursor = [], None
        while True:
            entries, cursor = await audit.page(cursor, 300)
            pages.append(entries)
            if cursor is None:
                break
    told = [entry for page in pages for entry in page]
    assert [len(page) for page in pages] == [300, 300, 300, 100]
    assert [entry.number for entry in told] == list(range(1000, 0, -1))
    assert (told[-1].who, told[-1].deed, told[-1].what["job"]) == ("token:a", "job.start", "j0")


async def test_a_page_stays_what_it_is_while_entries_arrive(file, catalog):
    async with Audit(file, catalog, ManualClock()) as audit:
        for number in range(4):
            audit.note("x", "deed", n=number)
        _, cursor = await audit.page(None, 2)
        audit.note("x", "deed", n=4)
        entries, cursor = await audit.page(cursor, 2)
        assert ([entry.what["n"] for entry in entries], cursor) == ([1, 0], None)


async def test_the_chain_goes_on_after_a_restart(file, catalog):
    await written(file, catalog)
    await written(file, catalog)
    verdict = await verify(file, catalog)
    assert (verdict.intact, verdict.entries, verdict.fault) == (True, 10, None)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
async def test_an_edited_entry_makes_verification_fail_and_is_named(file, catalog, number):
    await written(file, catalog)
    file.write_bytes(file.read_bytes().replace(f'"j{number - 1}"'.encode(), b'"jX"'))
    verdict = await verify(file, catalog)
    assert (verdict.intact, verdict.fault) == (False, f"entry {number} was changed")


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ([1, 2, 3, 4], "entry 1 is missing"),
        ([0, 1, 3, 4], "entry 3 is missing"),
        ([0, 2, 1, 3, 4], "entry 2 is missing"),
        ([0, 1, 2], "entries after 3 were cut off"),
        ([], "entries after 0 were cut off"),
        ([0, 1, 1, 2, 3, 4], "entry 3 is missing"),
    ],
)
async def test_a_line_taken_away_moved_or_doubled_is_noticed(file, catalog, kept, fault):
    await written(file, catalog)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[number] for number in kept))
    verdict = await verify(file, catalog)
    assert (verdict.intact, verdict.fault) == (False, fault)


async def test_a_forged_chain_is_noticed(file, catalog):
    """One that is whole in itself, and longer, but not the one that was written."""
    await written(file, catalog)
    file.unlink()
    async with Audit(file, MemoryStore(), ManualClock()) as audit:
        for number in range(7):
            audit.note("uid:7", "job.start", job=f"j{number}")
    assert (await verify(file, catalog)).fault == "entry 5 was changed"


async def test_a_torn_last_line_is_told_cut_off_and_noted(file, catalog):
    await written(file, catalog)
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"number":6,"at"')
    assert (await verify(file, catalog)).fault == "the last line is torn after entry 5"
    with capture_logs() as logs:
        async with Audit(file, catalog, ManualClock()) as audit:
            entries, _ = await audit.page(None, 1)
    assert (entries[0].number, entries[0].deed, entries[0].what) == (6, "audit.torn", {"bytes": 16})
    assert [entry["event"] for entry in logs] == ["audit chain had a torn last line"]
    assert file.read_bytes().startswith(whole)
    assert (await verify(file, catalog)).intact


async def test_a_broken_last_line_stops_nobody_and_stays_broken(file, catalog):
    await written(file, catalog)
    broken = file.read_bytes()[:-2] + b"?\n"
    file.write_bytes(broken)
    await written(file, catalog)
    assert file.read_bytes().startswith(broken)
    assert (await verify(file, catalog)).fault == "the line after entry 4 is no entry"


async def test_denials_without_end_do_not_fill_the_disk(file, catalog):
    """workers 9: at most 20 a minute are listed, however often the chain is written meanwhile."""
    clock = ManualClock()
    async with Audit(file, catalog, clock) as audit:
        for number in range(1000):
            audit.deny("nobody", code="not_authenticated")
            if number % 100 == 0:
                await audit.run_once()
        entries, _ = await audit.page(None, 100)
        assert [entry.deed for entry in entries] == ["denied"] * MOST_DENIALS
        await clock.sleep(timedelta(minutes=1))
        entries, _ = await audit.page(None, 100)
        assert len(entries) == MOST_DENIALS + 1
        assert (entries[0].deed, entries[0].what) == ("denied.more", {"count": 1000 - MOST_DENIALS})
        audit.deny("nobody", code="not_authenticated")
        entries, _ = await audit.page(None, 1)
        assert entries[0].deed == "denied"


async def test_a_full_disk_loses_no_entry_and_tears_no_line(file, catalog, monkeypatch):
    async with Audit(file, catalog, ManualClock()) as audit:
        audit.note("x", "before")
        await audit.run_once()
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(os, "fdatasync", _full)
            audit.note("x", "meanwhile")
            await audit.run_once()
        assert [entry["reason"] for entry in logs] == [os.strerror(errno.ENOSPC)]
        audit.note("x", "after")
        entries, _ = await audit.page(None, 10)
    assert [entry.deed for entry in entries] == ["after", "meanwhile", "before"]
    assert (await verify(file, catalog)).intact


def _full(_descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_what_is_noted_is_on_disk_within_a_second_by_itself(file, catalog):
    async with Audit(file, catalog, SystemClock()) as audit:
        running = asyncio.create_task(audit.run())
        audit.note("uid:0", "job.start", job="j")
        async with asyncio.timeout(10):
            while not file.read_bytes():
                await asyncio.sleep(0.01)  # what is on disk has no signal
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_only_the_servers_user_can_read_the_chain(file, catalog):
    await written(file, catalog)
    assert file.stat().st_mode & 0o777 == 0o600
