"""The main job of the README: bring all up, run one real job of each kind, show it, and take everything down again."""

import asyncio
import json as json_text
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import httpx
from rich.console import Console

from triptych import __version__
from triptych.cli.demo import camera, media, workers
from triptych.cli.demo.clips import given, make
from triptych.cli.demo.outcome import Outcome
from triptych.cli.demo.screen import Screen
from triptych.cli.demo.server import Server
from triptych.errors import TriptychError

CALL_BOUND_S = 30
KEPT = Path("demo-out")
LOOKS = (
    ("/api/stream?type=preview", "what the camera sees, live"),
    ("/reference", "every call"),
    ("/openapi.json", "the same, for programs"),
)
WRONG = 1
INTERRUPTED = 130


def demo(*, once: bool = False, input: Path | None = None, data: Path | None = None, json: bool = False) -> int:  # noqa: A002 - the flag's name
    """Bring the system up on a free port, run one real job of each kind, and show what came out beside the truth.

    The exit code is 0 only if all three are right. On a terminal the system stays up afterwards, until Ctrl-C.

    Args:
        once: end after the three jobs, also on a terminal.
        input: annotate this file instead of a clip made for the purpose; its truth is not known then.
        data: keep the data folder here. Without it, it is temporary, and the recording and the shot are kept in ./demo-out.
        json: print one JSON object at the end and nothing else.
    """
    console = Console(stderr=json, quiet=json)
    try:
        return asyncio.run(_demo(console, input, data, stay=not once and not json and sys.stdout.isatty(), json=json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("\nended; nothing is left running")
        return INTERRUPTED


async def _demo(console: Console, source: Path | None, data: Path | None, *, stay: bool, json: bool) -> int:
    begun = time.monotonic()
    if (me := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    screen = Screen(console)
    screen.line(f"Triptych {__version__}: one job engine under three HTTP panels", "bold")
    with _folder(data) as folder:
        async with AsyncExitStack() as stack:
            with console.status("getting ready"):
                clip = given(source) if source else await asyncio.to_thread(make, folder / "media")
                server = Server(folder, arguments=("--media-root", str(clip.path.parent)))
                await stack.enter_async_context(server)
            screen.line(f"{server.url}  ready after {server.ready_after_s:.1f} s", "dim")
            outcomes = await _run_all(screen, server, clip)
            files = [path if data else _keep(path) for outcome in outcomes for path in outcome.files]
            _close(screen, outcomes, files, time.monotonic() - begun)
            if json:
                print(_as_json(outcomes, files))
            if stay:
                await _stay(screen, server)
    return 0 if all(outcome.right for outcome in outcomes) else WRONG


async def _run_all(screen: Screen, server: Server, clip: media.Clip) -> list[Outcome]:
    async with httpx.AsyncClient(base_url=server.url, timeout=CALL_BOUND_S) as client:
        return [
            await _part(screen, "workers", workers.show(client, screen)),
            await _part(screen, "media", media.show(client, screen, clip)),
            await _part(screen, "camera", camera.show(client, screen, server.data)),
        ]


async def _part(screen: Screen, panel: str, work: Coroutine[None, None, Outcome]) -> Outcome:
    try:
        return await work
    except (TriptychError, httpx.HTTPError) as fault:
        screen.verdict(str(fault) or type(fault).__name__, right=False)
        return Outcome(panel=panel, rows=())


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="triptych-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _keep(path: Path) -> Path:
    KEPT.mkdir(exist_ok=True)
    return Path(shutil.copy2(path, KEPT / path.name))


def _close(screen: Screen, outcomes: list[Outcome], files: list[Path], took_s: float) -> None:
    wrong = [outcome.panel for outcome in outcomes if not outcome.right]
    screen.line("")
    text = f"not as it should be: {', '.join(wrong)}" if wrong else f"all {len(outcomes)} are right, in {took_s:.0f} s"
    screen.verdict(text, right=not wrong)
    for path in files:
        screen.line(f"    {path}")


async def _stay(screen: Screen, server: Server) -> None:
    screen.line("")
    for path, what in LOOKS:
        screen.line(f"  {server.url}{path:<27}{what}")
    screen.line("  Ctrl-C ends everything", "dim")
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _as_json(outcomes: list[Outcome], files: list[Path]) -> str:
    parts = {outcome.panel: {"right": outcome.right, "rows": [asdict(row) for row in outcome.rows]} for outcome in outcomes}
    return json_text.dumps({"right": all(outcome.right for outcome in outcomes), "panels": parts, "files": [str(path) for path in files]})
