"""Media jobs in a store that tell of alarms and recordings, as the job process does."""

from datetime import UTC, datetime

from triptych.ids import make_id
from triptych.model import Change, End, EndReason, Job, State

ALWAYS = frozenset(State) - {State.ENDED}
QUEUED, HELD = frozenset({State.QUEUED}), frozenset({State.STARTING, State.RUNNING})
OPENED, CLOSED = "2026-03-01T12:00:08.000000Z", "2026-03-01T12:00:11.000000Z"
ALARM, RECORDING = "64b1f0a2c3d4e5f60123aaaa", "64b1f0a2c3d4e5f60123bbbb"


def alarm(job_id: str, **more) -> dict:
    return {
        "_id": ALARM,
        "job": job_id,
        "feature": "IN_BLACK",
        "severity": 1.0,
        "startTimeOffset": "8.000000s",
        "endTimeOffset": "9.000000s",
        "startTime": OPENED,
        "endTime": None,
        "open": True,
        "recording": None,
        "acknowledged": None,
        **more,
    }


def recording(job_id: str, **more) -> dict:
    return {
        "_id": RECORDING,
        "job": job_id,
        "feature": "IN_BLACK",
        "alarm": ALARM,
        "startTimeOffset": "3.000000s",
        "endTimeOffset": "16.000000s",
        "startTime": CLOSED,
        "endTime": None,
        "state": "recording",
        "bytes": 0,
        "sha256": None,
        **more,
    }


class Telling:
    """One job in a store, moved on as its worker's reports would."""

    def __init__(self, store, now=None, kind="annotate") -> None:
        self.store, self.kind = store, kind
        self.now = now or (lambda: datetime.now(UTC))
        self.id = make_id("hex24", self.now())

    async def begin(self, berth: int = 2) -> None:
        await self.store.add(Job(id=self.id, kind=self.kind, spec={"input_uri": "a.mp4", "features": ["IN_BLACK"]}, created_at=self.now()))
        await self.start(berth)

    async def start(self, berth: int = 2) -> None:
        await self._move(sources=QUEUED, target=State.STARTING, next_attempt=True, worker_id="w", berth=berth)

    async def tell(self, note: str, data: dict) -> None:
        await self._move(sources=ALWAYS, note=note, data=data)

    async def lose(self) -> None:
        await self._move(sources=HELD, target=State.QUEUED, requeue=True)

    async def end(self, reason: EndReason = EndReason.DONE, **more) -> None:
        await self._move(sources=HELD, target=State.ENDED, end=End(reason=reason, **more))

    async def episode(self, **more) -> None:
        """Tell of a whole episode: opened, being recorded, closed, recorded."""
        await self.tell("alarm", alarm(self.id, **more))
        await self.tell("recording", recording(self.id))
        closed = {"open": False, "endTimeOffset": "11.000000s", "endTime": CLOSED, "recording": RECORDING}
        await self.tell("alarm", alarm(self.id, **more, **closed))
        await self.tell("recording", recording(self.id, state="ready", bytes=5, sha256="ab" * 32, endTime=CLOSED))

    async def _move(self, **fields) -> None:
        (job,) = await self.store.move([Change(job_id=self.id, at=self.now(), **fields)])
        assert job is not None
