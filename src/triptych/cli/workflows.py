"""Workflows: the named sets of features that media jobs and cores take by name."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import printable, show_json, show_table, tell
from triptych.errors import Invalid

app = App(name="workflow", default_parameter=Parameter(negative=()))

PATH = "/api/ai/workflows"
STDIN = Path("-")


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow as a server tells it."""

    index: int
    name: str
    videoContext: dict[str, Any]  # noqa: N815 - as documented
    warnings: tuple[str, ...] = ()

    @property
    def keys(self) -> str:
        """What it configures, in words."""
        return printable(", ".join(self.videoContext)) or "nothing"


@app.default
@app.command(name="list")
def list_(*, json: bool = False, to: Server = HERE) -> int:
    """List the workflows by index, with what each configures. The exit code is 0, also when there is none.

    Args:
        json: print the server's answer.
        to: the server to talk to.
    """
    return talk(to, partial(_list, json=json))


@app.command
def show(name: str, *, json: bool = False, to: Server = HERE) -> int:
    """Print one workflow as JSON that `save` takes. The exit code is 2 when there is none of this name.

    Args:
        name: name of the workflow.
        json: print the server's answer, on one line.
        to: the server to talk to.
    """
    return talk(to, partial(_show, name=name, json=json))


@app.command
def save(file: Path = STDIN, *, json: bool = False, to: Server = HERE) -> int:
    """Keep a workflow, new or in place of the one of its name, and print its name; what it warns of goes to standard error.

    The exit code is 2 when the server refuses it, told in one sentence.

    Args:
        file: JSON object with `name`, `videoContext` and perhaps `index`; `-` is standard input.
        json: print the server's answer.
        to: the server to talk to.
    """
    return talk(to, partial(_save, document=_read(file), json=json))


@app.command
def delete(name: str, *, json: bool = False, to: Server = HERE) -> int:
    """Forget a workflow; jobs that were submitted by it go on. The exit code is 2 while a core works by it.

    Args:
        name: name of the workflow.
        json: print the name as JSON.
        to: the server to talk to.
    """
    return talk(to, partial(_delete, name=name, json=json))


async def _list(client: Client, *, json: bool) -> int:
    body = await client.get(PATH)
    if json:
        show_json(body)
        return 0
    rows = [(printable(one.name), str(one.index), one.keys) for one in client.decode(body, tuple[Workflow, ...])]
    show_table(("WORKFLOW", "INDEX", "CONFIGURES"), rows)
    return 0


async def _show(client: Client, *, name: str, json: bool) -> int:
    body = await client.get(_path(name))
    show_json(body if json else msgspec.json.format(body, indent=2))
    return 0


async def _save(client: Client, *, document: dict[str, Any], json: bool) -> int:
    name = document.get("name")
    known = [one.name for one in client.decode(await client.get(PATH), tuple[Workflow, ...])]
    answer = await (client.put(_path(str(name)), document) if name in known else client.post(PATH, document))
    saved = client.decode(answer, Workflow)
    _warn(saved.warnings)
    show_json(answer) if json else print(printable(saved.name))
    return 0


async def _delete(client: Client, *, name: str, json: bool) -> int:
    await client.delete(_path(name))
    show_json(msgspec.json.encode({"name": name})) if json else print("deleted")
    return 0


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        tell(warning)


def _read(file: Path) -> dict[str, Any]:
    """Return the object that a file holds. Raises `Invalid`."""
    try:
        text = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except OSError as fault:
        raise Invalid(f"{file} cannot be read: {(fault.strerror or str(fault)).lower()}") from None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as fault:
        raise Invalid(f"{'standard input' if file == STDIN else file} is not a JSON object: {fault}") from None


def _path(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"
