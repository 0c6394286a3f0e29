"""The bus over NATS: core NATS for requests, presence and pictures, JetStream for reports."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Self
from urllib.parse import quote

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, MaxPayloadError, NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from triptych.buses.delivery import RETRY_PAUSE, PresenceHandler, ReportHandler, RequestHandler, Slot, Tasks, answer, deliver, tell
from triptych.errors import Invalid, Unavailable
from triptych.messages import Refused, Reply, Report, Request
from triptych.model import Worker

PARTS = 8
DOORS = 64
BATCH = 256
CONNECT_BOUND = timedelta(seconds=5)
STORE_BOUND = timedelta(seconds=5)
PULL_BOUND = timedelta(seconds=2)
ACK_BOUND = timedelta(seconds=30)
UNSENT_PICTURES_BYTES = 1024 * 1024

log = structlog.get_logger()


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it announces itself, or None in its place when it leaves."""

    worker_id: str
    worker: Worker | None


_encode = msgspec.msgpack.Encoder().encode
_decode_request: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_decode_reply: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_decode_report = msgspec.msgpack.Decoder(Report)
_decode_presence = msgspec.msgpack.Decoder(Presence)


class NatsBus:
    """Carries between servers and workers over one connection to a NATS server or cluster (contracts.Bus).

    Every subject begins with `realm`, so that several systems may share a server. Reports lie in one stream, split into
    parts by a hash of the job id; each part has one durable consumer, and who consumes last takes it over.
    """

    def __init__(self, client: Client, realm: str, retry_pause: timedelta) -> None:
        self._client = client
        self._realm = realm
        self._retry_pause = retry_pause
        self._stream = client.jetstream(timeout=STORE_BOUND.total_seconds())
        self._served: dict[str, Subscription] = {}
        self._doors = [asyncio.Lock() for _ in range(DOORS)]
        self._slots: set[Slot] = set()
        self._tasks = Tasks()
        self._closed = False

    @classmethod
    async def connect(cls, url: str, *, realm: str = "triptych", retry_pause: timedelta = RETRY_PAUSE) -> Self:
        """Connect, and create the stream of reports where there is none. Raises `Unavailable` with code `bus_unavailable`."""
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_BOUND.total_seconds()):
                await client.connect(url, name=realm, max_reconnect_attempts=-1, reconnect_time_wait=1, ping_interval=10, error_cb=_note)
                bus = cls(client, realm, retry_pause)
                await bus._ensure_stream()
        except (Error, OSError, TimeoutError) as fault:
            await client.close()
            raise Unavailable(f"no NATS server with JetStream at {url}", code="bus_unavailable") from fault
        return bus

    async def request(self, worker_id: str, request: Request, timeout: timedelta) -> Reply:
        """Ask a worker; when the time is up the work goes on and only its answer is given up. Raises `Unavailable`."""
        if not self._client.is_connected:
            raise Unavailable("worker not connected", code="worker_not_connected")
        asking = self._client.request(self._subject("ask", worker_id), _encode(request), timeout.total_seconds())
        asked = self._tasks.start(asking)
        await asyncio.wait({asked})
        try:
            return _decode_reply.decode(asked.result().data)
        except NoRespondersError as fault:
            raise Unavailable("worker not connected", code="worker_not_connected") from fault
        except (Error, asyncio.CancelledError) as fault:
            raise Unavailable("worker not answering", code="worker_not_answering") from fault

    async def serve(self, worker_id: str, handler: RequestHandler) -> None:
        """Answer requests to this worker from now on, each in a task of its own."""

        async def take(message: Msg) -> None:
            self._tasks.start(_respond(message, handler))

        await self._stop_serving(worker_id)
        self._served[worker_id] = await self._client.subscribe(self._subject("ask", worker_id), cb=take)
        await self._reach()

    async def publish(self, report: Report) -> None:
        """Store a report, however long the server is away.

        Raises `Invalid` with code `report_too_large`, or `Unavailable` with code `bus_closed`.
        """
        payload = _encode(report)
        # One report of a job at a time: a retry that overtook its successor would turn their order round.
        async with self._doors[_part(report.job_id, DOORS)]:
            while not await self._store(report, payload):  # noqa: ASYNC110 - a pause between tries, not a poll
                await asyncio.sleep(self._retry_pause.total_seconds())

    async def consume(self, handler: ReportHandler) -> None:
        """Deliver stored reports from now on, each part in order and apart; again after a pause when `handler` raises."""
        for number in range(PARTS):
            part = Part(self._client, self._stream, self._stream_name, self._subject("report", str(number)), number)
            self._tasks.start(self._consume(part, handler))

    async def announce(self, worker: Worker) -> None:
        """Tell every watcher that this worker is there; not told while the server is away."""
        await self._tell(Presence(worker_id=worker.id, worker=worker))

    async def leave(self, worker_id: str) -> None:
        """Stop serving the worker and tell every watcher that it goes."""
        await self._stop_serving(worker_id)
        await self._tell(Presence(worker_id=worker_id, worker=None))

    async def watch(self, handler: PresenceHandler) -> None:
        """Call `handler` at every announcement and leave from now on, in order."""

        async def take(message: Msg) -> None:
            presence = _decode_presence.decode(message.data)
            await tell(handler, presence.worker_id, presence.worker)

        await self._client.subscribe(f"{self._realm}.presence.*", cb=take)
        await self._reach()

    async def show(self, topic: str, picture: bytes) -> None:
        """Send a picture; dropped while the line is full or away, or when it is larger than the server takes."""
        client = self._client
        if client.is_connected and client.pending_data_size < UNSENT_PICTURES_BYTES and len(picture) <= client.max_payload:
            await client.publish(self._subject("picture", topic), picture)

    async def pictures(self, topic: str) -> AsyncIterator[bytes]:
        """Yield the newest picture of `topic` each time there is one, until the bus closes."""
        slot = Slot()

        async def take(message: Msg) -> None:
            slot.put(message.data)

        if self._closed:
            return
        looking = await self._client.subscribe(self._subject("picture", topic), cb=take)
        self._slots.add(slot)
        try:
            while (picture := await slot.fetch()) is not None:
                yield picture
        finally:
            self._slots.discard(slot)
            if not self._client.is_closed:
                await looking.unsubscribe()

    async def close(self) -> None:
        """Stop serving, consuming and watching; reports that were not taken stay in the stream."""
        self._closed = True
        for slot in self._slots:
            slot.close()
        # The connection first: nats-py swallows a cancellation that meets it while it sends.
        await self._client.close()
        await self._tasks.cancel()

    @property
    def _stream_name(self) -> str:
        return f"{self._realm}-reports"

    def _subject(self, verb: str, name: str) -> str:
        return f"{self._realm}.{verb}.{_token(name)}"

    async def _ensure_stream(self) -> None:
        try:
            await self._stream.stream_info(self._stream_name)
        except NotFoundError:
            subjects = [f"{self._realm}.report.*"]
            kept = StreamConfig(name=self._stream_name, subjects=subjects, retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE)
            await self._stream.add_stream(kept)

    async def _store(self, report: Report, payload: bytes) -> bool:
        if self._closed:
            raise Unavailable("bus is closed", code="bus_closed")
        subject = self._subject("report", str(_part(report.job_id, PARTS)))
        stored = self._tasks.start(self._stream.publish(subject, payload))
        await asyncio.wait({stored})
        try:
            stored.result()
        except MaxPayloadError as fault:
            raise Invalid(f"report of {len(payload)} bytes is larger than the NATS server takes", code="report_too_large") from fault
        except (Error, asyncio.CancelledError) as fault:
            log.warning("report not stored yet", job_id=report.job_id, reason=str(fault))
            return False
        return True

    async def _consume(self, part: "Part", handler: ReportHandler) -> None:
        while not self._closed:
            try:
                await part.run(handler, self._retry_pause)
            except Exception as fault:  # noqa: BLE001 - a loop that died would hold up its part for ever
                if not self._closed:
                    log.warning("consumer starts again", part=part.number, reason=repr(fault))
                    await asyncio.sleep(self._retry_pause.total_seconds())

    async def _tell(self, presence: Presence) -> None:
        if not self._client.is_connected:
            return
        try:
            await self._client.publish(self._subject("presence", presence.worker_id), _encode(presence))
        except Error as fault:
            log.warning("presence not told", worker_id=presence.worker_id, reason=repr(fault))
        await self._reach()

    async def _reach(self) -> None:
        """Wait until the server has taken what was sent; while it is away nats-py keeps subscriptions for when it is back."""
        # nats-py writes its PING past the commands that wait to be sent; only the second one comes behind them.
        try:
            for _ in range(2):
                await self._client.flush()
        except Error as fault:
            log.warning("bus not reached", reason=repr(fault))

    async def _stop_serving(self, worker_id: str) -> None:
        served = self._served.pop(worker_id, None)
        if served is not None and not self._client.is_closed:
            await served.unsubscribe()


class Part:
    """One part of the reports: its durable consumer, and the pull requests that its messages come by.

    Messages are taken only in an unbroken row. Where the row breaks (the server or the line died with messages on the way)
    the consumer is made anew and begins with the oldest report that is not acknowledged, so nothing is overtaken.
    """

    def __init__(self, client: Client, stream: JetStreamContext, stream_name: str, subject: str, number: int) -> None:
        self.number = number
        self._client = client
        self._stream = stream
        self._stream_name = stream_name
        self._subject = subject
        self._name = f"part-{number}"
        self._inbox: Subscription
        self._due = 0
        self._row = 0

    async def run(self, handler: ReportHandler, retry_pause: timedelta) -> None:
        """Take the part over and deliver from it. Raises whatever ends this; nothing unacknowledged is lost."""
        self._inbox = await self._client.subscribe(self._client.new_inbox())
        try:
            await self._take_over()
            while True:
                messages = await self._pull()
                if messages:
                    await self._hand_over(messages, handler, retry_pause)
        finally:
            if not self._client.is_closed:
                await self._inbox.unsubscribe()

    async def _take_over(self) -> None:
        with suppress(NotFoundError):
            await self._stream.delete_consumer(self._stream_name, self._name)
        config = ConsumerConfig(
            durable_name=self._name,
            filter_subject=self._subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_BOUND.total_seconds(),
            max_ack_pending=4 * BATCH,
        )
        await self._stream.add_consumer(self._stream_name, config)
        self._due = self._row = 0

    async def _pull(self) -> list[Msg]:
        """Return the messages that are here, waiting for the first; none when the pull request ran out."""
        if self._due <= 0:
            await self._ask_for_more()
        arrived = [await self._inbox.next_msg(2 * PULL_BOUND.total_seconds())]
        while self._inbox.pending_msgs:
            arrived.append(await self._inbox.next_msg())
        messages = [message for message in arrived if not self._is_status(message)]
        self._due -= len(messages)
        self._check_row(messages)
        return messages

    async def _ask_for_more(self) -> None:
        self._due = BATCH
        request = {"batch": BATCH, "expires": round(PULL_BOUND / timedelta(microseconds=1)) * 1000}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream_name}.{self._name}"
        await self._client.publish(subject, json.dumps(request).encode(), reply=self._inbox.subject)

    def _is_status(self, message: Msg) -> bool:
        status = (message.headers or {}).get("Status")
        if status is None:
            return False
        if status != "408":
            raise Error(f"pull refused: {status} {(message.headers or {}).get('Description')}")
        self._due = 0
        return True

    def _check_row(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            self._row += 1
            if message.metadata.sequence.consumer != self._row:
                raise Error("a message was lost on the way")

    async def _hand_over(self, messages: Sequence[Msg], handler: ReportHandler, retry_pause: timedelta) -> None:
        reports = [report for message in messages if (report := _report(message)) is not None]
        while reports and not await deliver(handler, reports):
            for message in messages:
                await message.in_progress()
            await asyncio.sleep(retry_pause.total_seconds())
        for message in messages:
            await message.ack()


async def _respond(message: Msg, handler: RequestHandler) -> None:
    try:
        reply = await answer(handler, _decode_request.decode(message.data))
    except msgspec.MsgspecError as fault:
        reply = Refused(code="invalid", message=f"request cannot be read: {fault}")
    try:
        await message.respond(_encode(reply))
    except Error as fault:
        log.warning("reply not sent", subject=message.subject, reason=str(fault))


async def _note(fault: Exception) -> None:
    log.warning("bus line troubled", reason=repr(fault))


def _report(message: Msg) -> Report | None:
    try:
        return _decode_report.decode(message.data)
    except msgspec.MsgspecError as fault:
        log.warning("report cannot be read", subject=message.subject, reason=str(fault))
        return None


def _part(job_id: str, parts: int) -> int:
    return zlib.crc32(job_id.encode()) % parts


def _token(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E")
