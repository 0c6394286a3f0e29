"""camera R6: the lines beside a file; tests/camera/test_record.py proves their times."""

import json
from datetime import timedelta

from triptych.camera.sidecar import Sidecar, trim
from triptych.contracts import Pose

POSE = Pose(at=timedelta(0), pan_deg=1.23456, tilt_deg=-2.0)


def test_each_line_is_on_the_disk_at_once(tmp_path):
    path = tmp_path / "x.marks.jsonl"
    sidecar = Sidecar(path, {"version": 1})
    sidecar.frame(timedelta(seconds=0.1), POSE, [{"track": 1}])
    sidecar.cut(timedelta(seconds=0.5), timedelta(seconds=3))
    sidecar.alarm(timedelta(seconds=0.7), {"track": 1})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"version": 1},
        {"t": 0.1, "pan": 1.235, "tilt": -2.0, "objects": [{"track": 1}]},
        {"t": 0.5, "cut_s": 3.0},
        {"t": 0.7, "alarm": {"track": 1}},
    ]
    sidecar.close()


def test_after_a_kill_it_ends_with_its_file(tmp_path):
    """camera R2, R6: lines past the end and half a line go."""
    path = tmp_path / "x.marks.jsonl"
    path.write_text('{"version":1}\n{"t":0.5}\n{"t":1.0,"cut_s":2}\n{"t":1.5}\n{"t":0.')
    trim(path, 1.2)
    assert path.read_text() == '{"version":1}\n{"t":0.5}\n{"t":1.0,"cut_s":2}\n'
    trim(tmp_path / "none", 1.0)
    assert [one.name for one in tmp_path.iterdir()] == ["x.marks.jsonl"]
