"""Workers: who takes work, and how much of it."""

from collections.abc import Sequence
from functools import partial

from triptych.cli.client import DEFAULT_SERVER, Client, ServerUrl, talk
from triptych.cli.printing import age, printable, show_json, show_table
from triptych.cli.records import Worker, WorkerList
from triptych.clock import SystemClock


def workers(*, json: bool = False, server: ServerUrl = DEFAULT_SERVER) -> int:
    """List the workers by id, with how many jobs of each kind each takes at once. The exit code is 0, also when there is none.

    Args:
        json: print the server's answer.
        server: address of the server, or TRIPTYCH_SERVER.
    """
    return talk(server, partial(_list, json=json))


async def _list(client: Client, *, json: bool) -> int:
    body = await client.get("/api/v1/workers")
    found = client.decode(body, WorkerList).workers
    if json:
        show_json(body)
        return 0
    kinds = tuple(dict.fromkeys(kind for worker in found for kind in worker.slots))
    now = SystemClock().now()
    rows = [(printable(worker.id), worker.state, *_slots(worker, kinds), age(worker.seen_at, now)) for worker in found]
    show_table(("WORKER", "STATE", *(kind.upper() for kind in kinds), "SEEN"), rows)
    return 0


def _slots(worker: Worker, kinds: Sequence[str]) -> list[str]:
    return [str(worker.slots.get(kind, 0)) for kind in kinds]
