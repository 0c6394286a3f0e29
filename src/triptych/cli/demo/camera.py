"""The third part: a figure walks through a drawn room, the head follows it, a recording and a shot are kept."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Group, RenderableType
from rich.text import Text

from triptych.cli.demo.outcome import Outcome
from triptych.cli.demo.picture import Box, half_blocks
from triptych.cli.demo.probe import probe
from triptych.cli.demo.screen import Compared, Screen
from triptych.cli.demo.walk import Walk, match
from triptych.errors import Unavailable

PARAMETERS = {
    "job_type": "track",
    "scenario": None,
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": "official_ai",
}
FOLLOWED_S = 8.0
SHOT_AFTER_S = 4.0
POLL_S = 0.1
PICTURE_COLUMNS = 64
COLUMNS_PER_ROW = 3
GAUGE_COLUMNS = 41
GAUGE_ROWS = 3
PAN_LIMIT_DEG = 60.0
LOCK_BOUND_S = 4.0
CENTRAL_SHARE = 0.9
CENTRAL_WIDTH = 0.1
LENGTH_TOLERANCE_S = 0.1
CODECS = ("h264", "aac")
CALL_BOUND_S = 15.0
VIEW_DEG = 60.0
APART_DEG = 1.5

State = Mapping[str, Mapping[str, object]]
"""The camera's state object, as `GET /api/job?cause=state` tells it."""


@dataclass(slots=True)
class Followed:
    """What the state said while the head followed: its pan, how far off the centre the target was in frame widths, and the two together."""

    lock_s: float
    pans_deg: list[float] = field(default_factory=list)
    offsets: list[float | None] = field(default_factory=list)
    seen: list[tuple[float, float]] = field(default_factory=list)

    def note(self, at_s: float, state: State) -> None:
        """Take one state object, read at a monotonic time."""
        pan_deg, offset = _number(state["head"].get("pan")), _offset(state)
        self.pans_deg.append(pan_deg)
        self.offsets.append(offset)
        if offset is not None:
            self.seen.append((at_s, pan_deg + offset * VIEW_DEG))

    @property
    def central(self) -> float:
        """The share of the looks in which the target was within a tenth of the width off the centre."""
        held = [offset for offset in self.offsets if offset is not None and abs(offset) <= CENTRAL_WIDTH]
        return len(held) / max(1, len(self.offsets))


async def show(client: httpx.AsyncClient, screen: Screen, data: Path) -> Outcome:
    """Track, record and take a shot of the walking figure; then look at the files from outside."""
    screen.head("camera", "a figure walks, the head follows")
    await _call(client, screen, "POST", {"mark": "partial_rect"}, json=PARAMETERS)
    begun = time.monotonic()
    await _call(client, screen, "PUT", {"cause": "track"})
    followed = Followed(time.monotonic() - begun)
    asked_s = time.monotonic()
    await _call(client, screen, "PUT", {"cause": "record"})
    begun_s = time.monotonic()
    await _follow(client, screen, followed)
    ending_s = time.monotonic()
    await _call(client, screen, "DELETE", {"cause": "record"})
    length_s = (ending_s - begun_s, time.monotonic() - asked_s)
    await _call(client, screen, "DELETE", {"cause": "track"})
    movie, shot = _newest(data, "*.mp4"), _newest(data, "*.jpg")
    rows = (*_tracking_rows(followed), _movie_row(movie, length_s), _shot_row(shot))
    screen.compare(rows)
    return Outcome(panel="camera", rows=rows, files=tuple(path for path in (movie, shot) if path))


async def _call(
    client: httpx.AsyncClient, screen: Screen, method: str, query: dict[str, str], json: Mapping[str, object] | None = None
) -> None:
    begun = time.monotonic()
    answer = await client.request(method, "/api/job", params=query, json=json, timeout=CALL_BOUND_S)
    took_ms = (time.monotonic() - begun) * 1000
    body = answer.json()
    screen.call(f"{method} /api/job?{answer.request.url.query.decode()}", answer.status_code, f"{body.get('status')} in {took_ms:.0f} ms")
    if body != {"status": "OK"}:
        raise Unavailable(f"{method} /api/job?{answer.request.url.query.decode()} answered {answer.text.strip()}")


async def _follow(client: httpx.AsyncClient, screen: Screen, followed: Followed) -> None:
    begun = time.monotonic()
    told_s = -1
    shot = False
    with screen.stage() as stage:
        while (now_s := time.monotonic() - begun) < FOLLOWED_S:
            state = (await client.get("/api/job", params={"cause": "state"})).json()["data"]
            followed.note(begun + now_s, state)
            picture = await _picture(client, screen, _box(state))
            stage.show(_view(picture, state, followed), f"  {now_s:.0f} s  {_words(state)}" if int(now_s) > told_s else "")
            told_s = int(now_s)
            if not shot and now_s > SHOT_AFTER_S:
                shot = True
                await client.put("/api/job", params={"cause": "take_shots"})
            await asyncio.sleep(POLL_S)


async def _picture(client: httpx.AsyncClient, screen: Screen, box: Box | None) -> Text | None:
    if screen.console.color_system not in {"256", "truecolor"}:
        return None
    answer = await client.get("/api/stream/frame.jpg", params={"marks": 0})
    columns = min(PICTURE_COLUMNS, (screen.console.height - GAUGE_ROWS) * COLUMNS_PER_ROW)
    return half_blocks(answer.content, columns, box) if answer.is_success else None


def _view(picture: Text | None, state: State, followed: Followed) -> RenderableType:
    gauge = Text.assemble("  ", _gauge(followed.pans_deg[-1]), f"  {_words(state)}")
    return gauge if picture is None else Group(picture, gauge)


def _gauge(pan_deg: float) -> Text:
    place = round((pan_deg / PAN_LIMIT_DEG + 1) / 2 * (GAUGE_COLUMNS - 1))
    bar = "".join("●" if column == place else "┼" if column == GAUGE_COLUMNS // 2 else "─" for column in range(GAUGE_COLUMNS))
    return Text(f"├{bar}┤", "cyan")


def _words(state: State) -> str:
    return f"{state['track'].get('state')}, pan {_number(state['head'].get('pan')):+.1f} deg"


def _box(state: State) -> Box | None:
    target = state["track"].get("target")
    if not isinstance(target, Mapping):
        return None
    left, top, width, height = (float(edge) for edge in target["box"])
    return left, top, width, height


def _offset(state: State) -> float | None:
    box = _box(state)
    return None if box is None else box[0] + box[2] / 2 - 0.5


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _tracking_rows(followed: Followed) -> Sequence[Compared]:
    lock = f"after {followed.lock_s:.1f} s"
    middle = f"{followed.central:.0%} of the time"
    return (
        Compared("locked", lock, f"within {LOCK_BOUND_S:.0f} s", followed.lock_s <= LOCK_BOUND_S),
        Compared("in the middle fifth", middle, f"at least {CENTRAL_SHARE:.0%}", followed.central >= CENTRAL_SHARE),
        _walk_row(match(followed.seen)),
    )


def _walk_row(walk: Walk | None) -> Compared:
    if walk is None:
        return Compared("walk", "not seen", "walked", right=False)
    return Compared(f"walk, {walk.apart_deg:.1f} deg rms", _way(walk.seen_deg), _way(walk.true_deg), walk.apart_deg <= APART_DEG)


def _way(pans_deg: Sequence[float]) -> str:
    return f"{pans_deg[0]:+.0f} to {pans_deg[-1]:+.0f} deg"


def _movie_row(path: Path | None, length_s: tuple[float, float]) -> Compared:
    """Compare with what must be in it: at least the time from the answer to PUT until DELETE, at most from PUT to the answer to DELETE."""
    movie = probe(path) if path else None
    truth = f"{length_s[0]:.1f} to {length_s[1]:.1f} s, {', '.join(CODECS)}"
    if movie is None:
        return Compared("recording", "none", truth, right=False)
    lasts = length_s[0] - LENGTH_TOLERANCE_S <= movie.length_s <= length_s[1] + LENGTH_TOLERANCE_S
    return Compared("recording", f"{movie.length_s:.1f} s, {', '.join(movie.codecs)}", truth, lasts and movie.codecs == CODECS)


def _shot_row(path: Path | None) -> Compared:
    size_bytes = path.stat().st_size if path else 0
    return Compared("shot", f"{size_bytes // 1000} kB" if path else "none", "one picture", size_bytes > 0)


def _newest(data: Path, pattern: str) -> Path | None:
    return max((data / "records").rglob(pattern), key=lambda path: path.stat().st_mtime, default=None)
