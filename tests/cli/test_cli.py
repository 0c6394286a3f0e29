"""What every command has: help at length, with its exit code, and one sentence when it refuses."""

import os
import subprocess

import pytest

from cli.terminal import COMMAND
from triptych.cli import app

COMMANDS = sorted(name for name in app if not name.startswith("-"))
TALKING = sorted({*COMMANDS} - {"config", "demo", "models", "openapi", "token", "up", "version"})


def test_every_command_is_in_the_list(start):
    printed, _ = start("--help").communicate(timeout=60)
    assert all(name in printed for name in COMMANDS)


@pytest.mark.parametrize("name", TALKING)
def test_a_command_says_its_exit_code_and_how_to_reach_a_server(start, name):
    printed, _ = start(name, "--help").communicate(timeout=60)
    words = " ".join(printed.split())
    assert "exit code" in words
    assert all(flag in printed for flag in ("--json", "--server", "--token", "--ca"))


def test_the_help_of_up_says_which_signal_stops_jobs(start):
    """workers L8"""
    printed, _ = start("up", "--help").communicate(timeout=60)
    words = " ".join(printed.split())
    assert "SIGTERM leaves commands running" in words
    assert "Ctrl-C (SIGINT) stops every job first" in words


@pytest.mark.parametrize("words", [("openapi",), ("config",), ("version",), ("version", "--json")])
def test_a_command_whose_output_nobody_reads_ends_without_a_word(words):
    """As with `head`: 141."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([*COMMAND, *words], stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")
