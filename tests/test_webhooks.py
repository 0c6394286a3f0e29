"""Deliveries to a real server on loopback, by a clock that the test moves."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from manualclock import ManualClock
from media.webserver import WebServer, page
from triptych import webhooks
from triptych.errors import NotFound
from triptych.model import Inputs
from triptych.posts import post
from triptych.stores.memory import MemoryStore
from triptych.webhooks import CAMERA_ALARM, EVENTS, LADDER, Event, Herald, Target, sign

SECRET = "whispered"
SUBJECT = "64b1f0a2c3d4e5f60123aaaa"


class Site:
    """A receiver whose answers the test decides, and a herald that may come again."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.server = WebServer({"/in": self._answer})
        self.store = MemoryStore()
        self.clock = ManualClock()

    async def start(self) -> Herald:
        inputs = Inputs(private_hosts=("127.0.0.1",), ports=(self.server.port,))
        self.herald = Herald(self.store, self.clock, partial(post, inputs=inputs))
        await self.herald.load()
        return self.herald

    async def target(self, number: int = 0, **more) -> Target:
        url = f"http://127.0.0.1:{self.server.port}/in"
        target = Target(**{"id": f"{number:024x}", "url": url, "secret": SECRET} | more)
        await self.herald.keep(target)
        return target

    def event(self, name: str = "alarm.opened", subject: str = SUBJECT) -> Event:
        return Event(name=name, subject=subject, at=self.clock.now(), data={"feature": "IN_BLACK"})

    async def send(self) -> None:
        self.herald.run_once()
        await self.herald.settle()

    @property
    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, body in self.server.posted]

    def _answer(self, request) -> None:
        page(b"", self.answers.pop(0) if self.answers else 200)(request)


@pytest.fixture
async def site():
    site = Site()
    with site.server:
        await site.start()
        yield site


async def test_a_delivery_is_signed_and_ends_with_2xx(site) -> None:
    """media A4, A5: payload, signature, and 2xx ends."""
    target, event = await site.target(), site.event()
    await site.herald.announce(event)
    await site.send()
    ((headers, body),) = site.server.posted
    assert json.loads(body) == {
        "id": event.id,
        "event": "alarm.opened",
        "time": "2026-03-01T12:00:00.000000Z",
        "subject": SUBJECT,
        "data": {"feature": "IN_BLACK"},
    }
    stamp = int(site.clock.now().timestamp())
    right = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Triptych-Signature"] == f"t={stamp},v1={right}"
    assert headers["Content-Type"] == "application/json"
    (delivery,) = site.herald.deliveries()
    assert (delivery.target, delivery.state, delivery.tries, delivery.status, delivery.due) == (target.id, "delivered", 1, 200, None)
    site.clock.time += timedelta(days=3)
    await site.send()
    assert len(site.bodies) == 1


async def test_the_ladder_of_tries_is_climbed_over_restarts_by_the_same_id(site) -> None:
    """media A5: 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, 24 h, kept over restarts; the same `id` on every try."""
    site.answers = [500, 404, 302, 503, 500, 429, 500, 500]
    event = site.event()
    await site.target()
    await site.herald.announce(event)
    await site.send()
    assert [pause.total_seconds() for pause in LADDER] == [5, 30, 120, 600, 3600, 21600, 86400]
    for tries, pause in enumerate(LADDER, 1):
        assert len(site.bodies) == tries
        assert site.herald.deliveries()[0].due == site.clock.now() + pause
        await site.start()
        site.clock.time += pause - timedelta(milliseconds=1)
        await site.send()
        assert len(site.bodies) == tries
        site.clock.time += timedelta(milliseconds=1)
        await site.send()
    assert {body["id"] for body in site.bodies} == {event.id}
    assert len({headers["X-Triptych-Signature"] for headers, _ in site.server.posted}) == 8
    (delivery,) = site.herald.deliveries()
    assert (delivery.state, delivery.tries, delivery.status, delivery.due) == ("failed", 8, 500, None)


async def test_a_delivery_that_is_taken_at_a_later_try_ends_there(site) -> None:
    """media A5."""
    site.answers = [500, 204]
    await site.target()
    await site.herald.announce(site.event())
    await site.send()
    site.clock.time += LADDER[0]
    await site.send()
    assert (site.herald.deliveries()[0].state, site.herald.deliveries()[0].status) == ("delivered", 204)


async def test_410_disables_the_target(site) -> None:
    """media A5: 410."""
    site.answers = [500, 410]
    target = await site.target()
    await site.herald.announce(site.event())
    await site.send()
    await site.herald.announce(site.event("alarm.closed"))
    await site.send()
    assert site.herald.target(target.id).disabled
    assert [delivery.state for delivery in site.herald.deliveries()] == ["failed", "failed"]
    assert site.herald.deliveries()[1].error == "the target is disabled"
    await site.start()
    await site.herald.announce(site.event("job.done"))
    site.clock.time += timedelta(days=2)
    await site.send()
    assert len(site.bodies) == len(site.herald.deliveries()) == 2


async def test_each_target_is_told_of_what_it_wants_once(site) -> None:
    """media A4: events by target; what is announced again after a restart changes nothing."""
    await site.target(1, events=("alarm.opened",))
    await site.target(2, events=("job.done", "job.failed"))
    for name in EVENTS:
        await site.herald.announce(site.event(name))
    await site.start()
    for name in EVENTS:
        await site.herald.announce(site.event(name))
    await site.send()
    assert sorted(body["event"] for body in site.bodies) == ["alarm.opened", "job.done", "job.failed"]
    assert len({body["id"] for body in site.bodies}) == 3


async def test_two_targets_of_one_event_are_told_the_same_id(site) -> None:
    await site.target(1)
    await site.target(2)
    await site.herald.announce(site.event())
    await site.send()
    assert [body["id"] for body in site.bodies] == [site.event().id] * 2


async def test_nothing_waits_for_a_target_that_does_not_answer(site) -> None:
    """media A5: delivery never delays analysis, nor another target."""
    held, release = threading.Event(), threading.Event()

    def slow(url, body, headers) -> int:
        if url.endswith("/slow"):
            held.set()
            release.wait(30)
        return 200

    herald = Herald(site.store, site.clock, slow)
    for number, path in enumerate(("slow", "fast")):
        await herald.keep(Target(id=f"{number:024x}", url=f"http://x/{path}", secret=SECRET))
    await herald.announce(site.event())
    herald.run_once()
    fast = next(delivery.id for delivery in herald.deliveries() if delivery.target.endswith("1"))
    while next(delivery for delivery in herald.deliveries() if delivery.id == fast).state != "delivered":
        await site.clock.sleep(timedelta(0))
    assert held.wait(30)
    await herald.announce(site.event("alarm.closed"))
    herald.run_once()
    release.set()
    await herald.settle()
    herald.run_once()
    await herald.settle()
    assert {delivery.state for delivery in herald.deliveries()} == {"delivered"}


async def test_what_was_being_sent_at_the_end_is_sent_again(site) -> None:
    """media A5: kept over restarts."""
    held, release = threading.Event(), threading.Event()

    def slow(url, body, headers) -> int:
        held.set()
        release.wait(30)
        return 200

    await site.target()
    herald = Herald(site.store, site.clock, slow)
    await herald.load()
    await herald.announce(site.event())
    herald.run_once()
    while not held.is_set():
        await site.clock.sleep(timedelta(0))
    await herald.close()
    release.set()
    await site.start()
    await site.send()
    assert [body["id"] for body in site.bodies] == [site.herald.deliveries()[0].payload["id"]]


async def test_a_target_that_is_removed_is_told_of_nothing_more(site) -> None:
    site.answers = [500]
    target = await site.target()
    await site.herald.announce(site.event())
    await site.send()
    await site.herald.remove(target.id)
    site.clock.time += timedelta(days=2)
    await site.send()
    assert len(site.bodies) == 1
    assert site.herald.deliveries()[0].error == "the target was removed"
    with pytest.raises(NotFound, match="target not found"):
        await site.herald.remove(target.id)


async def test_the_last_thousand_deliveries_are_kept(site, monkeypatch) -> None:
    """media A5: `GET /api/ai/deliveries` lists the last 1000."""
    assert webhooks.MOST_KEPT == 1000
    monkeypatch.setattr(webhooks, "MOST_KEPT", 5)
    await site.target()
    for number in range(9):
        await site.herald.announce(site.event(subject=f"{number:024x}"))
        await site.send()
        site.clock.time += timedelta(seconds=1)
    assert [delivery.payload["subject"] for delivery in site.herald.deliveries()] == [f"{number:024x}" for number in (8, 7, 6, 5, 4)]
    await site.start()
    assert [delivery.payload["subject"] for delivery in site.herald.deliveries()] == [f"{number:024x}" for number in (8, 7, 6, 5, 4)]


async def test_more_than_can_wait_is_not_kept_for_later(site, monkeypatch) -> None:
    monkeypatch.setattr(webhooks, "MOST_WAITING", 1)
    await site.target()
    await site.herald.announce(site.event())
    await site.herald.announce(site.event("alarm.closed"))
    assert [(delivery.state, delivery.error) for delivery in site.herald.deliveries()] == [
        ("failed", "too many deliveries wait"),
        ("pending", None),
    ]


def test_the_signature_covers_the_time_and_the_body() -> None:
    """media A5."""
    at = ManualClock().now()
    assert sign(SECRET, b'{"event":"alarm.opened"}', at) == (
        "t=1772366400,v1=28cbb1185c01b755840f26d09810e7efdcb166a19407786dca653d4f1b016a33"
    )
    assert sign(SECRET, b"{}", at) != sign(SECRET, b"{} ", at)
    assert sign(SECRET, b"{}", at) != sign(SECRET, b"{}", at + timedelta(seconds=1))
    assert sign(SECRET, b"{}", at) != sign("other", b"{}", at)


async def test_what_is_kept_comes_back_as_it_was(site) -> None:
    await site.target()
    site.answers = [500]
    await site.herald.announce(site.event())
    await site.send()
    kept = msgspec.to_builtins(site.herald.deliveries())
    assert msgspec.to_builtins((await site.start()).deliveries()) == kept


async def test_the_alarm_of_a_camera_goes_to_its_own_webhook_signed(site) -> None:
    """camera 4, secure: a webhook when one is set, signed as media A5."""
    herald = await site.start()
    await site.target(0)
    own = await site.target(id=CAMERA_ALARM.target("gate"), events=(CAMERA_ALARM.name,))
    await site.target(id=CAMERA_ALARM.target("attic"), events=(CAMERA_ALARM.name,))
    event = Event(name="camera.alarm", subject="a1", at=site.clock.now(), data={"camera": "gate"}, target=own.id)
    await herald.announce(event)
    await site.send()
    assert [body["event"] for body in site.bodies] == ["camera.alarm"]
    (delivery,) = herald.deliveries()
    assert (delivery.target, delivery.state) == (own.id, "delivered")
    assert [target.id for target in herald.targets()] == [f"{0:024x}"]
