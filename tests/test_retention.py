"""What is deleted of ended jobs, and what never is (workers O8, S9)."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triptych.buses.memory import MemoryBus
from triptych.clock import to_text
from triptych.engine import Engine
from triptych.media.library import FOLDER, Film, Library
from triptych.messages import Output, Report
from triptych.model import Change, End, EndReason, Job, State
from triptych.outputs import Outputs
from triptych.retention import Retention, _remove, _unlock
from triptych.stores.memory import MemoryStore

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIZE = 64 * 1024


@dataclass(slots=True)
class StandingClock:
    """A clock that the test turns."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> timedelta:
        return self.time - NOW

    async def sleep(self, pause: timedelta) -> None:
        self.time += pause


@dataclass(slots=True)
class House:
    """An engine with jobs, what they wrote, and the folders they worked in."""

    store: MemoryStore
    outputs: Outputs
    engine: Engine
    work: Path
    clock: StandingClock = field(default_factory=StandingClock)

    async def job(self, job_id: str, *, ended: timedelta | None, **facts: object) -> None:
        """Keep a job that wrote 64 KiB and ended so long ago; None is one that runs."""
        held = Job(
            id=job_id, kind="command", spec={}, created_at=NOW - 99 * DAY, updated_at=NOW, state=State.STARTING, attempt=1, worker_id="w"
        )
        await self.store.add(held)
        started = Change(job_id=job_id, at=NOW - 99 * DAY, sources=frozenset({State.STARTING}), target=State.RUNNING, facts=facts)
        await self.store.move([started])
        await self.outputs.append(
            [Report(job_id=job_id, attempt=1, seq=1, at_us=0, body=Output(stream="stdout", offset=0, data=bytes(SIZE)))]
        )
        if ended is not None:
            end = replace(started, at=NOW - ended, sources=frozenset({State.RUNNING}), target=State.ENDED, end=End(reason=EndReason.EXITED))
            await self.store.move([end])

    async def kept(self) -> list[str]:
        return sorted(await self.outputs.sizes())

    def folder(self, name: str, *, age: timedelta, holds: bool = True) -> Path:
        """Make a folder that was left so long ago."""
        folder = self.work / name
        folder.mkdir()
        if holds:
            (folder / "inner").mkdir()
            (folder / "inner" / "file").write_bytes(b"x")
        left_s = (NOW - age).timestamp()
        os.utime(folder, (left_s, left_s))
        return folder


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    work = tmp_path / "work"
    work.mkdir()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(MemoryStore())
        outputs = await stack.enter_async_context(Outputs(tmp_path / "output"))
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        house = House(store, outputs, Engine(store=store, bus=bus, outputs=outputs, clock=StandingClock()), work)
        yield house


def _retention(house: House, **settings: float) -> Retention:
    return Retention(house.engine, house.outputs, house.clock, work=house.work, **settings)  # type: ignore[arg-type]  # by name


async def test_output_goes_when_its_job_ended_a_week_ago(house: House) -> None:
    """workers O8: a running or pinned job keeps it, however old."""
    await house.job("old", ended=7.1 * DAY)
    await house.job("young", ended=6.9 * DAY)
    await house.job("live", ended=None)
    await house.job("pinned", ended=50 * DAY, pinned=True)
    await _retention(house).run_once()
    assert await house.kept() == ["live", "pinned", "young"]
    piece = await house.outputs.read("old", 1, "stdout", 0, 10)
    assert piece.gap == (0, SIZE)
    assert (await house.engine.find("old")).facts["output"] == {"pruned_at": to_text(NOW)}


async def test_the_job_that_ended_first_goes_first_while_all_takes_too_much(house: House) -> None:
    """workers O8."""
    for job_id, ended in (("a", 2 * DAY), ("b", 4 * DAY), ("c", 3 * DAY), ("d", 1 * DAY)):
        await house.job(job_id, ended=ended)
    await house.job("live", ended=None)
    await _retention(house, output_max_total_bytes=3 * SIZE).run_once()
    assert await house.kept() == ["a", "d", "live"]


async def test_what_was_shed_is_not_shed_again(house: House) -> None:
    await house.job("old", ended=8 * DAY)
    await _retention(house).run_once()
    before = await house.engine.find("old")
    house.clock.time += DAY
    await _retention(house).run_once()
    assert (await house.engine.find("old")).revision == before.revision


async def test_output_of_a_job_that_is_gone_goes(house: House) -> None:
    await house.job("forgotten", ended=DAY)
    await house.store.forget("forgotten")
    await _retention(house).run_once()
    assert await house.kept() == []


async def test_a_work_folder_goes_a_day_after_its_job(house: House) -> None:
    """workers S9: an empty one too, which a shim that was killed may have left; never that of a live job."""
    live = house.folder("live", age=9 * DAY)
    await house.job("live", ended=None, work_dir=str(live))
    house.folder("old", age=1.1 * DAY)
    house.folder("young", age=0.9 * DAY)
    house.folder("empty", age=1.1 * DAY, holds=False)
    house.folder("waiting", age=0.9 * DAY, holds=False)
    await _retention(house).run_once()
    assert sorted(path.name for path in house.work.iterdir()) == ["live", "waiting", "young"]


async def test_an_empty_folder_that_a_job_just_took_stays(house: House) -> None:
    """workers S9: its age counts when it goes, not when it was looked for."""
    folder = house.folder("taken", age=9 * DAY, holds=False)
    os.utime(folder, (NOW.timestamp(), NOW.timestamp()))
    _remove(folder, (NOW - DAY).timestamp())
    assert folder.is_dir()


async def test_a_folder_that_its_job_locked_goes_too(house: House) -> None:
    """workers S9."""
    folder = house.folder("locked", age=2 * DAY)
    (folder / "inner").chmod(0)
    await _retention(house).run_once()
    assert not folder.exists()


def test_permissions_that_a_job_took_from_itself_are_given_back(tmp_path: Path) -> None:
    """workers S9: by an ordinary user, who could not delete the folder otherwise."""
    deep = tmp_path / "top" / "inner" / "deep"
    deep.mkdir(parents=True)
    for folder in (deep, deep.parent, deep.parent.parent):
        folder.chmod(0)
    _unlock(tmp_path / "top")
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path / "top", deep.parent, deep)] == [0o700] * 3


async def test_a_link_out_of_a_folder_leads_nowhere(house: House, tmp_path: Path) -> None:
    """workers S9: what it points at is neither changed nor deleted."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "kept").write_bytes(b"x")
    folder = house.folder("linked", age=2 * DAY)
    (folder / "inner" / "link").symlink_to(outside)
    (house.work / "link").symlink_to(outside)
    left_s = (NOW - 2 * DAY).timestamp()
    os.utime(folder, (left_s, left_s))
    await _retention(house).run_once()
    assert not folder.exists()
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 == 0o755


async def test_a_film_that_was_remembered_goes_when_it_expires(house: House) -> None:
    """media T1: index entries have their own ttl, by a set clock."""
    library = Library(house.work.parent)
    library.keep("aa", Film("a.mp4", b"", b""), NOW)
    library.keep("bb", Film("b.mp4", b"", b""), NOW + timedelta(seconds=1))
    await Retention(house.engine, house.outputs, house.clock, work=house.work, library=library).run_once()
    assert [path.stem for path in (house.work.parent / FOLDER).iterdir()] == ["bb"]


async def test_without_anything_there_is_nothing_to_do(house: House) -> None:
    house.work.rmdir()
    await _retention(house).run_once()
    assert await house.kept() == []


async def test_what_a_forgotten_media_job_left_goes(house: House, tmp_path: Path) -> None:
    """media T1: a crash may come between the forgetting of a job and that of its recordings."""
    media = tmp_path / "media"
    live, gone, own = "64b1f0a2c3d4e5f601234567", "64b1f0a2c3d4e5f601234568", "rushes"
    await house.job(live, ended=None)
    for name in (live, gone, own):
        (media / name).mkdir(parents=True)
    async with Outputs(tmp_path / "output2", beside=media) as outputs:
        await Retention(house.engine, outputs, house.clock, work=house.work, media=media).run_once()
    assert sorted(path.name for path in media.iterdir()) == [live, own]
