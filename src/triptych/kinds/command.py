"""Run a program on this worker: what of the ask becomes argv, environment, folders and fault texts."""

import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from triptych.agent import confine
from triptych.agent.account import Account
from triptych.agent.account import find as find_account
from triptych.agent.channel import SocketChannel
from triptych.agent.limits import Plan, keep_open_files
from triptych.agent.limits import plan as plan_limits
from triptych.agent.shim import Shim
from triptych.agent.spawn import Program, reason
from triptych.agent.tiers import choose
from triptych.agent.tiers.cgroup import leaf_of
from triptych.errors import StartFailed
from triptych.kinds import CommandSpec
from triptych.kinds.limits import effective, excess, unenforceable
from triptych.messages import Start
from triptych.model import Place

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_WITH_DEFAULTS = {"open_files", "output_max_bytes"}
"""Limits that every job has, asked for or not."""
_ASCII_END = 0x80
_BASIC_PLANE_END = 0x10000


def run(channel: SocketChannel, place: Place) -> None:
    """Serve command jobs, one after the other, until the channel is closed."""
    account = find_account(place.run_as) if place.run_as else None
    work = WorkFolder(f"{place.data_dir}/work", account)
    keep_open_files(place.open_files, place.max_limits.get("open_files"))
    try:
        shim_of(channel, place, work, account).serve()
    finally:
        work.drop()


def shim_of(channel: SocketChannel, place: Place, work: "WorkFolder", account: Account | None = None) -> Shim:
    """Return what serves command jobs on `channel`, each in a folder of `work`."""
    base = base_environment(place, account)
    return Shim(channel, lambda start: replace(_prepare(start, place, base, work), account=account), work.tidy)


def _prepare(start: Start, place: Place, base: Mapping[str, str], work: "WorkFolder") -> Program:
    try:
        spec = msgspec.convert(start.spec, CommandSpec)
    except msgspec.ValidationError as fault:
        raise StartFailed(f"not a command: {fault}") from fault
    if not spec.argv or not spec.argv[0]:
        raise StartFailed("exec: no command")
    try:
        return program_of(start, spec, place, base, work.take())
    except OSError as fault:
        raise StartFailed(f"fork/exec {spec.argv[0]}: {reason(fault)}") from fault
    except ValueError as fault:
        raise StartFailed(f"fork/exec {spec.argv[0]}: invalid argument") from fault


def program_of(start: Start, spec: CommandSpec, place: Place, base: Mapping[str, str], work_dir: str) -> Program:
    """Return what to execute: `base`, what is of this attempt, the worker's own `env`, then the job's (workers S7).

    Raises `StartFailed` with the text of workers.md section 2 when there is no such program.
    """
    env = {
        **base,
        "TMPDIR": work_dir,
        "TRIPTYCH_JOB_ID": start.job_id,
        "TRIPTYCH_ATTEMPT": str(start.attempt),
        "TRIPTYCH_WORKDIR": work_dir,
        **place.env,
        **spec.env,
    }
    file = allowed_program(spec.argv[0], env["PATH"], place)
    tier = choose(place.kill_tiers, needs_setuid=spec.needs_setuid)
    plan = _plan(spec, place, tier)
    return Program(
        file=file,
        argv=allowed_argv(spec, place),
        env=env,
        cwd=_folder(spec.cwd, place.roots, work_dir),
        umask=place.umask if spec.umask is None else spec.umask,
        stdin=spec.stdin,
        merge_output=spec.merge_output,
        timeout_s=spec.timeout_s,
        grace_s=spec.grace_s,
        output_max_bytes=_output_cap(spec, place),
        tail_dir=os.path.dirname(work_dir),
        facts={"work_dir": work_dir, "kill_tier": tier, "limits_enforced": plan.told()},
        tier=tier,
        leaf=leaf_of(place.cgroup, start.job_id, start.attempt) if tier == "cgroup" else "",
        plan=plan,
        leftovers=spec.leftovers,
    )


def _plan(spec: CommandSpec, place: Place, tier: str) -> Plan:
    """Return how to apply the job's limits. Raises `StartFailed` for one above the worker's, or one that must be kept and cannot be."""
    greatest = {name: value for name, value in place.max_limits.items() if name not in _WITH_DEFAULTS}
    asked = effective(spec.limits, place.limits, greatest)
    if (name := excess(spec.limits, place.max_limits)) is not None:
        raise StartFailed(f"limit {name} is above the greatest of this worker, {place.max_limits[name]:g}", code="limit_too_high")
    means = plan_limits(asked, place.controllers if tier == "cgroup" else ())
    if spec.strict_limits and (lacking := unenforceable(spec.limits, {"limits": means.means})):
        raise StartFailed(f"this worker cannot enforce the limit {lacking[0]}", code="limit_not_enforced")
    return means


def _output_cap(spec: CommandSpec, place: Place) -> int:
    asked = spec.limits.output_max_bytes if spec.limits is not None else None
    return asked or int(min(place.output_max_bytes, place.max_limits.get("output_max_bytes", place.output_max_bytes)))


def allowed_program(name: str, path: str, place: Place) -> str:
    """Return the file to execute: where the worker has a list, what that maps the name to, and nothing else (workers S4, S5)."""
    if place.commands is None:
        return find_program(name, path)
    if name not in place.commands:
        raise StartFailed(f"command not allowed: {quoted(name)}", code="command_not_allowed")
    return place.commands[name]


def allowed_argv(spec: CommandSpec, place: Place) -> tuple[str, ...]:
    """Return the program's arguments. Raises `StartFailed` for a script that the worker does not let it have (workers S2 to S5)."""
    if spec.script_first:
        return (spec.argv[0], confine.find_script(spec.script, place.roots), *spec.argv[1:])
    if spec.script and place.scripts_only:
        confine.find_script(spec.script, place.roots)
    else:
        confine.check_script(spec.script, place.roots)
    return spec.argv


def find_program(name: str, path: str) -> str:
    """Return the file to execute: `name` itself where it has a slash, else the first on `path` without its relative and empty parts."""
    if "/" in name:
        return name
    for folder in () if "\0" in name else path.split(":"):
        file = f"{folder}/{name}"
        if folder.startswith("/") and os.access(file, os.X_OK) and not os.path.isdir(file):
            return file
    raise StartFailed(f"exec: {quoted(name)}: executable file not found in $PATH")


def base_environment(place: Place, account: Account | None = None) -> dict[str, str]:
    """Return what every job of this worker starts from (workers S7)."""
    user, home = (account.name, account.home) if account else _account()
    own = {"PATH": os.environ.get("PATH") or _DEFAULT_PATH, "HOME": home, "USER": user, "LOGNAME": user}
    own["LANG"] = os.environ.get("LANG") or "C.UTF-8"
    if "TZ" in os.environ:
        own["TZ"] = os.environ["TZ"]
    return own | {"TRIPTYCH_WORKER_ID": place.worker_id}


class WorkFolder:
    """The private folder of one attempt after another: a folder that an attempt left as it found it serves the next one too (workers S9).

    Making and removing one costs more than all else that a short job needs of its shim.
    """

    def __init__(self, parent: str, account: Account | None = None) -> None:
        self._parent = parent
        self._account = account
        self._current: str | None = None
        self._fresh: os.stat_result | None = None

    def take(self) -> str:
        """Return an empty folder with mode 0700. Raises `OSError` when the disk refuses."""
        if self._current is None or not _is_there(self._current):
            self._current = f"{self._parent}/{os.urandom(8).hex()}"
            os.mkdir(self._current, 0o700)
            if self._account is not None:
                os.chown(self._current, self._account.uid, self._account.gid)
        self._fresh = os.lstat(self._current)
        return self._current

    def tidy(self) -> None:
        """Keep the folder for the next attempt if this one did not touch it, else leave it to retention."""
        if self._current is not None and not self._untouched():
            _leave(self._current)
            self._current = None

    def drop(self) -> None:
        """Remove the folder if nothing is in it."""
        if self._current is not None:
            with suppress(OSError):
                os.rmdir(self._current)

    def _untouched(self) -> bool:
        if self._current is None or self._fresh is None:
            return False
        try:
            return _stamp(os.lstat(self._current)) == _stamp(self._fresh) and not os.listdir(self._current)
        except OSError:
            return False


def _is_there(folder: str) -> bool:
    """Say whether a folder that waited for this job still exists; then retention takes it for new."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    return True


def _leave(folder: str) -> None:
    """Remove an empty folder; one that is not waits for retention, from now on."""
    try:
        os.rmdir(folder)
    except OSError:
        with suppress(OSError):
            os.utime(folder)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mode, status.st_ctime_ns


def quoted(name: str) -> str:
    """Return `name` in double quotes, escaped as Go's %q does, whose text the contract's first server gave."""
    return '"' + "".join(_ESCAPES.get(character) or _plain(character) for character in name) + '"'


def _plain(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if code < _ASCII_END:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BASIC_PLANE_END else f"\\U{code:08x}"


def _folder(cwd: str, roots: Sequence[str], work_dir: str) -> str:
    """Return the folder that `cwd` names: `work`, `root` or one beneath the first root, links followed."""
    if cwd == "work":
        return work_dir
    root = roots[0] if roots else work_dir
    if cwd == "root":
        return root
    folder = os.path.join(root, cwd)
    confine.check(folder, (root,))
    return folder


def _account() -> tuple[str, str]:
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), "/"
    return entry.pw_name, entry.pw_dir
