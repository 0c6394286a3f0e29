"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """`Clock` at noon of a day; sleeping moves it on."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> timedelta:
        return self.time - datetime(2026, 1, 1, tzinfo=UTC)

    async def sleep(self, pause: timedelta) -> None:
        self.time += pause
        await asyncio.sleep(0)
