"""Documents of alarms and recordings, taken from the log of a real store over restarts."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from episodes import ALARM, CLOSED, RECORDING, Telling, alarm, recording
from scripted import MovedClock, engine_on
from triptych import registrar as module
from triptych.buses.memory import MemoryBus
from triptych.cores import Cores
from triptych.errors import Conflict, NotFound, Unavailable
from triptych.model import EndReason, Fault, State
from triptych.panels.annotations import notice
from triptych.registrar import MEDIA, THUMBNAIL, Registrar
from triptych.stores.memory import MemoryStore
from triptych.upkeep import Upkeep


class House:
    """A store with an engine over it, and registrars that come and go."""

    def __init__(self, store, engine, folder, clock) -> None:
        self.store = store
        self.engine = engine
        self.folder = folder
        self.clock = clock
        self.cores = Cores(store, engine, clock, 4)
        self.events = []

    async def registrar(self) -> Registrar:
        made = Registrar(
            engine=self.engine,
            catalog=self.store,
            clock=self.clock,
            cores=self.cores,
            folder=self.folder,
            announce=self._announce,
            tell=notice,
        )
        await made.load()
        return made

    async def told(self, **episode) -> Telling:
        job = Telling(self.store, self.clock.now)
        await job.begin()
        await job.episode(**episode)
        return job

    def files(self, job) -> list:
        paths = [self.folder / job.id / f"{RECORDING}{suffix}" for suffix in (MEDIA, THUMBNAIL)]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        for path in paths:
            path.write_bytes(b"bytes")
        return paths

    async def _announce(self, event) -> None:
        self.events.append(event)


@asynccontextmanager
async def _house(folder):
    bus, clock = MemoryBus(), MovedClock()
    async with MemoryStore() as store, engine_on(store, bus, folder / "output", clock=clock) as engine:
        house = House(store, engine, folder / "media", clock)
        await house.cores.load()
        yield house
    await bus.close()


@pytest.fixture
async def house(tmp_path):
    async with _house(tmp_path) as house:
        yield house


async def test_an_episode_becomes_one_alarm_and_one_recording(house) -> None:
    """media 3.3, A2: the documents as they are told, `core`, `name` and `media` filled in."""
    job, registrar = await house.told(), await house.registrar()
    await registrar.run_once()
    (seen,), (cut,) = registrar.all("alarms"), registrar.all("recordings")
    assert list(seen) == [
        *("_id", "job", "core", "feature", "severity", "startTimeOffset", "endTimeOffset", "startTime", "endTime", "open"),
        *("recording", "acknowledged"),
    ]
    assert seen | {"startTime": 0} == {
        **alarm(job.id, open=False, endTimeOffset="11.000000s", endTime=CLOSED, recording=RECORDING, startTime=0),
        "core": "core-2",
    }
    assert list(cut) == [
        *("_id", "name", "job", "core", "feature", "alarm", "startTimeOffset", "endTimeOffset", "startTime", "endTime", "state"),
        *("bytes", "sha256", "media"),
    ]
    assert cut == {
        **recording(job.id, state="ready", bytes=5, sha256="ab" * 32, endTime=CLOSED),
        "name": RECORDING,
        "core": "core-2",
        "media": f"/api/ai/recordings/{RECORDING}/media",
    }


async def test_the_log_is_followed_over_restarts_without_gap_or_repeat(house) -> None:
    """media A1: one alert an episode, whenever the server was stopped."""
    job = Telling(house.store)
    await job.begin()
    await job.tell("alarm", alarm(job.id))
    first = await house.registrar()
    await first.run_once()
    await job.tell("alarm", alarm(job.id, open=False))
    second = await house.registrar()
    assert second.find("alarms", ALARM)["open"]
    await second.run_once()
    third = await house.registrar()
    await third.run_once()
    assert not third.find("alarms", ALARM)["open"]
    assert [(event.name, event.subject) for event in house.events] == [("alarm.opened", ALARM), ("alarm.closed", ALARM)]


async def test_what_is_read_again_after_a_crash_changes_nothing(house) -> None:
    job, registrar = await house.told(), await house.registrar()
    await registrar.run_once()
    await registrar.acknowledge(ALARM, "ada")
    before = registrar.all("alarms"), registrar.all("recordings")
    await house.store.drop(*module.CURSOR)
    again = await house.registrar()
    await again.run_once()
    assert (again.all("alarms"), again.all("recordings")) == before
    assert len({event.id for event in house.events}) == len(house.events) == 2
    assert job.id == before[0][0]["job"]


async def test_an_acknowledgement_survives_what_the_job_tells_later(house) -> None:
    """media A2: acknowledged is the operator's word."""
    job, registrar = Telling(house.store), await house.registrar()
    await job.begin()
    await job.tell("alarm", alarm(job.id))
    await registrar.catch_up()
    seen = (await registrar.acknowledge(ALARM, "ada"))["acknowledged"]
    assert seen["operator"] == "ada"
    assert (await registrar.acknowledge(ALARM, "bob"))["acknowledged"] == seen
    await job.tell("alarm", alarm(job.id, open=False))
    await registrar.catch_up()
    assert registrar.find("alarms", ALARM)["acknowledged"] == seen
    with pytest.raises(NotFound, match="alarm not found"):
        await registrar.acknowledge(RECORDING, "ada")


async def test_a_newer_attempt_takes_the_place_of_what_an_earlier_one_told(house) -> None:
    """media J5: a job that runs again tells its alarms again, by other ids."""
    job, registrar = await house.told(), await house.registrar()
    files = house.files(job)
    await registrar.catch_up()
    await job.lose()
    await job.start()
    other = "64b1f0a2c3d4e5f60123cccc"
    await registrar.catch_up()
    assert registrar.find("alarms", ALARM)
    await job.tell("alarm", alarm(job.id, _id=other))
    await registrar.catch_up()
    assert [document["_id"] for document in registrar.all("alarms")] == [other]
    assert registrar.all("recordings") == []
    assert not any(path.exists() for path in files)
    assert [document["document"]["_id"] for document in await house.store.all("alarms")] == [other]


async def test_what_a_job_leaves_open_is_closed_with_it(house) -> None:
    """media A2, A4: also a job that was cancelled in the middle of an episode."""
    job, registrar = Telling(house.store), await house.registrar()
    await job.begin()
    await job.tell("alarm", alarm(job.id))
    await job.tell("recording", recording(job.id))
    await job.end(EndReason.CANCELLED)
    await registrar.catch_up()
    assert registrar.find("alarms", ALARM)["open"] is False
    assert registrar.find("alarms", ALARM)["endTime"] is not None
    assert registrar.find("recordings", RECORDING)["state"] == "failed"
    assert [event.name for event in house.events] == ["alarm.opened", "alarm.closed", "job.cancelled"]


@pytest.mark.parametrize(
    ("reason", "name"), [(EndReason.DONE, "job.done"), (EndReason.FAILED, "job.failed"), (EndReason.CANCELLED, "job.cancelled")]
)
async def test_the_end_of_a_job_is_told_once(house, reason, name) -> None:
    """media A4: job.done, job.failed, job.cancelled."""
    job, registrar = Telling(house.store), await house.registrar()
    await job.begin()
    await job.end(reason, fault=None if reason is EndReason.DONE else Fault(code="bad_media", message="no film"))
    await registrar.catch_up()
    (event,) = house.events
    assert (event.name, event.subject, event.data["status"]) == (name, job.id, name.removeprefix("job."))
    assert ("error" in event.data) == (reason is not EndReason.DONE)
    assert event.payload["id"] == event.id


async def test_the_end_of_a_job_is_told_as_an_end_though_the_engine_learns_of_it_later(tmp_path) -> None:
    """The log is committed a moment before the engine knows what it committed."""
    bus, clock, store = MemoryBus(), MovedClock(), MemoryStore()
    job = Telling(store)
    await job.begin()
    async with engine_on(store, bus, tmp_path / "output", clock=clock) as engine:
        house = House(store, engine, tmp_path / "media", clock)
        registrar = await house.registrar()
        await registrar.catch_up()
        await job.end()
        assert (await engine.find(job.id)).state is State.STARTING
        following = asyncio.create_task(registrar.catch_up())
        while not engine._ledger.jobs._waiters:
            await asyncio.sleep(0)
        assert house.events == []
        engine._ledger._remember(await store.find(job.id))
        await following
        assert [event.name for event in house.events] == ["job.done"]
    await bus.close()


async def test_commands_are_none_of_its_business(house) -> None:
    registrar = await house.registrar()
    await registrar.catch_up()
    assert house.events == []


@pytest.mark.parametrize("told", [{"_id": "../../etc/passwd"}, {"_id": None}, {"severity": "high"}, {"feature": None}])
async def test_what_is_no_document_is_left_out_and_stops_nothing(house, told) -> None:
    job, registrar = Telling(house.store), await house.registrar()
    await job.begin()
    await job.tell("alarm", alarm(job.id) | told)
    await job.tell("recording", recording(job.id))
    await registrar.catch_up()
    assert registrar.all("alarms") == []
    assert len(registrar.all("recordings")) == 1


async def test_what_the_store_did_not_keep_is_taken_in_again(house, monkeypatch) -> None:
    """media A1: no gap; the log is read on from where all was kept."""
    await house.told()
    registrar, put = await house.registrar(), house.store.put

    async def full(*_) -> None:
        raise Unavailable("disk full", code="store_unavailable")

    monkeypatch.setattr(house.store, "put", full)
    with pytest.raises(Unavailable):
        await registrar.catch_up()
    assert registrar.all("alarms") == []
    monkeypatch.setattr(house.store, "put", put)
    await registrar.catch_up()
    assert [(seen["_id"], seen["open"]) for seen in registrar.all("alarms")] == [(ALARM, False)]
    assert len({event.id for event in house.events}) == 2


async def test_a_job_cannot_tell_of_another_jobs_alarm(house) -> None:
    first, registrar = await house.told(), await house.registrar()
    other = Telling(house.store)
    await other.begin()
    await other.tell("alarm", alarm(first.id, severity=0.5))
    await registrar.catch_up()
    assert registrar.find("alarms", ALARM) | {"job": 0} == registrar.find("alarms", ALARM) | {"job": 0, "severity": 1.0}
    assert registrar.find("alarms", ALARM)["job"] == first.id


async def test_a_recording_is_erased_with_its_files_and_not_while_it_is_made(house) -> None:
    """media R2: DELETE."""
    job, registrar = Telling(house.store), await house.registrar()
    await job.begin()
    await job.tell("recording", recording(job.id))
    await registrar.catch_up()
    with pytest.raises(Conflict, match="recording is being made"):
        await registrar.erase(RECORDING)
    await job.tell("recording", recording(job.id, state="ready"))
    files = house.files(job)
    await registrar.catch_up()
    await registrar.erase(RECORDING)
    assert not any(path.exists() for path in files)
    with pytest.raises(NotFound, match="recording not found"):
        await registrar.erase(RECORDING)
    assert await house.store.all("recordings") == []


async def test_nothing_of_a_forgotten_job_is_left_or_comes_back(house) -> None:
    """media 2.2: DELETE of a job takes its recordings and alarms along, though they were not read yet."""
    job, registrar = await house.told(), await house.registrar()
    await job.end()
    await registrar.forget(job.id, house.engine.forget)
    assert registrar.all("alarms") == registrar.all("recordings") == []
    assert [event.name for event in house.events] == ["alarm.opened", "alarm.closed", "job.done"]
    again = await house.registrar()
    await again.run_once()
    assert again.all("alarms") == await house.store.all("alarms") == []


async def test_documents_go_when_their_job_is_past_its_time(house) -> None:
    """media T1: with a set clock; the job's alarms and recordings go after it."""
    job, registrar = await house.told(), await house.registrar()
    live = Telling(house.store, house.clock.now)
    await job.end()
    await live.begin(3)
    await live.tell("alarm", alarm(live.id, _id="64b1f0a2c3d4e5f60123cccc"))
    await registrar.run_once()
    house.clock.ahead = timedelta(days=31)
    await Upkeep(house.engine, house.clock, forgotten=registrar.drop).prune()
    with pytest.raises(NotFound):
        await house.engine.find(job.id)
    assert [document["job"] for document in registrar.all("alarms")] == [live.id]
    assert registrar.all("recordings") == await house.store.all("recordings") == []


async def test_documents_that_a_crash_left_behind_their_job_go_with_the_next_round(house) -> None:
    """media T1."""
    job, registrar = await house.told(), await house.registrar()
    files = house.files(job)
    await job.end()
    await registrar.run_once()
    await house.engine.forget(job.id)
    await registrar.run_once()
    assert len(registrar.all("alarms")) == 1
    house.clock.ahead = timedelta(minutes=11)
    await registrar.run_once()
    assert registrar.all("alarms") == registrar.all("recordings") == await house.store.all("alarms") == []
    assert not any(path.exists() for path in files)


async def test_the_alarm_of_a_camera_is_announced_to_its_webhook_and_is_no_document(house) -> None:
    """camera 4, secure: one alarm event, and a webhook when one is set."""
    job, registrar = Telling(house.store, house.clock.now, kind="camera"), await house.registrar()
    await job.begin()
    await job.tell("camera", {"state": "active"})
    await job.tell("alarm", {"id": "a1", "camera": "gate", "record": "r1"})
    await registrar.run_once()
    (event,) = house.events
    assert (event.name, event.subject, event.target, event.data["record"]) == ("camera.alarm", "a1", "camera:gate", "r1")
    assert registrar.all("alarms") == []
