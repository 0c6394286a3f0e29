"""The cores of a server, over a store and an engine in memory."""

from contextlib import asynccontextmanager

import msgspec
import pytest

from manualclock import ManualClock
from scripted import annotate, engine_on, joined, running
from triptych.buses.memory import MemoryBus
from triptych.cores import SHELF, Cores
from triptych.errors import Conflict, NotFound
from triptych.media.cores import DirPoll, Live
from triptych.stores.memory import MemoryStore

replace = msgspec.structs.replace
POLL = DirPoll(directory="in", workflow="evening")
LIVE = Live(inputType="ip", device=0, channel=1, workflow="evening", sessionLength=60, url="srt://a")


@pytest.fixture
async def store():
    async with MemoryStore() as store:
        yield store


@pytest.fixture
async def bus():
    bus = MemoryBus()
    yield bus
    await bus.close()


@pytest.fixture
async def engine(store, bus, tmp_path):
    async with engine_on(store, bus, tmp_path) as engine:
        yield engine


@pytest.fixture
async def cores(store, engine):
    return await _loaded(store, engine, 4)


async def _loaded(store, engine, count) -> Cores:
    cores = Cores(store, engine, ManualClock(), count)
    await cores.load()
    return cores


def _front(core, **fields):
    return replace(core, front=replace(core.front, **fields))


def _typed(core, type_, settings):
    return replace(_front(core, type=type_), settings=settings)


@asynccontextmanager
async def _busy(engine, bus, **ask):
    worker = await joined(engine, bus, slots={"annotate": 4})
    job = await running(engine, (await engine.submit(annotate(**ask))).id)
    yield job
    await worker.end(worker.start_of(job.id))


async def test_a_first_start_makes_core_1_to_core_n(store, cores) -> None:
    """media 3.2: a default install has four."""
    assert [(core.name, core.front.slug, core.number, core.front.index, core.front.type, core.version) for core in cores] == [
        (f"core-{number}", f"core-{number}", number, number, "file_once", 0) for number in range(1, 5)
    ]
    assert list(await store.keys(SHELF)) == ["1", "2", "3", "4"]
    assert len({core.id for core in cores}) == 4


async def test_cores_are_the_same_after_a_restart(store, engine, cores) -> None:
    await cores.edit(_front(cores.find("core-2"), name="evening", slug="news", index=9))
    assert list(await _loaded(store, engine, 4)) == list(cores)


async def test_a_core_that_is_not_counted_any_more_is_out_of_sight_and_comes_back(store, engine, cores) -> None:
    await cores.edit(_typed(cores.find("core-4"), "dir_poll", POLL))
    fewer = await _loaded(store, engine, 2)
    assert [core.number for core in fewer] == [1, 2]
    with pytest.raises(NotFound):
        fewer.find("core-4")
    assert fewer.users_of("evening") == []
    assert (await _loaded(store, engine, 4)).find("core-4") == cores.find("core-4")


async def test_a_new_core_takes_no_name_or_index_of_another(store, engine, cores) -> None:
    await cores.edit(_front(cores.find("core-1"), name="core-5", index=5))
    more = await _loaded(store, engine, 5)
    assert [(core.name, core.front.index) for core in more][-1] == ("core-5-new", 6)


async def test_edits_are_counted(cores) -> None:
    """media C1: `__v` counts edits."""
    assert [(await cores.edit(cores.find("core-1"))).version for _ in range(3)] == [1, 2, 3]


async def test_names_and_indexes_are_unique(cores) -> None:
    """media 2.5: name or index already used."""
    core = cores.find("core-2")
    for fields, message in (({"name": "core-1"}, "core name 'core-1' is in use"), ({"index": 3}, "index 3 is in use")):
        with pytest.raises(Conflict, match=f"^{message}$") as refusal:
            await cores.edit(_front(core, **fields))
        assert refusal.value.code == "in_use"
    assert cores.find("core-2") == core


async def test_the_type_of_a_busy_core_stays(engine, bus, cores) -> None:
    """media C2: changing `type` of a busy file core is 409."""
    async with _busy(engine, bus) as job:
        core = next(core for core in cores if core.number == job.berth)
        assert cores.job(core) == job
        with pytest.raises(Conflict, match=f"^core 'core-1' is running job {job.id}$"):
            await cores.edit(_typed(core, "dir_poll", POLL))
        assert (await cores.edit(_front(core, name="other"))).name == "other"
        second = await running(engine, (await engine.submit(annotate(berth_wish="2"))).id)
        assert second.berth == 2


async def test_a_refused_change_leaves_the_core_at_work(engine, bus, cores) -> None:
    async with _busy(engine, bus, berth_wish="1"):
        with pytest.raises(Conflict):
            await cores.edit(_typed(cores.find("core-1"), "live", LIVE))
        waiting = await engine.submit(annotate(berth_wish="1"))
    assert (await running(engine, waiting.id)).berth == 1


async def test_live_and_dir_poll_cores_take_no_jobs_of_clients(engine, bus, cores) -> None:
    """media J7."""
    await cores.edit(_typed(cores.find("core-1"), "live", LIVE))
    await cores.edit(_typed(cores.find("core-2"), "dir_poll", POLL))
    assert cores.closed == {1, 2}
    await joined(engine, bus, slots={"annotate": 4})
    jobs = [await running(engine, (await engine.submit(annotate())).id) for _ in range(2)]
    assert [job.berth for job in jobs] == [3, 4]
    assert (await running(engine, (await engine.submit(annotate(berth_wish="dir_poll 2"))).id)).berth == 2


async def test_who_uses_a_workflow_is_known(cores) -> None:
    """media 2.5: workflow used by a live or dir_poll core."""
    await cores.edit(_typed(cores.find("core-1"), "live", LIVE))
    await cores.edit(_typed(cores.find("core-3"), "dir_poll", POLL))
    assert cores.users_of("evening") == ["core-1", "core-3"]
    assert cores.users_of("morning") == cores.users_of("") == []
