"""Clients in a process of their own: `python -m bench.load` reads what to send from stdin and prints what was answered."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field

from bench.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Send `bodies` in turn to `path` over `clients` connections for `seconds`, or until the server is gone."""

    host: str
    port: int
    path: str
    bodies: list[str]
    clients: int
    seconds: float


@dataclass(slots=True)
class Result:
    """Status and body of each answer, how long each took in seconds, and how long all took together."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    all_s: float = 0.0


async def run(plan: Plan) -> Result:
    """Carry out `plan`."""
    result = Result()
    begun = time.perf_counter()
    await asyncio.gather(*(_client(plan, result, begun, number) for number in range(plan.clients)))
    return result


async def _client(plan: Plan, result: Result, begun: float, number: int) -> None:
    bodies = [body.encode() for body in plan.bodies]
    async with Wire(plan.host, plan.port) as wire:
        while (sent := time.perf_counter()) - begun < plan.seconds:
            try:
                status, body = await wire.post(plan.path, bodies[number % len(bodies)])
            except (OSError, EOFError):
                return
            now = time.perf_counter()
            result.took_s.append(now - sent)
            result.all_s = now - begun
            result.answers.append((status, body.decode()))
            number += plan.clients


async def in_its_own_process(plan: Plan) -> Result:
    """Run `plan` in another process, so that its cost is not the server's or ours."""
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await load.communicate(json.dumps(asdict(plan)).encode())
    return Result(**json.loads(printed))


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(run(Plan(**json.load(sys.stdin))))), sys.stdout)
