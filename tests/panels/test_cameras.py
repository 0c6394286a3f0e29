"""How the panel finds a camera, keeps its parameters and begins a session, against a worker that does as the test says."""

import asyncio

import pytest

from panels.system import running_system
from triptych.camera.parameters import Parameters
from triptych.errors import TriptychError
from triptych.messages import Answer, Ask, Ended, Refused
from triptych.model import End, EndReason
from triptych.panels.camera import PANEL
from triptych.panels.cameras import DEFINITIONS, PARAMETERS, Kept, ask, ask_in_session, everyone, keep, named
from triptych.panels.http import SERVICE_KEY

KEPT = Kept(parameters=Parameters(ai="official_ai"), mark=None)


class Asking:
    """A request that came to the service."""

    def __init__(self, service):
        self.scope = {SERVICE_KEY: service}


@pytest.fixture
async def system(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        await system.worker.announce(slots={"camera": 8})
        yield system


@pytest.fixture
def door(system):
    return system.door.app.service


@pytest.fixture
async def camera(door):
    return await named(Asking(door), {})


def scripted(system, answer):
    """Let the worker answer asks by `answer(verb)`."""
    before = system.worker.answer
    asks = []

    async def do(request):
        if not isinstance(request, Ask):
            return await before(request)
        asks.append(request)
        return answer(request)

    return asks, do


async def serve(system, answer):
    asks, do = scripted(system, answer)
    system.worker.bus._served.clear()
    await system.worker.bus.serve(system.worker.id, do)
    return asks


async def test_an_unknown_camera_is_not_found(door):
    with pytest.raises(TriptychError, match="camera"):
        await named(Asking(door), {"camera": "attic"})


async def test_a_stored_camera_is_found_and_listed_after_the_default_one(door):
    await door.catalog.put(DEFINITIONS, "attic", {"name": "Attic", "source": {"kind": "scene", "figures": 1}})
    assert (await named(Asking(door), {"camera": "attic"})).definition.name == "Attic"
    assert [camera_id for camera_id, _ in await everyone(door.catalog)] == ["default", "attic"]


async def test_what_is_kept_is_in_force_first_and_then_stored(system, door, camera):
    asks = await serve(system, lambda request: Answer())
    await keep(door, camera, KEPT)
    assert [(request.process, request.verb) for request in asks] == [("camera:default", "configure")]
    assert asks[0].data["parameters"]["ai"] == "official_ai"
    assert (await named(Asking(door), {})).kept == KEPT


async def test_what_is_refused_is_not_stored(system, door, camera):
    await serve(system, lambda request: Refused(code="not_available_yet", message="not available yet"))
    with pytest.raises(TriptychError):
        await keep(door, camera, KEPT)
    assert await door.catalog.get(PARAMETERS, "default") is None


async def test_a_session_is_begun_where_there_is_none(system, door, camera):
    asks = await serve(system, lambda request: Answer() if system.worker.started else Refused(code="no_session", message="none"))
    await ask_in_session(door, camera, "record")
    assert len(asks) == 2
    assert system.worker.started[0].process == "camera:default"


async def test_clients_at_once_share_one_session(system, door, camera):
    """Camera row 16."""
    await serve(system, lambda request: Answer() if system.worker.started else Refused(code="no_session", message="none"))
    await asyncio.gather(*(ask_in_session(door, camera, "track") for _ in range(5)))
    assert len(system.worker.started) == 1


async def test_a_session_that_is_just_ending_is_waited_for(system, door, camera):
    ended = []

    async def end_soon(job_id):
        await system.worker.report(job_id, Ended(end=End(reason=EndReason.DONE)))
        ended.append(job_id)

    ends = []

    def answer(request):
        if len(system.worker.started) == 1 and not ends:
            ends.append(asyncio.create_task(end_soon(system.worker.started[0].job_id)))
        return Answer() if len(system.worker.started) > 1 else Refused(code="no_session", message="none")

    await serve(system, answer)
    await ask_in_session(door, camera, "record")
    assert len(system.worker.started) == 2
    assert ended


async def test_any_other_refusal_is_passed_on(system, door, camera):
    await serve(system, lambda request: Refused(code="disk_full", message="disk full"))
    with pytest.raises(TriptychError, match="disk full"):
        await ask_in_session(door, camera, "record")
    assert not system.worker.started


async def test_a_process_that_was_just_ending_is_asked_again(system, door, camera):
    answers = [Refused(code="worker_lost", message="the process died"), Answer(data={"state": "idle"})]
    await serve(system, lambda request: answers.pop(0))
    assert await ask(door, camera, "state") == {"state": "idle"}
