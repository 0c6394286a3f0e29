"""Which kill tiers this machine has, found out by doing, in a process to throw away (workers K8).

Run as `python -m triptych.agent.survey NAME...`; it prints a JSON object of why each tier is missing, null where it is not.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import triptych
from triptych.agent import account
from triptych.agent.limits import means_of
from triptych.agent.tiers import TIERS
from triptych.agent.tiers.cgroup import settle
from triptych.errors import Invalid
from triptych.model import Json, Place

_PROBE_S = 5
_SURVEY_S = 20.0
_MOST_REASON = 4096


async def equip(place: Place, allowed: Sequence[str] = tuple(TIERS)) -> Place:
    """Return `place` with the kill tiers of this machine among those `allowed`, in that order, and its account let in.

    A worker with a cgroup may be moved into a leaf of its own. Raises `Invalid` for a tier that does not exist, when none of the
    allowed is there, or when `run_as` cannot be kept.
    """
    if unknown := [name for name in allowed if name not in TIERS]:
        raise Invalid(f"kill_tiers: there is no tier {unknown[0]!r}", field="kill_tiers")
    if place.run_as is not None:
        account.admit(account.find(place.run_as), Path(place.data_dir))
    missing = await asyncio.to_thread(_ask, tuple(allowed))
    cgroup, controllers = "", tuple[str, ...]()
    if missing.get("cgroup", "") is None:
        try:
            cgroup, controllers = settle(place.data_dir)
        except OSError as fault:
            missing["cgroup"] = str(fault.strerror or fault)
    present = tuple(name for name in allowed if missing[name] is None)
    reasons = {name: reason for name, reason in missing.items() if reason is not None}
    if not present:
        raise Invalid("kill_tiers: this machine has none of them: " + "; ".join(f"{name}: {why}" for name, why in reasons.items()))
    return replace(place, kill_tiers=present, missing_tiers=reasons, cgroup=cgroup, controllers=controllers)


def describe(place: Place) -> Json:
    """Return what a worker's record says of its tiers and limits, and the `commands` that it allows (None: any)."""
    controllers = place.controllers if place.kill_tiers[0] == "cgroup" else ()
    return {
        "kill_tiers": list(place.kill_tiers),
        "missing_tiers": dict(place.missing_tiers),
        "limits": means_of(controllers),
        "default_limits": {"open_files": place.open_files, "output_max_bytes": place.output_max_bytes, **place.limits},
        "max_limits": dict(place.max_limits),
        "commands": None if place.commands is None else sorted(place.commands),
    }


def probe(name: str) -> str | None:
    """Return why this machine lacks a tier, or None: try it in a process of its own, which ends within 5 s with all that it began."""
    told, teller = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _try(name, teller)
    os.close(teller)
    status = os.waitpid(child, 0)[1]
    reason = os.read(told, _MOST_REASON).decode() if status == 0 else f"no answer within {_PROBE_S} s"
    os.close(told)
    return reason or None


def _try(name: str, teller: int) -> None:
    reason = "the probe failed"
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PROBE_S)
        TIERS[name].probe()
        reason = ""
    except OSError as fault:
        reason = str(fault.strerror or fault)
    finally:
        os.write(teller, reason.encode())
        os._exit(0)


def _ask(names: Sequence[str]) -> dict[str, str | None]:
    """Ask another interpreter, since this process has threads and jobs."""
    path = os.pathsep.join(filter(None, (str(Path(triptych.__file__).parent.parent), os.environ.get("PYTHONPATH"))))
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        asked = subprocess.run(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-m", "triptych.agent.survey", *names],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_SURVEY_S,
            check=True,
        )
        told: dict[str, str | None] = json.loads(asked.stdout)
        return told
    return {name: None if name == "subreaper" else "the probe gave no answer" for name in names}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: probe(name) for name in sys.argv[1:]}))
