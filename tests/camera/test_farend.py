"""camera 6 and row 30: a target is retried after 1, 2, 4 .. 30 s, and harms nobody meanwhile."""

import threading
from datetime import timedelta

import pytest

from camera.onair import OnAir
from camera.studio import Studio
from triptych.camera import farend
from triptych.camera.farend import FarEnd, pause_after
from triptych.camera.outlet import Disk
from triptych.camera.sites import Target
from triptych.errors import Unavailable

BOUND_S = 20
KEY = "k-91ab"


class Watch:
    """Whom a far end tells its changes."""

    def __init__(self):
        self.news = threading.Condition()

    def __call__(self):
        with self.news:
            self.news.notify_all()

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(condition, BOUND_S)


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def on_air():
    on_air = OnAir().run(1)
    yield on_air
    on_air.ring.end()


@pytest.fixture
def reach(on_air, watch, tmp_path):
    ends = []

    def begin(server, check_room=lambda: None):
        target = Target(site_id="1", site="A", account="main", server=server, key=KEY)
        ends.append(FarEnd(target, on_air.ring, Disk(folder=tmp_path, check_room=check_room), watch))
        return ends[-1]

    yield begin
    for end in ends:
        end.leave()
        end.join(0)


def test_the_pauses_are_1_2_4_to_30_s():
    assert [pause_after(losses).total_seconds() for losses in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert pause_after(10_000) == timedelta(seconds=30)


def test_a_far_end_that_dies_is_reached_again(reach, watch, on_air, monkeypatch):
    """camera row 30."""
    monkeypatch.setattr(farend, "FIRST_PAUSE", timedelta(milliseconds=20))
    studio = Studio()
    end = reach(studio.server)
    watch.until(lambda: end.state == "on")
    studio.until(lambda: studio.tags)
    studio.close()
    while end.state == "on":
        on_air.run(0.5)
    watch.until(lambda: end.state == "reconnecting" and end.retries >= 2)
    with Studio(studio.port) as again:
        watch.until(lambda: end.state == "on")
        on_air.run(1)
        again.until(lambda: len(again.tags) > 10)
        assert again.frames()[0] == pytest.approx(0.0, abs=0.01)
        end.leave()
        end.join()
    assert end.state == "off"


def test_what_a_far_end_refuses_is_told_without_the_key(reach, watch, capfd):
    """camera S6."""
    with Studio(refuses=("publish",)) as studio:
        end = reach(studio.server)
        end.tried(timedelta(seconds=BOUND_S))
        watch.until(lambda: end.state == "reconnecting")
        end.leave()
        end.join()
    said = capfd.readouterr()
    assert "live target lost" in said.out + said.err
    assert KEY not in said.out + said.err


def test_a_far_end_that_takes_nothing_is_left_at_once(reach, monkeypatch):
    with Studio(deaf=True) as studio:
        end = reach(studio.server)
        end.tried(timedelta(milliseconds=100))
        assert end.state == "connecting"
        end.join(0.2)
        assert not end._thread.is_alive()


def test_a_full_disk_is_not_tried_again(reach, watch):
    """camera R9: nothing restarts by itself."""

    def full():
        raise Unavailable("disk full", code="disk_full")

    end = reach("file:show", full)
    watch.until(lambda: end.state == "failed")
    end._thread.join(BOUND_S)
    assert not end._thread.is_alive()


def test_the_end_of_the_stream_ends_it_with_all_that_was_sent(reach, watch, on_air, tmp_path):
    end = reach("file:show")
    watch.until(lambda: end.state == "on")
    on_air.caster.close()
    end.join(BOUND_S)
    assert end.state == "off"
    assert len(list((tmp_path / "live").iterdir())) == 1
