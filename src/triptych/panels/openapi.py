"""The OpenAPI 3.1 document and a reference page, both made from the one route table."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from triptych import __version__
from triptych.panels.http import Panel, Role, Route, json_answer
from triptych.panels.table import Table

Json = dict[str, Any]
RAW = frozenset({bytes, str, None})
REF = "#/components/schemas/{name}"
TAG = "reference"


async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return json_answer(document(request.app.table))


async def home(request: Request) -> Response:  # noqa: ARG001 - every handler takes its request
    """Send who opens the bare address to the reference."""
    return RedirectResponse("/reference")


async def reference(request: Request) -> Response:
    """Return the reference as a page that asks nothing of anybody."""
    page, style = _page(request.app.table)
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return Response(page, media_type="text/html", headers={"content-security-policy": policy})


@lru_cache(maxsize=4)
def document(table: Table) -> Json:
    """Return the document of every route, contract routes included."""
    types = [kind for panel, route in table for kind in _types(panel, route)]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = _Schemas(dict(zip(map(repr, types), schemas, strict=True)))
    paths: dict[str, Json] = {}
    for panel, route in table:
        paths.setdefault(_plain(route.path), {})[route.method.lower()] = _operation(panel, route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Triptych", "version": __version__, "summary": "Three documented job APIs over one job engine."},
        "paths": paths,
        "components": {"schemas": components},
    }


class _Schemas:
    """The schema of each type that a route names."""

    def __init__(self, known: Mapping[str, Json]) -> None:
        self._known = known

    def __call__(self, kind: object) -> Json:
        return self._known[repr(kind)]

    def content(self, kind: object, media_type: str) -> Json:
        """Return a body of this type; raw bytes and text have no schema but their media type."""
        if kind in RAW or not media_type.endswith("json"):
            return {media_type: {}}
        return {media_type: {"schema": self(kind)}}


def _types(panel: Panel, route: Route) -> list[object]:
    bodies = [kind for kind in (route.request, route.answer, panel.error) if kind not in RAW]
    return [*bodies, *(parameter.type for parameter in route.parameters)]


def _operation(panel: Panel, route: Route, schema_of: _Schemas) -> Json:
    operation: Json = {
        "operationId": "_".join((panel.name, route.method.lower(), *_WORDS.findall(route.path.replace("}:", "}/do/")))),
        "tags": [route.tag or panel.name],
        "summary": route.summary,
        "description": f"Role: {route.role}.",
        "parameters": [*_path_parameters(route.path), *_parameters(route, schema_of)],
        "responses": _responses(panel, route, schema_of),
    }
    if route.request is not None:
        operation["requestBody"] = {"required": True, "content": schema_of.content(route.request, "application/json")}
    return operation


def _path_parameters(path: str) -> list[Json]:
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in _NAMES.findall(path)]


def _parameters(route: Route, schema_of: _Schemas) -> list[Json]:
    return [
        {
            "name": parameter.name,
            "in": parameter.place,
            "description": parameter.summary,
            "required": parameter.required,
            "schema": schema_of(parameter.type),
            **({"style": "form", "explode": False} if schema_of(parameter.type).get("type") == "array" else {}),
        }
        for parameter in route.parameters
    ]


def _responses(panel: Panel, route: Route, schema_of: _Schemas) -> Json:
    answer = {} if route.answer is None else {"content": schema_of.content(route.answer, route.media_type)}
    fault = {} if panel.error is None else {"content": schema_of.content(panel.error, panel.error_media_type)}
    responses: Json = {str(route.status): {"description": HTTPStatus(route.status).phrase, **answer}}
    if HTTPStatus.OK in route.errors:
        responses["200"] = {"description": "The same job as before", **answer}
    for status in (status for status in route.errors if status != HTTPStatus.OK):
        bare = status < HTTPStatus.BAD_REQUEST
        responses[str(status)] = {"description": HTTPStatus(status).phrase, **({} if bare else fault)}
    return responses | {"default": {"description": "Any other fault", **fault}}


@lru_cache(maxsize=4)
def _page(table: Table) -> tuple[str, str]:
    """Return the page and the hash of its style, by which the page's policy allows it."""
    templates = Environment(loader=PackageLoader("triptych.panels", ""), autoescape=True, undefined=StrictUndefined)
    style = templates.get_template("reference.css").render()
    page = templates.get_template("reference.html").render(table=table, document=document(table), style=style, version=__version__)
    return page, b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _plain(path: str) -> str:
    return _CONVERTOR.sub("", path)


_WORDS = re.compile(r"\w+")
_NAMES = re.compile(r"{(\w+)(?::\w+)?}")
_CONVERTOR = re.compile(r"(?<=\w):\w+(?=})")

ROUTES = (
    Route(method="GET", path="/", handler=home, role=Role.VIEWER, summary="The way to the reference.", status=307, tag=TAG),
    Route(
        method="GET",
        path="/openapi.json",
        handler=openapi,
        role=Role.VIEWER,
        summary="The OpenAPI 3.1 document of every route.",
        answer=dict[str, Any],
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/reference",
        handler=reference,
        role=Role.VIEWER,
        summary="This reference as a page.",
        answer=str,
        media_type="text/html",
        tag=TAG,
    ),
)
