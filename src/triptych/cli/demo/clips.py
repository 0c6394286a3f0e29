"""The clip that the demo annotates: made for the purpose with known truth, or a file of the caller's."""

from pathlib import Path

from triptych.cli.demo.media import Clip
from triptych.errors import Invalid


def given(path: Path) -> Clip:
    """Return the caller's file, about which nothing is known. Raises `Invalid` when there is none."""
    if not path.is_file():
        raise Invalid(f"{path} is not a file")
    return Clip(path=path.absolute(), what=path.name)
