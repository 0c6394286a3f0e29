"""What a part of the demo came to."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from triptych.cli.demo.screen import Compared
from triptych.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one panel's part found, row by row, and the files it left."""

    panel: str
    rows: tuple[Compared, ...]
    files: tuple[Path, ...] = ()

    @property
    def right(self) -> bool:
        """Tell whether every row agrees with the truth."""
        return bool(self.rows) and all(row.right for row in self.rows)


def said(answer: httpx.Response, key: str) -> str:
    """Return the text under `key` of an answer; raises `Unavailable` with what came instead."""
    value = answer.json().get(key) if answer.is_success else None
    if not isinstance(value, str):
        request = f"{answer.request.method} {answer.request.url.path}"
        raise Unavailable(f"{request} answered {answer.status_code} {answer.text.strip()}")
    return value
