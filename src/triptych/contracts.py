"""Every seam of the service. To extend Triptych, read this file and write one of these."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from triptych.errors import Unavailable
from triptych.messages import Asked, Body, Reply, Report, Request
from triptych.model import Berths, Change, Happening, Job, Json, Page, Place, Query, Worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> timedelta:
        """Return the time since boot; unmoved by a set clock."""
        ...

    async def sleep(self, pause: timedelta) -> None:
        """Wait for `pause`."""
        ...


class Store(Protocol):
    """The truth about jobs and workers. Every change is guarded; there is no general save.

    Any verb raises `Unavailable` with code `store_unavailable` when the change could not be made durable; then it did not happen.
    """

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None: ...

    async def add(self, job: Job) -> Job:
        """Insert `job`, or return the job that holds its (kind, idempotency key) already.

        Raises `Conflict` with code `key_reused` when that one has another fingerprint.
        """
        ...

    async def find(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        ...

    async def find_by_key(self, kind: str, key: str) -> Job | None:
        """Return the job of this kind that holds an idempotency key, or None."""
        ...

    async def list(self, query: Query) -> Page:
        """Return a page of jobs in the order of the query, stable while rows arrive. Raises `Invalid` on a cursor that is not ours."""
        ...

    async def move(self, changes: Sequence[Change]) -> Sequence[Job | None]:
        """Apply each change in order; the new job where its guard held, None where it did not. One failed guard fails no other change."""
        ...

    async def place(self, worker: Worker, kind: str, at: datetime, berths: Berths | None = None) -> Job | None:
        """Move the job of `kind` in line with the lowest (priority, age) that this worker may take to `starting`, as its next attempt.

        With `berths` it is one whose wish leads to a berth that no live job of `kind` holds, and that berth is its own from then on.
        """
        ...

    async def log(self, after: int, limit: int, job_id: str | None = None) -> Sequence[Happening]:
        """Return committed happenings with a number above `after`, in order; `after` -1 returns the newest one only."""
        ...

    async def forget(self, job_id: str) -> bool:
        """Delete an ended job with its log; False when there is none or it has not ended."""
        ...

    async def enroll(self, worker: Worker) -> None:
        """Insert or refresh a worker."""
        ...

    async def workers(self) -> Sequence[Worker]:
        """Return every worker ever enrolled, by id."""
        ...


class Catalog(Protocol):
    """Named definitions that people edit (cameras, their parameters, workflows): small JSON documents by shelf and key."""

    async def get(self, shelf: str, key: str) -> Json | None:
        """Return the document, or None."""
        ...

    async def put(self, shelf: str, key: str, document: Json) -> None:
        """Store the document durably, in place of the one before."""
        ...

    async def drop(self, shelf: str, key: str) -> bool:
        """Delete the document; False when there was none."""
        ...

    async def keys(self, shelf: str) -> Sequence[str]:
        """Return the keys of a shelf, sorted."""
        ...

    async def all(self, shelf: str) -> Sequence[Json]:
        """Return every document of a shelf, in the order of their keys."""
        ...


class Bus(Protocol):
    """Carries between server and workers and owns nothing: all but published reports not yet consumed may be lost at any moment."""

    async def request(self, worker_id: str, request: Request, timeout: timedelta) -> Reply:
        """Ask a worker.

        Raises `Unavailable`: code `worker_not_connected` when nobody serves that id, `worker_not_answering` after `timeout`.
        """
        ...

    async def serve(self, worker_id: str, handler: Callable[[Request], Awaitable[Reply]]) -> None:
        """Answer requests to this worker, each in a task of its own, until the bus closes or the worker leaves."""
        ...

    async def publish(self, report: Report) -> None:
        """Hand over a report; in order per job, delivered at least once."""
        ...

    async def consume(self, handler: Callable[[Sequence[Report]], Awaitable[None]]) -> None:
        """Deliver published reports in batches until the bus closes; a batch is delivered again when `handler` raises."""
        ...

    async def announce(self, worker: Worker) -> None:
        """Tell the servers that this worker is there; joining and every heartbeat are the same call."""
        ...

    async def leave(self, worker_id: str) -> None:
        """Tell the servers that this worker goes, and stop serving it."""
        ...

    async def watch(self, handler: Callable[[str, Worker | None], Awaitable[None]]) -> None:
        """Call `handler(worker_id, worker)` at every announcement, with None when it leaves."""
        ...

    async def show(self, topic: str, picture: bytes) -> None:
        """Send one picture to whoever looks; never waits for them."""
        ...

    def pictures(self, topic: str) -> AsyncIterator[bytes]:
        """Yield the newest picture of `topic` each time there is one; a slow reader misses those between."""
        ...

    async def close(self) -> None:
        """Stop serving, consuming and watching."""
        ...


class Channel(Protocol):
    """A job process's line to its agent: requests come down; reports, answers and pictures go up.

    Blocking; several threads may send, one receives.
    """

    def fileno(self) -> int:
        """Return the socket, for a selector."""
        ...

    def receive(self, timeout: timedelta | None = None) -> Asked | None:
        """Return the next request, or None after `timeout` (None waits for ever). Raises `ChannelClosed` when the agent is gone."""
        ...

    def answer(self, number: int, reply: Reply) -> None:
        """Answer the request with this number."""
        ...

    def report(self, job_id: str, attempt: int, body: Body) -> None:
        """Send the next numbered report of a job's attempt."""
        ...

    def show(self, topic: str, picture: bytes) -> None:
        """Send a picture; dropped when the line is full."""
        ...


class Tree(Protocol):
    """Every process of a command under one kill tier, as the shim above it holds it (workers K8). No bare pid is ever signalled."""

    name: str
    entrance: str | None
    """The `cgroup.procs` that the program must enter, if any."""

    @property
    def reached(self) -> int:
        """Return how many processes were signalled to end them."""
        ...

    def host_pid(self, pid: int) -> int:
        """Return the host's pid of a child of this process that is not reaped yet."""
        ...

    def members(self) -> Iterator[int]:
        """Yield the pid, as this process sees it, of each that lives; it is nobody else's until the next step."""
        ...

    def survivors(self) -> "list[int]":
        """Return the host's pids of who lives, in order: to be told, never to be signalled."""
        ...

    def terminate(self) -> bool:
        """Send SIGTERM, then SIGCONT, to each process that was not reached yet; return whether there was one."""
        ...

    def kill(self) -> bool:
        """Send SIGKILL to each process; return whether it reached one for the first time."""
        ...

    def freeze(self) -> None:
        """Stop each process and wait until all stand still, for at most 1 s."""
        ...

    def thaw(self) -> None:
        """Let each process go on."""
        ...

    def empty(self) -> bool:
        """Return whether nobody is left, once this process has no children."""
        ...

    def close(self) -> None:
        """Give back what the empty tree held."""
        ...


class Kind(Protocol):
    """What runs in a job process: it serves its channel until it has nothing left to do."""

    def __call__(self, channel: Channel, place: Place) -> None:
        """Receive the first request (a `Start`, or an `Ask` where the kind lives longer than a job), work, report, answer, return."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a camera source: `image` is (H, W, 3) uint8 BGR, origin top left; `captured` is on the monotonic clock since boot."""

    number: int
    captured: timedelta
    image: "NDArray[np.uint8]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A piece of sound: `samples` is (n,) float32 mono at 48 kHz, -1 to 1; `captured` is its first sample's time, monotonic since boot."""

    captured: timedelta
    samples: "NDArray[np.float32]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a head looked at `at` (monotonic since boot): degrees from home, pan positive to the right, tilt positive upwards."""

    at: timedelta
    pan_deg: float
    tilt_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The soft limits of a head, in degrees from home."""

    pan_deg: tuple[float, float]
    tilt_deg: tuple[float, float]


class Source(Protocol):
    """A live picture source. Opens no window and needs no display."""

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels."""
        ...

    @property
    def fps(self) -> float:
        """Return the nominal rate in frames per second."""
        ...

    def read(self) -> Frame | None:
        """Wait for the next frame at its own pace and return it; None when the source stalled. Raises `Unavailable` when it is gone."""
        ...

    @property
    def has_sound(self) -> bool:
        """Whether it brings sound with its pictures."""
        ...

    def listen(self) -> "Sequence[Sound]":
        """Return the sound that came since the last call, oldest first; never waits."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class Head(Protocol):
    """A pan-tilt head: limits, move, read the position, stop. No call waits for the hardware; opening moves nothing."""

    @property
    def fault(self) -> Unavailable | None:
        """Return why the hardware does not answer, None while it does; commands are taken all the same, and the newest is obeyed later."""
        ...

    @property
    def limits(self) -> Limits:
        """Return the soft limits, which hold for every owner."""
        ...

    def move(self, pan_deg: float, tilt_deg: float, cap_deg_s: float, speed_deg_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """Go towards a position within the limits, no faster than `cap_deg_s`; without a fresh command for 300 ms the head stops.

        `speed_deg_s` is how fast (pan, tilt) the position itself moves, for heads that take speeds only (camera L6).
        """
        ...

    def pose(self) -> Pose:
        """Return where the head looks now."""
        ...

    def stop(self) -> None:
        """Stand still at once."""
        ...

    def view(self, frame: Frame) -> Frame:
        """Return what the head sees of `frame`: the frame itself, or for a head made of pixels the window it looks through."""
        ...

    def close(self) -> None:
        """Stop and give the hardware back."""
        ...


class Arm(Protocol):
    """The joints of an arm, in degrees; joint 1 is the lowest."""

    @property
    def limits(self) -> "Sequence[tuple[float, float]]":
        """Return the soft limits of each joint, which hold for every owner."""
        ...

    def move(self, joints_deg: "Sequence[float]", cap_deg_s: float) -> None:
        """Send every joint towards an angle within its limits, none faster than `cap_deg_s`; a joint that was sent on holds there.

        Raises `Unavailable` while the hardware does not answer.
        """
        ...

    def joints(self) -> tuple[float, ...]:
        """Return where the joints stand now."""
        ...

    def stop(self) -> None:
        """Hold every joint where it stands, at once."""
        ...

    def close(self) -> None:
        """Stop and give the hardware back."""
        ...
