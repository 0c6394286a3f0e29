"""What a SQLite file goes through; what every store does is in tests/contracts."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import triptych
from stores import accepting
from stores.disks import kinds
from stores.making import a_job, told
from triptych.errors import Unavailable
from triptych.model import Query
from triptych.stores.sql import SqlStore

SRC = str(Path(triptych.__file__).parents[1])
BIG = "x" * 20_000


@pytest.fixture(params=kinds().values(), ids=kinds())
def disk(request: pytest.FixtureRequest):
    with request.param() as disk:
        yield disk


async def test_a_full_disk_refuses_changes_and_room_heals_it(disk) -> None:
    """Workers F9: nothing that was refused is there, reading goes on, and it comes right by itself."""
    folder, fill, free = disk
    async with SqlStore(f"sqlite:///{folder}/triptych.db") as store:
        await store.add(a_job("before"))
        fill()
        refused = await asyncio.gather(
            *(store.add(a_job(f"refused-{number}", spec={"x": BIG})) for number in range(40)), return_exceptions=True
        )
        faults = [fault for fault in refused if isinstance(fault, Unavailable)]
        kept = {job.id for job in refused if not isinstance(job, BaseException)}
        assert faults
        assert len(faults) + len(kept) == 40
        assert {fault.code for fault in faults} == {"store_unavailable"}
        assert {job.id for job in (await store.list(Query(limit=None))).jobs} == kept | {"before"}
        free()
        after = await store.add(a_job("after", spec={"x": BIG}))
        assert (await store.move([told("before")]))[0] is not None
        assert {job.id for job in (await store.list(Query(limit=None))).jobs} == kept | {"before", "after"}
    async with SqlStore(f"sqlite:///{folder}/triptych.db") as store:
        assert await store.find("after") == after
    assert _integrity(folder / "triptych.db") == "ok"


async def test_a_database_that_somebody_else_holds_is_unavailable_until_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.stores.databases.BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "triptych.db"
    async with SqlStore(f"sqlite:///{path}") as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                await store.add(a_job())
            assert await store.find("job-1") is None
        assert await store.add(a_job()) == a_job()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "triptych.db").write_text("not a database\n" * 999)
    with pytest.raises(Unavailable) as caught:
        await SqlStore(f"sqlite:///{tmp_path}/triptych.db").__aenter__()
    assert caught.value.code == "store_unavailable"
    assert caught.value.message == f"the store sqlite:///{tmp_path}/triptych.db cannot be opened: file is not a database"
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await SqlStore(f"sqlite:///{tmp_path}/nowhere/triptych.db").__aenter__()


async def test_every_acknowledged_job_survives_a_kill(tmp_path: Path) -> None:
    """Workers I10, as far as a process can prove it: killed in the midst of commits, the file is whole and holds what was answered."""
    url = f"sqlite:///{tmp_path}/triptych.db"
    for acknowledged in (40, 200):
        ids = _killed(url, acknowledged)
        assert _integrity(tmp_path / "triptych.db") == "ok"
        async with SqlStore(url) as store:
            jobs = (await store.list(Query(limit=None))).jobs
            assert {job.id for job in jobs}.issuperset(ids)
            log = await store.log(0, 100_000)
            assert {entry.job_id for entry in log} == {job.id for job in jobs}
        (tmp_path / "triptych.db").unlink()


def _killed(url: str, acknowledged: int) -> list[str]:
    """Return what a process had been answered when it was killed, at least `acknowledged` ids."""
    with subprocess.Popen([sys.executable, accepting.__file__, url], env={"PYTHONPATH": SRC}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ids = [process.stdout.readline().strip() for _ in range(acknowledged)]
        process.kill()
        return ids + [line.strip() for line in process.stdout if line.endswith("\n")]


def _integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
