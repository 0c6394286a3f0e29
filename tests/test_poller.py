"""Directories on a disk, looked into by a clock that the test moves; the engine has no worker, so that jobs stay in the queue."""

import os
from datetime import timedelta
from functools import partial
from threading import Event

import msgspec
import pytest

from manualclock import ManualClock
from scripted import engine_on
from triptych import poller as module
from triptych.buses.memory import MemoryBus
from triptych.cores import Cores
from triptych.media.cores import DirPoll
from triptych.model import Query
from triptych.panels import standing
from triptych.poller import Poller
from triptych.settings import Settings
from triptych.stores.memory import MemoryStore

replace = msgspec.structs.replace
WORKFLOW = {"index": 0, "_id": "64b1f0a2c3d4e5f601234567", "name": "evening", "videoContext": {"audioFormatConfig": {"enabled": True}}}


class Watch:
    """A watched directory, and what looks into it."""

    def __init__(self, store, engine, root):
        self.store = store
        self.engine = engine
        self.root = root
        self.folder = root / "in"
        self.folder.mkdir(parents=True)
        self.clock = ManualClock()
        self.cores = Cores(store, engine, self.clock, 2)
        self.start()

    def start(self):
        order = partial(standing.order, self.store, Settings(data_dir=self.root, cores=2))
        self.poller = Poller(
            cores=self.cores, catalog=self.store, engine=self.engine, clock=self.clock, roots=[str(self.root)], order=order
        )

    async def open(self, **settings):
        await self.store.put("workflows", "evening", WORKFLOW)
        await self.cores.load()
        await self.edit(**{"directory": "in", "workflow": "evening"} | settings)

    async def edit(self, **settings):
        core = self.cores.find("core-2")
        kept = msgspec.to_builtins(core.settings) if isinstance(core.settings, DirPoll) else {}
        await self.cores.edit(replace(core, front=replace(core.front, type="dir_poll"), settings=DirPoll(**kept | settings)))

    def write(self, name, content=b"\0", *, age_s=100):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 - age_s, 1_700_000_000 - age_s))

    async def look(self, times=1):
        for _ in range(times):
            await self.poller.run_once()
            self.clock.time += timedelta(seconds=5)

    async def jobs(self):
        return (await self.engine.list(Query(limit=None))).jobs[::-1]

    async def uris(self):
        return [job.spec["input_uri"] for job in await self.jobs()]


@pytest.fixture
async def watch(tmp_path):
    bus = MemoryBus()
    async with MemoryStore() as store, engine_on(store, bus, tmp_path / "output") as engine:
        watch = Watch(store, engine, tmp_path / "media")
        await watch.open()
        yield watch
    await bus.close()


async def test_a_file_becomes_one_job_once_it_was_the_same_in_two_looks(watch) -> None:
    """media 3.2: a file counts when size and mtime are equal in two polls."""
    watch.write("a.mp4")
    await watch.look()
    assert await watch.uris() == []
    watch.write("a.mp4", b"\0\0")
    await watch.look()
    assert await watch.uris() == []
    await watch.look(4)
    (job,) = await watch.jobs()
    assert (job.spec["input_uri"], job.spec["features"], job.spec["workflow"]) == ("in/a.mp4", ["AUDIO_FORMAT"], "evening")
    assert (job.origin, job.priority, job.berth_wish) == ("dir_poll", 20, "dir_poll 2")


@pytest.mark.parametrize("how", [{"content": b"\0\0\0"}, {"age_s": 7}], ids=["size", "mtime"])
async def test_a_changed_file_becomes_another_job(watch, how) -> None:
    """media 3.2: one job per new or changed file."""
    watch.write("a.mp4")
    await watch.look(3)
    watch.write("a.mp4", **how)
    await watch.look(3)
    assert await watch.uris() == ["in/a.mp4", "in/a.mp4"]
    assert len(await watch.store.keys(f"dir_poll {watch.cores.find('core-2').id}")) == 1


async def test_what_became_a_job_is_remembered_over_restarts(watch) -> None:
    """media 3.2: (path, size, mtime) is remembered over restarts."""
    watch.write("a b.mp4")
    await watch.look(2)
    watch.start()
    await watch.look(3)
    assert await watch.uris() == ["in/a b.mp4"]


async def test_a_crash_between_the_job_and_the_memory_of_it_makes_no_second_one(watch) -> None:
    watch.write("a.mp4")
    await watch.look(2)
    shelf = f"dir_poll {watch.cores.find('core-2').id}"
    for key in await watch.store.keys(shelf):
        await watch.store.drop(shelf, key)
    watch.start()
    await watch.look(2)
    assert len(await watch.jobs()) == 1
    assert len(await watch.store.keys(shelf)) == 1


@pytest.mark.parametrize("name", [".a.mp4", "a.mp4.part", "a.tmp", "a.mp4.crdownload", "a.mp4~", ".hidden/a.mp4", "a\nb.mp4", b"\xff.mp4"])
async def test_files_that_somebody_still_writes_are_skipped(watch, name) -> None:
    """media 3.2: names that begin with `.` or end like these are skipped; so are those that no inputUri can hold."""
    watch.write(os.fsdecode(name))
    await watch.edit(recursive=True)
    await watch.look(3)
    assert await watch.uris() == []


async def test_only_regular_files_count(watch) -> None:
    os.mkfifo(watch.folder / "pipe.mp4")
    (watch.folder / "gone.mp4").symlink_to(watch.folder / "nothing")
    (watch.folder / "folder.mp4").mkdir()
    await watch.look(3)
    assert await watch.uris() == []


async def test_a_link_to_a_folder_is_not_entered(watch) -> None:
    watch.write("sub/a.mp4")
    (watch.folder / "sub" / "again").symlink_to(watch.folder)
    await watch.edit(recursive=True)
    await watch.look(3)
    assert await watch.uris() == ["in/sub/a.mp4"]


async def test_a_pattern_chooses_names_and_folders_are_entered_only_when_asked(watch) -> None:
    """media 3.2: `pattern`, `recursive`."""
    for name in ("a.mp4", "b.mov", "sub/c.mp4", "sub/deep/d.mp4"):
        watch.write(name)
    await watch.edit(pattern="*.mp4")
    await watch.look(2)
    assert await watch.uris() == ["in/a.mp4"]
    await watch.edit(recursive=True)
    await watch.look(2)
    assert sorted(await watch.uris()) == ["in/a.mp4", "in/sub/c.mp4", "in/sub/deep/d.mp4"]


async def test_looks_are_as_far_apart_as_the_core_says(watch) -> None:
    """media 3.2: `pollSeconds`."""
    await watch.edit(pollSeconds=10)
    watch.write("a.mp4")
    await watch.look(2)
    assert await watch.uris() == []
    await watch.look()
    assert await watch.uris() == ["in/a.mp4"]


async def test_a_core_without_a_workflow_idles(watch) -> None:
    """media 3.2: an empty `workflow` idles."""
    await watch.edit(workflow="")
    watch.write("a.mp4")
    await watch.look(3)
    assert await watch.uris() == []
    await watch.edit(workflow="evening")
    await watch.look(2)
    assert await watch.uris() == ["in/a.mp4"]


async def test_files_wait_while_the_workflow_cannot_run(watch) -> None:
    """media K5: a dir_poll workflow with an empty slot makes no jobs."""
    away = {**WORKFLOW, "videoContext": {"speechTranscriptionConfig": {"enabled": True}}}
    await watch.store.put("workflows", "evening", away)
    watch.write("a.mp4")
    await watch.look(3)
    assert await watch.uris() == []
    await watch.store.put("workflows", "evening", WORKFLOW)
    await watch.look(2)
    assert await watch.uris() == ["in/a.mp4"]


async def test_a_disk_that_goes_and_comes_back_makes_no_jobs_again(watch) -> None:
    """media 3.2: remembered."""
    watch.write("a.mp4")
    await watch.look(2)
    away = watch.folder.rename(watch.root / "away")
    await watch.look(2)
    away.rename(watch.folder)
    await watch.look(3)
    assert await watch.uris() == ["in/a.mp4"]


async def test_a_directory_that_does_not_answer_holds_up_no_other(watch, monkeypatch) -> None:
    stuck, real = Event(), module.files

    def files(settings, roots):
        if settings.directory == "in":
            stuck.wait(30)
        return real(settings, roots)

    monkeypatch.setattr(module, "files", files)
    monkeypatch.setattr(module, "LOOK_BOUND_S", 0.02)
    (watch.root / "other").mkdir()
    (watch.root / "other" / "b.mp4").write_bytes(b"\0")
    first = watch.cores.find("core-1")
    other = DirPoll(directory="other", workflow="evening")
    await watch.cores.edit(replace(first, front=replace(first.front, type="dir_poll"), settings=other))
    watch.write("a.mp4")
    await watch.look(3)
    assert await watch.uris() == ["other/b.mp4"]
    stuck.set()
    while "in/a.mp4" not in await watch.uris():
        await watch.look()


async def test_what_is_gone_is_forgotten_where_too_much_is_remembered(watch, monkeypatch) -> None:
    for number in range(3):
        watch.write(f"{number}.mp4")
    await watch.look(2)
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    (watch.folder / "0.mp4").unlink()
    await watch.look()
    assert [key.rpartition("/")[2] for key in await watch.store.keys(f"dir_poll {watch.cores.find('core-2').id}")] == ["1.mp4", "2.mp4"]
