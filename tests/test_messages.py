"""Every message survives the wire."""

import msgspec
import pytest

from triptych.agent.channel import Up
from triptych.messages import (
    Answer,
    Answered,
    Ask,
    Asked,
    Ended,
    Finding,
    Output,
    Pause,
    Paused,
    Progress,
    Refused,
    Report,
    Resume,
    Resumed,
    Running,
    Shown,
    Start,
    Stop,
)
from triptych.model import End, EndReason, Fault

REQUESTS = [
    Start(job_id="j", kind="command", attempt=1, process="j", spec={"argv": ["true"]}),
    Stop(job_id="j", by="me", reason=EndReason.CANCELLED),
    Pause(job_id="j"),
    Resume(job_id="j"),
    Ask(process="camera:a", kind="camera", spec={}, verb="state"),
]
BODIES = [
    Running(pid=1),
    Paused(),
    Resumed(),
    Progress(parts={"a": 1.0}),
    Finding(note="alarm", data={}),
    Output(stream="stderr", offset=3, data=b"\0\xff"),
    Ended(end=End(reason=EndReason.FAILED, fault=Fault(code="bad_media", message="no")), result={"x": [1]}),
]
UP = [
    *(Report(job_id="j", attempt=1, seq=1, at_us=1, body=body) for body in BODIES),
    Answered(number=1, reply=Answer(data={"pid": 1})),
    Answered(number=2, reply=Refused(code="invalid", message="no")),
    Shown(topic="camera:a", picture=b"\xff\xd8"),
]


def through(message, kind):
    return msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=kind)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda message: type(message).__name__)
def test_a_request_arrives_as_it_was_sent(request_):
    asked = Asked(number=7, request=request_)
    assert through(asked, Asked) == asked


@pytest.mark.parametrize("message", UP, ids=lambda message: type(getattr(message, "body", message)).__name__)
def test_what_goes_up_arrives_as_it_was_sent(message):
    assert through(message, Up) == message
