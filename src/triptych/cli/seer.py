"""A camera of a running server as the commands see it: its calls, whose refusals come back as our own errors."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from triptych.cli.client import Client
from triptych.errors import TriptychError

REQUIRED = ("job_type", "scenario", "predicted_mission", "recognized_persons", "non_moving_target", "ai")
DEFAULTS: Mapping[str, Any] = dict.fromkeys(REQUIRED) | {"job_type": "track", "predicted_mission": False}


class Said(msgspec.Struct, frozen=True):
    """What the camera panel answers."""

    status: str
    message: str = ""
    data: Any = None


class Seer:
    """The calls about one camera. Each raises `TriptychError` with the server's own sentence."""

    def __init__(self, client: Client, camera: str | None) -> None:
        self._client = client
        self._camera = {} if camera is None else {"camera": camera}

    async def cameras(self) -> list[dict[str, Any]]:
        """Return every camera."""
        found: list[dict[str, Any]] = (await self._said(await self._client.get("/api/cameras"))).data
        return found

    async def state(self) -> dict[str, Any]:
        """Return the state object."""
        found: dict[str, Any] = (await self._said(await self._client.get("/api/job", cause="state", **self._camera))).data
        return found

    async def start(self, cause: str, **query: str) -> None:
        """Start an activity; for track, wait for the lock."""
        await self._said(await self._client.put(self._path(cause=cause, **query), {}))

    async def stop(self, cause: str) -> None:
        """Stop an activity."""
        await self._said(await self._client.delete(self._path(cause=cause)))

    async def pause(self, cause: str | None) -> None:
        """Hold an activity, or all."""
        await self._said(await self._client.delete(self._path(pause="true", **({} if cause is None else {"cause": cause}))))

    async def resume(self, cause: str | None) -> None:
        """Go on with an activity, or with all."""
        await self._said(await self._client.patch(self._path(**({} if cause is None else {"cause": cause}))))

    async def set(self, **changed: Any) -> None:
        """Change some parameters; the others stay as they are."""
        kept = {key: value for key, value in (await self.state())["parameters"].items() if key in DEFAULTS}
        await self._said(await self._client.post(self._path(), {**DEFAULTS, **kept, **changed}))

    async def shots(self, date: str) -> list[dict[str, Any]]:
        """Return the shots of a date, DD_MM_YYYY, oldest first."""
        return list((await self._kept(date))["shots"])

    async def recordings(self, date: str) -> list[dict[str, Any]]:
        """Return the recordings of a date, DD_MM_YYYY, oldest first."""
        return list((await self._kept(date))["shoots"])

    async def frame(self, *, marks: bool) -> bytes:
        """Return the newest picture, a JPEG."""
        return await self._client.get("/api/stream/frame.jpg", marks=int(marks), **self._camera)

    async def fetch(self, record_id: str) -> bytes:
        """Return the bytes of a recording or shot."""
        return await self._client.get("/api/record", id=record_id, **self._camera)

    async def _kept(self, date: str) -> Any:
        return (await self._said(await self._client.get("/api/record", date=date, **self._camera))).data

    def _path(self, **query: str) -> str:
        return f"/api/job?{urlencode({**query, **self._camera})}"

    async def _said(self, body: bytes) -> Said:
        said = self._client.decode(body, Said)
        if said.status != "OK":
            raise TriptychError(said.message or "the camera refused without a reason", code="refused")
        return said
