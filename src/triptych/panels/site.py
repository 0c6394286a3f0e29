"""Who this installation is and how its machine fares (camera 6, `/api/identity` and `/api/system_info`)."""

import asyncio
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import msgspec
import psutil
from starlette.requests import Request
from starlette.responses import Response

from triptych.errors import Invalid
from triptych.panels.http import Handler, Role, Route, Service, caller, json_answer, read_body, read_json, service

OK = {"status": "OK"}
SHELF = KEY = "identity"
MOST_BYTES = 4 * 1024
PACKAGES = ("triptych", "av", "numpy", "opencv-python-headless", "starlette")
SENSORS = ("coretemp", "k10temp", "cpu_thermal", "soc_thermal", "acpitz")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names of an installation; the private one is for admins only."""

    public_id: Text
    private_id: Text
    name: Text


NOBODY = Identity(public_id=None, private_id=None, name=None)


async def get_identity(request: Request) -> Response:
    """Answer the names of this installation."""
    kept = msgspec.convert(await service(request).catalog.get(SHELF, KEY) or NOBODY, Identity, from_attributes=True)
    told: dict[str, Any] = msgspec.to_builtins(kept)
    if not caller(request).role.covers(Role.ADMIN):
        told["private_id"] = None
    return json_answer({**OK, "data": told})


async def put_identity(request: Request) -> Response:
    """Keep other names."""
    body = read_json(await read_body(request, MOST_BYTES), depth=2)
    try:
        identity = msgspec.convert(body, Identity)
    except msgspec.ValidationError:
        raise Invalid("The body must be an object with public_id, private_id and name, each null or text of 1 to 80 characters.") from None
    await service(request).catalog.put(SHELF, KEY, msgspec.to_builtins(identity))
    service(request).audit.note(caller(request).who, "identity.save")
    return json_answer(OK)


async def get_system_info(request: Request) -> Response:
    """Answer how the machine of this server fares; below operators each value is null."""
    info = await asyncio.to_thread(_measure, service(request))
    if not caller(request).role.covers(Role.OPERATOR):
        info = dict.fromkeys(info)
    return json_answer({**OK, "data": info})


def _measure(door: Service) -> dict[str, Any]:
    disk = shutil.disk_usage(door.settings.data_dir)
    return {
        "ram_usage_percent": psutil.virtual_memory().percent,
        "cpu_usage_percent": psutil.cpu_percent(interval=0.1),
        "cpu_temperature": _temperature(),
        "disk_usage_percent": round(100 * disk.used / disk.total, 1),
        "free_disk_space": disk.free,
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _temperature() -> float | None:
    """Return degrees Celsius, None on a machine that does not tell."""
    found = psutil.sensors_temperatures()
    return next((found[name][0].current for name in SENSORS if found.get(name)), None)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _route(method: str, path: str, handler: Handler, role: Role, **more: Any) -> Route:
    return Route(method=method, path=path, handler=handler, role=role, tag="camera", **more)


ROUTES = (
    _route("GET", "/api/identity", get_identity, Role.VIEWER, summary="Return the names of this installation."),
    _route("PUT", "/api/identity", put_identity, Role.ADMIN, summary="Set the names of this installation.", request=Identity),
    _route("GET", "/api/system_info", get_system_info, Role.VIEWER, summary="Return how the machine of this server fares."),
)
