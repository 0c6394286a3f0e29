"""Signed deliveries of what happened to whoever asked for it by webhook, tried again until they are taken (media A4, A5)."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import structlog

from triptych.background import in_thread
from triptych.clock import to_text
from triptych.contracts import Catalog, Clock
from triptych.errors import NotFound, TriptychError
from triptych.model import Json

log = structlog.get_logger()

EVENTS = ("alarm.opened", "alarm.closed", "job.done", "job.failed", "job.cancelled", "core.lost", "core.back")
TARGETS, DELIVERIES = "targets", "deliveries"
LADDER = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""How long after each try that failed the next one follows; after the last one a delivery has failed."""
PAUSE = timedelta(milliseconds=250)
MOST_KEPT = 1000
MOST_WAITING = 10_000
GONE = 410

Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Sends a body to a URL and returns the status of the answer. Blocks, for a bounded time. Raises `TriptychError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraAlarm:
    """The event that the webhook of one camera is told of; its target is kept under an id that no other has."""

    name: str = "camera.alarm"
    prefix: str = "camera:"

    def target(self, camera: str) -> str:
        """Return the id of the target of a camera."""
        return f"{self.prefix}{camera}"


CAMERA_ALARM = CameraAlarm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to `subject`, which is the id of an alarm or a job; `target` None means everyone who wants it."""

    name: str
    subject: str
    at: datetime
    data: Json
    target: str | None = None

    @property
    def id(self) -> str:
        """The one id of this event, the same when it is told again."""
        return f"{int(self.at.timestamp()):08x}{hashlib.sha256(f'{self.name} {self.subject}'.encode()).hexdigest()[:16]}"

    @property
    def payload(self) -> dict[str, Any]:
        """What receivers are sent."""
        return {"id": self.id, "event": self.name, "time": to_text(self.at), "subject": self.subject, "data": self.data}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of `events`, by POST to `url`; a `disabled` one is told of nothing."""

    id: str = msgspec.field(name="_id")
    type: Literal["webhook"] = "webhook"
    url: str
    secret: str
    events: tuple[str, ...] = EVENTS
    disabled: bool = False


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one target; `status` and `error` are those of the last try."""

    id: str = msgspec.field(name="_id")
    target: str
    payload: dict[str, Any]
    state: Literal["pending", "delivered", "failed"] = "pending"
    tries: int = 0
    status: int | None = None
    error: str | None = None
    updated: datetime
    due: datetime | None = None


class Herald:
    """Keeps targets and deliveries, and sends what is due. A target gets one thing at a time and none waits for another."""

    def __init__(self, catalog: Catalog, clock: Clock, post: Post) -> None:
        self._catalog = catalog
        self._clock = clock
        self._post = post
        self._targets: dict[str, Target] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Read what an earlier run has left to do."""
        targets = msgspec.convert(await self._catalog.all(TARGETS), list[Target])
        deliveries = msgspec.convert(await self._catalog.all(DELIVERIES), list[Delivery])
        self._targets = {target.id: target for target in targets}
        self._deliveries = {delivery.id: delivery for delivery in sorted(deliveries, key=_moment)}

    async def run(self) -> None:
        """Send what is due until cancelled."""
        try:
            while True:
                self.run_once()
                await self._clock.sleep(PAUSE)
        finally:
            await self.close()

    def run_once(self) -> None:
        """Begin with what is due, for each target that is not being served already."""
        for target_id in {delivery.target for delivery in self._due()} - self._at_work.keys():
            self._at_work[target_id] = asyncio.create_task(self._serve(target_id))

    async def settle(self) -> None:
        """Wait until what was begun is over."""
        await asyncio.gather(*self._at_work.values())

    async def close(self) -> None:
        """Leave what is being sent; the next run tries it again."""
        for task in self._at_work.values():
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    def targets(self) -> list[Target]:
        """Return every target that was made as one, oldest first: not the webhooks of cameras."""
        made = (target for target in self._targets.values() if not target.id.startswith(CAMERA_ALARM.prefix))
        return sorted(made, key=lambda target: target.id)

    def knows(self, target_id: str) -> bool:
        """Say whether there is a target with this id."""
        return target_id in self._targets

    def target(self, target_id: str) -> Target:
        """Return a target. Raises `NotFound`."""
        found = self._targets.get(target_id)
        if found is None:
            raise NotFound("target not found", code="target_not_found")
        return found

    def deliveries(self) -> list[Delivery]:
        """Return the last thousand deliveries, newest first."""
        return list(self._deliveries.values())[: -MOST_KEPT - 1 : -1]

    async def keep(self, target: Target) -> None:
        """Keep a target, new or in the place of the one with its id."""
        await self._catalog.put(TARGETS, target.id, msgspec.to_builtins(target))
        self._targets[target.id] = target

    async def remove(self, target_id: str) -> None:
        """Forget a target; what waits for it is not sent any more. Raises `NotFound`."""
        self.target(target_id)
        await self._catalog.drop(TARGETS, target_id)
        self._targets.pop(target_id, None)
        await self._give_up(target_id, "the target was removed")

    async def announce(self, event: Event) -> None:
        """Have an event delivered to each target that wants it; one that was announced before changes nothing."""
        for target in list(self._targets.values()):
            if event.target not in {None, target.id}:
                continue
            delivery_id = hashlib.sha256(f"{event.id} {target.id}".encode()).hexdigest()[:24]
            if event.name not in target.events or target.disabled or delivery_id in self._deliveries:
                continue
            now = self._clock.now()
            delivery = Delivery(id=delivery_id, target=target.id, payload=event.payload, updated=now, due=now)
            if sum(waiting.due is not None for waiting in self._deliveries.values()) >= MOST_WAITING:
                delivery = _ended(delivery, "failed", "too many deliveries wait")
            await self._note(delivery)
        await self._prune()

    def _due(self, target_id: str | None = None) -> list[Delivery]:
        now = self._clock.now()
        waiting = (delivery for delivery in self._deliveries.values() if delivery.due is not None and delivery.due <= now)
        return [delivery for delivery in waiting if target_id in {None, delivery.target}]

    async def _serve(self, target_id: str) -> None:
        """Try all that is due to one target, the oldest first."""
        try:
            for delivery in self._due(target_id):
                target = self._targets.get(target_id)
                if target is None or target.disabled:
                    await self._give_up(target_id, "the target is gone" if target is None else "the target is disabled")
                    return
                await self._try(target, delivery)
        except TriptychError as fault:
            log.warning("delivery not noted", target=target_id, reason=fault.message)
        except Exception:
            log.exception("delivery broke", target=target_id)
        finally:
            del self._at_work[target_id]

    async def _try(self, target: Target, delivery: Delivery) -> None:
        """Send once and note what came of it; whoever takes it twice knows it by its id."""
        body = msgspec.json.encode(delivery.payload)
        headers = {"Content-Type": "application/json", "X-Triptych-Signature": sign(target.secret, body, self._clock.now())}
        try:
            status, error = await in_thread(lambda: self._post(target.url, body, headers)), None
        except TriptychError as fault:
            status, error = None, fault.message
        if delivery.id not in self._deliveries or self._deliveries[delivery.id].due is None:
            return
        await self._note(self._after_try(delivery, status, error))
        if status == GONE:
            await self.keep(msgspec.structs.replace(self._targets.get(target.id, target), disabled=True))
            await self._give_up(target.id, "the target is disabled")

    def _after_try(self, delivery: Delivery, status: int | None, error: str | None) -> Delivery:
        now, tries = self._clock.now(), delivery.tries + 1
        delivery = msgspec.structs.replace(delivery, tries=tries, status=status, error=error, updated=now)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - 2xx
            return _ended(delivery, "delivered", None)
        if status == GONE or tries > len(LADDER):
            return _ended(delivery, "failed", error)
        return msgspec.structs.replace(delivery, due=now + LADDER[tries - 1])

    async def _give_up(self, target_id: str, reason: str) -> None:
        for delivery in list(self._deliveries.values()):
            if delivery.target == target_id and delivery.due is not None:
                await self._note(_ended(delivery, "failed", reason))

    async def _note(self, delivery: Delivery) -> None:
        await self._catalog.put(DELIVERIES, delivery.id, msgspec.to_builtins(delivery))
        self._deliveries[delivery.id] = delivery

    async def _prune(self) -> None:
        """Forget the oldest that are over, as long as there are too many."""
        excess = len(self._deliveries) - MOST_KEPT
        over = (delivery.id for delivery in list(self._deliveries.values())[: max(0, excess)] if delivery.due is None)
        await self._forget(list(over))

    async def _forget(self, delivery_ids: Iterable[str]) -> None:
        for delivery_id in delivery_ids:
            await self._catalog.drop(DELIVERIES, delivery_id)
            del self._deliveries[delivery_id]


def sign(secret: str, body: bytes, at: datetime) -> str:
    """Return the value of X-Triptych-Signature: when it was sent, and the HMAC-SHA256 of that and the body (media A5)."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def _ended(delivery: Delivery, state: Literal["delivered", "failed"], error: str | None) -> Delivery:
    return msgspec.structs.replace(delivery, state=state, error=error, due=None)


def _moment(delivery: Delivery) -> str:
    return str(delivery.payload["time"])
