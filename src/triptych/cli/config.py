"""The settings that `triptych up` would run with, and where each came from."""

from pathlib import Path
from typing import Any

import msgspec

from triptych import configuration
from triptych.cli.printing import printable, show_json, show_table

HIDDEN = frozenset({"env"})
"""Settings whose values may be secrets of jobs: only their names are shown."""


def config(*, data: Path | None = None, config: Path | None = None, json: bool = False) -> int:
    """Print every setting with its value and where that came from: default, file, variable or flag.

    Values of `env` are not shown. The exit code is 2 when a setting is wrong, told in one sentence.

    Args:
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG.
        json: print one JSON object.
    """
    found = configuration.read({"data_dir": data}, config=config)
    values = {name: _shown(name, value) for name, value in msgspec.structs.asdict(found.settings).items()}
    if json:
        told = {name: {"value": value, "from": found.origins[name]} for name, value in values.items()}
        show_json(msgspec.json.encode(told))
        return 0
    rows = [(name, printable(_text(value)), printable(found.origins[name])) for name, value in values.items()]
    show_table(("SETTING", "VALUE", "FROM"), rows)
    return 0


def _shown(name: str, value: Any) -> Any:
    return sorted(value) if name in HIDDEN else msgspec.to_builtins(value, enc_hook=str)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
