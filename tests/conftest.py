"""The last line of `make test`: what was left out on this machine, so that no skip goes unseen; CI leaves nothing out."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import hypothesis
import pytest

from buses.natsserver import NatsServer, find_nats_server

hypothesis.settings.register_profile("ci", derandomize=True, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow])
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

cv2.setNumThreads(1)  # a decoder forked from here would wait for threads that only this process has

ENDING_S = 5.0
ALLOWED = re.compile(
    r"cgroup v2 controller (memory|cpu|pids) is missing"
    r"|this account cannot (make a cgroup v2|enter the root cgroup)"
    r"|no kill tier cgroup: no cgroup v2 is mounted"
    r"|no kill tier cgroup: the worker is in the root cgroup: no subtree was delegated to it"
    r"|no kill tier cgroup: the worker's cgroup was not delegated to its account"
)
"""What even CI may leave out, by name: no hosted machine delegates every controller, and few an account's own subtree."""

LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would everything that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        item.config.stash[LEFT_OUT][report.longrepr[2].removeprefix("Skipped: ")] += 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    missed = [reason for reason in session.config.stash[LEFT_OUT] if not ALLOWED.fullmatch(reason)]
    if missed and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.option.verbose < 0 or config.option.collectonly:
        return
    reasons = [f"{count} x {reason}" for reason, count in sorted(config.stash[LEFT_OUT].items())]
    config.get_terminal_writer().line(f"left out on this machine: {', '.join(reasons) or 'nothing'}")


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail when a job of a data folder of these tests is still there at their end: it would be for days (workers K11)."""
    yield
    folder = str(tmp_path_factory.getbasetemp())
    until = time.monotonic() + ENDING_S
    while (left := _jobs_below(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"jobs that nobody ended: {left}"


def _jobs_below(folder: str) -> dict[int, str]:
    """Return the work folder of every process that a job below `folder` left in its environment, by pid."""
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            mark = f"TRIPTYCH_WORKDIR={folder}/".encode()
            entries = (process / "environ").read_bytes().split(b"\0") if process.name.isdecimal() else []
            found |= {int(process.name): entry.decode() for entry in entries if entry.startswith(mark)}
    return found


@pytest.fixture(scope="session")
def nats_binary() -> str:
    binary = find_nats_server()
    if binary is None:
        pytest.skip("no nats-server on PATH or in the environment")
    return binary


@pytest.fixture
def nats_server(nats_binary: str, tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server of this test's own, which it may kill and start again."""
    with NatsServer(nats_binary, tmp_path / "nats") as server:
        yield server


@pytest.fixture(scope="session")
def nats_url(nats_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a NATS server that tests share, each in a realm of its own."""
    with NatsServer(nats_binary, tmp_path_factory.mktemp("nats")) as server:
        yield server.url
