"""What a crash costs a film that was half measured."""

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx

from faults.system import System, wait_until
from triptych.media.sample import Coding, scene, write_clip

SIZE = (320, 180)
FRAMES = 3000
FEATURES = ["SHOT_CHANGE_DETECTION", "LEVELS", "MACROBLOCKING"]
BOUND_S = 90.0


def _submit(system: System) -> str:
    body = {"inputUri": "film.mp4", "features": FEATURES}
    answer = httpx.post(f"{system.url}/api/ai/jobs", json=body, trust_env=False)
    return str(answer.json()["name"])


def _job(system: System, name: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{system.url}/api/ai/jobs/{name}", trust_env=False).json()
    return found


def _chunks(system: System, name: str) -> list[Path]:
    return [path for path in (system.data / "media" / name / "chunks").glob("*/*") if path.suffix != ".part"]


def _done(system: System, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + BOUND_S
    while (job := _job(system, name))["status"] in {"queued", "running"} and time.monotonic() < deadline:
        time.sleep(0.05)
    assert job["status"] == "done", job
    return job


def test_a_killed_film_goes_on_with_the_chunks_that_were_finished(system: System) -> None:
    """media J5: queued again once, its finished chunks reused, and the result is what it would have been."""
    options = {"preset": "ultrafast", "g": "50", "bf": "0"}
    write_clip(system.media / "film.mp4", ((Fraction(n, 25), scene(n // 60, SIZE, n)) for n in range(FRAMES)), [], Coding(options=options))
    system.start()
    name = _submit(system)
    wait_until(lambda: bool(_chunks(system, name)), BOUND_S, system.told)
    system.kill()
    kept = {path: path.stat().st_mtime_ns for path in _chunks(system, name)}
    system.start()
    left = {path: path.stat().st_mtime_ns for path in _chunks(system, name)}
    assert kept
    assert {path: left.get(path) for path in kept} == kept or _job(system, name)["status"] == "done"
    response = _done(system, name)["response"]
    assert not (system.data / "media" / name / "chunks").exists()
    again = _submit(system)
    assert _done(system, again)["response"] == response
