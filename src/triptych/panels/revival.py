"""Begins again what a camera was at when its process or the server was lost, where its definition asks for it (camera S1)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import msgspec
import structlog
from starlette.requests import Request

from triptych.camera.parameters import ACTIVITIES
from triptych.errors import TriptychError
from triptych.model import EndReason, Job, Json, Query, State, WorkerState
from triptych.panels.cameras import KIND, Camera, ask_in_session, named
from triptych.panels.http import SERVICE_KEY, Service

log = structlog.get_logger()

SHELF = "camera.running"
EVERY = timedelta(seconds=1)
NEWEST = 50

Bring = Callable[[Request, Camera], Awaitable[Json]]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera was last asked to be at, and the lost session after which that was begun again already."""

    causes: tuple[str, ...] = ()
    revived: str | None = None


async def remember(door: Service, camera: Camera, cause: str, *, on: bool) -> None:
    """Take note that an activity was asked for or ended, for a camera that is to resume."""
    if camera.definition.restart != "resume" or cause not in ACTIVITIES:
        return
    kept = await _kept(door, camera.id)
    causes = dict.fromkeys((*kept.causes, cause)) if on else dict.fromkeys(one for one in kept.causes if one != cause)
    await door.catalog.put(SHELF, camera.id, msgspec.to_builtins(msgspec.structs.replace(kept, causes=tuple(causes))))


class Revival:
    """Looks after every camera that is to resume; once for each session that was lost, and for no other reason."""

    def __init__(self, door: Service, brings: Mapping[str, Bring]) -> None:
        self._door, self._brings = door, brings

    async def run(self) -> None:
        """Look until cancelled; what fails is logged and tried again."""
        while True:
            try:
                await self.run_once()
            except TriptychError as fault:
                log.warning("camera not resumed", reason=fault.message)
            except Exception:
                log.exception("revival failed")
            await self._door.clock.sleep(EVERY)

    async def run_once(self) -> None:
        """Look at each camera once."""
        ready = any(worker.state is WorkerState.READY for worker in await self._door.engine.workers())
        for camera_id in await self._door.catalog.keys(SHELF) if ready else ():
            await self._look_after(camera_id)

    async def _look_after(self, camera_id: str) -> None:
        kept, lost = await _kept(self._door, camera_id), await self._lost(camera_id)
        if lost is None or not kept.causes or kept.revived == lost.id:
            return
        request = Request(
            {"type": "http", "method": "PUT", "path": "/api/job", "query_string": b"", "headers": [], SERVICE_KEY: self._door}
        )
        camera = await named(request, {"camera": camera_id})
        if camera.definition.restart != "resume":
            return
        revived = msgspec.structs.replace(kept, revived=lost.id)
        await self._door.catalog.put(SHELF, camera_id, msgspec.to_builtins(revived))
        for cause in kept.causes:
            bring = self._brings.get(cause)
            await ask_in_session(self._door, camera, cause, {} if bring is None else await bring(request, camera))
            self._door.audit.note("server", f"camera.{cause}", camera=camera_id, why="restart")

    async def _lost(self, camera_id: str) -> Job | None:
        """Return the camera's last session if it was lost with its process."""
        page = await self._door.engine.list(Query(kind=KIND, limit=NEWEST, brief=True))
        last = next((job for job in page.jobs if job.spec.get("camera") == camera_id), None)
        if last is None or last.state is not State.ENDED or last.end is None:
            return None
        return last if last.end.reason is EndReason.WORKER_LOST else None


async def _kept(door: Service, camera_id: str) -> Running:
    return msgspec.convert(await door.catalog.get(SHELF, camera_id) or {}, Running)
