"""Cameras: follow, film, photograph, play moves and stream, from a shell."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from triptych.cli.address import HERE, Server
from triptych.cli.client import Client, talk
from triptych.cli.printing import printable, show_json, show_table, tell
from triptych.cli.seer import Seer
from triptych.errors import Invalid, Unavailable

app = App(name="camera", default_parameter=Parameter(negative=()))

Cause = Literal["track", "record", "mission", "live_stream"]
Which = Annotated[str | None, Parameter(name="--camera")]
Act = Callable[[Seer], Awaitable[dict[str, Any]]]

LEARN_BOUND = timedelta(seconds=45)
POLL_S = 0.25
PREVIEW_COLUMNS = 96
PREVIEW_S = 0.2


@app.default
@app.command(name="list")
def list_(*, json: bool = False, to: Server = HERE) -> int:
    """List the cameras, with the source, head and arm of each. The exit code is 0.

    Args:
        json: print the list as JSON.
        to: the server to talk to.
    """
    return talk(to, partial(_list, json=json))


@app.command
def state(*, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Show what a camera is doing. The exit code is 0.

    Args:
        camera: id of the camera; the default one if absent.
        json: print the state object.
        to: the server to talk to.
    """
    return talk(to, lambda client: _show_state(Seer(client, camera), json=json))


@app.command
def track(
    *,
    ai: bool = False,
    person: tuple[str, ...] = (),
    secure: bool = False,
    still: bool = False,
    camera: Which = None,
    json: bool = False,
    to: Server = HERE,
) -> int:
    """Follow a face; returns when one is locked, or when the camera has searched for as long as it is set to wait.

    The exit code is 0, and 2 with the reason when the camera refuses.

    Args:
        ai: follow as closely as the head can, instead of calmly.
        person: id of an enrolled person, or `all` for anyone enrolled (repeatable); without it anyone.
        secure: watch the room instead, and raise an alarm for a visitor.
        still: watch without turning the head.
        camera: id of the camera; the default one if absent.
        json: print the state of `track`.
        to: the server to talk to.
    """
    wanted = {
        "job_type": "secure" if secure else "track",
        "ai": "official_ai" if ai else None,
        "recognized_persons": list(person) or None,
        "non_moving_target": still or None,
    }
    return _act(partial(_track, wanted=wanted), camera=camera, json=json, to=to)


@app.command
def learn(*, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Measure how the head turns, within 30 s, and keep it; the camera follows a face afterwards.

    The exit code is 0, and 2 with the reason when it could not be measured: what was known before is kept then.

    Args:
        camera: id of the camera; the default one if absent.
        json: print the calibration.
        to: the server to talk to.
    """
    return _act(_learn, camera=camera, json=json, to=to)


@app.command
def record(*, seconds: float | None = None, output: Path | None = None, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Begin a recording and print its id; `stop record` ends it.

    The exit code is 0, and 2 with the reason when the camera refuses.

    Args:
        seconds: end it after so many seconds.
        output: save the finished file here; needs `--seconds`.
        camera: id of the camera; the default one if absent.
        json: print the id as JSON.
        to: the server to talk to.
    """
    if output is not None and seconds is None:
        raise Invalid("--output needs --seconds: only a finished recording can be saved", field="output")
    return _act(partial(_record, seconds=seconds, output=output), camera=camera, json=json, to=to)


@app.command
def shot(*, output: Path | None = None, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Take a photograph and print its id. The exit code is 0, and 2 with the reason when the camera refuses.

    Args:
        output: save the picture here, too.
        camera: id of the camera; the default one if absent.
        json: print the id as JSON.
        to: the server to talk to.
    """
    return _act(partial(_shot, output=output), camera=camera, json=json, to=to)


@app.command
def mission(scenario: str | None = None, /, *, system: bool = False, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Play a scenario with the arm. The exit code is 0, and 2 with the reason when the camera refuses.

    Args:
        scenario: name of the scenario; the one that is set if absent.
        system: take it from the system's scenarios instead of the user's.
        camera: id of the camera; the default one if absent.
        json: print the state of `mission`.
        to: the server to talk to.
    """
    return _act(partial(_mission, scenario=scenario, system=system), camera=camera, json=json, to=to)


@app.command
def stream(*, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Begin the live stream to every enabled target. The exit code is 0, and 2 with the reason when the camera refuses.

    Args:
        camera: id of the camera; the default one if absent.
        json: print the state of `live_stream`.
        to: the server to talk to.
    """
    return _act(partial(_begin, cause="live_stream"), camera=camera, json=json, to=to)


@app.command
def preview(*, output: Path | None = None, clean: bool = False, camera: Which = None, to: Server = HERE) -> int:
    """Show live pictures in this terminal until Ctrl-C, or save one.

    The exit code is 0, and 2 with the reason when there is no picture.

    Args:
        output: save the newest picture here instead, a JPEG.
        clean: leave the marks out.
        camera: id of the camera; the default one if absent.
        to: the server to talk to.
    """
    return talk(to, lambda client: _preview(Seer(client, camera), output=output, marks=not clean))


@app.command
def stop(*causes: Cause, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Stop activities, or all. The exit code is 0, also when nothing was on.

    Args:
        causes: what to stop: track, record, mission, live_stream; all of them if absent.
        camera: id of the camera; the default one if absent.
        json: print the state object.
        to: the server to talk to.
    """
    return _act(partial(_stop, causes=causes or ("track", "record", "mission", "live_stream")), camera=camera, json=json, to=to)


@app.command
def pause(cause: Cause | None = None, /, *, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Hold an activity, or all: the head still, no frame written. The exit code is 0, also when nothing was on.

    Args:
        cause: what to hold; everything if absent.
        camera: id of the camera; the default one if absent.
        json: print the state object.
        to: the server to talk to.
    """
    return _act(partial(_pause, cause=cause), camera=camera, json=json, to=to)


@app.command
def resume(cause: Cause | None = None, /, *, camera: Which = None, json: bool = False, to: Server = HERE) -> int:
    """Go on with what was held. The exit code is 0, also when nothing was.

    Args:
        cause: what to go on with; everything if absent.
        camera: id of the camera; the default one if absent.
        json: print the state object.
        to: the server to talk to.
    """
    return _act(partial(_resume, cause=cause), camera=camera, json=json, to=to)


def _act(act: Act, *, camera: str | None, json: bool, to: Server) -> int:
    """Do something with a camera, and print in words or as JSON what came of it."""

    async def work(client: Client) -> int:
        told = await act(Seer(client, camera))
        show_json(msgspec.json.encode(told)) if json else print(_words(told))
        return 0

    return talk(to, work)


async def _list(client: Client, *, json: bool) -> int:
    cameras = await Seer(client, None).cameras()
    if json:
        show_json(msgspec.json.encode(cameras))
        return 0
    rows = [
        (one["id"], printable(one["name"]), *(one[part]["kind"] for part in ("source", "head", "arm")), "default" if one["default"] else "")
        for one in cameras
    ]
    show_table(("CAMERA", "NAME", "SOURCE", "HEAD", "ARM", ""), rows)
    return 0


async def _show_state(seer: Seer, *, json: bool) -> int:
    told = await seer.state()
    if json:
        show_json(msgspec.json.encode(told))
        return 0
    rows = [(cause, told[cause]["state"], _detail(cause, told[cause])) for cause in ("track", "record", "mission", "live_stream")]
    head = told["head"]
    rows.append(("head", head["kind"], f"pan {head['pan']:+.1f}, tilt {head['tilt']:+.1f} deg"))
    show_table(("PART", "STATE", ""), rows)
    for warning in told["warnings"]:
        tell(warning)
    return 0


async def _track(seer: Seer, *, wanted: dict[str, Any]) -> dict[str, Any]:
    await seer.set(**wanted)
    return await _begin(seer, cause="track")


async def _begin(seer: Seer, *, cause: str) -> dict[str, Any]:
    await seer.start(cause)
    found: dict[str, Any] = (await seer.state())[cause]
    return found


async def _learn(seer: Seer) -> dict[str, Any]:
    await seer.set(job_type="learn", non_moving_target=None)
    await seer.start("track")
    now = await seer.state()
    async with asyncio.timeout(LEARN_BOUND.total_seconds()):
        while now["track"]["state"] in {"starting", "learning", "paused"}:
            await asyncio.sleep(POLL_S)
            now = await seer.state()
    await seer.set(job_type="track")
    if now["track"]["state"] == "failed":
        raise Unavailable(next((hint for hint in now["warnings"] if hint.startswith("track: ")), "the calibration failed"))
    return dict(now["calibration"] or {})


async def _record(seer: Seer, *, seconds: float | None, output: Path | None) -> dict[str, Any]:
    await seer.start("record")
    record_id = (await seer.state())["record"]["id"]
    if seconds is not None:
        await asyncio.sleep(seconds)
        await seer.stop("record")
    if output is not None:
        _save(output, await seer.fetch(record_id))
    return {"id": record_id}


async def _shot(seer: Seer, *, output: Path | None) -> dict[str, Any]:
    await seer.start("take_shots")
    newest = (await seer.shots(datetime.now().astimezone().strftime("%d_%m_%Y")))[-1]
    if output is not None:
        _save(output, await seer.fetch(newest["id"]))
    return {"id": newest["id"]}


async def _mission(seer: Seer, *, scenario: str | None, system: bool) -> dict[str, Any]:
    if scenario is not None:
        await seer.set(scenario=scenario, predicted_mission=system)
    return await _begin(seer, cause="mission")


async def _stop(seer: Seer, *, causes: tuple[Cause, ...]) -> dict[str, Any]:
    for cause in causes:
        await seer.stop(cause)
    return await seer.state()


async def _pause(seer: Seer, *, cause: Cause | None) -> dict[str, Any]:
    await seer.pause(cause)
    return await seer.state()


async def _resume(seer: Seer, *, cause: Cause | None) -> dict[str, Any]:
    await seer.resume(cause)
    return await seer.state()


async def _preview(seer: Seer, *, output: Path | None, marks: bool) -> int:
    if output is not None:
        _save(output, await seer.frame(marks=marks))
        return 0
    from rich.console import Console  # noqa: PLC0415 - what draws is imported where something is drawn
    from rich.live import Live  # noqa: PLC0415 - as above

    from triptych.cli.demo.picture import half_blocks  # noqa: PLC0415 - it decodes pictures, which no other command needs

    console = Console()
    if not console.is_terminal:
        raise Invalid("standard output is not a terminal: --output FILE saves a picture", field="output")
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            picture = half_blocks(await seer.frame(marks=marks), min(PREVIEW_COLUMNS, console.width - 4))
            if picture is not None:
                live.update(picture, refresh=True)
            await asyncio.sleep(PREVIEW_S)


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as fault:
        raise Invalid(f"{path} cannot be written: {(fault.strerror or str(fault)).lower()}", field="output") from None
    sys.stderr.write(f"saved {path}\n")


def _words(told: dict[str, Any]) -> str:
    """Return in a few words what was told: an id, a state, or a calibration."""
    if "id" in told and len(told) == 1:
        return str(told["id"])
    if isinstance(told.get("state"), str):
        return str(told["state"])
    return ", ".join(f"{key} {value}" for key, value in told.items())


def _detail(cause: str, told: dict[str, Any]) -> str:
    match cause:
        case "track" if told["target"] is not None:
            return f"face {told['target']['track']}"
        case "record" if told["id"] is not None:
            return f"{told['seconds']:.1f} s, {told['dropped']} dropped"
        case "mission" if told["scenario"] is not None:
            return printable(str(told["scenario"]))
        case "live_stream":
            return ", ".join(f"{target['site']} {target['state']}" for target in told["targets"])
        case _:
            return ""
