"""What a camera has learnt about its head and lens, and the file that keeps it over restarts (camera 4, `learn`)."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec
import structlog

from triptych.camera.definition import Definition

log = structlog.get_logger()


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one calibration run.

    `lag_s` is the time from a command to its effect in the picture. `factor` (across, down) is by how many degrees the head really turns
    where the lens that was set tells one; a negative one is a mirrored picture. `speed_deg_s` is the fastest turn that was seen, `play_deg`
    what is lost when the pan axis turns round, `residual_deg` the root mean square of what these figures do not explain.
    """

    at: str
    lag_s: float
    factor: tuple[float, float]
    speed_deg_s: float
    play_deg: float
    residual_deg: float

    @property
    def lag(self) -> timedelta:
        """The lag for the controller."""
        return timedelta(seconds=self.lag_s)


class Shelf:
    """The calibrations of a worker's cameras, a file each. One counts only for the source and the head that it was made with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, camera: str, definition: Definition) -> Calibration | None:
        """Return what `camera` learnt, None where it learnt nothing with this source and head."""
        try:
            kept = msgspec.json.decode(self._path(camera).read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as fault:
            log.warning("calibration not read", camera=camera, fault=str(fault))
            return None
        return kept.calibration if kept.setup == _setup(definition) else None

    def keep(self, camera: str, definition: Definition, calibration: Calibration) -> None:
        """Store it durably, in place of the one before. Raises `OSError`; the one before is still there then."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(camera)
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            file.write(msgspec.json.encode(_Kept(setup=_setup(definition), calibration=calibration)))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    def _path(self, camera: str) -> Path:
        return self._folder / f"{quote(camera, safe='')}.json"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    setup: str
    calibration: Calibration


def _setup(definition: Definition) -> str:
    """Return what stands for the source and the head, without telling their addresses and passwords."""
    return hashlib.sha256(msgspec.json.encode([definition.source, definition.head], order="deterministic")).hexdigest()
