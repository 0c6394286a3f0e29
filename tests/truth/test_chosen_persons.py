"""camera 4, rows 33 and 43: two real persons before a camera of which one is chosen, over the whole session with the real network."""

import queue
from datetime import timedelta
from types import MappingProxyType

import pytest

from portraits import hoppers, jpeg, men
from strollers import ENTRY
from triptych.camera import definition as definitions
from triptych.camera import feed as feeds
from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.records import Archive
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.clock import SystemClock
from triptych.errors import Invalid
from triptych.media.sources import SOURCES

BOUND = timedelta(seconds=30)
CLEAR_PX = 60
"""So far apart it is plain whose face a box is."""
SOURCES_HERE = MappingProxyType({**SOURCES, "stroll": ENTRY})


class Alarms:
    """Takes note of alarms alone."""

    def __init__(self):
        self.queue = queue.Queue()

    def happened(self, note, data):
        if note == "alarm":
            self.queue.put(data)

    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture
def alarms():
    return Alarms()


@pytest.fixture
def room(tmp_path, monkeypatch, alarms):
    """Open cameras before which the two stroll."""
    for module in (definitions, feeds):
        monkeypatch.setattr(module, "SOURCES", SOURCES_HERE)
    opened = []

    def open_room():
        source, clock = {"kind": "stroll"}, SystemClock()
        views = Views("camera:default", lambda topic, picture: None)
        parts = {"folder": tmp_path, "archive": Archive(tmp_path / "records"), "clock": clock, "views": views, "teller": alarms}
        session = Session("default", Definition(source=source, head={"kind": "none"}), Parameters(), "single_rect", **parts)
        opened.append(session)
        return session

    yield open_room
    for session in opened:
        session.close()


def enrol(session, name, pictures):
    for number, picture in enumerate(pictures):
        assert session.reception.intake.take(name, f"{number}.jpg", jpeg(picture), last=True) is None
    return session.reception.enrol(name, name, "operator").id


def choose(session, *persons):
    session.configure(Parameters(recognized_persons=persons), "single_rect")


def until(session, condition):
    glimpse = session.eye.wait(condition, BOUND)
    assert glimpse is not None
    return glimpse


def after(session, glimpse):
    return until(session, lambda one: one.frame.number > glimpse.frame.number)


def middle(glimpse):
    return glimpse.target.box.centre[0] * 1280


def test_of_two_who_cross_the_chosen_one_alone_is_followed(room):
    """camera row 33: two enrolled, one chosen: only that one; camera 4: A chosen, B crosses: never locked on B."""
    session = room()
    enrol(session, "Her", hoppers())
    him = enrol(session, "Him", men())
    choose(session, him)
    session.start("track")
    source, glimpse, sides = session.eye.source.origin, until(session, lambda one: one.target is not None), set()
    source.cross()
    while sides != {"left", "right"}:
        glimpse = after(session, glimpse)
        her_x, his_x = source.at(glimpse.frame.captured)
        if glimpse.target is not None and glimpse.target.seen and abs(her_x - his_x) > CLEAR_PX:
            assert abs(middle(glimpse) - his_x) < abs(middle(glimpse) - her_x)
            sides.add("left" if his_x < her_x else "right")


def test_a_stranger_is_no_target_names_go_with_faces_and_who_is_deleted_is_forgotten(room):
    """camera row 33, 43, R6: strangers are never a target; running jobs forget within 1 s."""
    session = room()
    her = enrol(session, "Her", hoppers())
    choose(session, "all")
    session.start("track")
    glimpse = until(session, lambda one: one.target is not None and len(one.tracks) == 2)
    her_x, his_x = session.eye.source.origin.at(glimpse.frame.captured)
    assert abs(middle(glimpse) - her_x) < abs(middle(glimpse) - his_x)
    assert session.state()["track"]["target"]["person"] == her
    people = {entry["person"]: entry["target"] for entry in glimpse.objects()}
    assert people == {her: True, None: False}
    assert {(seen.label, seen.target, seen.known) for seen in glimpse.marked()} == {("Her", True, True), ("", False, False)}
    session.reception.album.forget(her)
    begun = session.clock.monotonic()
    until(session, lambda one: one.target is None)
    assert session.clock.monotonic() - begun < timedelta(seconds=1)
    assert session.state()["warnings"] == ["recognized_persons: nobody is enrolled."]
    assert not any(seen.target for seen in session.eye.newest.marked()), "no stranger is marked in her place"


def test_persons_that_are_chosen_while_it_runs_act_and_none_costs_nothing(room):
    """camera 2.4: POST while active: persons act; camera 4: persons null: no identification, no cost."""
    session = room()
    session.start("track")
    until(session, lambda one: one.target is not None)
    assert (session.eye.newest.identities, session.reception._recogniser, session.reception._describer._process) == (None, None, None)
    him = enrol(session, "Him", men())
    choose(session, him)
    glimpse = until(session, lambda one: one.target is not None and one.identities and one.identity(one.target).person == him)
    her_x, his_x = session.eye.source.origin.at(glimpse.frame.captured)
    assert abs(middle(glimpse) - his_x) < abs(middle(glimpse) - her_x)
    with pytest.raises(Invalid, match="target"):
        session.start("track", {"target": next(track.number for track in glimpse.tracks if track.number != glimpse.target.number)})
    session.configure(Parameters(), "single_rect")
    until(session, lambda one: one.target is not None and one.identities is None)
    assert session.reception._recogniser is None


def test_nobody_of_the_choice_enrolled_is_refused_and_begins_nothing(room):
    """camera row 33: chosen but none enrolled: PUT ERR."""
    session = room()
    choose(session, "6f1f5c9e-6e0b-4a55-9a67-2f0d4d0d7a11")
    with pytest.raises(Invalid, match="nobody of the choice is enrolled"):
        session.start("track")
    assert (session.live, session.eye) == (False, None)
    enrol(session, "Her", hoppers()[:1])
    choose(session, "all")
    with pytest.raises(Invalid, match="target"):
        session.start("track", {"target": 1})
    assert (session.live, session.reception._recogniser, session.eye.identify) == (False, None, None)


@pytest.mark.parametrize("expected", ["all", "him"])
def test_a_watched_room_gives_an_alarm_for_whoever_is_not_expected(room, alarms, expected):
    """camera 4: secure: ["all"]: alarms on anyone not enrolled; ids: anyone but these."""
    session = room()
    person = enrol(session, "Her", hoppers()) if expected == "all" else enrol(session, "Him", men())
    other = None if expected == "all" else enrol(session, "Her", hoppers())
    chosen = ("all",) if expected == "all" else (person,)
    session.configure(Parameters(job_type="secure", recognized_persons=chosen), "single_rect")
    session.start("track")
    alarm = alarms.queue.get(timeout=BOUND.total_seconds())
    her_x, his_x = session.eye.source.origin.at(session.clock.monotonic())
    assert alarm["person"] == other
    assert abs((alarm["box"][0] + alarm["box"][2] / 2) * 1280 - (his_x if expected == "all" else her_x)) < CLEAR_PX
    later = session.eye.newest.frame.captured + timedelta(seconds=3)
    until(session, lambda one: one.frame.captured > later)
    assert alarms.queue.empty(), "whoever is expected gives none"
