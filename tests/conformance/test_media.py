"""The Jobs contract, sample by sample, on a running system with the documented file in a media root."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from triptych.media.sample import write_sample

PATIENCE_S = 60
START = b'{"inputUri":"/myfiles/movie.mp4","features":["AUDIO_FORMAT"],"origin":"example_page"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("up")
    (folder / "media" / "myfiles").mkdir(parents=True)
    write_sample(folder / "media" / "myfiles" / "movie.mp4")
    (folder / "media" / "empty.mp4").touch()
    (folder / "media" / "list.mp4").write_text("#EXTM3U\nother.ts\n")
    (folder / "secret.mp4").write_bytes((folder / "media" / "myfiles" / "movie.mp4").read_bytes())
    (folder / "media" / "out.mp4").symlink_to(folder / "secret.mp4")
    (folder / "media" / "noise.mp4").write_bytes(os.urandom(9000))
    os.mkfifo(folder / "media" / "pipe.mp4")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    """A client of a system that was started as a user starts it."""
    command = [
        sys.executable,
        "-m",
        "triptych.cli",
        "up",
        "--port",
        "0",
        "--data",
        str(folder / "data"),
        "--media-root",
        str(folder / "media"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            address = next(found[0] for line in program.stdout if (found := re.search(r"http://\S+", line)))
            with httpx.Client(base_url=address, timeout=PATIENCE_S, trust_env=False) as client:
                yield client
        finally:
            program.send_signal(signal.SIGTERM)
            program.stdout.read()


def _submit(client, **body) -> str:
    answer = client.post("/api/ai/jobs", content=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()["name"]


def _finished(client, name) -> dict:
    """Follow a job by its events until it is over."""
    while True:
        client.get(f"/api/v1/jobs/{name}", params={"wait_s": 10})
        view = client.get(f"/api/ai/jobs/{name}").json()
        if view.get("done"):
            return view


def test_starting_a_job_verbatim_without_a_content_type(client) -> None:
    answer = client.post("/api/ai/jobs", content=START)
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 200
    assert list(answer.json()) == ["name"]
    assert re.fullmatch("[0-9a-f]{24}", answer.json()["name"])


def test_a_finished_job_has_the_documented_shape(client) -> None:
    name = client.post("/api/ai/jobs", content=START).json()["name"]
    view = _finished(client, name)
    assert list(view) == ["name", "_id", "status", "TTL", "origin", "metadata", "done", "response"]
    assert (view["name"], view["status"], view["TTL"], view["origin"], view["done"]) == (name, "done", 30, "example_page", True)
    assert view["metadata"]["@type"] == "annotationProgress"
    (entry,) = view["metadata"]["annotationProgress"]
    assert list(entry) == ["inputUri", "startTime", "updateTime", "feature", "progressPercent"]
    assert (entry["inputUri"], entry["feature"], entry["progressPercent"]) == ("/myfiles/movie.mp4", "AUDIO_FORMAT", 100)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["startTime"])
    response = view["response"]
    assert list(response) == ["inputUri", "segment", "audioFormatAnnotations", "media"]
    assert response["inputUri"] == "/myfiles/movie.mp4"
    spans = response["audioFormatAnnotations"]
    assert all(list(span) == ["audioFormat", "startTimeOffset", "endTimeOffset"] for span in spans)
    assert [span["audioFormat"] for span in spans] == ["stereo", "mono", "silence", "stereo", "mono"]
    assert spans[2] == {"audioFormat": "silence", "startTimeOffset": "3.600000s", "endTimeOffset": "4.600000s"}
    assert not re.search(str(client.base_url.port) + "/|/media/", json.dumps(view))


def test_a_nested_view_moves_the_arrays(client) -> None:
    """J4."""
    name = _submit(client, inputUri="file://myfiles/movie.mp4", features=["SHOT_CHANGE_DETECTION"])
    _finished(client, name)
    response = client.get(f"/api/ai/jobs/{name}", params={"view": "nested"}).json()["response"]
    assert list(response) == ["inputUri", "segment", "annotationResults", "media"]
    assert [shot["startTimeOffset"] for shot in response["annotationResults"]["shotAnnotations"]] == [
        "0.000000s",
        "2.000000s",
        "3.600000s",
        "4.600000s",
        "6.000000s",
    ]


def test_the_list_is_a_bare_array_newest_first(client) -> None:
    first = _submit(client, inputUri="myfiles/movie.mp4", features=["AUDIO_FORMAT"])
    second = _submit(client, inputUri="file://myfiles/movie.mp4", features=["AUDIO_FORMAT"])
    listed = client.get("/api/ai/jobs/").json()
    assert [item["_id"] for item in listed[:2]] == [second, first]
    assert list(listed[0]) == ["origin", "status", "_id", "name", "inputUri", "insertTime"]
    assert listed[0]["inputUri"] == "file://myfiles/movie.mp4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", listed[0]["insertTime"])
    assert [item["_id"] for item in client.get("/api/ai/jobs", params={"after": second, "limit": 1}).json()] == [first]


def test_the_workflow_sample_says_that_there_is_none_yet(client) -> None:
    answer = client.post("/api/ai/jobs", json={"inputUri": "/myfiles/movie.mp4", "workflow": "workflow-1", "origin": "example_page"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "unknown workflow 'workflow-1'")


def test_noise_with_a_media_name_is_a_failed_job(client) -> None:
    name = _submit(client, inputUri="noise.mp4", features=["AUDIO_FORMAT"])
    view = _finished(client, name)
    assert view["status"] == "failed"
    assert view["error"] == {"code": 3, "message": "input is not a media file this server can read"}
    assert "response" not in view


def test_features_listed_as_missing_are_refused_alike(client) -> None:
    """K6."""
    for feature in client.get("/api/ai/features").json():
        context = {"speechTranscriptionConfig": {"languageCode": "en"}}
        body = {"inputUri": "gone.mp4", "features": [feature["name"]], "videoContext": context}
        answer = client.post("/api/ai/jobs", json=body)
        assert answer.status_code == (404 if feature["available"] else 400)
        if not feature["available"]:
            error = answer.json()["error"]
            assert error["details"] == [{"field": "features[0]", "reason": feature["reason"]}]
            assert error["message"] == feature["reason"].partition("; ")[0]


@pytest.mark.parametrize(
    ("uri", "status", "message"),
    [
        ("gone.mp4", 404, "input not found"),
        ("/etc/passwd", 404, "input not found"),
        ("../secret.mp4", 400, "inputUri is outside the media roots"),
        ("myfiles/../../secret.mp4", 400, "inputUri is outside the media roots"),
        ("%2e%2e/secret.mp4", 400, "inputUri is outside the media roots"),
        ("out.mp4", 400, "inputUri is outside the media roots"),
        ("myfiles", 422, "input is not a regular file"),
        ("pipe.mp4", 422, "input is not a regular file"),
        ("empty.mp4", 422, "input is empty"),
        ("list.mp4", 422, "input is a playlist that points to other media; submit the media itself"),
        ("concat:a.mp4|b.mp4", 400, "inputUri scheme 'concat' is not allowed here"),
        ("subfile,,start,0,end,9,,:myfiles/movie.mp4", 400, "inputUri scheme 'subfile' is not allowed here"),
        ("data:video/mp4;base64,AAAA", 400, "inputUri scheme 'data' is not allowed here"),
        ("crypto+file:myfiles/movie.mp4", 400, "inputUri scheme 'crypto+file' is not allowed here"),
        ("http://169.254.169.254/x", 400, "inputUri scheme 'http' is not allowed here"),
        ("rtsp://camera/1", 400, "inputUri scheme 'rtsp' is not allowed here"),
        ("a\u0000b", 400, "inputUri must be a path or URI"),
        ("", 400, "inputUri must be a path or URI"),
        ("x" * 4097, 400, "inputUri must be a path or URI"),
    ],
)
def test_the_paths_that_lead_nowhere(client, folder, uri, status, message) -> None:
    answer = client.post("/api/ai/jobs", json={"inputUri": uri, "features": ["AUDIO_FORMAT"]})
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
    assert str(folder) not in answer.text


def test_a_job_is_cancelled_and_deleted(client) -> None:
    name = _submit(client, inputUri="myfiles/movie.mp4", features=["IN_BLACK", "SHOT_CHANGE_DETECTION"])
    answer = client.post(f"/api/ai/jobs/{name}:cancel").json()
    assert answer["name"] == name
    assert answer["status"] in {"cancelled", "done"}
    assert client.post(f"/api/ai/jobs/{name}/cancel", content=b"not json").json() == answer
    assert client.delete(f"/api/ai/jobs/{name}").json() == {}
    gone = client.get(f"/api/ai/jobs/{name}")
    assert (gone.status_code, gone.json()["error"]["message"]) == (404, "job not found")


def test_every_fault_has_the_one_error_body(client) -> None:
    """G7, G8."""
    wrong = client.put("/api/ai/jobs")
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in wrong.headers["allow"]
    lost = client.get("/api/ai/nothing")
    assert (lost.status_code, lost.json()["error"]["status"]) == (404, "NOT_FOUND")
    large = client.post("/api/ai/jobs", content=b" " * (8 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["error"]["status"]) == (413, "TOO_LARGE")
    foreign = client.get("/api/ai/jobs", headers={"origin": "http://elsewhere.example"})
    assert (foreign.status_code, foreign.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_a_repeated_key_returns_the_first_answer(client) -> None:
    """G9."""
    headers = {"idempotency-key": "one"}
    first = client.post("/api/ai/jobs", content=START, headers=headers)
    assert client.post("/api/ai/jobs", content=START, headers=headers).json() == first.json()
    other = client.post("/api/ai/jobs", content=START.replace(b"AUDIO_FORMAT", b"IN_BLACK"), headers=headers)
    assert (other.status_code, other.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
