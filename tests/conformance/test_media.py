"""The Jobs contract, sample by sample, on a running system with the documented file in a media root."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from faults.clip import make_long_clip
from triptych.media.sample import write_sample

PATIENCE_S = 60
LONG_FRAMES = 40_000
START_WORKFLOW = b'{"inputUri":"/myfiles/movie.mp4","workflow":"workflow-1","origin":"example_page"}'
START = b'{"inputUri":"/myfiles/movie.mp4","features":["AUDIO_FORMAT"],"origin":"example_page"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("up")
    (folder / "media" / "myfiles").mkdir(parents=True)
    write_sample(folder / "media" / "myfiles" / "movie.mp4")
    make_long_clip(folder / "media" / "long.mp4", LONG_FRAMES)
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
    """media 11.4, 1; G1."""
    answer = client.post("/api/ai/jobs", content=START)
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 200
    assert list(answer.json()) == ["name"]
    assert re.fullmatch("[0-9a-f]{24}", answer.json()["name"])


def test_a_finished_job_has_the_documented_shape(client) -> None:
    """media 11.4, 3; J2."""
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
    """media J4."""
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
    """media 11.4, 4; J3."""
    first = _submit(client, inputUri="myfiles/movie.mp4", features=["AUDIO_FORMAT"])
    second = _submit(client, inputUri="file://myfiles/movie.mp4", features=["AUDIO_FORMAT"])
    listed = client.get("/api/ai/jobs/").json()
    assert [item["_id"] for item in listed[:2]] == [second, first]
    assert list(listed[0]) == ["origin", "status", "_id", "name", "inputUri", "insertTime"]
    assert listed[0]["inputUri"] == "file://myfiles/movie.mp4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", listed[0]["insertTime"])
    assert [item["_id"] for item in client.get("/api/ai/jobs", params={"after": second, "limit": 1}).json()] == [first]


def test_the_workflow_sample_runs_verbatim(client) -> None:
    """media 11.4, 5: "The returns for the job will be the same as using a list of features"."""
    unknown = client.post("/api/ai/jobs", content=START_WORKFLOW)
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (400, "unknown workflow 'workflow-1'")
    context = {"audioFormatConfig": {"enabled": True}, "inBlackConfig": {"enabled": False}}
    saved = client.post("/api/ai/workflows", content=json.dumps({"name": "workflow-1", "videoContext": context}))
    assert (saved.status_code, list(saved.json())) == (200, ["index", "_id", "name", "videoContext"])
    answer = client.post("/api/ai/jobs", content=START_WORKFLOW)
    assert "content-type" not in answer.request.headers
    assert list(answer.json()) == ["name"]
    name = answer.json()["name"]
    client.put("/api/ai/workflows/workflow-1", json={"videoContext": {"inBlackConfig": {"enabled": True}}})
    view = _finished(client, name)
    assert list(view) == ["name", "_id", "status", "TTL", "origin", "workflow", "metadata", "done", "response"]
    assert (view["workflow"], view["origin"]) == ("workflow-1", "example_page")
    assert list(view["response"]) == ["inputUri", "segment", "audioFormatAnnotations", "media"]
    (item,) = client.get("/api/ai/jobs", params={"workflow": "workflow-1"}).json()
    assert list(item) == ["origin", "status", "_id", "name", "inputUri", "workflow", "insertTime"]
    assert client.delete("/api/ai/workflows/workflow-1").json() == {}
    assert client.get("/api/ai/workflows").json() == []


def test_asking_for_a_job_that_is_not_there_verbatim(client) -> None:
    """media 11.4, 1."""
    answer = client.get("/api/ai/jobs/5fd029158c82e7313614426f")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "job not found")


def test_no_done_is_seen_before_the_end(client) -> None:
    """media 11.4, 2; J1: each view from the submit on, one for each event."""
    name = _submit(client, inputUri="myfiles/movie.mp4", features=["IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION"])
    first = client.get(f"/api/ai/jobs/{name}").json()
    views, told = [first], []
    with client.stream("GET", f"/api/ai/jobs/{name}/events") as events:
        for line in events.iter_lines():
            if line.startswith("event: "):
                told.append(line.removeprefix("event: "))
                views.append(client.get(f"/api/ai/jobs/{name}").json())
    assert (told[-1], set(told)) == ("end", {"progress", "finding", "end"})
    for view in views:
        if view["status"] in {"queued", "running"}:
            assert list(view) == ["name", "_id", "status", "metadata"]
            percents = [entry.get("progressPercent") for entry in view["metadata"]["annotationProgress"]]
            assert all(percent is None or 0 <= percent <= 99 for percent in percents)
        else:
            assert view["done"] is True
            assert "response" in view
    assert first["status"] in {"queued", "running"}
    assert views[-1]["status"] == "done"


def test_a_validation_probes_the_media_and_stores_nothing(client) -> None:
    """media 2.2."""
    before = client.get("/api/ai/jobs").json()
    answer = client.post("/api/ai/jobs:validate", content=START)
    assert (answer.status_code, answer.json()) == (200, {"valid": True, "features": ["AUDIO_FORMAT"], "duration": "8.000000s"})
    noise = client.post("/api/ai/jobs:validate", json={"inputUri": "noise.mp4", "features": ["AUDIO_FORMAT"]})
    assert (noise.status_code, noise.json()["error"]["message"]) == (422, "input is not a media file this server can read")
    late = {"inputUri": "myfiles/movie.mp4", "features": ["AUDIO_FORMAT"], "videoContext": {"segments": [{"startTimeOffset": 100}]}}
    outside = client.post("/api/ai/jobs:validate", json=late)
    assert (outside.status_code, outside.json()["error"]["message"]) == (400, "every segment lies beyond the end of the input")
    assert client.get("/api/ai/jobs").json() == before


NO_FEATURE = "features must be a non-empty array of feature names"
TTL = "TTL must be a whole number of days between 1 and 3650"
PRIORITY = "priority must be between 0 and 139"
TARGET = "target must be a core number between 1 and 4"
A_URI = "inputUri must be a path or URI"


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"features": None}, 400, "give either features or workflow"),
        ({"workflow": "w"}, 400, "features and workflow exclude each other"),
        ({"features": "AUDIO_FORMAT"}, 400, NO_FEATURE),
        ({"features": []}, 400, NO_FEATURE),
        ({"features": ["WEATHER"]}, 400, "unknown feature 'WEATHER'"),
        ({"features": ["OBJECT_TRACKING"]}, 400, "feature OBJECT_TRACKING needs model 'object', which is not installed on this server"),
        ({"features": None, "workflow": "none"}, 400, "unknown workflow 'none'"),
        ({"features": None, "workflow": "empty"}, 400, "workflow 'empty' enables no feature"),
        (
            {"features": None, "workflow": "black", "videoContext": {"inBlackConfig": {"delay": 1}}},
            400,
            "videoContext.inBlackConfig cannot be combined with workflow",
        ),
        ({"template": "none"}, 400, "unknown template 'none'"),
        ({"TTL": 0}, 400, TTL),
        ({"TTL": True}, 400, TTL),
        ({"videoContext": {"priority": 140}}, 400, PRIORITY),
        ({"pri": False}, 400, PRIORITY),
        ({"origin": "x" * 65}, 400, "origin must be a string of at most 64 characters without NUL"),
        ({"deadlineSeconds": 0}, 400, "deadlineSeconds must be a whole number of seconds, 1 or more"),
        ({"target": 5}, 400, TARGET),
        (
            {"videoContext": {"segments": [{"startTimeOffset": "2s", "endTimeOffset": "2s"}]}},
            400,
            "segments[0]: startTimeOffset must be before endTimeOffset",
        ),
        ({"inputUri": None}, 400, A_URI),
        ({"inputUri": ""}, 400, A_URI),
        ({"inputUri": "x" * 4097}, 400, A_URI),
        ({"inputUri": "a\u0000b"}, 400, A_URI),
        ({"inputUri": "ftp://host/x"}, 400, "inputUri scheme 'ftp' is not allowed here"),
        ({"inputUri": "../secret.mp4"}, 400, "inputUri is outside the media roots"),
        ({"inputUri": "gone.mp4"}, 404, "input not found"),
        ({"inputUri": "myfiles"}, 422, "input is not a regular file"),
        ({"inputUri": "empty.mp4"}, 422, "input is empty"),
        ({"inputUri": "list.mp4"}, 422, "input is a playlist that points to other media; submit the media itself"),
    ],
)
def test_the_validation_table_row_by_row(client, workflows, changes, status, message) -> None:
    """media 11.4, 6; 2.5: the same words for a job and for a validation."""
    body = {"inputUri": "myfiles/movie.mp4", "features": ["AUDIO_FORMAT"], **changes}
    for path in ("/api/ai/jobs", "/api/ai/jobs:validate"):
        answer = client.post(path, content=json.dumps({key: value for key, value in body.items() if value is not None}))
        assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


@pytest.fixture
def workflows(client):
    """A workflow that enables nothing and one that enables something."""
    client.post("/api/ai/workflows", json={"name": "empty", "videoContext": {}})
    client.post("/api/ai/workflows", json={"name": "black", "videoContext": {"inBlackConfig": {"enabled": True}}})
    yield
    for name in ("empty", "black"):
        client.delete(f"/api/ai/workflows/{name}")


def test_the_other_rows_of_the_validation_table(client, workflows) -> None:
    """media 11.4, 6."""

    def refusal(method, path, **body) -> tuple[int, str]:
        answer = client.request(method, path, **body)
        return answer.status_code, answer.json()["error"]["message"]

    assert refusal("POST", "/api/ai/jobs") == (400, "body is not valid JSON: unexpected end of JSON input")
    assert refusal("POST", "/api/ai/jobs", content=b"[]") == (400, "body must be a JSON object")
    assert refusal("GET", "/api/ai/workflows/none") == (404, "workflow not found")
    taken = {"name": "black", "videoContext": {"inBlackConfig": {"enabled": True}}}
    assert refusal("POST", "/api/ai/workflows", json=taken) == (409, "workflow name 'black' is in use")
    index = client.get("/api/ai/workflows/black").json()["index"]
    assert refusal("POST", "/api/ai/workflows", json={**taken, "name": "grey", "index": index}) == (409, f"index {index} is in use")
    assert refusal("POST", "/api/ai/jobs", content=b" " * (8 * 1024 * 1024 + 1)) == (413, "body is larger than 8388608 bytes")


def test_noise_with_a_media_name_is_a_failed_job(client) -> None:
    name = _submit(client, inputUri="noise.mp4", features=["AUDIO_FORMAT"])
    view = _finished(client, name)
    assert view["status"] == "failed"
    assert view["error"] == {"code": 3, "message": "input is not a media file this server can read"}
    assert "response" not in view


def test_features_listed_as_missing_are_refused_alike(client) -> None:
    """media K6."""
    for feature in client.get("/api/ai/features").json():
        context = {"speechTranscriptionConfig": {"languageCode": "en"}}
        body = {"inputUri": "gone.mp4", "features": [feature["name"]], "videoContext": context}
        answer = client.post("/api/ai/jobs", json=body)
        assert answer.status_code == (404 if feature["available"] else 400)
        if not feature["available"]:
            error = answer.json()["error"]
            assert error["details"][0] == {"field": "features[0]", "reason": feature["reason"]}
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


def test_a_running_job_is_cancelled_within_five_seconds(client) -> None:
    """media J6, J1."""
    name = _submit(client, inputUri="long.mp4", features=["SHOT_CHANGE_DETECTION"])
    with client.stream("GET", f"/api/ai/jobs/{name}/events") as events:
        assert "event: progress" in events.iter_lines()
    begun = time.monotonic()
    assert client.post(f"/api/ai/jobs/{name}:cancel").json() == {"name": name, "status": "cancelled"}
    assert time.monotonic() - begun < 5
    view = client.get(f"/api/ai/jobs/{name}").json()
    assert (view["done"], view["error"]["code"], "response" in view) == (True, 1, False)


def test_a_job_that_runs_past_its_deadline_fails_with_code_4(client) -> None:
    """media 2.3, J1."""
    view = _finished(client, _submit(client, inputUri="long.mp4", features=["SHOT_CHANGE_DETECTION"], deadlineSeconds=1))
    assert (view["status"], view["error"]) == ("failed", {"code": 4, "message": "the job ran longer than its deadlineSeconds"})


def test_lower_priority_numbers_run_first(client) -> None:
    """media J7, 2.3: equal ones by age; `pri` is an alias."""
    busy = [_submit(client, inputUri="long.mp4", features=["SHOT_CHANGE_DETECTION"], pri=0) for _ in range(4)]
    for name in busy:
        with client.stream("GET", f"/api/ai/jobs/{name}/events") as events:
            assert "event: progress" in events.iter_lines()
        client.post(f"/api/v1/jobs/{name}/pause")
    late, first, second = (_submit(client, inputUri="myfiles/movie.mp4", features=["AUDIO_FORMAT"], pri=pri) for pri in (30, 10, 10))
    client.post(f"/api/ai/jobs/{busy[0]}:cancel")
    for name in (first, second, late):
        _finished(client, name)
    started = [client.get(f"/api/v1/jobs/{name}").json()["started_at"] for name in (first, second, late)]
    assert started == sorted(started)
    for name in busy:
        client.delete(f"/api/ai/jobs/{name}")


def test_every_fault_has_the_one_error_body(client) -> None:
    """media G7, G8."""
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
    """media G9."""
    headers = {"idempotency-key": "one"}
    first = client.post("/api/ai/jobs", content=START, headers=headers)
    assert client.post("/api/ai/jobs", content=START, headers=headers).json() == first.json()
    other = client.post("/api/ai/jobs", content=START.replace(b"AUDIO_FORMAT", b"IN_BLACK"), headers=headers)
    assert (other.status_code, other.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
