"""A small pid space in which pids come round quickly: F12 of the workers panel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLAY = Path(__file__).parent / "smallspace.py"
BOUND_S = 100


def test_recycled_pids_cost_no_bystander_its_life(tmp_path: Path) -> None:
    """workers K9, I7 (F12): strangers take the very pids of jobs and shims that are gone, and live through stops, kill -9 and restart."""
    told = _in_a_space_of_its_own(tmp_path, "bystanders")
    assert "strangers alive: all" in told


def test_jobs_start_and_stop_while_pids_wrap(tmp_path: Path) -> None:
    """workers K2, K9, I1, I8 (F12): with 400 pids in all, hundreds of short jobs come and go beside long ones."""
    told = _in_a_space_of_its_own(tmp_path, "wrap")
    assert "wrapped: yes" in told


def _in_a_space_of_its_own(folder: Path, play: str) -> str:
    """Run a play of `smallspace.py` as the init of a PID namespace, which takes everything with it at its end."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *user, "--pid", "--fork", "--mount-proc", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no PID namespaces for this user")
    path = os.pathsep.join([str(PLAY.parents[1]), *sys.path])
    words = [*unshare, sys.executable, str(PLAY), play, str(folder)]
    run = subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, check=False, capture_output=True, text=True, timeout=BOUND_S)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
