"""Tokens: who else may call a server, made with it or, before the first start, in its data folder."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from triptych import wiring
from triptych.audit import Audit
from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import printable, show_json, show_table
from triptych.clock import to_text
from triptych.errors import Invalid
from triptych.tokens import Role, Token, Tokens

app = App(name="token", help="Make, list and revoke tokens.", default_parameter=Parameter(negative=()))

DataFolder = Annotated[Path | None, Parameter(name="--data")]
LONGEST_S = 3.2e9
Many = Annotated[list[str] | None, Parameter(negative=())]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A token as a server tells it."""

    id: str
    name: str
    role: str
    workers: tuple[str, ...] | None = None
    commands: tuple[str, ...] | None = None
    created_at: str
    created_by: str
    expires_at: str | None = None
    used_at: str | None = None
    token: str | msgspec.UnsetType = msgspec.UNSET


class ToldList(msgspec.Struct, frozen=True):
    """Every token."""

    tokens: tuple[Told, ...]


@app.command
def create(
    name: str,
    *,
    role: Role,
    worker: Many = None,
    command: Many = None,
    expires_in_s: float | None = None,
    data: DataFolder = None,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """Make a token and print what it spells, which is shown nowhere else.

    Args:
        name: whom it is for.
        role: viewer (reads), operator (starts and stops) or admin (makes tokens and reads the audit chain, too).
        worker: worker that an operator's token is bound to; may be repeated.
        command: command that an operator's token is bound to; may be repeated.
        expires_in_s: seconds after which it is no good any more; for ever by default.
        data: data folder of a server that does not run; the token is written there.
        json: print the token's record.
        to: the server to talk to.
    """
    if expires_in_s is not None and not 0 < expires_in_s <= LONGEST_S:
        raise Invalid(f"--expires-in-s takes seconds, above 0 and at most {LONGEST_S:.0f}, not {expires_in_s:g}")
    bounds = {"workers": worker or None, "commands": command or None, "expires_in_s": expires_in_s}
    body: dict[str, object] = {"name": name, "role": role.value, **{field: value for field, value in bounds.items() if value is not None}}
    if data is None:
        return talk(to, partial(_create, body=body, json=json))
    return asyncio.run(_in_folder(data.absolute(), partial(_create_here, body=body, json=json), make=True))


@app.command(name="list")
def list_(*, data: DataFolder = None, json: bool = False, to: Server = HERE) -> int:
    """List the tokens, the oldest first. What they spell is not known.

    Args:
        data: data folder of a server that does not run.
        json: print the server's answer.
        to: the server to talk to.
    """
    if data is None:
        return talk(to, partial(_list, json=json))
    return asyncio.run(_in_folder(data.absolute(), partial(_list_here, json=json)))


@app.command
def revoke(token_id: str, *, data: DataFolder = None, json: bool = False, to: Server = HERE) -> int:
    """Let a token be no good from now on, also for what it has open.

    Args:
        token_id: id of the token.
        data: data folder of a server that does not run.
        json: print the id as JSON.
        to: the server to talk to.
    """
    if data is None:
        return talk(to, partial(_revoke, token_id=token_id, json=json))
    return asyncio.run(_in_folder(data.absolute(), partial(_revoke_here, token_id=token_id, json=json)))


async def _create(client: Client, *, body: dict[str, object], json: bool) -> int:
    answer = await client.post("/api/v1/tokens", body)
    return _show(client.decode(answer, Told), json=json)


async def _list(client: Client, *, json: bool) -> int:
    return _show_all(client.decode(await client.get("/api/v1/tokens"), ToldList), json=json)


async def _revoke(client: Client, *, token_id: str, json: bool) -> int:
    await client.delete(f"/api/v1/tokens/{quote(token_id, safe='')}")
    return _show_revoked(token_id, json=json)


async def _in_folder(data: Path, work: Callable[[Tokens, Audit], Awaitable[int]], *, make: bool = False) -> int:
    async with wiring.access(data, make=make) as (tokens, audit):
        return await work(tokens, audit)


async def _create_here(tokens: Tokens, audit: Audit, *, body: dict[str, Any], json: bool) -> int:
    lifetime = timedelta(seconds=body["expires_in_s"]) if "expires_in_s" in body else None
    bounds = {field: tuple(body[field]) for field in ("workers", "commands") if field in body}
    token, spelled = await tokens.create(name=body["name"], role=Role(body["role"]), by=_us(), lifetime=lifetime, **bounds)
    audit.note(_us(), "token.create", token=token.id, name=token.name, role=token.role)
    return _show(_told(token, spelled), json=json)


async def _list_here(tokens: Tokens, _audit: Audit, *, json: bool) -> int:
    return _show_all(ToldList(tokens=tuple(map(_told, tokens))), json=json)


async def _revoke_here(tokens: Tokens, audit: Audit, *, token_id: str, json: bool) -> int:
    await tokens.revoke(token_id)
    audit.note(_us(), "token.revoke", token=token_id)
    return _show_revoked(token_id, json=json)


def _us() -> str:
    return f"uid:{os.getuid()}"


def _told(token: Token, spelled: str | msgspec.UnsetType = msgspec.UNSET) -> Told:
    return Told(
        id=token.id,
        name=token.name,
        role=token.role,
        workers=token.workers,
        commands=token.commands,
        created_at=to_text(token.created_at),
        created_by=token.created_by,
        expires_at=None if token.expires_at is None else to_text(token.expires_at),
        used_at=None if token.used_at is None else to_text(token.used_at),
        token=spelled,
    )


def _show(told: Told, *, json: bool) -> int:
    show_json(msgspec.json.encode(told)) if json else print(told.token)
    return 0


def _show_all(told: ToldList, *, json: bool) -> int:
    if json:
        show_json(msgspec.json.encode(told))
        return 0
    rows = [
        (one.id, one.role, one.expires_at or "-", one.used_at or "-", _bounds(one.workers), _bounds(one.commands), printable(one.name))
        for one in told.tokens
    ]
    show_table(("TOKEN", "ROLE", "EXPIRES", "USED", "WORKERS", "COMMANDS", "NAME"), rows)
    return 0


def _show_revoked(token_id: str, *, json: bool) -> int:
    show_json(msgspec.json.encode({"id": token_id})) if json else print("revoked")
    return 0


def _bounds(names: tuple[str, ...] | None) -> str:
    return "all" if names is None else printable(",".join(names))
