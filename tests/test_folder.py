"""The data folder has one owner, and remembers the worker's id."""

import subprocess
import sys
import uuid

import pytest

from triptych.errors import Conflict, Invalid
from triptych.folder import own, worker_id


def test_a_second_owner_is_refused_and_told_who_holds_the_folder(tmp_path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys, pathlib; from triptych.folder import own\n"
                "with own(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
            ),
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match=f"pid {holder.pid}") as refusal, own(tmp_path):
            pass
        assert refusal.value.code == "data_dir_in_use"
        holder.stdin.close()
    with own(tmp_path):
        assert (tmp_path / "lock").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="cannot be used"), own(tmp_path / "file" / "data"):
        pass


def test_an_unnamed_worker_keeps_its_random_id(tmp_path):
    """workers W10."""
    name = worker_id(tmp_path, None)
    assert uuid.UUID(name).version == 4
    assert worker_id(tmp_path, None) == name


@pytest.mark.parametrize("name", ["", "x" * 201, "tab\there", "ü" * 101])
def test_a_worker_id_that_breaks_the_rule_is_refused(tmp_path, name):
    """workers W10."""
    with pytest.raises(Invalid):
        worker_id(tmp_path, name)


def test_any_printable_worker_id_is_taken_as_it_is(tmp_path):
    """workers W10."""
    assert worker_id(tmp_path, "box 7 / süd") == "box 7 / süd"
