"""The tier that needs nothing: every orphan falls to the shim, which sweeps until it has no children."""

import os
import signal
from collections.abc import Iterator, Mapping

from triptych.agent import tree
from triptych.agent.tree import Member


class Subreaper:
    """The tree below this process, which is a subreaper (contracts.Tree)."""

    name = "subreaper"
    entrance: str | None = None

    def __init__(self, leaf: str = "", settings: Mapping[str, str] | None = None) -> None:
        del leaf, settings
        self._root = os.getpid()
        self._reached: set[Member] = set()

    @property
    def reached(self) -> int:
        """Return how many processes were signalled."""
        return len(self._reached)

    def host_pid(self, pid: int) -> int:
        """Return the pid as it is."""
        return pid

    def survivors(self) -> list[int]:
        """Return who lives, by the host's pids, in order."""
        return sorted(self.members())

    def members(self) -> Iterator[int]:
        """Yield the pid of each living process, held by a pidfd until the next step."""
        return (member.pid for member, _ in tree.walk(self._root))

    def terminate(self) -> bool:
        """Send SIGTERM and SIGCONT to each process that was not reached yet; return whether there was one."""
        fresh = tree.signal_new(self._root, self._reached, signal.SIGTERM, signal.SIGCONT)
        self._reached |= fresh
        return bool(fresh)

    def kill(self) -> bool:
        """Send SIGKILL to each process; return whether it reached one for the first time."""
        fresh = tree.signal_new(self._root, frozenset(), signal.SIGKILL)
        new = bool(fresh - self._reached)
        self._reached |= fresh
        return new

    def freeze(self) -> None:
        """Stop each process and wait until all stand still, for at most 1 s."""
        tree.freeze(self._root)

    def thaw(self) -> None:
        """Let each process go on."""
        tree.thaw(self._root)

    def empty(self) -> bool:
        """Return whether nothing lives that is no child: here nothing can."""
        return True

    def close(self) -> None:
        """Keep nothing."""

    @staticmethod
    def probe() -> None:
        """Kill a grandchild that left its parent and its session, and see this process without children. Raises `OSError` otherwise."""
        tree.become_subreaper()
        Outcast().end(Subreaper())


class Outcast:
    """A process that double-forked into a session of its own, for a tier to prove itself on."""

    def __init__(self, entrance: str | None = None) -> None:
        told, teller = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            self._cast_out(entrance, teller)
        os.close(teller)
        os.waitpid(child, 0)
        self._told = told
        if os.read(told, 1) != b"+":
            raise OSError("the child did not get there")

    def _cast_out(self, entrance: str | None, teller: int) -> None:
        try:
            if entrance is not None:
                enter(entrance)
            os.setsid()
            if os.fork() == 0:
                os.write(teller, b"+")
                while True:
                    signal.pause()
        finally:
            os._exit(0)

    def end(self, ground: Subreaper) -> None:
        """Kill it by this tier and reap it; then its pipe is closed and nobody is left. Raises `OSError` if somebody is."""
        ground.kill()
        os.wait()
        if not ground.empty() or list(ground.members()):
            raise OSError("the tree is not empty after its end")
        self.verify()

    def verify(self) -> None:
        """Wait until the process is gone: nobody holds its pipe then."""
        os.read(self._told, 1)
        os.close(self._told)


def enter(entrance: str) -> None:
    """Put this process into a cgroup by the path of its `cgroup.procs`."""
    door = os.open(entrance, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(door, b"0")
    finally:
        os.close(door)
