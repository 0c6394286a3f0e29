"""What a feature may know of its job beside the pictures and the sound."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from triptych.media.library import content_of


@dataclass(frozen=True, kw_only=True)
class Context:
    """One input: `file_name` as the client gave it, `source` its open descriptor; and the worker's data folder, and when the job began."""

    file_name: str
    source: int
    data_dir: Path
    now: datetime

    @classmethod
    def of(cls, uri: str, source: int, data_dir: str) -> "Context":
        """Return what may be known of a job that measures the input `uri`, open as `source`, and begins now."""
        return cls(file_name=PurePosixPath(uri).name, source=source, data_dir=Path(data_dir), now=datetime.now(UTC))

    @cached_property
    def content(self) -> str:
        """The text that tells the input from every file with other bytes."""
        return content_of(self.source)
