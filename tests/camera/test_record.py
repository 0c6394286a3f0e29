"""camera R1-R4, R6, R7: one mp4 with its true times, and what is left of it after a kill."""

import json
import multiprocessing
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from triptych.camera.record import QUEUE_FRAMES, Recorder, Recording, finish
from triptych.camera.records import Archive, whole_bytes
from triptych.contracts import Frame
from triptych.errors import Unavailable

HEADER = {"version": 1, "id": "x", "camera": "default", "start": "2026-03-01T12:00:00.000000Z", "size": [160, 90], "mark": "single_rect"}


@pytest.fixture
def entry(archive, noon):
    return archive.begin("default", "mp4", noon, audio="silence")


def recording(entry):
    return Recording(entry, (160, 90), 30.0, HEADER)


def played(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.key_frame) for frame in container.decode(video=0)]


def lengths(path):
    with av.open(str(path)) as container:
        return {stream.type: float(stream.duration * stream.time_base) for stream in container.streams}


def lines(entry):
    return [json.loads(line) for line in entry.marks_path.read_text().splitlines()]


def until(condition):
    """Wait for what the recorder's thread does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def boxes(path):
    """Return the types of the top-level boxes of an mp4."""
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kinds.append(data[at + 4 : at + 8].decode())
        at += size
    return kinds


def test_a_closed_file_is_ordinary_and_plays_its_true_length(entry, shoot):
    made = recording(entry)
    for number in range(300):
        made.write(shoot(number))
    made.close()
    assert "moof" not in boxes(entry.path)
    times = [time for time, _ in played(entry.path)]
    assert len(times) == 300
    assert times[-1] - times[0] == pytest.approx(299 / 30, abs=0.001)
    found = lengths(entry.path)
    assert found["video"] == pytest.approx(10.0, abs=0.05)
    assert found["audio"] == pytest.approx(10.0, abs=0.08), "R3: sound and picture within 80 ms"


def test_jittery_capture_times_are_kept(entry, shoot):
    """Camera R3."""
    captured = np.cumsum([0.0, *np.random.default_rng(5).uniform(0.02, 0.05, 60)])
    made = recording(entry)
    for number, at_s in enumerate(captured):
        made.write(shoot(number, at_s))
    made.close()
    assert [time for time, _ in played(entry.path)] == pytest.approx(captured, abs=0.0001)


def test_a_key_frame_comes_at_least_every_second(entry, shoot):
    made = recording(entry)
    for number in range(100):
        made.write(shoot(number))
    made.close()
    keys = [time for time, key in played(entry.path) if key]
    assert keys[0] == 0
    assert max(np.diff([*keys, 100 / 30])) <= 1.0


def test_every_recording_has_sound(entry, archive, noon, shoot):
    """Camera R4, also the second of a process."""
    for one in (entry, archive.begin("default", "mp4", noon, audio="silence")):
        made = recording(one)
        for number in range(30):
            made.write(shoot(number))
        made.close()
        with av.open(str(one.path)) as container:
            stream = container.streams.audio[0]
            assert (stream.codec_context.name, stream.rate) == ("aac", 48000)
            assert not any(frame.to_ndarray().any() for frame in container.decode(audio=0))


def test_a_hurried_stretch_plays_on_in_the_same_file(entry, shoot):
    """Camera R1: ultrafast while the queue is half full."""
    made = recording(entry)
    for number in range(90):
        made.write(shoot(number), hurried=30 <= number < 60)
    assert made._encoder is not made._hurried
    made.close()
    frames = played(entry.path)
    assert len(frames) == 90
    assert [round(time * 30) for time, key in frames if key][:3] == [0, 30, 60]


def test_a_cut_leaves_no_gap_and_the_sidecar_tells_it(entry, shoot):
    made = recording(entry)
    for number in range(30):
        made.write(shoot(number))
    for number in range(30, 60):
        made.write(shoot(number, at_s=number / 30 + 10), after_cut=number == 30)
    made.close()
    times = [time for time, _ in played(entry.path)]
    assert np.diff(times) == pytest.approx(1 / 30, abs=0.001)
    assert [line for line in lines(entry) if "cut_s" in line] == [{"t": 1.0, "cut_s": 10.0}]


def test_the_sidecar_has_a_header_and_a_line_for_each_frame(entry, shoot):
    """Camera R6: times match the file within one frame."""
    made = recording(entry)
    for number in range(10):
        made.write(shoot(number, pan_deg=number / 2))
    made.close()
    header, *rest = lines(entry)
    assert header == HEADER
    assert [line["t"] for line in rest] == pytest.approx([time for time, _ in played(entry.path)], abs=1 / 30)
    assert rest[3] == {"t": 0.1, "pan": 1.5, "tilt": 0.0, "objects": []}


def test_a_picture_of_odd_size_is_cut_and_a_tall_one_shrunk(archive, noon, shoot):
    for size, coded in (((161, 91), (160, 90)), ((2560, 1440), (1920, 1080))):
        entry = archive.begin("default", "mp4", noon, audio="silence")
        made = Recording(entry, size, 30.0, HEADER)
        taken = shoot(0)
        image = np.zeros((size[1], size[0], 3), np.uint8)
        for number in range(2):
            frame = Frame(number=number, captured=shoot(number).frame.captured, image=image)
            made.write(type(taken)(frame=frame, pose=taken.pose))
        made.close()
        with av.open(str(entry.path)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == coded


def test_a_recording_without_a_frame_closes(entry):
    recording(entry).close()
    assert finish(entry.path) is None


def _record_and_die(folder: Path, seconds: float, told, noon, shoot) -> None:
    """Record frames as a camera gives them until the kill."""
    archive = Archive(folder)
    entry = archive.begin("default", "mp4", noon, audio="silence")
    recorder = Recorder(archive, entry, recording(entry))
    for number in range(round(seconds * 30)):
        recorder.offer(shoot(number))
        until(lambda: recorder._frames.qsize() < QUEUE_FRAMES // 3)
    told.send(recorder.length_s)
    signal.pause()


def test_a_kill_loses_at_most_a_second(tmp_path, noon, shoot):
    """Camera R2 and row 39."""
    context = multiprocessing.get_context("fork")
    hear, tell = context.Pipe()
    writer = context.Process(target=_record_and_die, args=(tmp_path, 7.0, tell, noon, shoot))
    writer.start()
    length_s = hear.recv()
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    archive = Archive(tmp_path)
    (note,) = archive.recover(finish)
    stored = archive.open(note.id)
    assert (note.state, note.audio) == ("recovered", "silence")
    assert note.length_s >= max(6.0, length_s - 1.0)
    assert lengths(stored.path)["video"] == pytest.approx(note.length_s, abs=0.05)
    assert "moof" not in boxes(stored.path)


def test_a_recorder_writes_off_the_caller_s_thread_and_keeps_its_note(archive, entry, shoot):
    recorder = Recorder(archive, entry, recording(entry))
    for number in range(QUEUE_FRAMES):
        recorder.offer(shoot(number))
    note = recorder.stop()
    assert (note.state, note.audio, note.dropped) == ("ready", "silence", 0)
    assert note.length_s == pytest.approx(QUEUE_FRAMES / 30)
    assert archive.list(note.date) == [note]
    assert archive.recover(finish) == []


def test_a_recorder_without_a_frame_keeps_nothing(archive, entry, noon):
    recorder = Recorder(archive, entry, recording(entry))
    with pytest.raises(Unavailable, match="no picture"):
        recorder.wait(timedelta(0))
    recorder.stop()
    assert list(entry.path.parent.iterdir()) == []
    assert archive.recover(finish) == []


def test_a_file_that_cannot_be_written_is_told(archive, entry, shoot):
    recorder = Recorder(archive, entry, recording(entry))
    recorder._recording._marks.close()
    recorder._recording._marks = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - the recorder closes it
    recorder.offer(shoot(0))
    with pytest.raises(Unavailable, match="recording failed"):
        recorder.wait(timedelta(seconds=10))
    recorder.stop()


def test_while_paused_no_frame_is_written(archive, entry, shoot):
    """Camera row 23."""
    recorder = Recorder(archive, entry, recording(entry))
    for number in range(60):
        if number == 10:
            recorder.pause()
        if number == 50:
            recorder.resume()
        recorder.offer(shoot(number))
    assert recorder.stop().length_s == pytest.approx(20 / 30)


def test_frames_beyond_the_queue_are_dropped_and_counted(archive, entry, shoot):
    """Camera R7."""
    recorder = Recorder(archive, entry, recording(entry))
    frames = [shoot(number) for number in range(QUEUE_FRAMES * 8)]
    for taken in frames:
        recorder.offer(taken)
    assert recorder.dropped > 0
    assert recorder.lagging
    assert recorder.stop().dropped == recorder.dropped


def test_a_full_disk_ends_the_file_properly(tmp_path, noon, shoot):
    """Camera R9."""
    archive = Archive(tmp_path)
    entry = archive.begin("default", "mp4", noon, audio="silence")
    recorder = Recorder(archive, entry, recording(entry))
    recorder.offer(shoot(0))
    until(lambda: recorder.length_s)
    archive._min_free_bytes = 1 << 62
    recorder._checked = 0
    recorder.offer(shoot(1))
    note = recorder.stop()
    assert recorder.fault.code == "disk_full"
    assert note.state == "ready"
    assert len(played(entry.path)) == 1


def test_a_growing_file_plays_to_its_last_whole_fragment(entry, shoot, tmp_path):
    """Camera row 46."""
    made = recording(entry)
    for number in range(100):
        made.write(shoot(number))
    part = tmp_path / "part.mp4"
    part.write_bytes(entry.path.read_bytes()[: whole_bytes(entry.path)])
    assert len(played(part)) > 60
    made.close()
