"""A running server as the commands see it: calls whose refusals come back as our own errors, each one sentence."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Annotated, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from cyclopts import Parameter

from triptych.cli.printing import give_up
from triptych.cli.records import Job, Piece, Stream, Worker, WorkerList
from triptych.errors import Invalid, TriptychError, Unavailable

DEFAULT_SERVER = "http://127.0.0.1:8700"
HIGHEST_PORT = 65535
CONNECT_BOUND_S = 5.0
ANSWER_BOUND_S = 90.0
WAIT_S = 30
INTERRUPTED = 130
ABANDONED = 141

ServerUrl = Annotated[str, Parameter(env_var="TRIPTYCH_SERVER")]
Answer = TypeVar("Answer")


class Refusal(msgspec.Struct, frozen=True):
    """What a server that refuses says: `detail` and `code` as problem details, `error` on the three documented calls."""

    detail: str = ""
    error: str = ""
    code: str = "refused"


class Client:
    """The calls of one server, between `async with` and its end. Each raises `TriptychError` with the server's own sentence."""

    def __init__(self, server: str) -> None:
        self._server = server
        timeout = httpx.Timeout(ANSWER_BOUND_S, connect=CONNECT_BOUND_S)
        with self._sentences():
            self._http = httpx.AsyncClient(base_url=_url(server), timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str | int) -> bytes:
        """Return the body of `path`."""
        with self._sentences():
            return _accepted(await self._http.get(path, params=parameters)).content

    async def post(self, path: str, body: object = None) -> bytes:
        """Send `body` as JSON, or nothing, and return what is answered."""
        with self._sentences():
            return _accepted(await self._http.post(path, content=b"" if body is None else msgspec.json.encode(body))).content

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
        with self._sentences():
            answer = _accepted(await self._http.get(job_path(job_id, "output"), params=_place(stream, offset, attempt)))
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
        """Yield bytes from `offset` on as they are written, until a gap or the end of the attempt."""
        parameters = _place(stream, offset, attempt) | {"follow": 1}
        quiet = httpx.Timeout(None, connect=CONNECT_BOUND_S)
        with self._sentences():
            async with self._http.stream("GET", job_path(job_id, "output"), params=parameters, timeout=quiet) as answer:
                if answer.is_error:
                    await answer.aread()
                async for data in _accepted(answer).aiter_raw():
                    yield data

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

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Invalid(f"{self._server} is not the address of a server, such as {DEFAULT_SERVER}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Unavailable(f"no server answers at {self._server}; `triptych up` starts one, --server names another") from None
        except httpx.HTTPError as fault:
            raise Unavailable(f"the server at {self._server} broke off: {str(fault) or type(fault).__name__}") from None

    def _stranger(self) -> TriptychError:
        return Unavailable(f"what answers at {self._server} is not a Triptych server")


def talk(server: str, work: Callable[[Client], Awaitable[int]]) -> int:
    """Do `work` with a server and return its exit code; 130 when Ctrl-C ends it, 141 when nobody reads standard output any more."""
    try:
        return asyncio.run(_talk(server, work))
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


async def _talk(server: str, work: Callable[[Client], Awaitable[int]]) -> int:
    async with Client(server) as client:
        return await work(client)


def _url(server: str) -> httpx.URL:
    url = httpx.URL(server)
    if (url.port or 0) > HIGHEST_PORT:
        raise httpx.InvalidURL("no such port")
    return url


def _place(stream: Stream, offset: int, attempt: int) -> dict[str, str | int]:
    place: dict[str, str | int] = {"stream": stream, "offset": offset}
    return place | {"attempt": attempt} if attempt else place


def _accepted(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        refusal = msgspec.json.decode(answer.content, type=Refusal)
    except msgspec.DecodeError:
        refusal = Refusal()
    sentence = refusal.detail or refusal.error or f"the server answered {answer.status_code} without a reason"
    raise TriptychError(sentence, code=answer.headers.get("triptych-error", refusal.code))
