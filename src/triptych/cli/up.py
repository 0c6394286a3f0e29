"""Server, engine and agent in one process."""

import asyncio
import json as json_text
from pathlib import Path

import uvloop

from triptych import configuration, logs, wiring


def up(
    *,
    host: str | None = None,
    port: int | None = None,
    data: Path | None = None,
    config: Path | None = None,
    worker_id: str | None = None,
    media_root: list[Path] | None = None,
    root: list[Path] | None = None,
    json: bool = False,
) -> int:
    """Bring up server, engine and agent in one process, until SIGTERM or Ctrl-C.

    SIGTERM leaves commands running: the next start on the same data folder takes them back, pid, output and all. Ctrl-C (SIGINT) stops
    every job first. A server that is killed loses no running command either.

    The exit code is 0 after a clean end and 2 when it cannot start: the port is taken, or another server uses the data folder.

    Args:
        host: address to listen on; by default 127.0.0.1.
        port: port to listen on, by default 8700; 0 takes a free one.
        data: data folder; by default the platform's, or TRIPTYCH_DATA.
        config: file of settings; by default `triptych.toml` in the data folder, or TRIPTYCH_CONFIG. Flags overrule it.
        worker_id: name of the worker; by default a random id, kept in the data folder.
        media_root: folder that media jobs may read; may be repeated, the first is searched first.
        root: folder that scripts may be started from; may be repeated. By default `root` in the data folder.
        json: print one JSON line when jobs can be taken, instead of words.
    """
    flags = {"host": host, "port": port, "data_dir": data, "worker_id": worker_id, "media_roots": media_root, "roots": root}
    settings = configuration.read(flags, config=config).settings
    logs.begin()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(wiring.up(settings, ready=_tell_json if json else _tell))


def _facts(system: wiring.Up) -> dict[str, str]:
    return {
        "address": system.url,
        "reference": f"{system.url}/reference",
        "worker": system.worker_id,
        "data": str(system.data_dir),
        "roots": _joined(system.roots),
        "media roots": _joined(system.media_roots),
    }


def _joined(paths: tuple[Path, ...]) -> str:
    return ", ".join(map(str, paths)) or "none"


def _tell(system: wiring.Up) -> None:
    for name, value in _facts(system).items():
        print(f"{name:<13}{value}", flush=True)


def _tell_json(system: wiring.Up) -> None:
    facts = {"url": system.url, "worker_id": system.worker_id, "data_dir": str(system.data_dir)}
    folders = {"roots": [str(path) for path in system.roots], "media_roots": [str(path) for path in system.media_roots]}
    print(json_text.dumps(facts | folders), flush=True)
