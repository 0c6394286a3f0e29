"""`triptych version` and what is quick about the command line."""

import json
import os
import subprocess
import sys

import pytest

from triptych import __version__
from triptych.cli import app
from triptych.cli.version import version

HEAVY = ("av", "cv2", "numpy", "starlette", "sqlalchemy", "httpx", "triptych.wiring", "triptych.engine")


def test_the_version_is_one_word_after_the_name(capsys):
    version()
    assert capsys.readouterr().out == f"triptych {__version__}\n"


def test_the_version_is_json_on_request(capsys):
    version(json=True)
    assert json.loads(capsys.readouterr().out)["triptych"] == __version__


@pytest.mark.parametrize("words", [["--help"], ["version"]])
def test_what_needs_no_server_imports_nothing_heavy(words):
    listing = "import sys; from triptych.cli import app; app(sys.argv[1:], result_action='return_value'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing, *words], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.splitlines()[-1].split())


def test_a_word_that_is_no_command_is_refused():
    done = subprocess.run([sys.executable, "-m", "triptych.cli", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nonsense" in done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_every_command(shell, tmp_path):
    script = tmp_path / "completion"
    words = ["--install-completion", "--shell", shell, "--output", str(script)]
    subprocess.run(
        [sys.executable, "-m", "triptych.cli", *words], env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, check=True
    )
    assert [name for name in app if not name.startswith("-") and name not in script.read_text()] == []
