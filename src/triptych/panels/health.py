"""The server's own state: is it up, can it take jobs, and the figures a monitor reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from triptych import __version__
from triptych.errors import Unavailable
from triptych.kinds import KINDS
from triptych.media.sandbox import has_filter
from triptych.model import LIVE, State, Worker, WorkerState
from triptych.panels.http import Role, Route, json_answer, service

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
TAG = "health"

Traffic = Mapping[tuple[str, str, str, int], int]


class Alive(msgspec.Struct, frozen=True):
    """The server answers. `sandbox` is `full` where decoders run under a system-call filter, `partial` where limits alone hold."""

    status: str
    version: str
    sandbox: Literal["full", "partial"]


class Ready(msgspec.Struct, frozen=True):
    """Whether jobs can be taken, and by how many workers."""

    ready: bool
    workers: int


async def healthz(_request: Request) -> Response:
    """Say that the server answers, and how well decoding is caged (media S1)."""
    return json_answer(Alive(status="ok", version=__version__, sandbox="full" if has_filter() else "partial"))


async def readyz(request: Request) -> Response:
    """Say whether jobs can be taken now: 200 or 503."""
    health = await service(request).engine.health()
    if not health.ready:
        raise Unavailable("no worker takes jobs now", code="not_ready")
    return json_answer(Ready(ready=True, workers=health.workers))


async def metrics(request: Request) -> Response:
    """Return the figures in Prometheus's text format."""
    engine = service(request).engine
    registry = CollectorRegistry()
    registry.register(Figures(census=engine.census(), workers=await engine.workers(), traffic=request.app.traffic))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), headers={"content-type": EXPOSITION})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures(Collector):
    """What is counted, at one moment."""

    census: Mapping[tuple[str, State], int]
    workers: Sequence[Worker]
    traffic: Traffic

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        yield self._jobs()
        yield self._workers()
        yield self._requests()

    def _jobs(self) -> Metric:
        family = GaugeMetricFamily("triptych_jobs", "Live jobs by kind and state.", labels=("kind", "state"))
        for kind in KINDS:
            for state in sorted(LIVE):
                family.add_metric((kind, state), self.census.get((kind, state), 0))
        return family

    def _workers(self) -> Metric:
        family = GaugeMetricFamily("triptych_workers", "Workers by state.", labels=("state",))
        for state in WorkerState:
            family.add_metric((state,), sum(worker.state is state for worker in self.workers))
        return family

    def _requests(self) -> Metric:
        labels = ("panel", "method", "route", "status")
        family = CounterMetricFamily("triptych_http_requests", "Requests by route and status.", labels=labels)
        for (panel, method, route, status), count in self.traffic.items():
            family.add_metric((panel, method, route, str(status)), count)
        return family


ROUTES = (
    Route(method="GET", path="/healthz", handler=healthz, role=Role.VIEWER, summary="Is the server up?", answer=Alive, tag=TAG),
    Route(
        method="GET",
        path="/readyz",
        handler=readyz,
        role=Role.VIEWER,
        summary="Can jobs be taken now? 503 if not.",
        answer=Ready,
        errors=(503,),
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=metrics,
        role=Role.VIEWER,
        summary="Figures in the text format of Prometheus.",
        answer=str,
        media_type="text/plain",
        tag=TAG,
    ),
)
