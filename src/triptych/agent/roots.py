"""The folders in which a worker's scripts lie (workers S1)."""

import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

from triptych.errors import Invalid
from triptych.model import Place

_SAMPLE = Path(__file__).parent / "count.sh"
_SAMPLE_PLACE = Path("worker/scripts/count.sh")


def make_ready(place: Place) -> Place:
    """Return `place` with its folders made: the default root with the sample script, where no root is named, and the work folder.

    Raises `Invalid` when a root is no folder, or writable by group or others.
    """
    data = Path(place.data_dir)
    data.mkdir(parents=True, exist_ok=True)
    (data / "work").mkdir(mode=0o700, exist_ok=True)
    if not place.roots:
        place = replace(place, roots=(str(_default_root(data / "root")),))
    for root in place.roots:
        _check(Path(root))
    return place


def _default_root(root: Path) -> Path:
    """Make the root whole or not at all, and never touch one that is there."""
    if not root.exists():
        draft = Path(tempfile.mkdtemp(prefix="root-", dir=root.parent))
        draft.chmod(0o755)
        script = draft / _SAMPLE_PLACE
        script.parent.mkdir(parents=True)
        for folder in (script.parent, script.parent.parent):
            folder.chmod(0o755)
        shutil.copyfile(_SAMPLE, script)
        script.chmod(0o755)
        draft.rename(root)
    return root


def _check(root: Path) -> None:
    if not root.is_dir():
        raise Invalid(f"worker root {root} is no folder", code="root_missing", field="roots")
    if stat.S_IMODE(root.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        raise Invalid(f"worker root {root} is writable by group or others", code="root_writable", field="roots")
