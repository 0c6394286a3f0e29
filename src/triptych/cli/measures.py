"""What may be asked of a media job on the command line, and how it becomes the body of a submission."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from triptych.errors import Invalid

FILE_MARK = "@"


def _option(text: str) -> Parameter:
    return Parameter(help=text, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is measured and how; what is left out is the server's default."""

    feature: Annotated[list[str], _option("feature to measure; repeatable. By default all that need no model, but VIDEO_INDEX.")] = field(
        default_factory=list
    )
    workflow: Annotated[str | None, _option("workflow of the server to go by, in place of --feature.")] = None
    config: Annotated[str | None, _option("options of the features, as the JSON of `videoContext`, or @FILE that holds it.")] = None
    segment: Annotated[
        list[str], _option("START-END: only this part, as 90-120.5 or 0:01:30-0:02:00.5; START- goes to the end; repeatable.")
    ] = field(default_factory=list)
    priority: Annotated[int | None, _option("0 to 139, lower runs first; 20 by default.")] = None
    target: Annotated[int | None, _option("number of the core to run on; any by default.")] = None
    origin: Annotated[str, _option("who asks, as the list of jobs tells; `cli` by default.")] = "cli"

    def body(self, features: Sequence[str]) -> dict[str, object]:
        """Return the body of a submission but for its `inputUri`. Raises `Invalid` naming the option."""
        context = {} if self.config is None else context_of(self.config)
        if self.segment:
            context["segments"] = [segment_of(text) for text in self.segment]
        if self.priority is not None:
            context["priority"] = self.priority
        given: dict[str, object] = {"workflow": self.workflow, "features": list(features) or None, "videoContext": context or None}
        return {name: value for name, value in (given | {"target": self.target, "origin": self.origin}).items() if value is not None}


def context_of(text: str) -> dict[str, Any]:
    """Return the object that `text` is, or that lies in the file behind its `@`. Raises `Invalid`."""
    try:
        found = msgspec.json.decode(Path(text[1:]).read_bytes() if text.startswith(FILE_MARK) else text)
    except OSError as fault:
        raise Invalid(f"--config {text} cannot be read: {(fault.strerror or str(fault)).lower()}") from None
    except msgspec.DecodeError as fault:
        raise Invalid(f"--config is not JSON: {fault}") from None
    if not isinstance(found, dict):
        raise Invalid('--config takes a JSON object, such as {"inBlackConfig": {"delay": 2}}')
    return found


def segment_of(text: str) -> dict[str, str]:
    """Return `START-END` as the API spells it; an edge that is left out is the file's own. Raises `Invalid`."""
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise Invalid(f"--segment takes START-END in seconds or as h:mm:ss, such as 90-120.5, not {text}")
    edges = {"startTimeOffset": found["start"], "endTimeOffset": found["end"]}
    return {name: _seconds(edge) for name, edge in edges.items() if edge}


def _seconds(clock: str) -> str:
    whole, _, rest = clock.removesuffix("s").partition(".")
    total = 0
    for part in whole.split(":"):
        total = 60 * total + int(part)
    return f"{total}.{rest}s" if rest else f"{total}s"


_EDGE = r"(?:\d{1,4}:)?\d{1,3}:\d{2}(?:\.\d{1,9})?|\d{1,9}(?:\.\d{1,9})?s?"
_SEGMENT = re.compile(rf"(?P<start>{_EDGE})?-(?P<end>{_EDGE})?", re.ASCII)

WHOLE = Measure()
"""The default features of the whole file."""
