"""Which camera a request means, what is kept for it, and how its process is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from triptych.camera.definition import DEFAULT_CAMERA, Definition, read_definition
from triptych.camera.parameters import Mark, Parameters
from triptych.contracts import Catalog
from triptych.errors import Invalid, NotFound, TriptychError, Unavailable
from triptych.kinds import KINDS, CameraSpec
from triptych.messages import Ask
from triptych.model import Json, Submission, WorkerState
from triptych.panels.http import Service, service

DEFINITIONS = "cameras"
PARAMETERS = "camera.parameters"
KIND = "camera"
ANSWER_BOUND = timedelta(seconds=6)
BUSY_PAUSE = timedelta(milliseconds=50)
STARTS = 20
BUSY = "process_busy"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera keeps over restarts."""

    parameters: Parameters = Parameters()
    mark: Mark | None = "single_rect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera as a request found it."""

    id: str
    definition: Definition
    kept: Kept

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of its process and of its sessions."""
        kept: dict[str, Any] = msgspec.to_builtins(self.kept)
        definition: dict[str, Any] = msgspec.to_builtins(self.definition)
        spec: dict[str, Any] = msgspec.to_builtins(CameraSpec(camera=self.id, definition=definition, **kept))
        return spec


def words(request: HTTPConnection, known: frozenset[str]) -> Mapping[str, str]:
    """Return the query. Raises `Invalid` when a known parameter is given twice (camera W8)."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in known and name in found:
            raise Invalid(f"{name} must be given once.", field=name)
        found[name] = value
    return found


async def named(request: HTTPConnection, query: Mapping[str, str]) -> Camera:
    """Return the camera that a query names, or the default one. Raises `NotFound`."""
    camera_id = query.get("camera", DEFAULT_CAMERA)
    catalog = service(request).catalog
    document = await catalog.get(DEFINITIONS, camera_id)
    if document is None and camera_id != DEFAULT_CAMERA:
        raise NotFound("camera must be the id of a camera.", code="camera_not_found", field="camera")
    kept = await catalog.get(PARAMETERS, camera_id)
    return Camera(
        id=camera_id,
        definition=Definition(name="Default camera") if document is None else read_definition(document),
        kept=Kept() if kept is None else msgspec.convert(kept, Kept),
    )


async def everyone(catalog: Catalog) -> list[tuple[str, Definition]]:
    """Return every camera's id and definition, the default one first."""
    stored = {key: read_definition(await catalog.get(DEFINITIONS, key)) for key in await catalog.keys(DEFINITIONS)}
    first = stored.pop(DEFAULT_CAMERA, Definition(name="Default camera"))
    return [(DEFAULT_CAMERA, first), *stored.items()]


async def keep(door: Service, camera: Camera, kept: Kept) -> None:
    """Store parameters and mark, at once in force where the camera is in use. Raises what its process refuses; nothing changed then."""
    data: dict[str, Any] = msgspec.to_builtins(kept)
    try:
        await ask(door, camera, "configure", data)
    except Unavailable as fault:
        if fault.code != "worker_not_connected":
            raise
    await door.catalog.put(PARAMETERS, camera.id, data)


async def ask(door: Service, camera: Camera, verb: str, data: Json | None = None, bound: timedelta = ANSWER_BOUND) -> Json:
    """Ask the process of a camera; once more if that one was just ending.

    Raises `TriptychError` with the code and text of its refusal, or `Unavailable`.
    """
    process = KINDS[KIND].process("", {"camera": camera.id})
    door.happenings.expect(camera.id)
    request = Ask(process=process, kind=KIND, spec=camera.spec, verb=verb, data=dict(data or {}))
    try:
        return await door.engine.probe(camera.definition.worker, request, bound)
    except TriptychError as fault:
        if fault.code != "worker_lost":
            raise
    return await door.engine.probe(camera.definition.worker, request, bound)


async def ask_in_session(door: Service, camera: Camera, verb: str, data: Json | None = None, bound: timedelta = ANSWER_BOUND) -> Json:
    """Ask for what needs a session; one is begun where there is none."""
    for _ in range(STARTS):
        try:
            return await ask(door, camera, verb, data, bound)
        except TriptychError as fault:
            if fault.code != "no_session":
                raise
        await _begin(door, camera)
    return await ask(door, camera, verb, data, bound)


async def _begin(door: Service, camera: Camera) -> None:
    """Submit a session; one that another client began meanwhile, or that is just ending, is given a moment instead."""
    submission = Submission(kind=KIND, spec=camera.spec, worker_id=await _worker(door, camera), queue=False)
    try:
        await door.engine.submit(submission)
    except TriptychError as fault:
        if fault.code != BUSY:
            raise
        await door.clock.sleep(BUSY_PAUSE)


async def _worker(door: Service, camera: Camera) -> str:
    if camera.definition.worker is not None:
        return camera.definition.worker
    for worker in await door.engine.workers():
        if worker.state is WorkerState.READY:
            return worker.id
    raise Unavailable("worker not connected", code="worker_not_connected")
