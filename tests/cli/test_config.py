"""`triptych config` (engine 4): where each value came from."""

import json

from cli.test_tokens import run


def test_each_setting_is_told_with_its_place(tmp_path):
    file = tmp_path / "triptych.toml"
    file.write_text('slots = 7\n[env]\nSECRET = "hunter2"\n')
    told = json.loads(run("config", "--data", tmp_path, "--json", TRIPTYCH_CORES="3").stdout)
    assert told["slots"] == {"value": 7, "from": str(file)}
    assert told["cores"] == {"value": 3, "from": "TRIPTYCH_CORES"}
    assert told["data_dir"] == {"value": str(tmp_path), "from": "flag"}
    assert told["host"] == {"value": "127.0.0.1", "from": "default"}
    assert told["env"] == {"value": ["SECRET"], "from": str(file)}
    lines = [line.split() for line in run("config", "--data", tmp_path).stdout.splitlines()]
    assert lines[0] == ["SETTING", "VALUE", "FROM"]
    assert ["slots", "7", str(file)] in lines


def test_a_wrong_setting_is_told_in_one_sentence(tmp_path):
    (tmp_path / "triptych.toml").write_text("slots = 0\n")
    told = run("config", "--data", tmp_path)
    assert (told.returncode, told.stdout, len(told.stderr.splitlines())) == (2, "", 1)
    assert "setting slots" in told.stderr
