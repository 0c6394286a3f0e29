"""`triptych annotate`: on a running server, and on a system of its own where there is none (engine 4)."""

import json
import os
import re
import signal
import subprocess
import time
from fractions import Fraction

import av
import httpx
import pytest
import pytest_asyncio

from cli.deserted import is_deserted
from cli.terminal import COLUMNS, COMMAND, Terminal, seen
from triptych.cli.demo.server import Server
from triptych.media.sample import Stretch, write_sample

NOWHERE = "http://127.0.0.1:1"
END_BOUND_S = 5.0
STORY = (Stretch(Fraction(0), Fraction(2), 1, "stereo"), Stretch(Fraction(2), Fraction(5), None, "silence"))
SILENCE = r"  SILENCE  1 finding\n    0:00:02\.0\d\d - 0:00:05\.000\n"
"""The coded sound ends within a frame of it."""
REPEATS = 200
UP = "\x1b[1A\x1b[2K"
"""What makes a bar vanish: one line up, and nothing on it."""
ALARM = json.dumps({"silenceConfig": {"alarmSettings": {"enabled": True, "secsInAlarmDuration": 1}}})


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A media root: a clip, the same for a quarter of an hour, and what is no clip."""
    folder = tmp_path_factory.mktemp("media")
    write_sample(folder / "movie.mp4", STORY)
    _repeat(folder / "movie.mp4", folder / "long.mp4")
    (folder / "broken.mp4").write_bytes((folder / "movie.mp4").read_bytes()[:5000])
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory, media):
    """A running system that reads `media`."""
    arguments = ("--worker-id", "here", "--media-root", str(media))
    async with Server(tmp_path_factory.mktemp("annotate") / "data", arguments=arguments) as running:
        yield running


@pytest.fixture
def ask(server):
    """Call the media panel."""
    with httpx.Client(base_url=server.url) as client:
        yield lambda path: client.get(path).raise_for_status().json()


@pytest.fixture
def room(tmp_path, monkeypatch):
    """The folder that temporary systems live in; at the end nothing is in it and nobody uses it."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("TRIPTYCH_SERVER", raising=False)
    yield folder
    assert is_deserted(folder)
    assert list(folder.iterdir()) == []


def _repeat(clip, path):
    """Write the pictures of `clip` to `path`, time after time."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as sink:
        pictures = source.streams.video[0]
        stream = sink.add_stream_from_template(pictures)
        packets = [packet for packet in source.demux(pictures) if packet.dts is not None]
        for number in range(REPEATS):
            for packet in packets:
                packet.pts += pictures.duration * bool(number)
                packet.dts += pictures.duration * bool(number)
                packet.stream = stream
                sink.mux(packet)


def _names(view):
    return [part["feature"] for part in view["metadata"]["annotationProgress"]]


def test_what_is_found_is_shown_feature_by_feature(call, ask, media):
    """engine 4"""
    done = call("annotate", str(media / "movie.mp4"), "--feature", "SILENCE", "--feature", "AUDIO_FORMAT")
    heading, facts, *rest = done.stdout.splitlines(keepends=True)
    assert (done.returncode, done.stderr, heading) == (0, "", f"{media}/movie.mp4\n")
    assert facts.startswith("  0:00:05.000, h264 640x360 at 25 frames/s, 125 frames, aac stereo at 48000 Hz")
    pattern = (
        SILENCE + r"  AUDIO_FORMAT  2 findings\n    0:00:00\.000 - 0:00:02\.\d{3}  stereo\n    0:00:02\.\d{3} - 0:00:05\.000  silence\n"
    )
    assert re.fullmatch(pattern, "".join(rest))
    newest = ask("/api/ai/jobs?limit=1")[0]
    assert (newest["inputUri"], newest["origin"]) == (str(media / "movie.mp4"), "cli")


def test_without_words_every_feature_that_needs_no_model_is_measured(call, ask, media):
    done = call("annotate", str(media / "movie.mp4"), "--json")
    view = json.loads(done.stdout)
    there = [one["name"] for one in ask("/api/ai/features") if one["available"] and not one["needsModel"] and one["name"] != "VIDEO_INDEX"]
    assert {"IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION"} <= set(there)
    assert (done.stderr, _names(view)) == ("", there)
    assert view == ask(f"/api/ai/jobs/{view['name']}")


def test_files_are_reported_in_their_order_and_one_that_fails_stops_no_other(call, media, tmp_path):
    files = [str(media / "broken.mp4"), str(media / "movie.mp4"), str(tmp_path / "nothing.mp4"), str(media / "movie.mp4")]
    done = call("annotate", *files, "--feature", "SILENCE")
    assert done.returncode == 1
    assert len(re.findall(SILENCE, done.stdout)) == 2
    missing, broken = done.stderr.splitlines()
    assert missing == f"triptych: {tmp_path}/nothing.mp4: input not found"
    assert broken.startswith(f"triptych: {media}/broken.mp4: failed: input ")
    views = [json.loads(line) for line in call("annotate", *files, "--feature", "SILENCE", "--json").stdout.splitlines()]
    assert [view["status"] for view in views] == ["failed", "done", "done"]


def test_every_option_reaches_the_job(call, ask, media, tmp_path):
    (tmp_path / "options.json").write_text('{"silenceConfig": {"duration": 0.5}, "priority": 3}')
    words = ["--config", f"@{tmp_path}/options.json", "--segment", "1-0:00:03", "--segment", "4-", "--priority", "7", "--origin", "me"]
    done = call("annotate", str(media / "movie.mp4"), "--feature", "SILENCE", *words, "--json")
    view = json.loads(done.stdout)
    assert (view["origin"], view["response"]["segment"]["startTimeOffset"]) == ("me", "1.000000s"), done.stderr
    job = ask(f"/api/v1/jobs/{view['name']}")
    assert (job["priority"], job["spec"]["config"]["silenceConfig"]["duration"]) == (7, 0.5)
    assert job["spec"]["segments"][0] == [1_000_000, 3_000_000]
    told = call("annotate", str(media / "movie.mp4"), "--target", "99").stderr
    assert told == "triptych: target must be a core number between 1 and 4\n"


def test_a_workflow_of_the_server_may_be_named(call, media, tmp_path):
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps({"name": "quiet", "videoContext": {"silenceConfig": {"enabled": True}}}))
    call("workflow", "save", str(path))
    done = call("annotate", str(media / "movie.mp4"), "--workflow", "quiet")
    assert re.search(SILENCE, done.stdout), done.stderr


def test_no_more_findings_are_shown_than_asked_for(call, media):
    done = call("annotate", str(media / "movie.mp4"), "--feature", "AUDIO_FORMAT", "--most", "1")
    title, row, rest = done.stdout.splitlines()[2:]
    assert (title, rest) == ("  AUDIO_FORMAT  2 findings", "    and 1 more: --most shows more of them, --json all")
    assert row.endswith("stereo")


@pytest.mark.parametrize("words", [(), ("--local",)], ids=["server", "local"])
def test_an_unknown_feature_is_refused_in_the_servers_own_words(call, media, room, words):
    done = call("annotate", str(media / "movie.mp4"), "--feature", "NOISE", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "triptych: unknown feature 'NOISE'\n")


def test_a_file_outside_the_media_roots_is_told_with_what_mends_it(call, small_clip):
    done = call("annotate", str(small_clip))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"triptych: {small_clip}: lies in no media root of the server: "
        f"start it with --media-root {small_clip.parent}, or measure without it: --local\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say which file: triptych annotate FILE..."),
        (("nothing.mp4", "--local"), "nothing.mp4: there is no such file"),
        (("x.mp4", "--local", "--workflow", "w"), "a workflow is kept by a server"),
        (("x.mp4", "--segment", "5"), "--segment takes START-END"),
        (("x.mp4", "--server", "http://triptych.invalid:1"), "no server answers at http://triptych.invalid:1"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(start, words, told):
    process = start("annotate", *words)
    printed, complaint = process.communicate(timeout=30)
    assert (process.returncode, printed, len(complaint.splitlines())) == (2, "", 1)
    assert complaint.startswith(f"triptych: {told}")


def test_where_no_server_answers_a_temporary_system_measures_the_same(start, call, media, room):
    """engine 4: in-process when none is there"""
    words = ("annotate", media / "movie.mp4", "--feature", "SILENCE", "--feature", "IN_BLACK", "--feature", "LOUDNESS")
    process = start(*words, "--server", NOWHERE)
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, f"triptych: no server answers at {NOWHERE}: a temporary system measures\n")
    assert printed == call(*map(str, words)).stdout


def test_a_recording_goes_with_the_temporary_system_unless_it_is_kept(start, media, room, tmp_path):
    words = ("annotate", media / "movie.mp4", "--feature", "SILENCE", "--config", ALARM)
    printed, told = start(*words, "--local").communicate(timeout=60)
    assert re.search(r"  alarms  1 finding\n    0:00:02.* - 0:00:05\.000  feature SILENCE", printed)
    assert told == "triptych: the recordings of alarms go with the temporary system; --keep DIR keeps them\n"
    _, told = start(*words, "--keep", tmp_path / "kept").communicate(timeout=60)
    assert told == f"triptych: jobs and recordings are kept in {tmp_path}/kept; `triptych up --data {tmp_path}/kept` serves them\n"
    assert len(list((tmp_path / "kept").rglob("*.mp4"))) == 1
    assert is_deserted(tmp_path / "kept")


def test_a_person_sees_a_bar_for_each_feature_and_then_what_fits_the_terminal(server, media):
    with Terminal(*COMMAND, "annotate", "movie.mp4", "--server", server.url, cwd=media) as terminal:
        written = terminal.until("withinTarget")
        assert terminal.wait() == 0
    bars, _, findings = written.rpartition(UP)
    assert re.search(r"  IN_BLACK +.*━━━━", bars)
    assert max(map(len, seen(findings))) <= COLUMNS
    assert "  IN_BLACK  nothing found" in seen(findings)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_ctrl_c_ends_a_temporary_system_within_five_seconds(media, room, number, code):
    with Terminal(*COMMAND, "annotate", str(media / "long.mp4"), "--local", cwd=room) as terminal:
        terminal.until("━━━━")
        begun = time.monotonic()
        os.kill(terminal.pid, number)
        assert terminal.wait() == code
        assert time.monotonic() - begun < END_BOUND_S


def test_ctrl_c_cancels_the_jobs_on_a_server(server, ask, media, tmp_path):
    files = [str(media / "long.mp4")] * 2
    with Terminal(*COMMAND, "annotate", *files, "--feature", "SHOT_CHANGE_DETECTION", "--server", server.url, cwd=tmp_path) as terminal:
        terminal.until("━━━━")
        begun = time.monotonic()
        terminal.interrupt()
        assert terminal.wait() == 130
        assert time.monotonic() - begun < END_BOUND_S
    assert [job["status"] for job in ask("/api/ai/jobs?limit=2")] == ["cancelled", "cancelled"]


def test_a_job_that_another_cancels_is_told(server, call, ask, media):
    with Terminal(*COMMAND, "annotate", "long.mp4", "--server", server.url, cwd=media) as terminal:
        terminal.until("━━━━")
        call("stop", ask("/api/ai/jobs?limit=1")[0]["name"])
        assert "triptych: long.mp4: cancelled\r\n" in terminal.until("cancelled")
        assert terminal.wait() == 1


def test_nobody_is_told_of_progress_where_no_terminal_is(server, media):
    command = [*COMMAND, "annotate", str(media / "movie.mp4"), "--server", server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, "\x1b" in done.stdout) == ("", False)
