"""camera S1: after a crash nothing moves until a client asks, but where the definition says `resume`."""

import pytest

from panels.system import running_system
from triptych.messages import Answer, Refused, Running
from triptych.model import EndReason, Query, State
from triptych.panels.camera import BRINGS, PANEL
from triptych.panels.revival import Revival


@pytest.fixture
async def system(tmp_path):
    async with running_system(tmp_path, (PANEL,)) as system:
        await system.worker.announce(slots={"camera": 8})
        await system.door.app.service.catalog.put("cameras", "gate", {"restart": "resume"})
        await system.door.app.service.catalog.put("cameras", "attic", {})
        yield system


class Process:
    """A camera's process that has a session or none, and can be lost."""

    def __init__(self, system):
        self.system, self.asked = system, []
        system.worker.on_ask, system.worker.on_start = self.ask, self.start
        self.session = None

    async def ask(self, request):
        if self.session is None and request.verb in {"track", "record"}:
            return Refused(code="no_session", message="The camera has no session.")
        self.asked.append(request.verb)
        return Answer()

    async def start(self, request):
        self.session = request.job_id
        await self.system.worker.report(request.job_id, Running(pid=4711))
        return Answer()

    async def end(self, reason):
        job_id, self.session = self.session, None
        await self.system.worker.end(job_id, reason)
        await self.system.job(job_id, State.ENDED)
        self.asked.clear()


@pytest.fixture
async def process(system):
    return Process(system)


async def put(system, camera, *causes):
    for cause in causes:
        await system.door.ask("PUT", f"/api/job?cause={cause}&camera={camera}")


async def look(system):
    await Revival(system.door.app.service, BRINGS).run_once()


async def test_what_was_asked_for_is_begun_again_once_after_a_loss(system, process):
    await put(system, "gate", "track", "record")
    await process.end(EndReason.WORKER_LOST)
    await look(system)
    assert process.asked == ["track", "record"]
    process.asked.clear()
    await look(system)
    assert process.asked == []


async def test_what_was_stopped_since_is_not_begun_again(system, process):
    await put(system, "gate", "track", "record")
    await system.door.ask("DELETE", "/api/job?cause=track&camera=gate")
    await process.end(EndReason.WORKER_LOST)
    await look(system)
    assert process.asked == ["record"]


@pytest.mark.parametrize(("camera", "reason"), [("attic", EndReason.WORKER_LOST), ("gate", EndReason.DONE), ("gate", EndReason.FAILED)])
async def test_nothing_moves_for_any_other_reason(system, process, camera, reason):
    """camera S1."""
    await put(system, camera, "track")
    await process.end(reason)
    await look(system)
    assert process.asked == []
    assert len((await system.engine.list(Query(kind="camera"))).jobs) == 1


async def test_nothing_is_asked_while_its_session_lives(system, process):
    await put(system, "gate", "track")
    process.asked.clear()
    await look(system)
    assert process.asked == []
