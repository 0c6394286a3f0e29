"""`triptych up` as an operator meets it (workers W13)."""

import json
import signal
import socket
import subprocess

from cli.deserted import is_deserted

REFUSED = 2


def _ready(process: "subprocess.Popen[str]") -> dict[str, object]:
    return json.loads(process.stdout.readline())


def test_the_worker_the_address_and_the_folders_are_told(start, tmp_path):
    up = start("up", "--port", 0, "--data", tmp_path / "data", "--worker-id", "here", "--media-root", tmp_path, "--json")
    facts = _ready(up)
    assert facts["worker_id"] == "here"
    assert facts["url"].startswith("http://127.0.0.1:")
    assert facts["media_roots"] == [str(tmp_path)]
    assert facts["data_dir"] == str(tmp_path / "data")


def test_the_same_is_told_in_words(start, tmp_path):
    up = start("up", "--port", 0, "--data", tmp_path / "data", "--worker-id", "here")
    lines = [up.stdout.readline().split() for _ in range(4)]
    assert [line[0] for line in lines] == ["address", "reference", "worker", "data"]
    assert lines[2][1] == "here"


def test_sigterm_ends_it_cleanly_and_leaves_nothing(start, tmp_path):
    up = start("up", "--port", 0, "--data", tmp_path / "data", "--json")
    _ready(up)
    up.send_signal(signal.SIGTERM)
    assert up.wait(timeout=10) == 0
    assert is_deserted(tmp_path / "data")


def test_a_taken_port_is_told_in_one_sentence(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start("up", "--port", port, "--data", tmp_path / "data")
        _, told = up.communicate(timeout=30)
    assert up.returncode == REFUSED
    assert str(port) in told
    assert len(told.splitlines()) == 1


def test_a_second_server_on_the_same_data_folder_is_refused(start, tmp_path):
    first = start("up", "--port", 0, "--data", tmp_path / "data", "--json")
    _ready(first)
    second = start("up", "--port", 0, "--data", tmp_path / "data")
    _, told = second.communicate(timeout=30)
    assert second.returncode == REFUSED
    assert str(tmp_path / "data") in told
    assert first.poll() is None
