"""The second part: three features of one clip in one decode, beside the truth the clip was made from."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.progress_bar import ProgressBar
from rich.table import Table

from triptych.cli.demo.outcome import Outcome, said
from triptych.cli.demo.screen import Compared, Screen
from triptych.errors import Unavailable

RESULTS = {
    "IN_BLACK": "blackAnnotations",
    "AUDIO_FORMAT": "audioFormatAnnotations",
    "SHOT_CHANGE_DETECTION": "shotAnnotations",
}
CONFIG = {"inBlackConfig": {"delay": 1.0}}
BOUND_S = 40.0
POLL_S = 0.1
BAR_WIDTH = 40
STEP_PERCENT = 25
SHOWN_SPANS = 8
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the input in seconds, and what it is called there (empty for a plain stretch)."""

    start_s: float
    end_s: float
    label: str = ""

    def __str__(self) -> str:
        return f"{self.start_s:.3f} - {self.end_s:.3f} {self.label}".rstrip()

    def agrees(self, other: "Span", tolerance_s: float) -> bool:
        """Tell whether both say the same within `tolerance_s` at either edge."""
        edges = (self.start_s - other.start_s, self.end_s - other.end_s)
        return self.label == other.label and all(abs(edge) <= tolerance_s for edge in edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A file and, where it was made for the demo, its true spans and how exactly each feature must meet them, in seconds."""

    path: Path
    what: str
    truth: Mapping[str, Sequence[Span]] | None = None
    tolerance_s: Mapping[str, float] | None = None


async def show(client: httpx.AsyncClient, screen: Screen, clip: Clip) -> Outcome:
    """Submit the clip, watch every feature's progress, and lay what was found beside the truth."""
    screen.head("media", "three features of one clip, in one decode")
    ask = {"inputUri": clip.path.name, "features": list(RESULTS), "videoContext": CONFIG, "origin": "demo"}
    submitted = await client.post("/api/ai/jobs", json=ask)
    name = said(submitted, "name")
    screen.call(f"POST /api/ai/jobs  {clip.what}", submitted.status_code, f"job {name[:8]}")
    found = await _watch(client, screen, name)
    rows = [row for feature in RESULTS for row in compare(feature, found[feature], clip)]
    screen.compare(rows)
    return Outcome(panel="media", rows=tuple(rows))


async def _watch(client: httpx.AsyncClient, screen: Screen, name: str) -> dict[str, list[Span]]:
    deadline = time.monotonic() + BOUND_S
    with screen.stage() as stage:
        while time.monotonic() < deadline:
            view = (await client.get(f"/api/ai/jobs/{name}")).raise_for_status().json()
            progress = {entry["feature"]: entry.get("progressPercent", 0) for entry in view["metadata"]["annotationProgress"]}
            stage.show(_bars(progress), _plain(progress))
            if view.get("done"):
                return _spans(view)
            await asyncio.sleep(POLL_S)
    raise Unavailable(f"the annotation was not done after {BOUND_S:.0f} s")


def _spans(view: Mapping[str, Mapping[str, object]]) -> dict[str, list[Span]]:
    if "response" not in view:
        raise Unavailable(f"the annotation ended without a result: {view.get('error')}")
    return {feature: [_span(item) for item in _items(view["response"].get(key))] for feature, key in RESULTS.items()}


def _items(found: object) -> list[Mapping[str, str]]:
    return list(found) if isinstance(found, list) else []


def _span(item: Mapping[str, str]) -> Span:
    start_s, end_s = (float(item[key].removesuffix("s")) for key in ("startTimeOffset", "endTimeOffset"))
    return Span(start_s, end_s, item.get("audioFormat", ""))


def _bars(progress: Mapping[str, float]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for feature, percent in progress.items():
        table.add_row(f"  {feature}", ProgressBar(total=100, completed=percent, width=BAR_WIDTH), f"{percent:3.0f} %")
    return table


def _plain(progress: Mapping[str, float]) -> str:
    steps = [f"{feature} {percent // STEP_PERCENT * STEP_PERCENT:.0f} %" for feature, percent in progress.items()]
    return f"  {', '.join(steps)}"


def compare(feature: str, found: Sequence[Span], clip: Clip) -> list[Compared]:
    """Return a row for every span of `feature` that was found or should have been."""
    if clip.truth is None or clip.tolerance_s is None:
        return [Compared(feature, str(span), UNKNOWN, right=True) for span in found[:SHOWN_SPANS]] or [
            Compared(feature, "nothing", UNKNOWN, right=True)
        ]
    truth = clip.truth[feature]
    pairs = [_pair(feature, mine, true, clip.tolerance_s[feature]) for mine, true in zip(found, truth, strict=False)]
    return [
        *pairs,
        *(Compared(feature, str(span), "nothing", right=False) for span in found[len(truth) :]),
        *(Compared(feature, "nothing", str(span), right=False) for span in truth[len(found) :]),
    ]


def _pair(feature: str, found: Span, truth: Span, tolerance_s: float) -> Compared:
    return Compared(feature, str(found), str(truth), found.agrees(truth, tolerance_s))
