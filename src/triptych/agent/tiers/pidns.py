"""The tier of PID namespaces: the shim is the first process of its own, and whatever it runs ends with it (workers K8).

No bare pid is signalled here either: `kill(-1)` by the first process of a namespace reaches all others in it and nobody else (workers K9).
"""

import ctypes
import errno
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from triptych.agent import tree
from triptych.agent.tiers.subreaper import Outcast, Subreaper

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_REC = 0x4000
_MS_SLAVE = 1 << 19
_INIT = 1


@dataclass(frozen=True, slots=True)
class Birth:
    """Where the first process of a namespace comes from: its own pid at the host, and the host's /proc."""

    pid: int
    proc: str


class Pidns(Subreaper):
    """Everybody in the PID namespace whose first process this is (contracts.Tree)."""

    name = "pidns"
    birth: ClassVar[Birth | None] = None

    def __init__(self, leaf: str = "", settings: Mapping[str, str] | None = None) -> None:
        super().__init__(leaf, settings)
        if self.birth is None or os.getpid() != _INIT:
            raise OSError(errno.EPERM, "not the first process of a PID namespace")
        self._birth = self.birth

    def host_pid(self, pid: int) -> int:
        """Return the host's pid of a child that is not reaped yet."""
        here = self._birth
        only = tree.only_child(here.pid, here.proc)
        return only or next((one for one in tree.children(here.pid, here.proc) if _inner(one, here.proc) == pid), 0)

    def survivors(self) -> list[int]:
        """Return who lives, by the host's pids, in order."""
        return sorted(tree.living(self._birth.pid, self._birth.proc))

    def terminate(self) -> bool:
        """Send SIGTERM and SIGCONT to all at one instant, and later to each that was not reached yet."""
        if self._reached:
            return super().terminate()
        self._reached = tree.members(_INIT)
        _signal_all(signal.SIGTERM)
        _signal_all(signal.SIGCONT)
        return bool(self._reached)

    def kill(self) -> bool:
        """Send SIGKILL to all at one instant: who forks just then is killed before it has a child."""
        seen = tree.members(_INIT)
        _signal_all(signal.SIGKILL)
        new = bool(seen - self._reached)
        self._reached |= seen
        return new

    def freeze(self) -> None:
        """Stop all at one instant and wait until they stand still, for at most 1 s."""
        _signal_all(signal.SIGSTOP)
        super().freeze()

    def thaw(self) -> None:
        """Let all go on at one instant."""
        _signal_all(signal.SIGCONT)

    @staticmethod
    def probe() -> None:
        """Kill everybody from inside, then the first process itself with somebody in its namespace. Raises `OSError` if that fails."""
        if os.geteuid() != 0 and _capable():
            raise OSError("the worker has capabilities that its jobs would lose in a user namespace")
        tree.become_subreaper()
        for trial in (_end_inside, _stay_inside):
            told, teller = os.pipe2(os.O_CLOEXEC)
            init = give_birth()
            if init == 0:
                trial(teller)
            os.close(teller)
            if os.read(told, 1) != b"+":
                raise OSError("the namespace could not be emptied")
            handle = os.pidfd_open(init)
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
            os.waitpid(init, 0)
            if os.read(told, 1):
                raise OSError("the namespace outlives its first process")
            os.close(told)


def host_pid() -> int:
    """Return this process's pid at the host, whatever namespace it is in."""
    return Pidns.birth.pid if Pidns.birth else os.getpid()


def give_birth() -> int:
    """Fork a process that is the first of a new PID namespace with a /proc of its own; return its pid, and 0 in it.

    As root the namespaces belong to the host's users; an ordinary user gets a user namespace in which there is nobody but itself, so
    that setuid programs have no effect. Its parent is this process if that is a subreaper. Raises `OSError` with the kernel's reason.
    """
    told, teller = os.pipe2(os.O_CLOEXEC)
    midwife = os.fork()
    if midwife == 0:
        os.close(told)
        _deliver(teller)
        return 0
    os.close(teller)
    with open(told, "rb") as news:
        told_by = dict(line.split() for line in news)
    os.waitpid(midwife, 0)
    pid, fault = int(told_by.get(b"pid", 0)), int(told_by.get(b"fault", errno.ECHILD))
    if not fault:
        return pid
    if pid:
        os.waitpid(pid, 0)
    raise OSError(fault, os.strerror(fault))


def _deliver(teller: int) -> None:
    """Return in the first process of the new namespace only; tell its pid at the host, and the fault or 0."""
    try:
        proc = f"/proc/self/fd/{os.open('/proc', os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)}"
        _part()
        if init := os.fork():
            os.write(teller, b"pid %d\n" % init)
            _leave()
        pid = int(os.readlink(f"{proc}/self"))
        _mount_proc()
        os.write(teller, b"fault 0\n")
        os.close(teller)
        Pidns.birth = Birth(pid=pid, proc=proc)
    except OSError as fault:
        os.write(teller, b"fault %d\n" % (fault.errno or errno.EINVAL))
        _leave()
    except BaseException:  # noqa: BLE001 - neither process may ever go on with its parent's work
        _leave()


def _leave() -> NoReturn:
    os._exit(0)


def _part() -> None:
    """Leave the namespaces of the parent; the PID namespace is that of the next child."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        _check(_libc.unshare(_CLONE_NEWPID | _CLONE_NEWNS))
        return
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNS))
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _mount_proc() -> None:
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None))
    _check(_libc.mount(b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _signal_all(number: signal.Signals) -> None:
    """Signal everybody else in the namespace whose first process this is."""
    if Pidns.birth is None or os.getpid() != _INIT:
        raise OSError(errno.EPERM, "not the first process of a PID namespace")
    with suppress(ProcessLookupError):
        os.kill(-1, number)


def _capable() -> bool:
    """Return whether what this process executes inherits capabilities."""
    with open("/proc/self/status", "rb") as status:
        return any(line.startswith(b"CapAmb:") and int(line.split()[1], 16) for line in status)


def _inner(pid: int, proc: str) -> int:
    """Return the pid that a process of the host has in its own namespace."""
    with suppress(OSError), open(f"{proc}/{pid}/status", "rb") as status:
        for line in status:
            if line.startswith(b"NSpid:"):
                return int(line.split()[-1])
    return 0


def _end_inside(teller: int) -> NoReturn:
    with suppress(OSError):
        Outcast().end(Pidns())
        os.write(teller, b"+")
    _leave()


def _stay_inside(teller: int) -> NoReturn:
    with suppress(OSError):
        Outcast()
        os.write(teller, b"+")
        signal.pause()
    _leave()


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
