"""A running server as the commands see it: calls whose refusals come back as our own errors, each one sentence."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from triptych.cli.address import DEFAULT_SERVER, Server
from triptych.cli.printing import give_up, tell
from triptych.cli.records import Job, Piece, Stream, Worker, WorkerList
from triptych.errors import Invalid, TriptychError, Unavailable

CONNECT_BOUND_S = 5.0
ANSWER_BOUND_S = 90.0
WAIT_S = 30
PATIENCE_S = 60.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
INTERRUPTED = 130
ABANDONED = 141
NO_SERVER = "no_server"

Parameters = dict[str, str | int]
Answer = TypeVar("Answer")


class Detail(msgspec.Struct, frozen=True):
    """Which part of a request the media panel finds wrong."""

    field: str = ""


class Problem(msgspec.Struct, frozen=True):
    """What the media panel says that is wrong: `message` is the first of the `details`."""

    message: str = ""
    details: tuple[Detail, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """What a server that refuses says: `detail` and `code` as problem details, `error` on the calls of the documented panels."""

    detail: str = ""
    error: str | Problem = ""
    code: str = "refused"

    @property
    def sentence(self) -> str:
        """The one sentence, empty where there is none."""
        return self.detail or (self.error if isinstance(self.error, str) else self.error.message)

    @property
    def field(self) -> str | None:
        """The part of the request that the sentence is about, where that is told."""
        details = () if isinstance(self.error, str) else self.error.details
        return details[0].field if details else None


class Client:
    """The calls of one server, between `async with` and its end. Each raises `TriptychError` with the server's own sentence.

    A server that has answered once and is gone is tried again for a minute, so a restart breaks no command; every call may be repeated.
    """

    def __init__(self, server: Server) -> None:
        self._address = server.server
        self._met = False
        timeout = httpx.Timeout(ANSWER_BOUND_S, connect=CONNECT_BOUND_S)
        with self._sentences():
            self._http = httpx.AsyncClient(
                base_url=server.url(), headers=server.headers(), verify=server.trust(), timeout=timeout, trust_env=False
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str | int) -> bytes:
        """Return the body of `path`."""
        return (await self._call("GET", path, parameters=parameters)).content

    async def post(self, path: str, body: object = None, *, key: str | None = None) -> bytes:
        """Send `body` as JSON, or nothing, and return what is answered; with a `key`, a repeat does nothing twice."""
        content = b"" if body is None else msgspec.json.encode(body)
        return (await self._call("POST", path, content=content, headers={"idempotency-key": key} if key else {})).content

    async def put(self, path: str, body: object) -> bytes:
        """Put `body` as JSON in the place of what lies at `path`, and return what is answered."""
        return (await self._call("PUT", path, content=msgspec.json.encode(body))).content

    async def patch(self, path: str) -> bytes:
        """Change what lies at `path` as its query says, and return what is answered."""
        return (await self._call("PATCH", path)).content

    async def delete(self, path: str) -> bytes:
        """Delete what lies at `path`."""
        return (await self._call("DELETE", path)).content

    async def job(self, job_id: str, *, wait_s: int = 0) -> Job:
        """Return a job, as it stands or, if it ends within `wait_s`, then."""
        return self.decode(await self.get(job_path(job_id), wait_s=wait_s), Job)

    async def ended(self, job_id: str) -> bytes:
        """Return the record of a job once it has ended, however long that takes."""
        while True:
            body = await self.get(job_path(job_id), wait_s=WAIT_S)
            if self.decode(body, Job).ended:
                return body

    async def stop(self, job_id: str, grace_s: float | None = None) -> bytes:
        """Stop a job and return its record once nothing of it runs; a stop asked twice is one stop."""
        while True:
            body = await self.post(job_path(job_id, "stop"), {"grace_s": grace_s, "wait_s": WAIT_S})
            if self.decode(body, Job).ended:
                return body

    async def read(self, job_id: str, stream: Stream, offset: int, attempt: int) -> Piece:
        """Return what was written from byte `offset` on, up to a gap or the end of what is there."""
        answer = await self._call("GET", job_path(job_id, "output"), parameters=_place(stream, offset, attempt))
        headers = answer.headers
        if "triptych-next-offset" not in headers:
            raise self._stranger()
        return Piece(
            data=answer.content,
            next_offset=int(headers["triptych-next-offset"]),
            complete=headers.get("triptych-complete") == "true",
            gap=headers.get("triptych-gap"),
        )

    async def follow(self, job_id: str, stream: Stream, offset: int, attempt: int) -> AsyncGenerator[bytes]:
        """Yield bytes from `offset` on as they are written, until a gap, the end of the attempt, or the line breaks: then ask again."""
        parameters = _place(stream, offset, attempt) | {"follow": 1}
        quiet = httpx.Timeout(None, connect=CONNECT_BOUND_S)
        with suppress(httpx.TransportError):
            async with self._http.stream("GET", job_path(job_id, "output"), params=parameters, timeout=quiet) as answer:
                if answer.is_error:
                    await answer.aread()
                async for data in _accepted(answer).aiter_raw():
                    yield data

    async def frames(self, job_id: str, after: int, attempt: int, *, follow: bool) -> AsyncGenerator[bytes]:
        """Yield what both streams got behind their first `after` bytes, as lines of JSON. Raises `Unavailable` if the line breaks."""
        parameters: Parameters = {"from_seq": after + 1, "follow": int(follow)}
        if attempt:
            parameters["attempt"] = attempt
        quiet = httpx.Timeout(None, connect=CONNECT_BOUND_S)
        with self._sentences():
            async with self._http.stream("GET", job_path(job_id, "output", "frames"), params=parameters, timeout=quiet) as answer:
                if answer.is_error:
                    await answer.aread()
                rest = b""
                async for data in _accepted(answer).aiter_raw():
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        yield line

    async def worker(self, named: str | None) -> str:
        """Return the id of the worker to use: the one that is named, else the only one there is."""
        if named is not None:
            return named
        return only(self.decode(await self.get("/api/v1/workers"), WorkerList).workers)

    def decode(self, body: bytes, shape: type[Answer]) -> Answer:
        """Return a body as `shape`. Raises `Unavailable` if it is not what Triptych answers."""
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.DecodeError:
            raise self._stranger() from None

    async def _call(
        self, method: str, path: str, *, parameters: Parameters | None = None, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        pause_s, deadline_s = FIRST_PAUSE_S, time.monotonic() + PATIENCE_S
        while True:
            with self._sentences():
                try:
                    answer = await self._http.request(method, path, params=parameters, content=content, headers=headers)
                except httpx.TransportError:
                    if not self._met or time.monotonic() > deadline_s:
                        raise
                    if pause_s == FIRST_PAUSE_S:
                        tell(f"{self._address} does not answer; trying again for {PATIENCE_S:.0f} s")
                else:
                    self._met = True
                    return _accepted(answer)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Invalid(f"{self._address} is not the address of a server, such as {DEFAULT_SERVER}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            if "CERTIFICATE" in str(fault):
                raise Unavailable(
                    f"the certificate of {self._address} is not trusted; --ca names the file that says whom to trust"
                ) from None
            sentence = f"no server answers at {self._address}; `triptych up` starts one, --server names another"
            raise Unavailable(sentence, code=NO_SERVER) from None
        except httpx.HTTPError as fault:
            raise Unavailable(f"the server at {self._address} broke off: {str(fault) or type(fault).__name__}") from None

    def _stranger(self) -> TriptychError:
        return Unavailable(f"what answers at {self._address} is not a Triptych server")


def talk(server: Server, work: Callable[[Client], Awaitable[int]]) -> int:
    """Do `work` with a server and return its exit code, as `attempt` does."""
    return attempt(_talk(server, work))


def attempt(work: Coroutine[None, None, int]) -> int:
    """Do `work` and return its exit code; 130 when Ctrl-C ends it, 141 when nobody reads standard output any more."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        give_up()
        return ABANDONED


def only(workers: Sequence[Worker]) -> str:
    """Return the id of the only worker. Raises `TriptychError` that says which there are, if not just one."""
    if not workers:
        raise Unavailable("the server has no worker yet")
    if len(workers) > 1:
        raise Invalid(f"say which worker with --worker: {', '.join(worker.id for worker in workers)}")
    return workers[0].id


def job_path(job_id: str, *more: str) -> str:
    """Return the path of a job in the native API."""
    return "/".join(("/api/v1/jobs", quote(job_id, safe=""), *more))


async def _talk(server: Server, work: Callable[[Client], Awaitable[int]]) -> int:
    async with Client(server) as client:
        return await work(client)


def _place(stream: Stream, offset: int, attempt: int) -> Parameters:
    place: Parameters = {"stream": stream, "offset": offset}
    return place | {"attempt": attempt} if attempt else place


def _accepted(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        refusal = msgspec.json.decode(answer.content, type=Refusal)
    except msgspec.DecodeError:
        refusal = Refusal()
    sentence = refusal.sentence or f"the server answered {answer.status_code} without a reason"
    code = answer.headers.get("triptych-error", refusal.code)
    if code == "not_authenticated":
        sentence += "; set TRIPTYCH_TOKEN to a token that is good, an administrator makes one with `triptych token create`"
    raise TriptychError(sentence, code=code, field=refusal.field)
