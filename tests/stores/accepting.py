"""A process that adds jobs to the store of its first argument as fast as it can, and prints each id once it has been answered."""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count

from triptych.model import Job, State
from triptych.stores.sql import SqlStore


async def main() -> None:
    numbers = count()
    async with SqlStore(sys.argv[1]) as store:

        async def client() -> None:
            for number in numbers:
                job = Job(
                    id=f"{number:06}", kind="command", spec={}, created_at=datetime.now(UTC), state=State.STARTING, attempt=1, worker_id="w"
                )
                await store.add(job)
                sys.stdout.write(f"{job.id}\n")
                sys.stdout.flush()

        await asyncio.gather(*(client() for _ in range(16)))


if __name__ == "__main__":
    asyncio.run(main())
