"""What the operator may set, with its defaults."""

import os
from pathlib import Path

import msgspec
import platformdirs


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One running system. Paths are absolute; `roots` and `media_roots` are in the order in which they are searched."""

    host: str = "127.0.0.1"
    port: int = 8700
    data_dir: Path
    worker_id: str | None = None
    roots: tuple[Path, ...] = ()
    media_roots: tuple[Path, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    loopback_trust: str = "same-user"
    slots: int = 256
    cores: int = 4
    env: dict[str, str] = {}
    strict_status: bool = False

    @property
    def store_url(self) -> str:
        """The SQLite file of the data folder."""
        return f"sqlite:///{self.data_dir / 'triptych.db'}"


def default_data_dir() -> Path:
    """Return the platform's data folder for Triptych, or `TRIPTYCH_DATA` where it is set."""
    return Path(os.environ.get("TRIPTYCH_DATA") or platformdirs.user_data_dir("triptych"))
