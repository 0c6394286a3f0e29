"""Job processes for tests of what runs them: each is a `module:function` that a fork server can be asked for."""

import os
import select
import signal
import subprocess
from pathlib import Path

from triptych.agent.channel import SocketChannel
from triptych.messages import Answer, Ask, Asked, Finding, Output, Running, Start
from triptych.model import Place


def echo(channel: SocketChannel, place: Place) -> None:
    """Answer every request with who and where this process is."""
    while True:
        asked = _next(channel)
        channel.answer(asked.number, Answer(data={"pid": os.getpid(), "worker": place.worker_id}))


def tell(channel: SocketChannel, place: Place) -> None:
    """Report and show one thing for each request, in a job of one attempt, and answer then."""
    while True:
        asked = _next(channel)
        assert isinstance(asked.request, Start)
        channel.report(asked.request.job_id, 1, Finding(note="told", data={"place": place.data_dir}))
        channel.show("here", b"picture")
        channel.answer(asked.number, Answer())


def flood(channel: SocketChannel, place: Place) -> None:
    """Report 16 MiB in pieces of 64 KiB and go."""
    del place
    asked = _next(channel)
    for number in range(256):
        channel.report("flood", 1, Output(stream="stdout", offset=number << 16, data=bytes(1 << 16)))
    channel.answer(asked.number, Answer())
    channel.receive()


def crash(channel: SocketChannel, place: Place) -> None:
    """Die of a fault."""
    del channel, place
    message = "as it was asked to"
    raise RuntimeError(message)


def desert(channel: SocketChannel, place: Place) -> None:
    """Leave a process behind in a session of its own and be killed; the answer names it."""
    del place
    asked = _next(channel)
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    channel.answer(asked.number, Answer(data={"left": child.pid}))
    _next(channel)
    os.kill(os.getpid(), signal.SIGKILL)


def linger(channel: SocketChannel, place: Place) -> None:
    """Close the line and stay."""
    del place
    os.close(channel.fileno())
    signal.pause()


def look(channel: SocketChannel, place: Place) -> None:
    """Answer with how this process was made."""
    del place
    asked = _next(channel)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    signals = {name: int(status[name], 16) for name in ("SigBlk", "SigIgn", "SigCgt")}
    descriptors = sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    data = {"descriptors": descriptors, "signals": signals, "threads": len(list(Path("/proc/self/task").iterdir()))}
    channel.answer(asked.number, Answer(data=data))


def work(channel: SocketChannel, place: Place) -> None:
    """Begin every job, answer a question with the pid, and die of the verb `crash`."""
    del place
    while True:
        asked = _next(channel)
        match asked.request:
            case Start(job_id=job_id, attempt=attempt):
                channel.report(job_id, attempt, Running(pid=os.getpid()))
            case Ask(verb="crash"):
                os.kill(os.getpid(), signal.SIGSEGV)
        channel.answer(asked.number, Answer(data={"pid": os.getpid()}))


def leave(channel: SocketChannel, place: Place) -> None:
    """End by itself whenever a request comes."""
    del place
    select.select([channel.fileno()], [], [])


def hurry(channel: SocketChannel, place: Place) -> None:
    """End by itself just as the first request comes; the next process stays."""
    mark = Path(place.data_dir) / "hurried"
    if mark.exists():
        work(channel, place)
    mark.touch()
    select.select([channel.fileno()], [], [])


def _next(channel: SocketChannel) -> Asked:
    asked = channel.receive()
    assert asked is not None
    return asked
