"""One command job inside the fork server itself, before it forks any: what that fills and specialises the shims then share (workers P7)."""

import os
import socket
from pathlib import Path

import msgspec

from triptych.agent.channel import Enrol, Ping, SocketChannel, pack
from triptych.agent.ending import boot_s
from triptych.kinds import CommandSpec
from triptych.kinds.command import WorkFolder, shim_of
from triptych.messages import Asked, Start
from triptych.model import Place

_ROUNDS = 10
"""The interpreter specialises what has run eight times."""
_CAP_BYTES = 1 << 20
_PROGRAM = ("echo", "rehearsal")


def rehearse(place: Place) -> None:
    """Run `echo` as a shim would, in a folder of its own that is gone afterwards. Raises `OSError` when the disk refuses.

    The process must have no children; its cwd stays, its SIGCHLD has a handler that does nothing afterwards and no wakeup descriptor.
    """
    folder = f"{place.data_dir}/rehearsal-{os.getpid()}"
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    Path(folder, "work").mkdir(0o700, parents=True)
    try:
        for number in range(_ROUNDS):
            _perform(Place(worker_id=place.worker_id, data_dir=folder), f"{folder}/spool-{number}")
    finally:
        _remove(folder)
        os.fchdir(here)
        os.close(here)


def _perform(place: Place, spool: str) -> None:
    ours, theirs = socket.socketpair()
    work = WorkFolder(f"{place.data_dir}/work")
    shim = shim_of(SocketChannel(theirs), place, work)
    spec = msgspec.to_builtins(CommandSpec(argv=_PROGRAM))
    with ours:
        ours.sendall(
            pack(Enrol(folder=spool, pid=os.getpid(), start_ticks=0, boot_id="", token=b"", cap_bytes=_CAP_BYTES))
            + pack(Ping(renewed_s=boot_s()))
            + pack(Asked(number=1, request=Start(job_id="rehearsal", kind="command", attempt=1, process="", spec=spec)))
        )
        shim.turn()
        while shim.busy:
            shim.turn()
        shim.close()
        work.drop()


def _remove(folder: str) -> None:
    for path in sorted(Path(folder).rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    Path(folder).rmdir()
