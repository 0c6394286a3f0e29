"""Where settings come from: defaults < `triptych.toml` < `TRIPTYCH_*` < flags, and which of them said what."""

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from triptych.errors import Invalid
from triptych.settings import Settings, default_data_dir

FILE_NAME = "triptych.toml"
FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
VARIABLES = {name: f"TRIPTYCH_{name.upper()}" for name in FIELDS} | {"data_dir": "TRIPTYCH_DATA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings, and for each by name where its value came from: `default`, `flag`, the name of a variable or the path of the file."""

    settings: Settings
    origins: Mapping[str, str]


def read(flags: Mapping[str, object], *, config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Return the settings of one system; a flag that is None was not given.

    The file is `config`, else what `TRIPTYCH_CONFIG` names, else `triptych.toml` in the data folder, if it is there. A relative path
    counts from the working directory, in the file from the file's own folder. A list in a variable is separated by commas; a list or
    table may also be written as in the file. Raises `Invalid`, naming the setting and where it was said.
    """
    given = {name: (msgspec.to_builtins(value, enc_hook=str), "flag") for name, value in flags.items() if value is not None}
    variables = {name: (_from_text(name, environ[key]), key) for name, key in VARIABLES.items() if environ.get(key)}
    named = config or (Path(environ["TRIPTYCH_CONFIG"]) if environ.get("TRIPTYCH_CONFIG") else None)
    data_dir = (variables | given).get("data_dir")
    file = named or Path(str(data_dir[0]) if data_dir else default_data_dir()) / FILE_NAME
    said = dict(_in_file(file.absolute(), is_named=named is not None)) | variables | given
    values: dict[str, Any] = {name: _value(name, value, origin) for name, (value, origin) in said.items()}
    values.setdefault("data_dir", default_data_dir().absolute())
    try:
        settings = Settings(**values)
    except ValueError as fault:
        raise Invalid(f"settings: {fault}", field="settings") from fault
    return Configuration(settings=settings, origins={name: said[name][1] if name in said else "default" for name in FIELDS})


def _in_file(file: Path, *, is_named: bool) -> Iterator[tuple[str, tuple[object, str]]]:
    """Yield what the file says. One that is writable by others is refused, since it says what may run."""
    if not is_named and not file.exists():
        return
    for name, value in _table(file).items():
        if name not in FIELDS:
            raise Invalid(f"{file}: there is no setting {name}", field=name)
        if name == "data_dir" and not is_named:
            raise Invalid(f"{file}: data_dir cannot be set in the data folder itself; name this file with --config", field=name)
        yield name, (_below(file.parent, FIELDS[name].type, value), str(file))


def _table(file: Path) -> dict[str, object]:
    try:
        if stat.S_IMODE(file.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
            raise Invalid(f"{file} is writable by group or others; `chmod go-w` mends it", code="config_writable", field="config")
        return tomllib.loads(file.read_text())
    except OSError as fault:
        raise Invalid(f"{file} cannot be read: {fault.strerror}", field="config") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise Invalid(f"{file} is not TOML: {fault}", field="config") from fault


def _below(folder: Path, kind: Any, value: object) -> object:
    """Return paths of the file as they count from its folder, in tables too."""
    if isinstance(value, dict):
        kinds = _kinds_within(kind, value)
        return {name: _below(folder, kinds.get(name), within) for name, within in value.items()}
    if kind in {Path, Path | None} and isinstance(value, str):
        return str(folder / value)
    if kind == tuple[Path, ...] and isinstance(value, list):
        return [str(folder / path) if isinstance(path, str) else path for path in value]
    return value


def _kinds_within(kind: Any, table: Mapping[str, object]) -> Mapping[str, object]:
    """Return what kind of value each name of a table has."""
    if get_origin(kind) is dict:
        return dict.fromkeys(table, get_args(kind)[1])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {field.name: field.type for field in msgspec.structs.fields(kind)}
    return {}


def _from_text(name: str, text: str) -> object:
    """Return the value that a variable spells."""
    if text.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as fault:
            raise Invalid(f"{VARIABLES[name]} is not a list or table as in TOML: {fault}", field=name) from fault
    if isinstance(FIELDS[name].default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _value(name: str, value: object, origin: str) -> object:
    try:
        return msgspec.convert(value, FIELDS[name].type, strict=origin not in VARIABLES.values(), dec_hook=_path)
    except msgspec.ValidationError as fault:
        raise Invalid(f"setting {name} ({origin}): {fault}", field=name) from fault


def _path(_kind: type, value: Any) -> Path:
    if not isinstance(value, str):
        raise TypeError(f"expected a path, got {value!r}")
    return Path(value).absolute()
