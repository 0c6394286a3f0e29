"""Time as an argument: what the engine asks when it needs to know how late it is."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """The machine's own clock, in UTC."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> timedelta:
        """Return the time since boot, suspended time included; unmoved by a set clock."""
        return timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))

    async def sleep(self, pause: timedelta) -> None:
        """Wait for `pause`."""
        await asyncio.sleep(pause.total_seconds())


def boot_id() -> str:
    """Return what names the boot of this machine that `monotonic` counts from."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def to_us(moment: datetime) -> int:
    """Return `moment` as whole microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(moment_us: int) -> datetime:
    """Return the aware UTC time that is `moment_us` microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=moment_us)


def to_text(moment: datetime, *, digits: int = 6) -> str:
    """Return `moment` as RFC 3339 in UTC with `digits` (1 to 6) fractional digits, cut, not rounded."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond:06d}"[: 20 + digits] + "Z"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
