"""camera R1-R4, R6: one mp4 with its true times, sound that fits them, and its sidecar."""

import json
from dataclasses import replace
from datetime import timedelta

import av
import numpy as np
import pytest

from camera.mp4 import beeps, flashes, lengths, sounds, top_level
from triptych.camera.boxes import whole_bytes
from triptych.camera.mend import finish
from triptych.camera.record import Recording
from triptych.contracts import Frame, Sound

HEADER = {"version": 1, "id": "x", "camera": "default", "start": "2026-03-01T12:00:00.000000Z", "size": [160, 90], "mark": "single_rect"}


@pytest.fixture
def entry(archive, noon):
    return archive.begin("default", "mp4", noon, audio="silence")


def recording(entry):
    return Recording(entry, (160, 90), 30.0, HEADER)


def played(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.key_frame) for frame in container.decode(video=0)]


def lines(entry):
    return [json.loads(line) for line in entry.marks_path.read_text().splitlines()]


def test_a_closed_file_is_ordinary_and_plays_its_true_length(entry, shoot):
    made = recording(entry)
    for number in range(300):
        made.write(shoot(number))
    made.close()
    assert top_level(entry.path) == ["ftyp", "mdat", "moov"]
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
        assert made.hurried is (30 <= number < 60)
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


def test_a_growing_file_plays_to_its_last_whole_fragment(entry, shoot, tmp_path):
    """Camera row 46."""
    made = recording(entry)
    for number in range(100):
        made.write(shoot(number))
    part = tmp_path / "part.mp4"
    part.write_bytes(entry.path.read_bytes()[: whole_bytes(entry.path)])
    assert len(played(part)) > 60
    made.close()


def flashing(shoot, number, at_s, sound):
    """Return a frame that is white in the first 50 ms of each second, black else."""
    taken = shoot(number, at_s, sound=sound)
    image = np.full((90, 160, 3), 255 if at_s % 1 < 0.05 else 0, np.uint8)
    return replace(taken, frame=Frame(number=number, captured=taken.captured, image=image))


def heard(piece_s, samples):
    return Sound(captured=timedelta(seconds=100 + piece_s), samples=samples)


@pytest.fixture
def sounding(archive, noon):
    return archive.begin("default", "mp4", noon, audio="source")


@pytest.mark.parametrize("late_s", [0.0, 0.2])
def test_a_flash_and_its_beep_come_together(sounding, shoot, late_s):
    """camera R3: sound and picture within 80 ms, also where sound comes later than its picture; here within one frame."""
    made = recording(sounding)
    for number in range(150):
        at_s = 0.5 + number / 30
        made.write(flashing(shoot, number, at_s, (heard(at_s - late_s, beeps(at_s - late_s, 1 / 30)),)))
    made.close()
    assert len(flashes(sounding.path)) == 5
    assert sounds(sounding.path) == pytest.approx(flashes(sounding.path), abs=0.034)
    found = lengths(sounding.path)
    assert found["audio"] == pytest.approx(found["video"], abs=0.08)


@pytest.mark.parametrize("part", [0.998, 1.002])
def test_a_sound_card_that_drifts_stays_with_the_picture(sounding, shoot, part):
    """camera R3: two in a thousand are 60 ms after half a minute, were they not followed."""
    made = recording(sounding)
    for number in range(900):
        at_s = number / 30
        stretched = np.interp(np.linspace(0, 1599, round(1600 * part)), np.arange(1600), beeps(at_s, 1 / 30)).astype(np.float32)
        made.write(flashing(shoot, number, at_s, (heard(at_s, stretched),)))
    made.close()
    seen = [time for time in flashes(sounding.path) if time > 0]
    assert sounds(sounding.path)[-len(seen) :] == pytest.approx(seen, abs=0.05)


def test_a_pause_cuts_sound_and_picture_alike(sounding, shoot):
    """camera 3.2: the beeps of the pause are not in the file, those after it are where their flashes are."""
    made = recording(sounding)
    for number in range(180):
        at_s = 0.5 + number / 30 + (7.25 if number >= 90 else 0)
        made.write(flashing(shoot, number, at_s, (heard(at_s, beeps(at_s, 1 / 30)),)), after_cut=number == 90)
    made.close()
    assert len(flashes(sounding.path)) == 6
    assert sounds(sounding.path) == pytest.approx(flashes(sounding.path), abs=0.034)
    assert lengths(sounding.path)["audio"] == pytest.approx(6.0, abs=0.08)


def test_a_microphone_that_dies_leaves_silence(sounding, shoot):
    """camera R4: the file goes on, and its track is whole."""
    made = recording(sounding)
    for number in range(150):
        at_s = number / 30
        made.write(flashing(shoot, number, at_s, (heard(at_s, beeps(at_s, 1 / 30)),) if number < 45 else ()))
    made.close()
    assert len(sounds(sounding.path)) == 2
    assert lengths(sounding.path)["audio"] == pytest.approx(5.0, abs=0.08)


def test_a_piece_of_the_far_future_is_left_out(sounding, shoot):
    made = recording(sounding)
    for number in range(30):
        made.write(flashing(shoot, number, number / 30, (heard(number / 30 + 86400, beeps(0, 0.1)),)))
    made.close()
    assert lengths(sounding.path)["audio"] == pytest.approx(1.0, abs=0.08)


def test_the_stated_rate_is_the_real_one(entry, shoot):
    """camera R3: a source that says 30 and gives 12."""
    made = recording(entry)
    for number in range(60):
        made.write(shoot(number, number / 12))
    made.close()
    with av.open(str(entry.path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(12, rel=0.02)


def test_an_alarm_is_noted_where_it_began(entry, shoot):
    """camera R6."""
    made = recording(entry)
    for number in range(30):
        made.write(replace(shoot(number), alarm={"track": 4} if number == 15 else None))
    made.close()
    assert [line for line in lines(entry) if "alarm" in line] == [{"t": 0.5, "alarm": {"track": 4}}]


def test_a_source_that_comes_back_with_another_size_goes_on(entry, shoot):
    made = recording(entry)
    for number in range(20):
        taken = shoot(number)
        image = taken.frame.image if number < 10 else np.zeros((240, 320, 3), np.uint8)
        made.write(replace(taken, frame=Frame(number=number, captured=taken.captured, image=image)))
    made.close()
    assert len(played(entry.path)) == 20
