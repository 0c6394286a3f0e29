"""What may be asked of a command on the command line, and how it becomes the body of a submission."""

import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from triptych.errors import Invalid

FACTORS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
SIZES = {"memory": "memory_bytes", "file": "file_bytes", "output": "output_max_bytes"}
NUMBERS = {"cpu": "cpu", "processes": "processes", "cpu-seconds": "cpu_seconds", "open-files": "open_files"}
STANDARD_INPUT = Path("-")

Outcome = Literal["nonzero", "signal", "timed_out", "out_of_memory", "worker_lost"]


def _option(text: str, *more: str) -> Parameter:
    return Parameter(alias=more, help=text, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Where and how a command runs; what is left out is the server's default."""

    worker: Annotated[str | None, _option("id of the worker; not needed where there is only one.")] = None
    label: Annotated[list[str], _option("NAME=VALUE: any worker that carries it; repeatable, in place of --worker.")] = field(
        default_factory=list
    )
    cwd: Annotated[str | None, _option("folder to run in: `work`, a fresh one (default); `root`; or one beneath the worker's root.")] = None
    script: Annotated[str | None, _option("script in a root of the worker; its path becomes the first argument.")] = None
    env: Annotated[list[str], _option("NAME=VALUE for its environment, or NAME for its value here; repeatable.", "-e")] = field(
        default_factory=list
    )
    stdin: Annotated[Path | None, _option("file that it reads as standard input, `-` for this one; at most 1 MiB of text.")] = None
    timeout_s: Annotated[float | None, _option("seconds after which it is ended.", "--timeout")] = None
    grace_s: Annotated[float | None, _option("seconds between SIGTERM and SIGKILL when it is ended; 5 by default.", "--grace")] = None
    queue_s: Annotated[float | None, _option("seconds that it may wait for room; 3600 by default, 0: now or never.", "--queue")] = None
    retry: Annotated[int | None, _option("how many attempts there may be, 1 to 20.")] = None
    retry_on: Annotated[list[Outcome], _option("which ends are tried again; `nonzero` by default; repeatable.")] = field(
        default_factory=list
    )
    backoff_s: Annotated[float | None, _option("seconds before the second attempt, doubled each time, at most 300.")] = None
    priority: Annotated[int | None, _option("0 to 139, lower runs first; 20 by default.")] = None
    limit: Annotated[list[str], _option("memory=1G, cpu=0.5, processes, cpu-seconds, open-files, file, output; repeatable.")] = field(
        default_factory=list
    )
    strict_limits: Annotated[bool, _option("refuse when the worker cannot enforce a limit.")] = False
    merge_output: Annotated[bool, _option("one stream for standard output and standard error, in exact order.")] = False
    leftovers: Annotated[
        Literal["kill", "wait"] | None, _option("what of its processes outlives the first: `kill` (default) or `wait`.")
    ] = None
    needs_setuid: Annotated[bool, _option("let it run programs such as sudo, which some means of stopping forbid.")] = False
    umask: Annotated[str | None, _option("mode bits that its files never get, such as 0022.")] = None

    def body(self, command: Sequence[str], worker_id: str | None) -> dict[str, object]:
        """Return the body of the submission, which has what was given and nothing else. Raises `Invalid` naming the option."""
        given: dict[str, object] = {
            "command": command[0],
            "args": command[1:],
            "worker_id": worker_id,
            "labels": pairs("--label", self.label) if self.label else None,
            "env": environment(self.env) or None,
            "stdin": None if self.stdin is None else _text(self.stdin),
            "retry": self._retry(),
            "limits": limits(self.limit) or None,
        }
        plain = ("cwd", "script", "timeout_s", "grace_s", "queue_s", "priority", "strict_limits", "merge_output", "leftovers")
        given |= {name: getattr(self, name) for name in (*plain, "needs_setuid", "umask")}
        for option in ("timeout_s", "grace_s", "queue_s", "backoff_s"):
            check_seconds(f"--{option.replace('_', '-')}", getattr(self, option))
        return {name: value for name, value in given.items() if value is not None and value is not False}

    def _retry(self) -> dict[str, object] | None:
        asked = {"max_attempts": self.retry, "on": self.retry_on or None, "backoff_s": self.backoff_s}
        if self.retry is None and any(value is not None for value in asked.values()):
            raise Invalid("say how many attempts with --retry")
        return {name: value for name, value in asked.items() if value is not None} or None


def check_seconds(option: str, seconds: float | None) -> None:
    """Raise `Invalid` for what is no number, which JSON would turn into nothing at all."""
    if seconds is not None and not math.isfinite(seconds):
        raise Invalid(f"{option} takes a number of seconds, not {seconds}")


def pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE words as a map. Raises `Invalid` for one without the sign."""
    wrong = next((word for word in words if not word.partition("=")[0] or "=" not in word), None)
    if wrong is not None:
        raise Invalid(f"{option} takes NAME=VALUE, not {wrong}")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def environment(words: Sequence[str]) -> dict[str, str]:
    """Return the variables that are named, those without a value as they are here. Raises `Invalid` for one that is not set here."""
    unset = next((word for word in words if "=" not in word and word not in os.environ), None)
    if unset is not None:
        raise Invalid(f"--env {unset} has no value here; --env {unset}=VALUE gives it one")
    return pairs("--env", [word if "=" in word else f"{word}={os.environ[word]}" for word in words])


def limits(words: Sequence[str]) -> dict[str, float]:
    """Return limits such as `memory=1G` in the words and units of the API. Raises `Invalid`."""
    return dict(_limit(name, value) for name, value in pairs("--limit", words).items())


def _limit(name: str, value: str) -> tuple[str, float]:
    found = _AMOUNT.fullmatch(value.upper())
    if name in SIZES and found:
        return SIZES[name], int(float(found["number"]) * FACTORS[found["unit"]])
    if name in NUMBERS and found and not found["unit"]:
        return NUMBERS[name], float(found["number"])
    if name not in SIZES | NUMBERS:
        raise Invalid(f"--limit knows {', '.join([*SIZES, *NUMBERS])}, not {name}")
    raise Invalid(f"--limit {name} takes a number{', K, M, G or T behind it' if name in SIZES else ''}, not {value}")


def _text(path: Path) -> str:
    try:
        return (sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()).decode()
    except OSError as fault:
        raise Invalid(f"--stdin {path}: {(fault.strerror or str(fault)).lower()}") from None
    except UnicodeDecodeError:
        raise Invalid(f"--stdin {path} is not text in UTF-8") from None


_AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[KMGT]?)(?:I?B)?")

ANYHOW = Ask()
"""Nothing asked but the command."""
