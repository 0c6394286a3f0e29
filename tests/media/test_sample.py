from fractions import Fraction

import av
import numpy as np

from triptych.media.sample import RATE_HZ, STORY, Coding, flat, scene, tone, write_clip, write_sample


def test_the_sample_is_as_long_as_its_story(tmp_path) -> None:
    truth = write_sample(tmp_path / "a.mp4")
    assert truth.duration == STORY[-1].end
    assert truth.black == ((Fraction(18, 5), Fraction(23, 5)),)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == truth.duration * 25


def test_scenes_differ_and_repeat() -> None:
    assert np.array_equal(scene(1, (64, 48))[0], scene(1, (64, 48))[0])
    assert not np.array_equal(scene(1, (64, 48))[0], scene(2, (64, 48))[0])
    assert np.array_equal(scene(1, (64, 48), 5)[0][:, :-5], scene(1, (64, 48))[0][:, 5:])


def test_no_light_is_black() -> None:
    assert all(np.array_equal(one, other) for one, other in zip(scene(1, (64, 48), light=0), flat((64, 48)), strict=True))


def test_a_tone_goes_on_where_it_was_left() -> None:
    whole = tone(440, 100)
    assert np.allclose(whole[50:], tone(440, 50, start=50), atol=1e-6)


def test_lossless_clips_give_back_what_was_put_in(tmp_path) -> None:
    planes = scene(3, (65, 47))
    sound = np.stack([tone(440, RATE_HZ)] * 2)
    write_clip(tmp_path / "a.mkv", [(Fraction(0), planes)], [sound], Coding(video="ffv1", options={}, audio="pcm_s16le"))
    with av.open(str(tmp_path / "a.mkv")) as container:
        frame = next(container.decode(video=0))
    plane = np.frombuffer(frame.planes[0], np.uint8).reshape(47, -1)[:, :65]
    assert np.array_equal(plane, planes[0])
