"""What is logged, and that a log which cannot be written harms nothing. Each in a process of its own: logging is set up once in one."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

LOGGING = """
import logging
import structlog
from triptych import logs
log = structlog.get_logger("triptych.somewhere")
logs.begin()
log.debug("too small")
structlog.get_logger("library").info("not ours")
log.info("job ended", job_id="a-1", name="\\x1b]0;owned\\x07\\nforged")
logging.getLogger("library").warning("theirs %s", "\\x1b[31m\\nred")
secret = "hunter2"
try:
    raise RuntimeError("broken \\x1b[2J")
except RuntimeError:
    log.exception("loop failed")
print("went on")
"""


def _run(stderr: int | object) -> "subprocess.CompletedProcess[str]":
    """Run it; the exit code is the interpreter's own word on streams that it could not flush at its end."""
    return subprocess.run([sys.executable, "-c", LOGGING], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)  # type: ignore[call-overload]


def _watched() -> str:
    """Return what a person sees."""
    ours, theirs = pty.openpty()
    _run(theirs)
    os.close(theirs)
    told = b""
    try:
        while data := os.read(ours, 65536):
            told += data
    except OSError:
        os.close(ours)
    return told.decode()


def test_every_line_is_json_where_nobody_watches() -> None:
    """Workers 9, log injection."""
    first, theirs, failed = map(json.loads, _run(subprocess.PIPE).stderr.splitlines())
    assert (first["event"], first["job_id"], first["level"], first["name"]) == ("job ended", "a-1", "info", "\x1b]0;owned\x07\nforged")
    assert (theirs["event"], theirs["level"]) == ("theirs \x1b[31m\nred", "warning")
    assert failed["exception"].endswith("RuntimeError: broken \x1b[2J")
    assert first["timestamp"].endswith("Z")


def test_our_events_are_told_and_those_of_libraries_only_from_warning_on() -> None:
    told = _run(subprocess.PIPE).stderr
    assert "job ended" in told
    assert "not ours" not in told
    assert "too small" not in told


def test_a_terminal_is_not_steered() -> None:
    """Workers 9, terminal escapes."""
    told = _watched()
    assert "job ended" in told
    assert "RuntimeError: broken \\x1b[2J" in told
    assert not any(sequence in told for sequence in ("\x1b]0;", "\x07", "\x1b[31m\n", "\x1b[2J", "\nforged", "\nred"))


def test_a_traceback_shows_no_values() -> None:
    for told in (_run(subprocess.PIPE).stderr, _watched()):
        assert "RuntimeError: broken" in told
        assert told.count("hunter2") == 0


def test_a_full_disk_behind_the_log_stops_nobody() -> None:
    with Path("/dev/full").open("w") as full:
        assert _run(full).stdout == "went on\n"
