"""The official client of Google Video Intelligence v1, unmodified, against a running system (media V8, section 11.4 row 14)."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import videointelligence_v1 as vi
from google.protobuf import json_format

from triptych.media.features import FEATURES, GOOGLE_V1
from triptych.media.sample import Coding, scene, write_clip, write_sample

PATIENCE_S = 60
LONG_FRAMES = 4_000
FRAME = timedelta(milliseconds=40)
SHOTS_S = (0, 2, 3.6, 4.6, 6, 8)
"""Where the sample is cut, its ends with it."""

RESUME = """
import sys
from google.api_core import operation
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import videointelligence_v1 as vi

url, name = sys.argv[1:]
options = ClientOptions(api_endpoint=url)
client = vi.VideoIntelligenceServiceClient(credentials=AnonymousCredentials(), transport="rest", client_options=options)
operations = client.transport.operations_client
found = operation.from_gapic(operations.get_operation(name), operations, vi.AnnotateVideoResponse, metadata_type=vi.AnnotateVideoProgress)
print(len(found.result(timeout=60).annotation_results[0].shot_annotations))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("google")
    (folder / "media" / "results").mkdir(parents=True)
    write_sample(folder / "media" / "movie.mp4")
    still = scene(1, (320, 180))
    coding = Coding(options={"preset": "ultrafast", "crf": "35"})
    write_clip(folder / "media" / "long.mp4", ((Fraction(number, 25), still) for number in range(LONG_FRAMES)), [], coding)
    (folder / "media" / "noise.mp4").write_bytes(os.urandom(9000))
    (folder / "data").mkdir()
    settings = folder / "data" / "triptych.toml"
    settings.write_text(
        f'[inputs.buckets.clips]\npath = "{folder}/media"\n\n[inputs.buckets.results]\npath = "{folder}/media/results"\nwritable = true\n'
    )
    settings.chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    """Where a system listens that was started as a user starts it."""
    options = ["--port", "0", "--data", str(folder / "data"), "--media-root", str(folder / "media")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "triptych.cli", "up", *options], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            yield next(found[0] for line in program.stdout if (found := re.search(r"http://[\w.:]+", line)))
        finally:
            program.send_signal(signal.SIGTERM)
            program.stdout.read()


@pytest.fixture(scope="module")
def client(url) -> Iterator[vi.VideoIntelligenceServiceClient]:
    options = ClientOptions(api_endpoint=url)
    with vi.VideoIntelligenceServiceClient(credentials=AnonymousCredentials(), transport="rest", client_options=options) as client:
        yield client


@pytest.fixture(scope="module")
def operations(client):
    return client.transport.operations_client


@pytest.fixture(scope="module")
def http(url) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


def _shots(response) -> list[tuple[timedelta, timedelta]]:
    (element,) = response.annotation_results
    return [(shot.start_time_offset, shot.end_time_offset) for shot in element.shot_annotations]


@pytest.mark.parametrize("feature", [2, vi.Feature.SHOT_CHANGE_DETECTION, "SHOT_CHANGE_DETECTION"])
def test_shots_come_back_typed_with_ends_on_their_last_frames(client, feature) -> None:
    """media V8, V4, V5: by number and by name; each end is a frame before the next start."""
    response = client.annotate_video(request={"input_uri": "movie.mp4", "features": [feature]}).result(timeout=PATIENCE_S)
    assert isinstance(response, vi.AnnotateVideoResponse)
    assert response.annotation_results[0].input_uri == "movie.mp4"
    starts = [timedelta(seconds=at) for at in SHOTS_S]
    assert _shots(response) == [(start, end - FRAME) for start, end in itertools.pairwise(starts)]
    segment = response.annotation_results[0].segment
    assert (segment.start_time_offset, segment.end_time_offset) == (timedelta(0), timedelta(seconds=8) - FRAME)


def test_segments_are_kept_to_and_told_in_the_progress(client) -> None:
    """media V8: a frame on the end of a segment belongs to it."""
    segment = vi.VideoSegment(start_time_offset=timedelta(seconds=1), end_time_offset=timedelta(seconds=3))
    operation = client.annotate_video(
        request={"input_uri": "movie.mp4", "features": [2], "video_context": vi.VideoContext(segments=[segment])}
    )
    second = timedelta(seconds=1)
    assert _shots(operation.result(timeout=PATIENCE_S)) == [(second, 2 * second - FRAME), (2 * second, 3 * second)]
    assert operation.metadata.annotation_progress[0].segment == segment
    assert operation.result().annotation_results[0].segment == segment


def test_the_percentage_of_each_feature_rises(client, http) -> None:
    """media V8: `.metadata`, `.done()`; looked at after each thing that happens to the job."""
    operation = client.annotate_video(request={"input_uri": "long.mp4", "features": [2]})
    percentages = []
    with http.stream("GET", f"/api/v1/jobs/{operation.operation.name[-24:]}/events") as events:
        for line in events.iter_lines():
            if not line.startswith("data:") or operation.done():
                continue
            (progress,) = operation.metadata.annotation_progress
            percentages.append(progress.progress_percent)
            assert (progress.feature, progress.input_uri) == (vi.Feature.SHOT_CHANGE_DETECTION, "long.mp4")
            assert progress.start_time <= progress.update_time
    assert percentages == sorted(percentages)
    assert any(0 < percentage < 100 for percentage in percentages)
    assert operation.done()
    assert operation.metadata.annotation_progress[0].progress_percent == 100


def test_a_cancelled_operation_says_so(client, http) -> None:
    """media V8: `.cancel()`, `.cancelled()`; error code 1, and `/api` agrees."""
    operation = client.annotate_video(request={"input_uri": "long.mp4", "features": [2]})
    assert operation.cancel()
    assert operation.cancelled()
    assert operation.done()
    with pytest.raises(exceptions.Cancelled):
        operation.result(timeout=PATIENCE_S)
    name = operation.operation.name.rsplit("/", 1)[1]
    view = http.get(f"/api/ai/jobs/{name}").json()
    assert (view["status"], view["origin"], view["error"]["code"]) == ("cancelled", "google_v1", 1)


def test_a_bad_file_raises_with_code_and_message(client) -> None:
    """media V8."""
    operation = client.annotate_video(request={"input_uri": "noise.mp4", "features": [2]})
    with pytest.raises(exceptions.InvalidArgument, match="input is not a media file this server can read"):
        operation.result(timeout=PATIENCE_S)
    with pytest.raises(exceptions.NotFound, match="input not found"):
        client.annotate_video(request={"input_uri": "gone.mp4", "features": [2]})


@pytest.mark.parametrize("feature", GOOGLE_V1)
def test_each_feature_gives_its_typed_result_or_is_refused_at_once(client, http, feature) -> None:
    """media V8, K6: over REST the client raises every 400 as BadRequest, the parent of InvalidArgument, whatever the body says."""
    known = {row["name"]: row for row in http.get("/api/ai/features").json()}
    request = {"input_uri": "movie.mp4", "features": [GOOGLE_V1[feature]]}
    request["video_context"] = {"speech_transcription_config": {"language_code": "auto"}}
    if known[feature]["available"]:
        response = client.annotate_video(request=request).result(timeout=PATIENCE_S)
        told = type(response).to_dict(response)["annotation_results"][0]
        assert re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), FEATURES[feature].result_key) in told
        return
    jobs = len(http.get("/api/ai/jobs").json())
    with pytest.raises(exceptions.BadRequest, match=re.escape(known[feature]["reason"].partition("; ")[0])) as caught:
        client.annotate_video(request=request)
    assert caught.value.response.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert caught.value.details[0]["fieldViolations"] == [{"field": "features[0]", "description": known[feature]["reason"]}]
    assert len(http.get("/api/ai/jobs").json()) == jobs


def test_operations_are_got_listed_cancelled_and_deleted_by_name(client, operations, http) -> None:
    """media V8, V1: through the operations client; a deleted operation's job goes on and stays under `/api`."""
    done = client.annotate_video(request={"input_uri": "movie.mp4", "features": [2], "location_id": "us-east1"})
    done.result(timeout=PATIENCE_S)
    running = client.annotate_video(request={"input_uri": "long.mp4", "features": [2]})
    name, other = done.operation.name, running.operation.name
    assert re.fullmatch(r"projects/triptych/locations/us-east1/operations/[0-9a-f]{24}", name)
    assert operations.get_operation(name).done
    elsewhere = f"projects/mine/locations/there/operations/{name[-24:]}"
    assert operations.get_operation(elsewhere).name == name
    finished = [operation.name for operation in operations.list_operations("projects/any/locations/any", "done=true")]
    live = [operation.name for operation in operations.list_operations("projects/any/locations/any", "done=false")]
    assert name in finished
    assert live == [other]
    assert {name, other} <= {operation.name for operation in operations.list_operations("projects/any/locations/any")}
    operations.delete_operation(other)
    with pytest.raises(exceptions.NotFound, match="operation not found"):
        operations.get_operation(other)
    assert http.get(f"/api/ai/jobs/{other[-24:]}").json()["status"] in {"queued", "running"}
    http.post(f"/api/ai/jobs/{other[-24:]}:cancel")
    third = client.annotate_video(request={"input_uri": "long.mp4", "features": [2]}).operation.name
    operations.cancel_operation(third)
    assert operations.get_operation(third).error.code == 1


def test_a_video_may_come_in_the_request(client, folder, http) -> None:
    """media V8, V6: `input_content`; nothing of it stays when the job is over or deleted."""
    content = (folder / "media" / "movie.mp4").read_bytes()
    operation = client.annotate_video(request={"input_content": content, "features": [2]})
    response = operation.result(timeout=PATIENCE_S)
    assert len(_shots(response)) == 5
    assert response.annotation_results[0].input_uri == ""
    running = client.annotate_video(request={"input_content": (folder / "media" / "long.mp4").read_bytes(), "features": [2]})
    http.delete(f"/api/ai/jobs/{running.operation.name[-24:]}").raise_for_status()
    _wait_until(lambda: not list((folder / "data" / "content").iterdir()), http)


def test_a_response_is_also_written_where_it_was_asked_for(client, folder, http) -> None:
    """media V6: `outputUri` in a writable bucket, and in no other."""
    operation = client.annotate_video(
        request={"input_uri": "movie.mp4", "features": [2], "output_uri": "gs://results/day/1/movie.json"},
    )
    response = operation.result(timeout=PATIENCE_S)
    path = folder / "media" / "results" / "day" / "1" / "movie.json"
    _wait_until(path.exists, http)
    written = json_format.Parse(path.read_text(), vi.AnnotateVideoResponse.pb(vi.AnnotateVideoResponse()), ignore_unknown_fields=False)
    assert written == vi.AnnotateVideoResponse.pb(response)
    for uri in ("gs://clips/movie.json", "gs://other/x.json", "gs://results/../x.json", "s3://results/x.json"):
        with pytest.raises(exceptions.BadRequest, match="outputUri must be"):
            client.annotate_video(request={"input_uri": "movie.mp4", "features": [2], "output_uri": uri})


def test_a_second_process_resumes_by_name(client, url) -> None:
    """media V8."""
    name = client.annotate_video(request={"input_uri": "movie.mp4", "features": [2]}).operation.name
    done = subprocess.run([sys.executable, "-c", RESUME, url, name], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.stdout, done.returncode) == ("5\n", 0), done.stderr


def test_jobs_made_under_api_appear_when_v1_knows_their_features(operations, http) -> None:
    """media V1."""
    made = [
        http.post("/api/ai/jobs", content=json.dumps({"inputUri": "movie.mp4", "features": features})).json()["name"]
        for features in (["SHOT_CHANGE_DETECTION"], ["SHOT_CHANGE_DETECTION", "IN_BLACK"])
    ]
    listed = {operation.name[-24:] for operation in operations.list_operations("projects/triptych/locations/local")}
    assert (made[0] in listed, made[1] in listed) == (True, False)
    assert http.get(f"/v1/operations/{made[0]}").json()["name"] == f"projects/triptych/locations/local/operations/{made[0]}"
    assert http.get(f"/v1/operations/{made[1]}").status_code == 404


def test_a_token_is_an_api_key_of_the_client(url, http) -> None:
    """media V7: on every call, those of the operations client included."""
    made = http.post("/api/v1/tokens", json={"name": "client", "role": "operator"}).json()
    options = ClientOptions(api_endpoint=url, api_key=made["token"])
    with vi.VideoIntelligenceServiceClient(transport="rest", client_options=options) as client:
        operation = client.annotate_video(request={"input_uri": "movie.mp4", "features": [2]})
        assert operation.result(timeout=PATIENCE_S).annotation_results
        http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()
        with pytest.raises(exceptions.Unauthorized, match="not authorised"):
            client.transport.operations_client.get_operation(operation.operation.name)


def _wait_until(holds, http) -> None:
    """Wait for what the server does just after a job is over; each look is one request long."""
    for _ in range(2000):
        if holds():
            return
        http.get("/healthz")
    raise AssertionError
