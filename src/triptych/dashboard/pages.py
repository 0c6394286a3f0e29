"""The pages of cameras, what they are made of, and signing in where the server asks for a token."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.definition import DEFAULT_CAMERA, Definition, read_definition
from triptych.errors import Forbidden, NotFound, TriptychError
from triptych.panels.credentials import COOKIE
from triptych.panels.http import Panel, Role, Route, caller, read_body, service

DEFINITIONS = "cameras"
MOST_BYTES = 4096
SIGN_IN = "/sign-in"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
UNAUTHORIZED = 401
STATUSES = {"not_authenticated": UNAUTHORIZED, "too_many_failures": 429}
TITLES = {404: "There is no such page", UNAUTHORIZED: "Not signed in", 429: "Too many attempts"}
_TEMPLATES = Environment(loader=PackageLoader("triptych.dashboard"), autoescape=True, undefined=StrictUndefined)


class SignIn(msgspec.Struct, frozen=True):
    """What somebody signs in with."""

    token: str


async def list_cameras(request: Request) -> Response:
    """Show every camera."""
    shown = [
        {"id": camera_id, "name": found.name, "source": found.source["kind"], "head": found.head["kind"]}
        for camera_id, found in (await _cameras(request)).items()
    ]
    return _page(request, "cameras.html", page="cameras", cameras=shown)


async def show_camera(request: Request) -> Response:
    """Show one camera live."""
    camera_id = request.path_params["id"]
    found = (await _cameras(request)).get(camera_id)
    if found is None:
        raise NotFound("No camera has this id.", code="camera_not_found")
    return _page(request, "camera.html", page="camera", camera=camera_id, name=found.name)


async def get_part(request: Request) -> Response:
    """Answer a style sheet, a script or an icon."""
    parts = _parts()
    name = request.path_params["name"]
    if name not in parts:
        raise NotFound("No page has such a part.", code="route_not_found")
    body, etag = parts[name]
    headers = {**HEADERS, "etag": etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=MEDIA_TYPES[name.rpartition(".")[2]], headers=headers)


async def ask_token(request: Request) -> Response:
    """Show where to sign in."""
    return _page(request, "sign-in.html", page="sign-in")


async def sign_in(request: Request) -> Response:
    """Begin a visit with a token. The cookie is sent by this browser to this server alone and no script reads it."""
    try:
        asked = msgspec.json.decode(await read_body(request, MOST_BYTES), type=SignIn)
    except msgspec.MsgspecError:
        raise Forbidden("not authorised", code="not_authenticated") from None
    token = request.app.guards.sign_in(request.scope, asked.token)
    secret = service(request).visits.begin(token)
    answer = Response(status_code=204)
    answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict", secure=_is_secure(request))
    service(request).audit.note(f"token:{token.id}", "visit.begin")
    return answer


async def sign_out(request: Request) -> Response:
    """End a visit."""
    service(request).visits.end(request.cookies.get(COOKIE, ""))
    service(request).audit.note(caller(request).who, "visit.end")
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE)
    return answer


def refuse(fault: TriptychError, request: Request) -> Response:
    """Say a fault as a page; who is not signed in and wants to see something is shown where to sign in."""
    status = 404 if isinstance(fault, NotFound) else STATUSES.get(fault.code, 500 if fault.code == "internal" else 403)
    if status == UNAUTHORIZED and request.method == "GET":
        return Response("not authorised", 303, {**HEADERS, "location": f"{SIGN_IN}?next={quote(request.url.path)}"})
    message = fault.message if isinstance(fault, NotFound) else "This is not allowed: the server does not let you see it."
    body = _render("message.html", page="", page_token="", title=TITLES.get(status, "Not possible"), message=message)
    return Response(body, status, HEADERS, "text/html")


def _page(request: Request, template: str, **words: Any) -> Response:
    return Response(_render(template, page_token=caller(request).page_token, **words), 200, HEADERS, "text/html")


def _render(template: str, **words: Any) -> str:
    return _TEMPLATES.get_template(template).render(**words)


async def _cameras(request: Request) -> Mapping[str, Definition]:
    """Return every camera by its id, the default one first."""
    catalog = service(request).catalog
    stored = {key: read_definition(await catalog.get(DEFINITIONS, key)) for key in await catalog.keys(DEFINITIONS)}
    return {DEFAULT_CAMERA: Definition(name="Default camera")} | stored


@cache
def _parts() -> Mapping[str, tuple[bytes, str]]:
    """Return what pages are made of by name, each with its entity tag."""
    found = {part.name: part.read_bytes() for part in files("triptych.dashboard").joinpath("static").iterdir()}
    return {name: (body, f'"{hashlib.sha256(body).hexdigest()[:16]}"') for name, body in found.items()}


def _is_secure(request: Request) -> bool:
    """Say whether the browser came by TLS: here, or before the proxy, which its page's origin tells."""
    return request.url.scheme == "https" or urlsplit(request.headers.get("origin", "")).scheme == "https"


def _get(path: str, handler: Any, summary: str, *, media_type: str = "text/html", is_open: bool = False) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        role=Role.VIEWER,
        summary=summary,
        answer=str,
        errors=(404,),
        tag="pages",
        media_type=media_type,
        open=is_open,
    )


PANEL = Panel(
    name="dashboard",
    routes=(
        _get("/cameras", list_cameras, "The cameras as a page."),
        _get("/cameras/{id}", show_camera, "One camera as a page: live view, buttons and keys."),
        _get("/pages/{name}", get_part, "What pages are made of: styles, scripts, icons.", media_type="text/css", is_open=True),
        _get(SIGN_IN, ask_token, "Where to sign in with a token.", is_open=True),
        Route(
            method="POST",
            path=SIGN_IN,
            handler=sign_in,
            role=Role.VIEWER,
            summary="Begin a visit with a token.",
            request=SignIn,
            status=204,
            errors=(401, 429),
            tag="pages",
            open=True,
        ),
        Route(method="DELETE", path=SIGN_IN, handler=sign_out, role=Role.VIEWER, summary="End a visit.", status=204, tag="pages"),
    ),
    refuse=refuse,
    takes_visits=True,
)
