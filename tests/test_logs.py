"""What is logged, and that a log which cannot be written harms nothing. Each in a process of its own: logging is set up once in one."""

import subprocess
import sys
from pathlib import Path

LOGGING = """
import structlog
from triptych import logs
log = structlog.get_logger("triptych.somewhere")
logs.begin()
log.debug("too small")
structlog.get_logger("library").info("not ours")
log.info("job ended", job_id="a-1")
secret = "hunter2"
try:
    raise RuntimeError("broken")
except RuntimeError:
    log.exception("loop failed")
print("went on")
"""


def _run(stderr: int | object) -> "subprocess.CompletedProcess[str]":
    """Run it; the exit code is the interpreter's own word on streams that it could not flush at its end."""
    return subprocess.run([sys.executable, "-c", LOGGING], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)  # type: ignore[call-overload]


def test_our_events_are_told_and_those_of_libraries_only_from_warning_on() -> None:
    told = _run(subprocess.PIPE).stderr
    assert "job ended" in told
    assert "job_id=a-1" in told
    assert "not ours" not in told
    assert "too small" not in told


def test_a_traceback_shows_no_values() -> None:
    told = _run(subprocess.PIPE).stderr
    assert "RuntimeError: broken" in told
    assert told.count("hunter2") == 0


def test_a_full_disk_behind_the_log_stops_nobody() -> None:
    with Path("/dev/full").open("w") as full:
        assert _run(full).stdout == "went on\n"
