"""Workers K8, K9: who is signalled, and who never is."""

import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from triptych.agent import tree

QUIET = "exec sleep 1000"
ALIVE = frozenset("RSD")
STUBBORN = "trap '' TERM; while :; do sleep 1000; done"


@contextmanager
def nest(*children: str) -> Iterator[tuple[int, list[int]]]:
    """A root with these shell commands below it, each in a session of its own; its pid and theirs, once all run."""
    script = "".join(f"setsid sh -c {shlex.quote(child)} & echo $!; " for child in children) + "wait; sleep 1000"
    mark = str(uuid.uuid4())
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, env={**os.environ, "TRIPTYCH_JOB_ID": mark}) as root:
        try:
            assert root.stdout is not None
            pids = [int(root.stdout.readline()) for _ in children]
            until(lambda: all(_command(pid).startswith((b"sh\0-c\0", b"sleep", sys.executable.encode())) for pid in pids))
            yield root.pid, pids
        finally:
            assert tree.kill_marked({mark}, patience_s=30) == 0


@contextmanager
def marked(job_id: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, "TRIPTYCH_JOB_ID": job_id}) as child:
        try:
            yield child
        finally:
            child.kill()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def pids(found: set[tree.Member]) -> set[int]:
    return {member.pid for member in found}


def state(pid: int) -> str:
    now = tree.stat(pid)
    return "gone" if now is None else now.state


def test_the_members_are_all_who_descend_from_the_root() -> None:
    with nest(QUIET, "sh -c 'sleep 1000 & wait' & wait") as (root, (first, second)):
        until(lambda: len(tree.members(root)) == 4)
        found = pids(tree.members(root))
        assert {first, second} < found
        assert root not in found


def test_children_of_any_thread_are_found() -> None:
    code = "import subprocess, threading; threading.Thread(target=subprocess.run, args=(['sleep', '1000'],)).start()"
    with nest(f"exec {sys.executable} -c {shlex.quote(code)}") as (_, (threaded,)):
        until(lambda: len(tree.children(threaded)) == 1)


def test_a_spared_child_is_left_alone_with_all_below_it() -> None:
    with nest("sleep 1000 & wait", QUIET) as (root, (spared, other)):
        until(lambda: len(tree.children(spared)) == 1)
        assert pids(tree.signal_new(root, frozenset(), signal.SIGKILL, spared={spared})) >= {other}
        until(lambda: state(other) in {"Z", "gone"})
        assert len(tree.children(spared)) == 1


def test_a_known_member_is_not_signalled_again() -> None:
    with nest(QUIET) as (root, (child,)):
        first = tree.signal_new(root, frozenset(), signal.SIGCONT)
        assert child in pids(first)
        assert not tree.signal_new(root, first, signal.SIGKILL)
        assert state(child) in ALIVE


def test_a_zombie_is_a_child_but_no_member() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid in tree.children(os.getpid())
        assert child.pid not in pids(tree.members(os.getpid()))


def test_freeze_stands_still_and_thaw_goes_on() -> None:
    with nest("while :; do :; done", QUIET) as (root, (busy, quiet)):
        tree.freeze(root)
        assert (state(busy), state(quiet)) == ("T", "T")
        tree.thaw(root)
        until(lambda: (state(busy), state(quiet)) == ("R", "S"))


def test_only_processes_of_the_named_jobs_are_killed() -> None:
    """Workers K12, I7."""
    with marked("mine") as mine, marked("mine-too") as other, nest(QUIET) as (_, (bystander,)):
        assert tree.kill_marked({"mine"}, patience_s=10) == 0
        assert mine.wait() == -signal.SIGKILL
        assert other.poll() is None
        assert state(bystander) in ALIVE


def test_an_only_child_is_found_dead_or_alive_and_one_of_many_is_not() -> None:
    with nest(QUIET) as (root, (child,)):
        assert tree.only_child(root, "/proc") == child
        assert tree.only_child(child, "/proc") is None
        assert set(tree.living(root, "/proc")) == {child}
    with nest(QUIET, QUIET) as (root, children):
        assert tree.only_child(root, "/proc") is None
        assert set(tree.living(root, "/proc")) == set(children)


def test_children_are_found_without_the_kernels_lists() -> None:
    with nest(QUIET) as (root, (child,)):
        assert tree._children_by_scan(root) == [child]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
