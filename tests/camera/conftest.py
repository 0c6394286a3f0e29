"""Small real things that the camera tests share."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from triptych.camera.definition import Definition
from triptych.camera.parameters import Parameters
from triptych.camera.records import Archive
from triptych.camera.session import Session
from triptych.camera.stream import Views
from triptych.camera.taken import Taken
from triptych.clock import SystemClock
from triptych.contracts import Frame, Pose
from triptych.model import Place

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
BOUND_S = 20


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "records")


@pytest.fixture
def noon():
    return NOON


@pytest.fixture
def shoot():
    """Make the frame that a camera would take at `at_s`: a bar that walks over a gradient."""
    gradient = np.repeat(np.linspace(40, 200, 160, dtype=np.uint8)[None, :, None], 90, axis=0).repeat(3, axis=2)

    def take(number, at_s=None, pan_deg=0.0, sound=()):
        image = gradient.copy()
        image[:, (number * 4) % 150 : (number * 4) % 150 + 8] = (20, 200, 240)
        captured = timedelta(seconds=100 + (number / 30 if at_s is None else at_s))
        frame = Frame(number=number, captured=captured, image=image)
        return Taken(frame=frame, pose=Pose(at=captured, pan_deg=pan_deg, tilt_deg=0.0), sound=sound)

    return take


class Notes:
    """Writes down what a session tells."""

    def __init__(self):
        self.states, self.events, self.rests = [], [], []
        self.news = threading.Condition()

    def settled(self, fault=None):
        with self.news:
            self.news.notify_all()

    def changed(self, state):
        with self.news:
            self.states.append(state)
            self.news.notify_all()

    def happened(self, note, data):
        self.events.append((note, data))

    def rest(self, fault):
        with self.news:
            self.rests.append(fault)
            self.news.notify_all()

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(condition, BOUND_S)


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def opened(notes, archive, tmp_path):
    sessions = []

    def open_session(parameters=None, figures=1, archive=archive, **defined):
        session = Session(
            "default",
            Definition(**{"source": {"kind": "scene", "figures": figures}} | defined),
            parameters or Parameters(),
            "single_rect",
            folder=tmp_path,
            archive=archive,
            clock=SystemClock(),
            views=Views("camera:default", lambda topic, picture: None),
            teller=notes,
            place=Place(worker_id="", data_dir=str(tmp_path), media_roots=(str(tmp_path),)),
        )
        sessions.append(session)
        return session

    yield open_session
    for session in sessions:
        session.close()
