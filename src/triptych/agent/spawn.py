"""Execute a program without a shell, in a session of its own, and say in one line why it could not be done."""

import errno
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from triptych.agent.account import Account
from triptych.agent.limits import NO_LIMITS, Plan
from triptych.agent.tiers import TIERS
from triptych.agent.tiers.subreaper import enter
from triptych.contracts import Tree
from triptych.errors import StartFailed

_OWN_UMASK = 0o077
_PREFERRED_KILL = 200
_MAX_OOM_SCORE = 1000
_IGNORED_HERE = (signal.SIGPIPE, signal.SIGXFSZ)
_REASONS = {
    errno.ENOENT: "no such file or directory",
    errno.EACCES: "permission denied",
    errno.ENOEXEC: "exec format error",
    errno.EINVAL: "invalid argument",
    errno.E2BIG: "argument list too long",
    errno.ETXTBSY: "text file busy",
    errno.EMFILE: "too many open files",
    errno.EAGAIN: "resource temporarily unavailable",
    errno.ENOMEM: "cannot allocate memory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to execute: `file` with `argv` and exactly `env`, in `cwd`.

    `facts` go into the record of the run. With `merge_output` both streams share one pipe. Of each stream `output_max_bytes` are kept,
    the last of them in `tail_dir` until its end. Its tree is held by `tier`, in the cgroup `leaf` if that is its tier; `plan` is how its
    limits are applied. Without an `account` it runs as this process does.
    """

    file: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    umask: int = 0o077
    stdin: str | None = None
    merge_output: bool = False
    timeout_s: float | None = None
    grace_s: float = 5.0
    output_max_bytes: int = 64 * 1024 * 1024
    tail_dir: str = "/tmp"  # noqa: S108 - files without a name
    facts: Mapping[str, Any] = field(default_factory=dict)
    tier: str = "subreaper"
    leaf: str = ""
    plan: Plan = NO_LIMITS
    account: Account | None = None
    leftovers: Literal["kill", "wait"] = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A running program: its pid here, its tree and the reading ends of its pipes; `stderr` is None where both streams share one."""

    pid: int
    tree: Tree
    stdout: int
    stderr: int | None


class Spawner:
    """Executes programs for a process of one thread, whose cwd, umask and OOM score it changes for the moment of the fork."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._oom = _open_oom_score()

    def spawn(self, program: Program) -> Spawned:
        """Execute `program` on the ground of its tier; when this returns, the exec has happened.

        Raises `StartFailed` with the text of workers.md section 2; nothing runs then and no descriptor is left open.
        """
        opened: list[int] = []
        tree: Tree | None = None
        spawned = None
        try:
            tree = TIERS[program.tier](program.leaf, program.plan.leaf)
            spawned = self._spawn(program, tree, opened)
        except ValueError as fault:
            raise StartFailed(f"fork/exec {program.argv[0]}: {_REASONS[errno.EINVAL]}") from fault
        except OSError as fault:
            raise StartFailed(f"fork/exec {program.argv[0]}: {reason(fault)}") from fault
        finally:
            for descriptor in opened:
                os.close(descriptor)
            if spawned is None and tree is not None:
                tree.close()
        return spawned

    def close(self) -> None:
        """Give back its own descriptors."""
        os.close(self._null)
        if self._oom is not None:
            os.close(self._oom[0])

    def _spawn(self, program: Program, tree: Tree, opened: list[int]) -> Spawned:
        stdin = self._null if program.stdin is None else _text_file(program.stdin)
        if program.stdin is not None:
            opened.append(stdin)
        out, to_out = os.pipe2(os.O_CLOEXEC)
        opened += [out, to_out]
        err, to_err = (None, to_out) if program.merge_output else os.pipe2(os.O_CLOEXEC)
        if err is not None:
            opened += [err, to_err]
        plain = tree.entrance is None and program.account is None and not program.plan.inherited
        pid = (self._execute if plain else self._fork)(program, (stdin, to_out, to_err), tree.entrance)
        opened.remove(out)
        if err is not None:
            opened.remove(err)
        return Spawned(pid=pid, tree=tree, stdout=out, stderr=err)

    def _execute(self, program: Program, files: tuple[int, int, int], _: str | None) -> int:
        """Execute on the short way: the kernel shares this process's memory until the exec."""
        with self._surroundings(program.cwd, program.umask):
            return os.posix_spawn(
                program.file,
                program.argv,
                program.env,
                file_actions=[(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(files)],
                setsid=True,
                setsigdef=_IGNORED_HERE,
                setsigmask=(),
            )

    def _fork(self, program: Program, files: tuple[int, int, int], entrance: str | None) -> int:
        """Execute on the long way, for what posix_spawn cannot do to a child: limits, another account, a cgroup."""
        told, teller = os.pipe2(os.O_CLOEXEC)
        with open(told, "rb") as news:
            try:
                with self._surroundings("/", program.umask):
                    pid = os.fork()
                    if pid == 0:
                        _become(program, files, entrance, teller)
            finally:
                os.close(teller)
            if fault := news.read():
                os.waitpid(pid, 0)
                raise OSError(int(fault), os.strerror(int(fault)))
        return pid

    @contextmanager
    def _surroundings(self, cwd: str, umask: int) -> Iterator[None]:
        os.chdir(cwd)
        os.umask(umask)
        self._set_oom_score(_PREFERRED_KILL)
        try:
            yield
        finally:
            self._set_oom_score(0)
            os.umask(_OWN_UMASK)
            os.chdir("/")

    def _set_oom_score(self, above: int) -> None:
        """Make the kernel prefer the job to its shim; a kernel that forbids it leaves both equal."""
        if self._oom is not None:
            descriptor, own = self._oom
            with suppress(OSError):
                os.pwrite(descriptor, b"%d" % min(_MAX_OOM_SCORE, own + above), 0)


def _become(program: Program, files: tuple[int, int, int], entrance: str | None, teller: int) -> NoReturn:
    """Turn this forked process into the program, or tell the error number and end."""
    number = errno.EINVAL
    try:
        os.setsid()
        if entrance is not None:
            enter(entrance)
        program.plan.apply()
        if program.account is not None:
            for pipe in files[1:]:
                os.fchown(pipe, program.account.uid, program.account.gid)
            program.account.become()
        os.chdir(program.cwd)
        for target, source in enumerate(files):
            os.dup2(source, target)
        for ignored in _IGNORED_HERE:
            signal.signal(ignored, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execve(program.file, program.argv, program.env)  # noqa: S606 - the program that was asked for, without a shell
    except OSError as fault:
        number = fault.errno or errno.EINVAL
    finally:
        os.write(teller, b"%d" % number)
        os._exit(1)


def reason(fault: OSError) -> str:
    """Return the kernel's reason in the words of workers.md section 2."""
    number = fault.errno or errno.EINVAL
    text = os.strerror(number)
    return _REASONS.get(number, text[:1].lower() + text[1:])


def _open_oom_score() -> tuple[int, int] | None:
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    return descriptor, int(os.read(descriptor, 16))


def _text_file(text: str) -> int:
    """Return a read-only descriptor of a file in memory: whoever reads it gets the text and then the end, however slowly."""
    writer = os.memfd_create("stdin")
    with open(writer, "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
        file.flush()
        return os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_CLOEXEC)
