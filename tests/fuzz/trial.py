"""A whole annotate job on one mutant, forked from a warm process as the fork server does, and what must hold of it (media S4)."""

import ctypes
import os
import resource
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from triptych.agent.channel import FrameReader, SocketChannel, decode_up, pack
from triptych.kinds.annotate import run
from triptych.media.features import FEATURES
from triptych.messages import Asked, Ended, Progress, Report, Start, Stop
from triptych.model import Place

MOST_S = 90.0
ENOUGH_S = 15.0
MOVING_S = 5.0
JOB = "64b1f0a2c3d4e5f601234567"
PR_SET_CHILD_SUBREAPER = 36
NAMES = tuple(name for name, entry in FEATURES.items() if entry.run is not None and entry.model is None)


@dataclass(slots=True)
class Outcome:
    """How one job ended: `end` in words, `seconds` it took, and whatever went against the rules."""

    end: str
    seconds: float
    faults: list[str] = field(default_factory=list)


class Ground:
    """A folder with one input at a time, and a listener that nobody may call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.descriptors = _descriptors()

    def close(self) -> None:
        self._listener.close()

    def bait(self) -> str:
        """Return an address that a file may name and no decoder may call."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def trial(self, name: str, data: bytes) -> Outcome:
        """Run one job on `data` and return how it went; nothing of it is left afterwards."""
        (self.folder / name).write_bytes(data)
        line, far_end = socket.socketpair()
        began = time.monotonic()
        pid = _fork_job(self.folder, line, far_end)
        far_end.close()
        outcome = Outcome(_spoken_with(line, name), time.monotonic() - began)
        line.close()
        status = _reaped(pid)
        if status != 0:
            outcome.faults.append(f"the job process ended with {status}")
        outcome.faults += self._left()
        (self.folder / name).unlink()
        return outcome

    def _left(self) -> list[str]:
        """Say what a job left behind: processes, descriptors, files, or a call to where it must not."""
        faults = []
        with suppress(ChildProcessError):
            pid, _ = os.waitpid(-1, os.WNOHANG)
            faults.append(f"process {pid or 'of the job'} outlived it")
        if _descriptors() != self.descriptors:
            faults.append("descriptors were left open")
        with suppress(BlockingIOError):
            self._listener.accept()
            faults.append("an address in the file was called")
        return faults


def memory_bytes() -> int:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _fork_job(folder: Path, near: socket.socket, line: socket.socket) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            near.close()
            run(SocketChannel(line), Place(worker_id="fuzz", data_dir=str(folder), media_roots=(str(folder),)))
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def _spoken_with(line: socket.socket, name: str) -> str:
    """Start the job and return in words how it ended; one that still gets on after a while is told to stop, and must."""
    spec = {"input_uri": name, "features": list(NAMES), "config": {"inBlackConfig": {"delay": 0}}}
    line.sendall(pack(Asked(number=1, request=Start(job_id=JOB, kind="annotate", attempt=1, process=JOB, spec=spec))))
    reader, began, parts, moved_at, is_told = FrameReader(), time.monotonic(), {}, 0.0, False
    line.settimeout(1.0)
    while (age_s := time.monotonic() - began) < MOST_S:
        if age_s > ENOUGH_S and age_s - moved_at < MOVING_S and not is_told:
            is_told = True
            line.sendall(pack(Asked(number=2, request=Stop(job_id=JOB, by="fuzz", reason="cancelled"))))
        try:
            data = line.recv(1 << 16)
        except TimeoutError:
            continue
        if not data:
            return "no end: the job process is gone"
        for frame in reader.feed(data):
            message = decode_up(frame)
            if isinstance(message, Report) and isinstance(message.body, Ended):
                return _told(message.body)
            if isinstance(message, Report) and isinstance(message.body, Progress) and message.body.parts not in ({}, parts):
                parts, moved_at = message.body.parts, age_s
    return f"no end within {MOST_S:.0f} s"


def _told(ended: Ended) -> str:
    fault = ended.end.fault
    errors = (ended.result or {}).get("errors", ())
    if fault is not None:
        return f"{ended.end.reason}: {fault.code}: {fault.message}"
    return "; ".join([str(ended.end.reason), *sorted({f"{error['code']}: {error['message']}" for error in errors})])


def _reaped(pid: int) -> int:
    """Wait a little for a job process, then kill it."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
