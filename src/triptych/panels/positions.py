"""The positions and scenarios of arms: two tables of each kind of move, one for users and those of the system (camera.md 6)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from triptych.camera.missions import HEAD_JOINTS, Move, Position, Scenario, as_scenario, check_reach, name_key, read_move
from triptych.camera.shipped import SCENARIOS
from triptych.contracts import Catalog
from triptych.errors import Conflict, Forbidden, Invalid, NotFound
from triptych.model import Json
from triptych.panels.cameras import Camera, named, words
from triptych.panels.http import Handler, Parameter, Role, Route, caller, json_answer, read_body, read_json, service

KNOWN = frozenset({"db", "id", "root", "camera", "admin_id"})
USERS = "missions"
SYSTEMS = ("predicted_missions", "emotions")
TABLES = (USERS, *SYSTEMS)
MOST_BYTES = 64 * 1024
DEEPEST = 20
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Move]):
    """One kind of move: `noun` is what it is called, `shipped` what is there from the start, by table and id."""

    kind: type[Move]
    noun: str
    shipped: Mapping[str, Mapping[str, Move]]

    async def rows(self, catalog: Catalog, db: str) -> dict[str, Move]:
        """Return every move of one table by id, in the order of their names."""
        kept: dict[str, Move | None] = dict(self.shipped.get(db, {}))
        for document in await catalog.all(self._shelf(db)):
            kept[str(document["id"])] = msgspec.convert(document["move"], self.kind) if document["move"] is not None else None
        rows = [(row_id, move) for row_id, move in kept.items() if move is not None]
        return dict(sorted(rows, key=lambda row: name_key(row[1].name)))

    async def find(self, catalog: Catalog, db: str, row_id: str) -> Move:
        """Return one move. Raises `NotFound`."""
        rows = await self.rows(catalog, db)
        if row_id not in rows:
            raise NotFound(f"id must be the id of a {self.noun} in {db}.", code="row_not_found", field="id")
        return rows[row_id]

    async def called(self, catalog: Catalog, db: str, name: str) -> Move:
        """Return the move with an equal name, or with this id. Raises `NotFound`."""
        rows = await self.rows(catalog, db)
        for row_id, move in rows.items():
            if name_key(move.name) == name_key(name) or row_id == name:
                return move
        raise NotFound(f"{self.noun} must be the name of a {self.noun} in {db}.", code="row_not_found", field=self.noun)

    async def save(self, catalog: Catalog, db: str, row_id: str, move: Move) -> None:
        """Keep a move in its row. Raises `Conflict` when another row has an equal name; nothing changed then."""
        rows = await self.rows(catalog, db)
        if any(other_id != row_id and name_key(other.name) == name_key(move.name) for other_id, other in rows.items()):
            raise Conflict(f"name must be new: there is a {self.noun} with an equal name in {db}.", field="name")
        if row_id not in rows and len(rows) >= MOST_ROWS:
            raise Conflict(f"{db} has {MOST_ROWS} rows, which is as many as it may have.")
        await catalog.put(self._shelf(db), row_id, {"id": row_id, "move": msgspec.to_builtins(move)})

    async def drop(self, catalog: Catalog, db: str, row_id: str) -> None:
        """Delete a move for good, also a shipped one. Raises `NotFound`."""
        await self.find(catalog, db, row_id)
        if row_id in self.shipped.get(db, {}):
            await catalog.put(self._shelf(db), row_id, {"id": row_id, "move": None})
        else:
            await catalog.drop(self._shelf(db), row_id)

    def _shelf(self, db: str) -> str:
        return f"camera.{self.noun}s.{db}"


POSITIONS = Table(kind=Position, noun="position", shipped={})
SCENARIO_TABLE = Table(kind=Scenario, noun="scenario", shipped=SCENARIOS)


def joint_count(camera: Camera) -> int:
    """Return how many joints a camera has; with `arm_expansion` the head's two axes are among them."""
    own = len(camera.definition.arm_options().joints_deg)
    return own + HEAD_JOINTS if own and camera.kept.parameters.arm_expansion else own


def limits(camera: Camera, count: int) -> list[tuple[float, float]]:
    """Return the limits in degrees of the first `count` joints that a camera has."""
    head = camera.definition.looks()["limits"]
    every = [*camera.definition.arm_options().joints_deg, tuple(head["tilt"]), tuple(head["pan"])]
    return every[:count]


def fitting(camera: Camera, scenario: Scenario) -> Json:
    """Return what its process needs to play a scenario. Raises `Invalid` when the camera has not the joints for it."""
    own, count = len(camera.definition.arm_options().joints_deg), scenario.joint_count
    check_reach(scenario, limits(camera, count if own and count in {own, joint_count(camera)} else joint_count(camera)))
    return {"scenario": msgspec.to_builtins(scenario)}


async def bring_scenario(request: Request, camera: Camera) -> Json:
    """Return the scenario that the parameters of a camera name. Raises `Invalid` or `NotFound` when it cannot play one."""
    asked = camera.kept.parameters
    if asked.scenario is None:
        raise Invalid("scenario must be set to the name of a scenario.", field="scenario")
    db = SYSTEMS[0] if asked.predicted_mission else USERS
    return fitting(camera, await SCENARIO_TABLE.called(service(request).catalog, db, asked.scenario))


async def bring_move(request: Request, camera: Camera, db: str, noun: str, name: str) -> Json:
    """Return what plays a position or scenario once. Raises `Invalid` or `NotFound`."""
    catalog = service(request).catalog
    found = await (POSITIONS.called(catalog, db, name) if noun == POSITIONS.noun else SCENARIO_TABLE.called(catalog, db, name))
    return fitting(camera, as_scenario(found))


def read_db(query: Mapping[str, str]) -> str:
    """Return the table that a query names. Raises `Invalid`."""
    db = query.get("db")
    if db not in TABLES:
        raise Invalid(f"db must be {', '.join(TABLES[:-1])} or {TABLES[-1]}.", field="db")
    return db


def _editable(request: Request, query: Mapping[str, str]) -> str:
    """Return the table that a query names and that its caller may change. Raises `Invalid` or `Forbidden`."""
    db = read_db(query)
    if db in SYSTEMS and not (query.get("root") == "true" and caller(request).role.covers(Role.ADMIN)):
        raise Forbidden("not allowed", code="not_allowed")
    return db


def _row_id(query: Mapping[str, str]) -> str:
    if not query.get("id"):
        raise Invalid("id must be given.", field="id")
    return query["id"]


async def _read(request: Request, query: Mapping[str, str], kind: type[Move]) -> Move:
    camera = await named(request, query)
    body = await read_body(request, MOST_BYTES)
    found = read_move(read_json(body, depth=DEEPEST), kind, [joint_count(camera)])
    positions = found.positions if isinstance(found, Scenario) else (found,)
    check_reach(Scenario(name=found.name, positions=tuple(positions)), limits(camera, joint_count(camera)))
    return found


def _told(row_id: str, move: Position | Scenario) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(move)
    return {"id": row_id, **fields}


def _getter(table: Table[Move]) -> Handler:
    async def get(request: Request) -> Response:
        """Answer the moves of one table, or one of them."""
        query = words(request, KNOWN)
        db, catalog = read_db(query), service(request).catalog
        rows = {query["id"]: await table.find(catalog, db, query["id"])} if query.get("id") else await table.rows(catalog, db)
        return json_answer({"status": "OK", "data": [_told(row_id, move) for row_id, move in rows.items()]})

    return get


def _poster(table: Table[Move]) -> Handler:
    async def post(request: Request) -> Response:
        """Keep a new move."""
        query, door = words(request, KNOWN), service(request)
        db, move, row_id = _editable(request, query), await _read(request, query, table.kind), str(uuid.uuid4())
        async with door.editing:
            await table.save(door.catalog, db, row_id, move)
        door.audit.note(caller(request).who, f"{table.noun}.save", db=db, row=row_id)
        return json_answer({"status": "OK", "id": row_id})

    return post


def _putter(table: Table[Move]) -> Handler:
    async def put(request: Request) -> Response:
        """Keep a move in place of another one, under the same id."""
        query, door = words(request, KNOWN), service(request)
        db, row_id = _editable(request, query), _row_id(query)
        move = await _read(request, query, table.kind)
        async with door.editing:
            await table.find(door.catalog, db, row_id)
            await table.save(door.catalog, db, row_id, move)
        door.audit.note(caller(request).who, f"{table.noun}.save", db=db, row=row_id)
        return json_answer({"status": "OK"})

    return put


def _deleter(table: Table[Move]) -> Handler:
    async def delete(request: Request) -> Response:
        """Delete a move."""
        query, door = words(request, KNOWN), service(request)
        db, row_id = _editable(request, query), _row_id(query)
        async with door.editing:
            await table.drop(door.catalog, db, row_id)
        door.audit.note(caller(request).who, f"{table.noun}.delete", db=db, row=row_id)
        return json_answer({"status": "OK"})

    return delete


def _query(name: str, summary: str, *, required: bool = False) -> Parameter:
    return Parameter(name=name, place="query", type=str, summary=summary, required=required)


DB = _query("db", f"One of {', '.join(TABLES)}.", required=True)
CAMERA = _query("camera", "Which camera's joints are meant; absent means the default one.")
_ID = _query("id", "Which row.")
_ROOT = _query("root", "`true` to change a table of the system; for administrators.")


def _routes(table: Table[Move]) -> tuple[Route, ...]:
    path, noun = f"/api/{table.noun}", table.noun
    return (
        _route("GET", path, _getter(table), f"Return the {noun}s of one table."),
        _route("POST", path, _poster(table), f"Keep a new {noun}.", table.kind),
        _route("PUT", path, _putter(table), f"Change a {noun}.", table.kind),
        _route("DELETE", path, _deleter(table), f"Delete a {noun}."),
    )


def _route(method: str, path: str, handler: Handler, summary: str, body: type | None = None) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        role=Role.VIEWER if method == "GET" else Role.OPERATOR,
        summary=summary,
        request=body,
        parameters=(DB, _ID, CAMERA) if method == "GET" else (DB, _ID, _ROOT, CAMERA),
        tag="camera",
    )


ROUTES = (*_routes(POSITIONS), *_routes(SCENARIO_TABLE))
"""The rows of the route table that the camera panel takes in."""
