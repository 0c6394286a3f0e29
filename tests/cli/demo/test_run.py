"""The main job of the README, run as a person runs it."""

import json
import signal

from cli.deserted import is_deserted
from cli.terminal import COMMAND, Terminal

WHOLE_BOUND_S = 110


def test_the_demo_is_right_and_leaves_nothing_running(start, tmp_path):
    demo = start("demo", "--once", "--data", tmp_path / "data")
    told, complaints = demo.communicate(timeout=WHOLE_BOUND_S)
    assert demo.returncode == 0, told + complaints
    assert "all 3 are right" in told
    assert "signal: killed" in told
    assert "\x1b" not in told
    assert is_deserted(tmp_path / "data")


def test_ctrl_c_ends_everything(start, tmp_path):
    demo = start("demo", "--data", tmp_path / "data")
    while "POST /start" not in demo.stdout.readline():
        pass
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert is_deserted(tmp_path / "data")


def test_a_file_that_is_not_there_is_refused(start, tmp_path):
    demo = start("demo", "--once", "--input", tmp_path / "nothing.mp4")
    _, told = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert "nothing.mp4 is not a file" in told


def test_a_file_of_ones_own_is_measured_and_told_as_json(start, tmp_path, small_clip):
    demo = start("demo", "--json", "--input", small_clip, "--data", tmp_path / "data")
    told, complaints = demo.communicate(timeout=WHOLE_BOUND_S)
    assert demo.returncode == 0, told + complaints
    assert {row["truth"] for row in json.loads(told)["panels"]["media"]["rows"]} == {"not known"}


def test_sigterm_ends_everything_too(start, tmp_path):
    demo = start("demo", "--data", tmp_path / "data")
    while "POST /start" not in demo.stdout.readline():
        pass
    demo.send_signal(signal.SIGTERM)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert is_deserted(tmp_path / "data")


def test_a_person_who_watched_to_the_end_leaves_with_the_result(tmp_path):
    with Terminal(*COMMAND, "demo", "--data", str(tmp_path / "data"), cwd=tmp_path) as demo:
        assert "\x1b" in demo.until("Ctrl-C ends everything")
        demo.interrupt()
        assert demo.wait() == 0
    assert is_deserted(tmp_path / "data")
