"""The decoder's cage: a child process that holds one read-only descriptor and one pipe and can reach nothing else (media S1, S2)."""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import NoReturn

MEMORY_BYTES = 4 << 30
MOST_MEMORY_BYTES = 16 << 30
PROGRAM_BYTES = 2 << 30
PICTURES_HELD = 24
"""More than any codec keeps as references, and those on their way."""
OPEN_FILES = 64
INDEX_CPU_S = 60
NOBODY = 65534
LARGEST_MESSAGE_BYTES = 16 << 20
READ_BYTES = 1 << 18
HEADER = struct.Struct("<I")

Work = Callable[[int, Callable[[bytes], None]], None]


class Decoder:
    """A sandboxed process as its parent holds it. Start it from a process with one thread."""

    def __init__(self, source: int, work: Work) -> None:
        """Fork, close the cage and run `work(descriptor, send)` in it; `source` stays the caller's."""
        self._pipe, far_end = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _live_and_die(parent, source, far_end, work)
        os.close(far_end)
        os.set_blocking(self._pipe, False)
        self._pending = bytearray()
        self._status: int | None = None

    def fileno(self) -> int:
        """Return the pipe, for a selector."""
        return self._pipe

    def read(self) -> list[bytes] | None:
        """Return the messages that have arrived, without waiting; None once the process is gone and all is read."""
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            return None
        self._pending += data
        messages = []
        while (message := self._cut()) is not None:
            messages.append(message)
        return messages

    def hold(self) -> None:
        """Stop the process where it is; returns when it stands still or is gone."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def release(self) -> None:
        """Let a held process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> int:
        """Kill the process if it lives, give everything back, and return the exit code, or minus the signal, that it ended with."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
        return self.join()

    def join(self) -> int:
        """Wait for the process and return how it ended, as `end` does."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._pipe)
        return self._status

    def _cut(self) -> bytes | None:
        if len(self._pending) < HEADER.size:
            return None
        (size,) = HEADER.unpack_from(self._pending)
        if size > LARGEST_MESSAGE_BYTES:
            os.kill(self.pid, signal.SIGKILL)
            self._pending.clear()
            return None
        if len(self._pending) < HEADER.size + size:
            return None
        message = bytes(self._pending[HEADER.size : HEADER.size + size])
        del self._pending[: HEADER.size + size]
        return message


def _live_and_die(parent: int, source: int, pipe: int, work: Work) -> NoReturn:
    """Be the child: whatever happens, this process ends here and runs no handler of its parent."""
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            _reset_signals()
            work(*_keep_only(source, pipe))
            os._exit(0)
    finally:
        os._exit(1)


def _reset_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _keep_only(source: int, pipe: int) -> tuple[int, Callable[[bytes], None]]:
    """Close every descriptor but these two, which become 3 and 4."""
    source, pipe = fcntl(source, F_DUPFD_CLOEXEC, 10), fcntl(pipe, F_DUPFD_CLOEXEC, 10)
    null = os.open(os.devnull, os.O_RDWR)
    for number, original in enumerate((null, null, null, source, pipe)):
        os.dup2(original, number, inheritable=False)
    os.closerange(5, os.sysconf("SC_OPEN_MAX"))
    return 3, _write_all


def _write_all(message: bytes) -> None:
    rest = memoryview(HEADER.pack(len(message)) + message)
    while rest:
        rest = rest[os.write(4, rest) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one decoder may use: processor time in all, after which SIGXCPU kills it, and pictures of this size."""

    cpu_s: int = INDEX_CPU_S
    picture_bytes: int = 0

    @property
    def memory_bytes(self) -> int:
        """The address space that such pictures need, never less than 4 GiB."""
        return min(max(MEMORY_BYTES, PROGRAM_BYTES + PICTURES_HELD * self.picture_bytes), MOST_MEMORY_BYTES)


def confine(allowance: Allowance = Allowance()) -> bool:
    """Take everything away from this process for good; False where the kernel or the machine has no filter, and only limits hold."""
    parent = os.getppid()
    _leave_the_machine()
    _limit(allowance)
    _drop_privileges()
    # The kernel forgets this wish when a process changes who it is.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    return _filter_calls()


def has_filter() -> bool:
    """Say whether this kernel and machine have the system-call filter, without setting one."""
    ctypes.set_errno(0)
    _libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, None, 0, 0)
    return platform.machine() in _CALLS and ctypes.get_errno() == errno.EFAULT


def _leave_the_machine() -> None:
    """Move into a network without devices and namespaces of its own, as far as the kernel lets this account."""
    for spaces in (_NAMESPACES, _CLONE_NEWUSER | _NAMESPACES):
        if _libc.unshare(spaces) == 0:
            return


def _limit(allowance: Allowance) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    memory_bytes = allowance.memory_bytes if most == resource.RLIM_INFINITY else min(most, allowance.memory_bytes)
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (allowance.cpu_s, resource.RLIM_INFINITY))


def _drop_privileges() -> None:
    """Become nobody where this is root, and give up every capability, also those that a program could give."""
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.capset(ctypes.byref(_CapabilityHeader(_CAPABILITY_VERSION_3, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))


def _filter_calls() -> bool:
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return False
    program = _program(_ARCHITECTURES[platform.machine()], calls)
    code = ctypes.create_string_buffer(program, len(program))
    filter_ = _Program(len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    return bool(_libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(filter_), 0, 0) == 0)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _program(architecture: int, calls: dict[str, int]) -> bytes:
    """Return the BPF program that allows `calls`, some with conditions, and answers EPERM to every other."""
    lines = [_load(_AT_ARCHITECTURE), _if_equal(architecture, 1, 0), _give(_KILL), _load(_AT_NUMBER)]
    conditions = {"clone": _threads_only, "tgkill": _own_threads_only, "prlimit64": _reading_only, "prctl": _naming_only}
    for name, number in calls.items():
        body = [_give(_ERRNO | _ENOSYS)] if name == "clone3" else [*conditions.get(name, list)(), _give(_ALLOW)]
        lines += [_if_equal(number, 0, len(body)), *body]
    return b"".join([*lines, _give(_ERRNO | _EPERM)])


def _threads_only() -> list[bytes]:
    return [_load(_argument(0)), _INSTRUCTION.pack(_JUMP_IF_SET, 1, 0, _CLONE_THREAD), _give(_ERRNO | _EPERM)]


def _own_threads_only() -> list[bytes]:
    return [_load(_argument(0)), _if_equal(os.getpid(), 1, 0), _give(_ERRNO | _EPERM)]


def _reading_only() -> list[bytes]:
    """A limit may be read: the address of a new one is null in both its halves."""
    refuse = _give(_ERRNO | _EPERM)
    return [line for half in (_argument(2), _argument(2) + 4, _argument(0)) for line in (_load(half), _if_equal(0, 1, 0), refuse)]


def _naming_only() -> list[bytes]:
    return [_load(_argument(0)), _if_equal(_PR_SET_NAME, 2, 0), _if_equal(_PR_SET_VMA, 1, 0), _give(_ERRNO | _EPERM)]


def _load(offset: int) -> bytes:
    return _INSTRUCTION.pack(0x20, 0, 0, offset)


def _if_equal(value: int, then: int, otherwise: int) -> bytes:
    return _INSTRUCTION.pack(0x15, then, otherwise, value)


def _give(verdict: int) -> bytes:
    return _INSTRUCTION.pack(0x06, 0, 0, verdict)


def _argument(number: int) -> int:
    return 16 + 8 * number


_libc = ctypes.CDLL(None, use_errno=True)
_INSTRUCTION = struct.Struct("=HBBI")
_JUMP_IF_SET = 0x45
_AT_NUMBER, _AT_ARCHITECTURE = 0, 4
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_SET_VMA = 1, 15, 22, 38, 0x53564D41
_FILTER_MODE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWUSER = 0x10000000
_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x40000000
"""Mounts, host name, System V IPC, network."""
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# fmt: off
_NUMBERS: dict[str, tuple[int, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "close": (3, 57), "fstat": (5, 80),
    "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "poll": (7, None), "ppoll": (271, 73), "futex": (202, 98), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "sigaltstack": (131, 132), "restart_syscall": (219, 128), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "sched_setaffinity": (203, 122), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "getpid": (39, 172), "gettid": (186, 178), "getrusage": (98, 165),
    "uname": (63, 160), "sysinfo": (99, 179), "exit": (60, 93), "exit_group": (231, 94), "set_tid_address": (218, 96),
    "set_robust_list": (273, 99), "rseq": (334, 293), "membarrier": (324, 283), "getrandom": (318, 278), "clone": (56, 220),
    "clone3": (435, 435), "tgkill": (234, 131), "prlimit64": (302, 261), "prctl": (157, 167),
}
# fmt: on
"""What a decoder needs: its descriptors, memory, threads of its own, time; by name, the number on x86_64 and on aarch64."""

_CALLS = {
    machine: {name: number for name, numbers in _NUMBERS.items() if (number := numbers[place]) is not None}
    for place, machine in enumerate(_ARCHITECTURES)
}
