"""camera R1, R2, R5, R7, R9: the thread that writes, and what is left of its file after a kill."""

import json
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from datetime import timedelta

import av
import numpy as np
import pytest

from camera.mp4 import top_level
from triptych.camera.mend import finish
from triptych.camera.record import Recording
from triptych.camera.recorder import QUEUE_FRAMES, Plan, Recorder
from triptych.camera.records import Archive
from triptych.camera.taken import pack
from triptych.contracts import Sound
from triptych.errors import Unavailable

BOUND_S = 20


@pytest.fixture
def begin(archive, noon):
    """Begin a recording with these parts of its plan."""
    recorders = []

    def start(archive=archive, **parts):
        recorders.append(Recorder(archive, Plan(camera="default", begun=noon, size=(160, 90), fps=30.0, **parts)))
        return recorders[-1]

    yield start
    for recorder in recorders:
        recorder.stop()


class Gate:
    """Holds the writing of frames up until it is opened."""

    def __init__(self, monkeypatch):
        self.open, self.hurries = threading.Event(), []
        write = Recording.write

        def held(made, taken, *, hurried=False, after_cut=False):
            assert self.open.wait(BOUND_S)
            self.hurries.append(hurried)
            write(made, taken, hurried=hurried, after_cut=after_cut)

        monkeypatch.setattr(Recording, "write", held)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def until(condition):
    """Wait for what the recorder's thread does."""
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def played(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def lines(archive, record_id):
    return [json.loads(line) for line in archive.open(record_id, "marks").path.read_text().splitlines()]


def length_s(path, kind):
    with av.open(str(path)) as container:
        stream = container.streams.best(kind)
        return float(stream.duration * stream.time_base)


def test_it_writes_off_the_caller_s_thread_and_keeps_its_note(archive, begin, shoot):
    recorder = begin()
    for number in range(QUEUE_FRAMES):
        assert recorder.offer(shoot(number)) == pytest.approx(number / 30, abs=1e-5)
    note = recorder.stop()
    assert (note.id, note.state, note.audio, note.dropped, note.alarm) == (recorder.id, "ready", "silence", 0, False)
    assert note.length_s == pytest.approx(QUEUE_FRAMES / 30)
    assert archive.list(note.date) == [note]
    assert archive.recover(finish) == []


def test_the_header_names_the_file(archive, begin, shoot):
    """camera R6: `{version, id, camera, start, size, mark}`."""
    recorder = begin(mark="animation_1")
    recorder.offer(shoot(0))
    recorder.stop()
    header, line = lines(archive, recorder.id)
    assert header == {
        "version": 1,
        "id": recorder.id,
        "camera": "default",
        "start": "2026-03-01T12:00:00.000000Z",
        "size": [160, 90],
        "mark": "animation_1",
    }
    assert list(line) == ["t", "pan", "tilt", "objects"]


def test_without_a_frame_nothing_is_kept(archive, begin):
    recorder = begin()
    with pytest.raises(Unavailable, match="no picture"):
        recorder.wait(timedelta(0))
    assert recorder.stop() is None
    assert archive.dates() == []
    assert archive.recover(finish) == []


def test_a_file_that_cannot_be_written_is_told_and_left_to_the_next_recovery(archive, begin, shoot, monkeypatch):
    close = Recording.close

    def refuse(made):
        close(made)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recording, "close", refuse)
    recorder = begin()
    recorder.offer(shoot(0))
    recorder.stop()
    with pytest.raises(Unavailable, match="recording failed: OSError"):
        recorder.wait(timedelta(0))
    assert len(list((archive._root / ".open").iterdir())) == 1
    archive.recover(finish)
    assert list((archive._root / ".open").iterdir()) == []


def test_while_paused_no_frame_is_written(begin, shoot):
    """camera row 23."""
    recorder = begin()
    for number in range(60):
        if number == 10:
            recorder.pause()
        if number == 50:
            recorder.resume()
            assert recorder.place(shoot(50).captured) == pytest.approx(10 / 30)
        recorder.offer(shoot(number))
    assert recorder.stop().length_s == pytest.approx(20 / 30)


def test_frames_beyond_the_queue_are_dropped_and_counted(gate, begin, shoot, capfd):
    """camera R7: nobody waits, the note tells it, and one line in a minute warns."""
    recorder = begin()
    begun = time.monotonic()
    offered = [recorder.offer(shoot(number)) is not None for number in range(QUEUE_FRAMES * 8)]
    assert time.monotonic() - begun < 5, "the writer stands still all the while"
    assert recorder.dropped == offered.count(False) > QUEUE_FRAMES * 6
    assert recorder.lagging
    gate.open.set()
    note = recorder.stop()
    assert note.dropped == recorder.dropped
    assert len(played(note_path(recorder))) == offered.count(True)
    assert capfd.readouterr().out.count("recording drops frames") == 1


def note_path(recorder):
    return recorder._archive.open(recorder.id).path


def test_sound_of_dropped_frames_is_kept(gate, begin, shoot):
    """camera R4, R7."""
    recorder = begin(audio="source")
    for number in range(90):
        sound = Sound(captured=shoot(number).captured, samples=np.full(1600, 0.25, np.float32))
        recorder.offer(shoot(number, sound=(sound,)))
    gate.open.set()
    until(lambda: recorder.length_s > 0.5)
    recorder.offer(shoot(90))
    recorder.stop()
    with av.open(str(note_path(recorder))) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert (np.abs(heard[4800:-4800]) > 0.1).all()


def test_a_half_full_queue_is_written_in_a_hurry(gate, begin, shoot):
    """camera R1: ultrafast when the queue is half full, and veryfast again after."""
    recorder = begin()
    for number in range(QUEUE_FRAMES):
        recorder.offer(shoot(number))
    gate.open.set()
    recorder.stop()
    assert gate.hurries[1], "the first may be taken before the queue fills"
    assert not any(gate.hurries[-QUEUE_FRAMES // 2 + 1 :])


def test_a_pre_roll_is_written_first_and_loses_nothing(gate, begin, shoot):
    """camera R5: live frames that come while the pre-roll is encoded wait packed, however long it takes."""
    before = tuple(pack(shoot(number)) for number in range(60))
    recorder = begin(before=before)
    for number in range(60, 60 + QUEUE_FRAMES):
        assert recorder.offer(shoot(number)) == pytest.approx(number / 30, abs=1e-5)
    gate.open.set()
    until(lambda: recorder.length_s > 1)
    for number in range(60 + QUEUE_FRAMES, 120):
        until(lambda: len(recorder._waiting) < QUEUE_FRAMES)
        recorder.offer(shoot(number))
    note = recorder.stop()
    assert note.dropped == 0
    assert played(note_path(recorder)) == pytest.approx([number / 30 for number in range(120)], abs=0.001)
    assert all(gate.hurries[:59])


def test_what_waits_behind_a_pre_roll_is_bounded(gate, begin, shoot, monkeypatch):
    """camera R5, R7: where encoding cannot catch up, frames are dropped in the end."""
    monkeypatch.setattr("triptych.camera.recorder.BACKLOG_BYTES", 0)
    recorder = begin(before=tuple(pack(shoot(number)) for number in range(3)))
    for number in range(3, 3 + 3 * QUEUE_FRAMES):
        recorder.offer(shoot(number))
    assert recorder.dropped >= 2 * QUEUE_FRAMES
    gate.open.set()
    recorder.stop()
    assert recorder.dropped + len(played(note_path(recorder))) == 3 + 3 * QUEUE_FRAMES


def test_a_full_disk_ends_the_file_properly(archive, begin, shoot):
    """camera R9."""
    recorder = begin()
    recorder.offer(shoot(0))
    until(lambda: recorder.length_s)
    archive.min_free_bytes = 1 << 62
    recorder._checked = 0
    recorder.offer(shoot(1))
    note = recorder.stop()
    assert recorder.fault.code == "disk_full"
    assert note.state == "ready"
    assert len(played(note_path(recorder))) == 1
    assert archive.recover(finish) == []


def test_a_name_given_meanwhile_stays(archive, begin, shoot):
    """camera S5: the note is changed as it is on the disk, not as the writer knew it."""
    recorder = begin()
    recorder.offer(shoot(0))
    until(lambda: recorder.length_s)
    archive.change(archive.find(recorder.id), name="Cat", protected=True)
    note = recorder.stop()
    assert (note.name, note.protected, note.state) == ("Cat", True, "ready")


def _record_and_die(folder, seconds, told, noon, shoot) -> None:
    """Record frames and sound as a camera gives them until the kill."""
    archive = Archive(folder)
    recorder = Recorder(archive, Plan(camera="default", begun=noon, size=(160, 90), fps=30.0, audio="source"))
    for number in range(round(seconds * 30)):
        piece = Sound(captured=shoot(number).captured - timedelta(seconds=0.05), samples=np.full(1600, 0.25, np.float32))
        recorder.offer(replace(shoot(number), sound=(piece,)))
        until(lambda: len(recorder._waiting) < QUEUE_FRAMES // 3)
    told.send(recorder.length_s)
    signal.pause()


def test_a_kill_loses_at_most_a_second(tmp_path, noon, shoot):
    """camera R2 and row 39: killed at second 7, at least 6.0 s play, sound included; the sidecar ends with the file."""
    context = multiprocessing.get_context("fork")
    hear, tell = context.Pipe()
    writer = context.Process(target=_record_and_die, args=(tmp_path, 7.0, tell, noon, shoot))
    writer.start()
    written_s = hear.recv()
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    archive = Archive(tmp_path)
    (note,) = archive.recover(finish)
    path = archive.open(note.id).path
    assert (note.state, note.audio) == ("recovered", "source")
    assert note.length_s >= max(6.0, written_s - 1.0)
    assert len(played(path)) >= 180
    assert length_s(path, "video") == pytest.approx(note.length_s, abs=0.05)
    assert length_s(path, "audio") >= 6.0
    assert 6.0 < lines(archive, note.id)[-1]["t"] < note.length_s
    assert top_level(path) == ["ftyp", "mdat", "moov"]
