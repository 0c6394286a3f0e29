"""Workers S8 and the spawn texts, below the job."""

import errno
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from triptych.agent.spawn import Program, Spawned, Spawner, reason
from triptych.errors import StartFailed

TRUE = Program(file="/bin/sh", argv=("sh", "-c", "true"), env={"A": "b"}, cwd="/")


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    here, umask = os.getcwd(), os.umask(0o022)  # noqa: PTH109 - what the spawner changes
    spawner = Spawner()
    yield spawner
    spawner.close()
    os.chdir(here)
    os.umask(umask)


def run(spawner: Spawner, program: Program) -> tuple[int, bytes, bytes | None]:
    """Its exit code and what it wrote."""
    spawned = spawner.spawn(program)
    out, err = drain(spawned.stdout), None if spawned.stderr is None else drain(spawned.stderr)
    return os.waitstatus_to_exitcode(os.waitpid(spawned.pid, 0)[1]), out, err


def drain(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def script(text: str, **changes: object) -> Program:
    return replace(TRUE, argv=("sh", "-c", text), **changes)  # type: ignore[arg-type]


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - /proc


def test_a_program_has_two_pipes_and_its_own_environment(spawner: Spawner) -> None:
    assert run(spawner, script("echo $A; echo err >&2; exit 3")) == (3, b"b\n", b"err\n")


def test_merged_output_is_one_pipe(spawner: Spawner) -> None:
    assert run(spawner, script("echo out; echo err >&2", merge_output=True)) == (0, b"out\nerr\n", None)


def test_it_runs_in_its_folder_with_its_umask_and_this_process_keeps_its_own(spawner: Spawner) -> None:
    assert run(spawner, script("pwd; umask", cwd="/usr", umask=0o027)) == (0, b"/usr\n0027\n", b"")
    assert os.umask(0o077) == 0o077


def test_it_leads_a_session_of_its_own(spawner: Spawner) -> None:
    spawned = spawner.spawn(script("exec sleep 1000"))
    assert os.getsid(spawned.pid) == os.getpgid(spawned.pid) == spawned.pid
    os.kill(spawned.pid, signal.SIGKILL)
    finish(spawned)


def test_a_signal_that_this_process_ignores_has_its_default_there(spawner: Spawner) -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    assert run(spawner, script("kill -PIPE $$"))[0] == -signal.SIGPIPE


def test_no_descriptor_is_left_open_whatever_happens(spawner: Spawner) -> None:
    before = descriptors()
    run(spawner, script("true", stdin="text"))
    for bad in (replace(TRUE, file="/no/such"), replace(TRUE, argv=("a\0b",)), replace(TRUE, cwd="/no/such", stdin="text")):
        with pytest.raises(StartFailed):
            spawner.spawn(bad)
    assert descriptors() == before


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"file": "/no/such"}, "fork/exec sh: no such file or directory"),
        ({"file": "/etc"}, "fork/exec sh: permission denied"),
        ({"file": "/etc/passwd/x"}, "fork/exec sh: not a directory"),
        ({"cwd": "/no/such"}, "fork/exec sh: no such file or directory"),
        ({"argv": ("sh", "a\0b")}, "fork/exec sh: invalid argument"),
        ({"env": {"A=B": "c"}}, "fork/exec sh: invalid argument"),
        ({"argv": ("sh", "x" * 200_000)}, "fork/exec sh: argument list too long"),
    ],
)
def test_a_failure_is_one_line_with_the_kernels_reason(spawner: Spawner, changes: dict[str, object], text: str) -> None:
    with pytest.raises(StartFailed) as fault:
        spawner.spawn(replace(TRUE, **changes))  # type: ignore[arg-type]
    assert fault.value.message == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOENT, "no such file or directory"),
        (errno.EACCES, "permission denied"),
        (errno.ENOEXEC, "exec format error"),
        (errno.EINVAL, "invalid argument"),
        (errno.E2BIG, "argument list too long"),
        (errno.ETXTBSY, "text file busy"),
        (errno.EMFILE, "too many open files"),
        (errno.EAGAIN, "resource temporarily unavailable"),
        (errno.ENOMEM, "cannot allocate memory"),
        (errno.ENOSPC, "no space left on device"),
    ],
)
def test_every_reason_has_the_words_of_the_specification(number: int, text: str) -> None:
    assert reason(OSError(number, "whatever the C library says")) == text


def test_without_descriptors_the_start_fails_cleanly(spawner: Spawner) -> None:
    """Workers F10."""
    opened = []
    try:
        while True:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    try:
        with pytest.raises(StartFailed, match="fork/exec sh: too many open files"):
            spawner.spawn(TRUE)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert run(spawner, TRUE)[0] == 0


def finish(spawned: Spawned) -> None:
    os.waitpid(spawned.pid, 0)
    os.close(spawned.stdout)
    assert spawned.stderr is not None
    os.close(spawned.stderr)
