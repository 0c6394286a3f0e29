"""The fork server's own side: what it does when nobody is left to talk to."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from triptych.agent.channel import FrameReader, SocketChannel, decode_up
from triptych.agent.channel import pack as pack_frame
from triptych.agent.forkserver import MAX_PACKET_BYTES, Fork, Forked, Gone, Kill, Ready, Warm, pack, read_news
from triptych.agent.tree import children
from triptych.messages import Answer, Answered, Asked, Pause
from triptych.model import Place

PLACE = Place(worker_id="w", data_dir="/nowhere", env={"A": "b"})


class Control:
    """The other end of a fork server's control socket."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        with theirs:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "triptych.agent.forkserver", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )

    def order(self, order: Warm | Fork | Kill) -> None:
        self.socket.send(pack(order))

    def news(self) -> tuple[Ready | Forked | Gone, list[int]]:
        packet, descriptors, _, _ = socket.recv_fds(self.socket, MAX_PACKET_BYTES, 1)
        return read_news(packet), descriptors

    def fork(self, number: int, entry: str) -> tuple[int, socket.socket]:
        self.order(Fork(number=number, entry=f"agent.entries:{entry}"))
        forked, (line,) = self.news()
        assert isinstance(forked, Forked)
        assert forked.number == number
        return forked.pid, socket.socket(fileno=line)


@pytest.fixture
def control() -> Iterator[Control]:
    with served() as control:
        yield control


@contextmanager
def served() -> Iterator[Control]:
    control = Control()
    control.order(Warm(modules=("agent.entries",), place=PLACE))
    assert control.news() == (Ready(missing={}, threads=1), [])
    yield control
    control.socket.close()
    assert control.server.wait(30) == 0


def test_it_forks_on_request_and_tells_the_end(control: Control) -> None:
    pid, line = control.fork(1, "echo")
    assert children(control.server.pid) == [pid]
    line.close()
    assert control.news() == (Gone(pid=pid, status=0), [])


def test_it_kills_only_its_own_job_processes(control: Control) -> None:
    pid, line = control.fork(1, "echo")
    control.order(Kill(pid=os.getpid()))
    control.order(Kill(pid=pid))
    assert control.news() == (Gone(pid=pid, status=-9), [])
    line.close()


def test_closing_its_socket_ends_it_with_its_processes() -> None:
    with served() as control:
        pids, lines = zip(*(control.fork(number, "echo") for number in range(3)), strict=True)
    for line in lines:
        line.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_process_that_does_not_go_is_killed_in_the_end() -> None:
    """engine.md 2.4: job processes have 5 s to finalise."""
    with served() as control:
        pid, line = control.fork(1, "linger")
    line.close()
    assert not Path(f"/proc/{pid}").exists()


def test_it_is_no_larger_than_a_shim_needs(control: Control) -> None:
    """Workers P7, P10: what a shim does not need is not imported."""
    code = "import sys, triptych.agent.forkserver, triptych.kinds.command; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, text=True)
    assert not {"asyncio", "sqlalchemy", "numpy", "structlog", "starlette", "ssl", "subprocess"} & set(modules.split())


def test_orders_and_news_survive_the_wire() -> None:
    for order in (Warm(modules=("a",), place=PLACE), Fork(number=1, entry="a:b"), Kill(pid=3)):
        assert msgspec.msgpack.decode(pack(order), type=Warm | Fork | Kill) == order


def test_a_line_is_a_channel(control: Control) -> None:
    _, line = control.fork(1, "echo")
    line.sendall(pack_frame(Asked(number=1, request=Pause(job_id="j"))))
    line.settimeout(30)
    assert line.recv(100)
    assert isinstance(SocketChannel(line).fileno(), int)
    line.close()
    control.news()


def test_one_that_retires_stays_for_its_job_processes_and_ends_with_the_last() -> None:
    """workers K11: so that what they leave is swept also when their agent is gone."""
    control = Control()
    control.order(Warm(modules=("agent.entries",), place=PLACE, retires=True))
    assert control.news() == (Ready(missing={}, threads=1), [])
    pid, line = control.fork(1, "desert")
    line.settimeout(30)
    line.sendall(pack_frame(Asked(number=1, request=Pause(job_id="j"))))
    left = _left(line)
    control.socket.close()
    line.sendall(pack_frame(Asked(number=2, request=Pause(job_id="j"))))
    assert control.server.wait(30) == 0
    assert not any(Path(f"/proc/{one}").exists() for one in (pid, left))
    line.close()


def test_a_dead_job_process_is_collected_only_when_what_it_left_is_dead(control: Control) -> None:
    """workers K8: whoever sees the one gone knows that the other is."""
    pid, line = control.fork(1, "desert")
    line.settimeout(30)
    line.sendall(pack_frame(Asked(number=1, request=Pause(job_id="j"))))
    left = _left(line)
    line.sendall(pack_frame(Asked(number=2, request=Pause(job_id="j"))))
    while Path(f"/proc/{pid}").exists():
        pass
    assert not Path(f"/proc/{left}").exists()
    assert control.news() == (Gone(pid=pid, status=-9), [])
    line.close()


def _left(line: socket.socket) -> int:
    """The process that `desert` says it leaves."""
    (frame,) = FrameReader().feed(line.recv(1000))
    answered = decode_up(frame)
    assert isinstance(answered, Answered)
    assert isinstance(answered.reply, Answer)
    return int(answered.reply.data["left"])


def test_what_a_shim_is_forked_from_has_no_module_that_acts_at_every_fork() -> None:
    """Workers P7: threading and random write to a third of a MB of a new process before it has done anything."""
    code = "import sys, triptych.agent.forkserver, triptych.kinds.command; print({'threading', 'random'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, check=True
    )
    assert told.stdout == b"set()\n"
