"""camera 13, rows 8, 33 and 43: persons over HTTP against a running system, and one without the extra."""

import base64
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from portraits import couple, hoppers, jpeg, men

BOUND_S = 60
PATH, JOB = "/api/face_encoding", "/api/job"
OK = {"status": "OK"}
NOBODY = "6f1f5c9e-6e0b-4a55-9a67-2f0d4d0d7a11"
BLOCKED = "import sys\nsys.modules['dlib'] = None\n"
"""Makes Python say that dlib is not installed."""


def body(*persons, **changed):
    asked = {"job_type": "track", "scenario": None, "predicted_mission": False, "non_moving_target": None, "ai": None}
    return asked | {"recognized_persons": list(persons) or None} | changed


@contextmanager
def running(data_dir, *paths):
    command = [sys.executable, "-m", "triptych.cli", "up", "--port", "0", "--data", str(data_dir), "--json"]
    source = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*map(str, paths), source])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as server:
        try:
            with httpx.Client(base_url=json.loads(server.stdout.readline())["url"], timeout=BOUND_S) as client:
                yield client
        finally:
            server.terminate()
            server.wait(BOUND_S)
    assert server.returncode == 0


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("persons") / "data"


@pytest.fixture(scope="module")
def seer(data_dir):
    with running(data_dir) as client:
        yield client


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A system without the extra `faces`."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BLOCKED)
    with running(folder / "data", folder / "site") as client:
        yield client


def told(answer):
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def error(answer):
    said = told(answer)
    assert (set(said), said["status"]) == ({"status", "message"}, "ERROR")
    assert 0 < len(said["message"]) <= 200
    return said["message"]


def files(*pictures):
    return [("face_images", (f"{number}.jpg", jpeg(picture), "image/jpeg")) for number, picture in enumerate(pictures)]


def warnings(client):
    return told(client.get(JOB, params={"cause": "state"}))["data"]["warnings"]


def test_row_43_enrol_list_image_delete(seer, data_dir):
    """camera row 43: enrol 3 photos, multipart and base64; list; image; delete; nothing left on disk."""
    by_form = told(seer.post(PATH, data={"face_name": "Grace"}, files=files(*hoppers())))
    photos = [{"name": f"{number}.jpg", "base_sf": base64.b64encode(jpeg(picture)).decode()} for number, picture in enumerate(men())]
    by_json = told(seer.post(PATH, json={"face_name": "Man", "photos": photos}))
    ids = [answer["data"]["id"] for answer in (by_form, by_json)]
    assert [answer["data"] for answer in (by_form, by_json)] == [{"id": one, "accepted": 3, "rejected": []} for one in ids]
    names = ["0.jpg", "1.jpg", "2.jpg"]
    listed = told(seer.get(PATH))
    assert listed == OK | {
        "data": [{"id": ids[0], "name": "Grace", "image_names": names}, {"id": ids[1], "name": "Man", "image_names": names}]
    }
    image = seer.get(PATH, params={"id": ids[0], "image": "1.jpg"})
    assert (image.status_code, image.headers["content-type"], image.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert told(seer.put(PATH, params={"id": ids[0]}, data={"face_name": "Grace Hopper"})) == OK
    assert [one["name"] for one in told(seer.get(PATH))["data"]] == ["Grace Hopper", "Man"]
    for one in ids:
        assert told(seer.delete(PATH, params={"id": one})) == OK
    assert told(seer.get(PATH))["data"] == []
    assert [path for path in (data_dir / "persons").rglob("*") if not path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("photo", "reason"),
    [(jpeg(couple()), "2 faces"), (jpeg(hoppers()[0][350:, :300]), "no face"), (b"MZ\x90" + bytes(99), "no JPEG or PNG")],
)
def test_row_43_photos_that_cannot_be_taken(seer, photo, reason):
    """camera row 43: no face, two faces, .exe as .jpg: `rejected`, alone ERR."""
    alone = seer.post(PATH, data={"face_name": "X"}, files=[("face_images", ("bad.jpg", photo))])
    assert reason in error(alone)
    beside = told(seer.post(PATH, data={"face_name": "X"}, files=[*files(hoppers()[0]), ("face_images", ("bad.jpg", photo))]))["data"]
    assert (beside["accepted"], beside["rejected"][0]["image"]) == (1, "bad.jpg")
    assert reason in beside["rejected"][0]["reason"]
    assert told(seer.delete(PATH, params={"id": beside["id"]})) == OK


def test_row_8_persons_are_set_and_unknown_ones_warned_about(seer):
    """camera row 8: OK; the state warns of unknown ids."""
    for persons in ((), ("all",), ("a", "b")):
        assert told(seer.post(JOB, json=body(*persons))) == OK
    assert warnings(seer) == ["recognized_persons: 2 of the ids are not enrolled."]
    assert told(seer.post(JOB, json=body())) == OK
    assert warnings(seer) == []


def test_row_33_chosen_but_none_enrolled(seer):
    """camera row 33: chosen but none enrolled: PUT ERR, nothing runs."""
    assert told(seer.post(JOB, json=body(NOBODY))) == OK
    assert "nobody of the choice is enrolled" in error(seer.put(JOB, params={"cause": "track"}))
    assert told(seer.get(JOB, params={"cause": "state"}))["data"]["state"] == "idle"
    assert told(seer.post(JOB, json=body())) == OK


def test_row_33_without_the_extra(bare):
    """camera row 33: `faces` missing: POST OK + warning, PUT ERR naming the extra; camera 9: so enrolment and POST while tracking."""
    assert told(bare.post(JOB, json=body("all"))) == OK
    assert any("extra `faces`" in warning for warning in warnings(bare))
    assert "extra `faces`" in error(bare.put(JOB, params={"cause": "track"}))
    assert "extra `faces`" in error(bare.post(PATH, data={"face_name": "Grace"}, files=files(hoppers()[0])))
    assert told(bare.get(PATH))["data"] == []
    assert told(bare.post(JOB, json=body(non_moving_target=True))) == OK
    assert told(bare.put(JOB, params={"cause": "track"})) == OK
    assert "extra `faces`" in error(bare.post(JOB, json=body("all", non_moving_target=True)))
    assert told(bare.get(JOB, params={"cause": "state"}))["data"]["parameters"]["recognized_persons"] is None
    assert told(bare.delete(JOB, params={"cause": "track"})) == OK
