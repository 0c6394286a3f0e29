"""The audit chain: who did what, and whether anybody changed it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from triptych import wiring
from triptych.audit import Verdict
from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import printable, show_json, show_table

app = App(name="audit", help="Show who did what, and check that nothing of it was changed.", default_parameter=Parameter(negative=()))

CHANGED = 1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One deed as a server tells it."""

    number: int
    at: str
    who: str
    deed: str
    what: dict[str, Any]


class Entries(msgspec.Struct, frozen=True):
    """A page of deeds, newest first."""

    entries: tuple[Entry, ...]


@app.default
def audit(*, limit: int = 50, json: bool = False, to: Server = HERE) -> int:
    """List who did what, newest first.

    Args:
        limit: at most so many, 1 to 500.
        json: print the server's answer.
        to: the server to talk to.
    """
    return talk(to, partial(_list, limit=limit, json=json))


@app.command
def verify(*, data: Annotated[Path | None, Parameter(name="--data")] = None, json: bool = False, to: Server = HERE) -> int:
    """Check that no entry was changed, moved or taken away. The exit code is 0 if the chain is whole and 1 if not.

    Args:
        data: data folder of a server that does not run.
        json: print the verdict as JSON.
        to: the server to talk to.
    """
    if data is None:
        return talk(to, partial(_verify, json=json))
    return _tell(asyncio.run(wiring.verify_audit(data.absolute())), json=json)


async def _list(client: Client, *, limit: int, json: bool) -> int:
    body = await client.get("/api/v1/audit", limit=limit)
    found = client.decode(body, Entries).entries
    if json:
        show_json(body)
        return 0
    rows = [(str(one.number), one.at, printable(one.who), one.deed, _facts(one)) for one in found]
    show_table(("ENTRY", "AT", "WHO", "DEED", "WHAT"), rows)
    return 0


async def _verify(client: Client, *, json: bool) -> int:
    return _tell(client.decode(await client.get("/api/v1/audit/verify"), Verdict), json=json)


def _tell(verdict: Verdict, *, json: bool) -> int:
    if json:
        show_json(msgspec.json.encode(verdict))
    else:
        print(f"{verdict.entries} entries, whole" if verdict.intact else f"not whole: {verdict.fault}")
    return 0 if verdict.intact else CHANGED


def _facts(entry: Entry) -> str:
    return printable(" ".join(f"{name}={value}" for name, value in entry.what.items() if value is not None))
