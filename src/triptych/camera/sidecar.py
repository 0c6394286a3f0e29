"""What was seen while a file was recorded: one JSON line for each frame, cut and alarm beside it, each written at once (camera R6)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from triptych.contracts import Pose

VERSION = 1


class Sidecar:
    """A growing file of lines; whatever ends this process, the lines before stay whole."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._file = path.open("wb", buffering=0)
        self._line(header)

    def frame(self, at: timedelta, pose: Pose, objects: Sequence[dict[str, Any]]) -> None:
        """Note what was seen in the frame at `at` of the file."""
        self._line({"t": seconds(at), "pan": round(pose.pan_deg, 3), "tilt": round(pose.tilt_deg, 3), "objects": objects})

    def cut(self, at: timedelta, gap: timedelta) -> None:
        """Note that a pause as long as `gap` was left out at `at`."""
        self._line({"t": seconds(at), "cut_s": seconds(gap)})

    def alarm(self, at: timedelta, data: dict[str, Any]) -> None:
        """Note an alarm at `at`."""
        self._line({"t": seconds(at), "alarm": data})

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _line(self, line: dict[str, Any]) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")


def seconds(at: timedelta) -> float:
    """Return `at` in seconds, to a tenth of a millisecond."""
    return round(at.total_seconds(), 4)


def trim(path: Path, length_s: float) -> None:
    """Leave the whole lines of a sidecar that lie within a file of `length_s`; without effect where there is none."""
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = b"".join(line for line in lines if line.endswith(b"\n") and _moment(line) < length_s)
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(kept)
    aside.replace(path)


def _moment(line: bytes) -> float:
    return msgspec.json.decode(line, type=_Line).t


class _Line(msgspec.Struct):
    t: float = -1.0
