"""`/api/live_stream`, where live streams go, and `/api/stream/live.mp4`, the stream itself (camera 6)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.sites import KEY_CHARACTERS, URL_CHARACTERS, Account, Site, Target, address, check_label, check_server
from triptych.errors import Invalid, NotFound, TriptychError, Unavailable
from triptych.model import Json
from triptych.panels.cameras import Camera, ask, named, words
from triptych.panels.http import Handler, Parameter, Role, Route, Service, caller, json_answer, live_stream, read_body, read_json, service
from triptych.panels.livesites import change, find, find_account, key_name, keys, load, set_keys, targets, with_account, with_site

KNOWN = frozenset({"cause", "id", "account_name", "in_use", "camera", "admin_id"})
OK = {"status": "OK"}
MOST_BYTES = 64 * 1024
DEEPEST = 4
TOUCH_BOUND_S = 2.0
FIRST_BYTES = timedelta(seconds=5)
LOOK = timedelta(milliseconds=100)
SECRET = "****"  # noqa: S105 - what is told in place of a key


class SiteAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site is to be, or an account of it: `account_name` and `key`. A change leaves out what stays."""

    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    server: str | UnsetType = UNSET
    marks: bool | UnsetType = UNSET
    account_name: str | UnsetType = UNSET
    key: str | UnsetType = UNSET


SITE = ("name", "url", "server", "marks")
ACCOUNT = ("account_name", "key")


async def get_sites(request: Request) -> Response:
    """Answer every site without its keys, or whether one that is enabled can be reached."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    match query.get("cause", "list"):
        case "list":
            return json_answer({**OK, "data": [_shown(site) for site in await load(service(request), camera)]})
        case "availability":
            return json_answer({**OK, "data": await _reachable(service(request), camera)})
    raise Invalid("cause must be availability or list.", field="cause")


async def post_site(request: Request) -> Response:
    """Keep a new site, or with `id` a new account of that site."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    if query.get("id"):
        await _keep_account(request, camera, query["id"], None)
        return json_answer(OK)
    asked = await _read(request, SITE)
    if asked.name is UNSET or asked.server is UNSET:
        raise Invalid("name and server must be given.", field="name" if asked.name is UNSET else "server")
    site = _changed(Site(id=str(uuid.uuid4()), name="", server=""), asked)
    await change(service(request), camera, lambda sites: with_site(sites, site))
    _audit(request, "live.site.save", site.id)
    return json_answer({**OK, "data": {"id": site.id}})


async def put_site(request: Request) -> Response:
    """Change a site, or with `account_name` an account of it."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    site_id = query.get("id", "")
    if query.get("account_name"):
        await _keep_account(request, camera, site_id, query["account_name"])
        return json_answer(OK)
    asked = await _read(request, SITE)
    await change(service(request), camera, lambda sites: with_site(sites, _changed(find(sites, site_id), asked)))
    _audit(request, "live.site.save", site_id)
    return json_answer(OK)


async def patch_site(request: Request) -> Response:
    """Use a site or an account from the next start on, or do not."""
    query = words(request, KNOWN)
    camera = await named(request, query)
    in_use, site_id, account_name = _flag(query.get("in_use")), query.get("id"), query.get("account_name")

    def edit(sites: tuple[Site, ...]) -> tuple[Site, ...]:
        site = find(sites, site_id)
        if query.get("cause") == "website":
            return with_site(sites, replace(site, to_be_used=in_use))
        account = find_account(site, account_name)
        return with_site(sites, with_account(site, account.account_name, replace(account, is_active=in_use)))

    if query.get("cause") not in {"website", "stream_id"}:
        raise Invalid("cause must be website or stream_id.", field="cause")
    await change(service(request), camera, edit)
    return json_answer(OK)


async def delete_site(request: Request) -> Response:
    """Forget a site with its keys, or with `account_name` one account."""
    query = words(request, KNOWN)
    door, camera = service(request), await named(request, query)
    gone: list[str] = []

    def edit(sites: tuple[Site, ...]) -> tuple[Site, ...]:
        site = find(sites, query.get("id"))
        if query.get("account_name"):
            account = find_account(site, query["account_name"])
            gone.append(account.account_name)
            return with_site(sites, replace(site, stream_ids=tuple(one for one in site.stream_ids if one != account)))
        gone.extend(one.account_name for one in site.stream_ids)
        return tuple(one for one in sites if one.id != site.id)

    await change(door, camera, edit)
    await set_keys(door, {key_name(query["id"], name): None for name in gone})
    _audit(request, "live.site.delete", query["id"])
    return json_answer(OK)


async def get_live(request: Request) -> Response:
    """Answer the live stream as a fragmented mp4 that ends with it."""
    door, camera = service(request), await named(request, words(request, KNOWN))
    first = await _first(door, camera)
    return live_stream(_fragments(door, camera, first), "video/mp4", {"cache-control": "no-store"})


async def bring_targets(request: Request, camera: Camera) -> Json:
    """Return where a live stream that is to start goes. Raises `Invalid` for an enabled site without a key."""
    return {"targets": [msgspec.to_builtins(target) for target in await targets(service(request), camera)]}


async def _keep_account(request: Request, camera: Camera, site_id: str, before: str | None) -> None:
    """Keep a new account, or a change of the one named `before`, and its key."""
    door, asked = service(request), await _read(request, ACCOUNT)
    if before is None and (asked.account_name is UNSET or asked.key is UNSET):
        raise Invalid("account_name and key must be given.", field="account_name" if asked.account_name is UNSET else "key")
    name = before if asked.account_name is UNSET else asked.account_name
    check_label(name or "", "account_name")
    if asked.key is not UNSET:
        check_label(asked.key, "key", KEY_CHARACTERS)

    def edit(sites: tuple[Site, ...]) -> tuple[Site, ...]:
        site = find(sites, site_id)
        account = Account(account_name="") if before is None else find_account(site, before)
        return with_site(sites, with_account(site, before, replace(account, account_name=name)))

    await change(door, camera, edit)
    await set_keys(door, await _moved_keys(door, site_id, before, str(name), asked.key))
    _audit(request, "live.account.save", site_id)


async def _moved_keys(door: Service, site_id: str, before: str | None, name: str, key: str | UnsetType) -> Mapping[str, str | None]:
    """Return the changes of the file of keys when an account is called `name` now, with another key if one is given."""
    changes: dict[str, str | None] = {}
    if before is not None and before != name:
        changes = {key_name(site_id, before): None, key_name(site_id, name): (await keys(door)).get(key_name(site_id, before))}
    return changes if key is UNSET else {**changes, key_name(site_id, name): key}


async def _read(request: Request, allowed: Sequence[str]) -> SiteAsk:
    """Return the body, a JSON object with some of `allowed`. Raises `Invalid`."""
    document = read_json(await read_body(request, MOST_BYTES), depth=DEEPEST)
    if not isinstance(document, dict) or not set(document) <= set(allowed):
        raise Invalid(f"The body must be a JSON object with {', '.join(allowed)} and nothing else.", field="body")
    try:
        return msgspec.convert(document, SiteAsk)
    except msgspec.ValidationError as fault:
        where = next((name for name in allowed if f".{name}`" in str(fault)), "body")
        raise Invalid(f"{where} must be {'true or false' if where == 'marks' else 'a text'}.", field=where) from fault


def _changed(site: Site, asked: SiteAsk) -> Site:
    """Return the site as it is asked for. Raises `Invalid`."""
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not UNSET}
    changed = replace(site, **given)
    check_label(changed.name, "name")
    check_server(changed.server)
    if changed.url and (len(changed.url) > URL_CHARACTERS or not changed.url.startswith(("https://", "http://"))):
        raise Invalid(f"url must be a web address of at most {URL_CHARACTERS} characters, or empty.", field="url")
    return changed


def _flag(text: str | None) -> bool:
    words_for = {"true": True, "1": True, "false": False, "0": False}
    if text is None or text.lower() not in words_for:
        raise Invalid("in_use must be true or false.", field="in_use")
    return words_for[text.lower()]


def _shown(site: Site) -> dict[str, Any]:
    accounts = [{"account_name": one.account_name, "key": SECRET, "is_active": one.is_active} for one in site.stream_ids]
    shown: dict[str, Any] = msgspec.to_builtins(site)
    return {key: shown[key] for key in ("id", "name", "url", "server", "to_be_used", "marks")} | {"stream_ids": accounts}


async def _reachable(door: Service, camera: Camera) -> bool:
    try:
        found = await targets(door, camera)
    except Invalid:
        return False
    touched = await asyncio.gather(*(_touch(target) for target in found))
    return any(touched)


async def _touch(target: Target) -> bool:
    """Say whether a far end takes TCP connections; a file always can be written."""
    if target.kind in {"file", "srt"}:
        return target.kind == "file"
    where = address(target.server)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(TOUCH_BOUND_S):
            _, writer = await asyncio.open_connection(where.host, where.port)
        writer.close()
        return True
    return False


async def _first(door: Service, camera: Camera) -> Json:
    """Return the begin of the stream. Raises `NotFound` while it is off, `Unavailable` with code `stale` where nothing comes."""
    until = door.clock.monotonic() + FIRST_BYTES
    while not (found := await ask(door, camera, "live", {"cursor": 0})).get("data"):
        if found.get("ended", True):
            raise NotFound("There is no live stream.", code="live_off")
        if door.clock.monotonic() > until:
            raise Unavailable("The live stream has no picture yet.", code="stale")
        await door.clock.sleep(LOOK)
    return found


async def _fragments(door: Service, camera: Camera, found: Json) -> AsyncIterator[bytes]:
    with suppress(TriptychError):
        while not found["ended"]:
            if found["data"]:
                yield _bytes(found)
            else:
                await door.clock.sleep(LOOK)
            found = await ask(door, camera, "live", {"cursor": found["cursor"]})


def _bytes(found: Mapping[str, Any]) -> bytes:
    data: bytes = found["data"]
    return data


def _audit(request: Request, deed: str, site_id: str) -> None:
    service(request).audit.note(caller(request).who, deed, site=site_id)


_CAMERA = Parameter(name="camera", place="query", type=str, summary="Which camera; absent means the default one.")
_ID = Parameter(name="id", place="query", type=str, summary="Which site.")
_ACCOUNT = Parameter(name="account_name", place="query", type=str, summary="Which account of the site.")


def _cause(summary: str) -> Parameter:
    return Parameter(name="cause", place="query", type=str, summary=summary)


def _route(method: str, handler: Handler, role: Role, summary: str, *parameters: Parameter, request: type | None = None) -> Route:
    known = (*parameters, _CAMERA)
    return Route(
        method=method, path="/api/live_stream", handler=handler, role=role, summary=summary, request=request, parameters=known, tag="camera"
    )


_IN_USE = Parameter(name="in_use", place="query", type=bool, summary="`true` or `false`.", required=True)
ROUTES = (
    _route("GET", get_sites, Role.VIEWER, "Return the sites, or whether one can be reached.", _cause("list, availability.")),
    _route("POST", post_site, Role.ADMIN, "Keep a new site, or a new account of one.", _ID, request=SiteAsk),
    _route("PUT", put_site, Role.ADMIN, "Change a site or an account.", _ID, _ACCOUNT, request=SiteAsk),
    _route("PATCH", patch_site, Role.OPERATOR, "Use a site or an account, or not.", _cause("website, stream_id."), _IN_USE, _ID, _ACCOUNT),
    _route("DELETE", delete_site, Role.ADMIN, "Forget a site or an account.", _ID, _ACCOUNT),
    Route(
        method="GET",
        path="/api/stream/live.mp4",
        handler=get_live,
        role=Role.VIEWER,
        summary="Return the live stream as a fragmented mp4.",
        errors=(400, 404, 503),
        parameters=(_CAMERA,),
        tag="camera",
        media_type="video/mp4",
    ),
)
