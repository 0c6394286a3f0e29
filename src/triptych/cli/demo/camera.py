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
from triptych.cli.demo.picture import half_blocks
from triptych.cli.demo.probe import Movie, probe
from triptych.cli.demo.screen import Compared, Screen
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
GAUGE_COLUMNS = 41
PAN_LIMIT_DEG = 60.0
LOCK_BOUND_S = 4.0
CENTRAL_SHARE = 0.9
CENTRAL_WIDTH = 0.1
LEAST_TURN_DEG = 3.0
LENGTH_TOLERANCE_S = 0.25
CALL_BOUND_S = 15.0


@dataclass(slots=True)
class Followed:
    """What the state said while the head followed: the pan of the head and how far the target was off the centre, in frame widths."""

    lock_s: float
    pans_deg: list[float] = field(default_factory=list)
    offsets: list[float | None] = field(default_factory=list)

    def note(self, state: Mapping[str, Mapping[str, object]]) -> None:
        """Take one state object."""
        self.pans_deg.append(_number(state["head"].get("pan")))
        self.offsets.append(_offset(state))

    @property
    def central(self) -> float:
        """The share of the looks in which the target was within a tenth of the width off the centre."""
        held = [offset for offset in self.offsets if offset is not None and abs(offset) <= CENTRAL_WIDTH]
        return len(held) / max(1, len(self.offsets))

    @property
    def turned_deg(self) -> float:
        """How far apart the outermost pans of the head were."""
        return max(self.pans_deg, default=0.0) - min(self.pans_deg, default=0.0)


async def show(client: httpx.AsyncClient, screen: Screen, data: Path) -> Outcome:
    """Track, record and take a shot of the walking figure; then look at the files from outside."""
    screen.head("camera", "a figure walks, the head follows")
    await _call(client, screen, "POST", {"mark": "partial_rect"}, json=PARAMETERS)
    begun = time.monotonic()
    await _call(client, screen, "PUT", {"cause": "track"})
    followed = Followed(time.monotonic() - begun)
    await _call(client, screen, "PUT", {"cause": "record"})
    recorded_from = time.monotonic()
    await _follow(client, screen, followed)
    await _call(client, screen, "DELETE", {"cause": "record"})
    recorded_s = time.monotonic() - recorded_from
    await _call(client, screen, "DELETE", {"cause": "track"})
    movie, shot = _newest(data, "*.mp4"), _newest(data, "*.jpg")
    rows = (*_tracking_rows(followed), _movie_row(movie, recorded_s), _shot_row(shot))
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
    shot = False
    with screen.stage() as stage:
        while (now_s := time.monotonic() - begun) < FOLLOWED_S:
            state = (await client.get("/api/job", params={"cause": "state"})).json()["data"]
            followed.note(state)
            picture = await _picture(client, screen)
            stage.show(_view(picture, state, followed), f"  {now_s:.0f} s  {_words(state)}" if now_s % 1 < POLL_S else "")
            if not shot and now_s > SHOT_AFTER_S:
                shot = True
                await client.put("/api/job", params={"cause": "take_shots"})
            await asyncio.sleep(POLL_S)


async def _picture(client: httpx.AsyncClient, screen: Screen) -> Text | None:
    if screen.console.color_system not in {"256", "truecolor"}:
        return None
    answer = await client.get("/api/stream/frame.jpg")
    return half_blocks(answer.content, PICTURE_COLUMNS) if answer.is_success else None


def _view(picture: Text | None, state: Mapping[str, Mapping[str, object]], followed: Followed) -> RenderableType:
    gauge = Text.assemble("  ", _gauge(followed.pans_deg[-1]), f"  {_words(state)}")
    return gauge if picture is None else Group(picture, gauge)


def _gauge(pan_deg: float) -> Text:
    place = round((pan_deg / PAN_LIMIT_DEG + 1) / 2 * (GAUGE_COLUMNS - 1))
    bar = "".join("●" if column == place else "┼" if column == GAUGE_COLUMNS // 2 else "─" for column in range(GAUGE_COLUMNS))
    return Text(f"├{bar}┤", "cyan")


def _words(state: Mapping[str, Mapping[str, object]]) -> str:
    return f"{state['track'].get('state')}, pan {_number(state['head'].get('pan')):+.1f} deg"


def _offset(state: Mapping[str, Mapping[str, object]]) -> float | None:
    target = state["track"].get("target")
    if not isinstance(target, Mapping):
        return None
    left, _, width, _ = (float(edge) for edge in target["box"])
    return left + width / 2 - 0.5


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _tracking_rows(followed: Followed) -> Sequence[Compared]:
    return (
        Compared("locked", f"after {followed.lock_s:.1f} s", f"within {LOCK_BOUND_S:.0f} s", followed.lock_s <= LOCK_BOUND_S),
        Compared(
            "kept in the middle fifth",
            f"{followed.central:.0%} of the time",
            f"at least {CENTRAL_SHARE:.0%}",
            followed.central >= CENTRAL_SHARE,
        ),
        Compared("head turned", f"{followed.turned_deg:.1f} deg", "with the figure", followed.turned_deg >= LEAST_TURN_DEG),
    )


def _movie_row(path: Path | None, recorded_s: float) -> Compared:
    movie = probe(path) if path else None
    right = movie is not None and abs(movie.length_s - recorded_s) <= LENGTH_TOLERANCE_S and movie.codecs == ("h264", "aac")
    return Compared("recording", str(movie or "none"), str(Movie(recorded_s, (1280, 720), ("h264", "aac"))), right)


def _shot_row(path: Path | None) -> Compared:
    size_bytes = path.stat().st_size if path else 0
    return Compared("shot", f"{size_bytes // 1000} kB" if path else "none", "one picture", size_bytes > 0)


def _newest(data: Path, pattern: str) -> Path | None:
    return max((data / "records").rglob(pattern), key=lambda path: path.stat().st_mtime, default=None)
