"""`triptych camera` against a running system."""

import json

import pytest

BAD = ("track", "--camera", "attic")


def test_the_cameras_are_listed(call):
    heads, row = call("camera").stdout.splitlines()
    assert heads.split() == ["CAMERA", "NAME", "SOURCE", "HEAD", "ARM"]
    assert row.split()[0] == "default"
    assert [camera["id"] for camera in json.loads(call("camera", "list", "--json").stdout)] == ["default"]


def test_a_face_is_followed_paused_and_let_go(call):
    tracked = call("camera", "track", "--ai")
    assert (tracked.returncode, tracked.stdout) == (0, "locked\n"), tracked.stderr
    state = json.loads(call("camera", "state", "--json").stdout)
    assert (state["parameters"]["ai"], state["parameters"]["job_type"]) == ("official_ai", "track")
    assert call("camera", "pause", "track").stdout == "paused\n"
    assert call("camera", "resume").stdout == "active\n"
    assert call("camera", "stop").stdout == "idle\n"
    rows = call("camera", "state").stdout.splitlines()
    assert [row.split()[:2] for row in rows[1:5]] == [["track", "off"], ["record", "off"], ["mission", "off"], ["live_stream", "off"]]


def test_a_recording_and_a_shot_are_saved(call, tmp_path):
    filmed = call("camera", "record", "--seconds", "1.5", "--output", str(tmp_path / "film.mp4"))
    assert filmed.returncode == 0, filmed.stderr
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"
    taken = call("camera", "shot", "--json", "--output", str(tmp_path / "shot.jpg"))
    assert (tmp_path / "shot.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert len(json.loads(taken.stdout)["id"]) == 36


def test_a_picture_is_saved_and_shown_on_a_terminal_only(call, tmp_path):
    assert call("camera", "preview", "--output", str(tmp_path / "now.jpg")).returncode == 0
    assert (tmp_path / "now.jpg").read_bytes()[:2] == b"\xff\xd8"
    plain = call("camera", "preview")
    assert (plain.returncode, plain.stderr) == (2, "triptych: standard output is not a terminal: --output FILE saves a picture\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (BAD, "camera must be the id of a camera."),
        (("record", "--output", "x.mp4"), "--output needs --seconds: only a finished recording can be saved"),
        (("shot", "--output", "/nowhere/x.jpg"), "/nowhere/x.jpg cannot be written: no such file or directory"),
    ],
    ids=str,
)
def test_what_is_refused_is_told_in_one_sentence_with_exit_code_2(call, words, sentence):
    done = call("camera", *words)
    assert (done.returncode, done.stderr) == (2, f"triptych: {sentence}\n")
