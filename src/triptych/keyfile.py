"""Keys that people typed in and nobody is ever told: one small file that only its owner can read."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from triptych.errors import Unavailable


class KeyFile:
    """A JSON object of texts by name. Every change is on the disk, whole, when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, str]:
        """Return every key by its name. Raises `Unavailable` with code `storage` for a file that cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as fault:
            raise Unavailable("The file of keys cannot be read.", code="storage") from fault

    def change(self, changes: Mapping[str, str | None]) -> None:
        """Set keys by name; None forgets one. Raises `Unavailable` with code `storage`; nothing changed then."""
        keys = {name: key for name, key in {**self.read(), **changes}.items() if key is not None}
        aside = self._path.with_name(f".{self._path.name}.part")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(msgspec.json.encode(keys))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
        except OSError as fault:
            raise Unavailable("The file of keys cannot be written.", code="storage") from fault
