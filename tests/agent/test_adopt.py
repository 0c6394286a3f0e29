"""Whoever is found is surely who the spool says, or nobody is signalled."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.line import Line
from triptych.agent.adopt import find, handle_of, kill, read
from triptych.agent.channel import Begins, Enrol, pack
from triptych.agent.spool import Spool
from triptych.agent.tree import Member, stat
from triptych.messages import Ended, Report, Running, Start
from triptych.model import End, EndReason

BOOT = "boot"
SLEEP = Start(job_id="j", kind="command", attempt=2, process="j", spec={"argv": ["sleep", "1000"]})


@contextmanager
def bystander() -> Iterator[Member]:
    """A process that is nobody's shim."""
    process = subprocess.Popen(["sleep", "1000"])
    now = stat(process.pid)
    assert now is not None
    yield Member(process.pid, now.start_ticks)
    assert process.poll() is None
    process.kill()
    process.wait()


def spool_of(folder: Path, member: Member, boot_id: str = BOOT) -> Spool:
    identity = Enrol(
        folder=str(folder / "spool" / "one"),
        pid=member.pid,
        start_ticks=member.start_ticks,
        boot_id=boot_id,
        token=bytes(16),
        cap_bytes=1 << 30,
    )
    return Spool(identity)


async def test_a_process_that_has_the_pid_of_a_shim_that_is_gone_is_left_alone(tmp_path: Path) -> None:
    """workers K9, I7."""
    with bystander() as other:
        spool_of(tmp_path, Member(other.pid, other.start_ticks - 1))
        (found,) = await find(str(tmp_path / "spool"), BOOT)
        assert found.met is None
        kill(Member(other.pid, other.start_ticks - 1))
        assert handle_of(Member(other.pid, other.start_ticks - 1)) is None


async def test_after_a_reboot_nobody_is_signalled(tmp_path: Path) -> None:
    """workers F15, L5: even one who has the pid and the start time."""
    with bystander() as other:
        spool = spool_of(tmp_path, other, "another boot")
        spool.append(pack(Begins(job_id="j", attempt=1)), must=False)
        (found,) = await find(str(tmp_path / "spool"), BOOT)
    assert (found.met, found.of_this_boot, found.told.begun) == (None, False, {("j", 1)})


async def test_a_spool_without_an_owner_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "spool" / "one").mkdir(parents=True)
    assert await find(str(tmp_path / "spool"), BOOT) == []
    assert not (tmp_path / "spool" / "one").exists()
    assert await find(str(tmp_path / "nothing"), BOOT) == []


async def test_what_a_spool_tells_of_its_attempts(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, Member(1, 1))
    end = Report(job_id="b", attempt=3, seq=1, at_us=0, body=Ended(end=End(reason=EndReason.EXITED)))
    for message in (Begins(job_id="a", attempt=1), end):
        spool.append(pack(message), must=False)
    told = read(spool.folder)
    assert (told.begun, told.ended) == ({("a", 1), ("b", 3)}, {("b", 3)})


async def test_a_living_shim_says_whose_tree_it_holds(tmp_path: Path) -> None:
    """workers K11."""
    with Line(tmp_path) as line:
        line.ask(SLEEP)
        running = line.until(Running)
        line.close()
        (found,) = await find(str(tmp_path / "spool"), BOOT)
        assert found.met is not None
        here = found.met.here
        assert (here.job_id, here.attempt, here.pid, here.state, here.seq) == ("j", 2, running.pid, "running", 1)
        assert found.met.member.pid == line.shim.pid
        os.kill(running.pid, signal.SIGKILL)
        found.met.line.close()
        line.shim.wait()


async def test_a_shim_that_does_not_answer_is_killed(tmp_path: Path) -> None:
    """workers K13, F5."""
    with Line(tmp_path) as line:
        line.ask(SLEEP)
        pid = line.until(Running).pid
        os.kill(line.shim.pid, signal.SIGSTOP)
        line.close()
        (found,) = await find(str(tmp_path / "spool"), BOOT, answer_bound_s=0.3)
        assert found.met is None
        assert found.told.begun == {("j", 2)}
        assert line.shim.wait() == -signal.SIGKILL
        os.kill(pid, signal.SIGKILL)
