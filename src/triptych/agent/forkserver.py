"""A warm process of one thread that forks job processes on request, reaps them and ends what they leave behind.

Run as `python -m triptych.agent.forkserver FD`, where FD is a unix SOCK_SEQPACKET socket. When its other end is closed, all ends within
5 s; a server that `retires` stays for job processes that outlive their agent, and ends with the last of them.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from typing import NoReturn

import msgspec

from triptych.agent.channel import SocketChannel, let_go_of_stderr
from triptych.agent.tiers.pidns import give_birth
from triptych.agent.tree import Member, become_subreaper, children, signal_new
from triptych.errors import ChannelClosed
from triptych.model import Place

MAX_PACKET_BYTES = 1 << 17
RARE_COLLECTION = 20_000
"""Allocations between two rounds of the collector: at the usual 700 they cost a shim a quarter of its time, and there are few cycles."""
_PATIENCE_S = 5.5
_SWEEP_PAUSE_MS = 2
_STDERR = 2
_NOBODY: frozenset[Member] = frozenset()
_BIRTHS = {"pidns": give_birth}


class Warm(msgspec.Struct, frozen=True, tag=True):
    """The first order: import these modules, call `rehearsal` if it is a `module:function`, and hand `place` to every job process."""

    modules: tuple[str, ...]
    place: Place
    retires: bool = False
    rehearsal: str = ""


class Fork(msgspec.Struct, frozen=True, tag=True):
    """Fork a job process that runs `entry`, a `module:function`; with `tier` `pidns` as the first process of a PID namespace."""

    number: int
    entry: str
    tier: str = ""


class Kill(msgspec.Struct, frozen=True, tag=True):
    """End this job process by force, and with it what it leaves."""

    pid: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The modules are imported; `missing` are those that could not be, with the reason. A sound server has one thread."""

    missing: dict[str, str]
    threads: int


class Forked(msgspec.Struct, frozen=True, tag=True):
    """The job process asked for by `number`; its line comes with the packet. `pid` 0: the kernel refused, for `reason`."""

    number: int
    pid: int
    reason: str = ""


class Gone(msgspec.Struct, frozen=True, tag=True):
    """A job process ended and nothing that it left is alive. `status` is its exit code, or minus a signal."""

    pid: int
    status: int


pack = msgspec.msgpack.Encoder().encode
read_news = msgspec.msgpack.Decoder(Ready | Forked | Gone).decode
_read_order = msgspec.msgpack.Decoder(Warm | Fork | Kill).decode


class ForkServer:
    """Serves one control socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wakeup = _wake_on_child()
        self._place = Place(worker_id="", data_dir="")
        self._retires = False
        self._retired = False
        self._jobs: set[int] = set()
        self._dead: set[int] = set()
        self._ends_at: float | None = None
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)
        self._poller.register(self._wakeup[0], select.POLLIN)

    def serve(self) -> None:
        """Fork, reap and sweep until the control socket is closed and no child is left."""
        while not self._retired or children(os.getpid()):
            sweeping = self._dead or self._ends_at is not None
            for descriptor, _ in self._poller.poll(_SWEEP_PAUSE_MS if sweeping else None):
                if descriptor == self._control.fileno():
                    self._take()
                else:
                    os.read(descriptor, 4096)
            self._reap()
            self._sweep()

    def _take(self) -> None:
        packet = b""
        with suppress(ConnectionError):
            packet = self._control.recv(MAX_PACKET_BYTES)
        match _read_order(packet) if packet else None:
            case Warm() as order:
                self._warm(order)
            case Fork() as order:
                self._fork(order)
            case Kill(pid=pid) if pid in self._jobs:
                self._kill(pid)
            case Kill():
                pass
            case None:
                self._retire()

    def _retire(self) -> None:
        self._retired = True
        self._poller.unregister(self._control)
        if self._retires:
            let_go_of_stderr()
        else:
            self._ends_at = time.monotonic() + _PATIENCE_S

    def _warm(self, order: Warm) -> None:
        missing = {}
        for module in order.modules:
            try:
                importlib.import_module(module)
            except ImportError as fault:
                missing[module] = str(fault)
        self._place = order.place
        self._retires = order.retires
        if order.rehearsal:
            self._rehearse(order)
        gc.collect()
        gc.freeze()
        gc.set_threshold(RARE_COLLECTION)
        self._tell(Ready(missing=missing, threads=len(os.listdir("/proc/self/task"))))

    def _rehearse(self, order: Warm) -> None:
        """Do once what job processes will do: what that fills and specialises is then shared by all of them. A fault costs memory only."""
        module, _, name = order.rehearsal.partition(":")
        try:
            getattr(importlib.import_module(module), name)(order.place)
        except OSError:
            traceback.print_exc()
        finally:
            signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)

    def _fork(self, order: Fork) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                pid = _BIRTHS.get(order.tier, os.fork)()
            except OSError as fault:
                self._tell(Forked(number=order.number, pid=0, reason=str(fault)))
                return
            if pid == 0:
                self._become_job(order.entry, ours, theirs)
            self._jobs.add(pid)
            self._tell(Forked(number=order.number, pid=pid), ours.fileno())

    def _kill(self, pid: int) -> None:
        """Kill a child that is not reaped yet, so that its pid is nobody else's (workers K9)."""
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)

    def _become_job(self, entry: str, ours: socket.socket, theirs: socket.socket) -> NoReturn:
        code = 1
        try:
            ours.close()
            self._control.close()
            _stop_waking(self._wakeup)
            module, _, name = entry.partition(":")
            getattr(importlib.import_module(module), name)(SocketChannel(theirs), self._place)
            code = 0
        except ChannelClosed:
            code = 0
        except BaseException:  # noqa: BLE001 - the job boundary: the fork server's own code must never run on in a child
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        """Collect the dead; a job process stays a zombie until what it left is dead too, so that whoever sees it gone knows that."""
        with suppress(ChildProcessError):
            while not self._dead and (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if ended.si_pid in self._jobs:
                    self._dead.add(ended.si_pid)
                else:
                    os.waitpid(ended.si_pid, 0)

    def _sweep(self) -> None:
        """Kill what fell to this process and is no job process: the tree of one that was killed by force (workers K8)."""
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            signal_new(os.getpid(), _NOBODY, signal.SIGKILL)
        elif self._dead:
            signal_new(os.getpid(), _NOBODY, signal.SIGKILL, spared=self._jobs)
        while self._dead and not self._strays():
            self._bury(self._dead.pop())
            self._reap()

    def _strays(self) -> bool:
        """Collect those who fell to this process and are dead; say whether some are left."""
        left = set(children(os.getpid())) - self._jobs
        return any(os.waitpid(pid, os.WNOHANG)[0] == 0 for pid in left)

    def _bury(self, pid: int) -> None:
        _, status = os.waitpid(pid, 0)
        self._jobs.remove(pid)
        self._tell(Gone(pid=pid, status=os.waitstatus_to_exitcode(status)))

    def _tell(self, news: Ready | Forked | Gone, *descriptors: int) -> None:
        with suppress(ConnectionError):
            socket.send_fds(self._control, [pack(news)], descriptors)


def _wake_on_child() -> tuple[int, int]:
    """Make every SIGCHLD readable on the first of two descriptors."""
    pair = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(pair[1], warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return pair


def _forget_signals() -> None:
    """Give this process and those that it forks default signals, none blocked; SIGPIPE stays ignored: a closed line is an exception."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _stop_waking(wakeup: tuple[int, int]) -> None:
    """Give a child back the one signal that its parent takes."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in wakeup:
        os.close(descriptor)


def _open_standard_files() -> None:
    """Keep 0, 1 and 2 from ever being a pipe or line of a job, where the agent was started without one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)


def main() -> None:
    """Serve the control socket whose descriptor is the only argument."""
    _open_standard_files()
    become_subreaper()
    _forget_signals()
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
