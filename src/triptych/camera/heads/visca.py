"""A camera that turns by VISCA over the network."""

from collections.abc import Sequence
from datetime import timedelta

from triptych.camera.heads import ViscaOptions
from triptych.camera.heads.remote import Pair, RemoteHead, Step
from triptych.camera.viscaline import ViscaLine
from triptych.contracts import Clock
from triptych.errors import Unavailable


class ViscaHead(RemoteHead):
    """Turns by speeds (Pan-tiltDrive) or to positions, as the options say; the camera is asked where it looks."""

    def __init__(self, options: ViscaOptions, clock: Clock) -> None:
        super().__init__(options.limits, ViscaDevice(options), clock)


class ViscaDevice:
    """The camera at the other end."""

    pace = timedelta(milliseconds=50)

    def __init__(self, options: ViscaOptions) -> None:
        self.by_speed = options.moves == "speed"
        self._options = options
        self._line = ViscaLine(options.transport, options.host, options.port, options.device)

    def connect(self) -> None:
        """Dial, and hear whether anybody answers."""
        self._line.connect()
        self.where()

    def send(self, step: Step) -> Pair:
        """Do a step; return the speeds that the camera has, which are few and whole."""
        return self._drive(step.rate_deg_s) if self.by_speed else self._go(step)

    def halt(self) -> None:
        """Stand still."""
        self._line.command(0x06, 0x01, *self._options.top_speed, _STOP, _STOP)

    def where(self) -> Pair:
        """Return where the camera looks."""
        answer = self._line.inquire(0x06, 0x12)
        pan_nibbles = self._options.pan_nibbles
        if len(answer) != pan_nibbles + _TILT_NIBBLES:
            raise Unavailable(
                f"The VISCA camera tells its pan in {len(answer) - _TILT_NIBBLES} half bytes: set pan_nibbles.", code="head_refused"
            )
        counts = _count(answer[:pan_nibbles]), _count(answer[pan_nibbles:])
        pan, tilt = (
            count / per_deg - home
            for count, per_deg, home in zip(counts, self._options.counts_per_deg, self._options.home_deg, strict=True)
        )
        return pan, tilt

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _drive(self, rates: Pair) -> Pair:
        speeds = self._speeds(rates)
        ways = [_STOP if not speed else back if speed < 0 else ahead for speed, (ahead, back) in zip(speeds, _WAYS, strict=True)]
        self._line.command(0x06, 0x01, *(max(abs(speed), 1) for speed in speeds), *ways)
        pan, tilt = (
            speed * full / top for speed, full, top in zip(speeds, self._options.speed_deg_s, self._options.top_speed, strict=True)
        )
        return pan, tilt

    def _go(self, step: Step) -> Pair:
        signs = [1 if goal >= at else -1 for goal, at in zip(step.goal_deg, step.at_deg, strict=True)]
        speeds = [max(abs(speed), 1) for speed in self._speeds((step.speed_deg_s, step.speed_deg_s))]
        counts = [
            round((goal + home) * per_deg)
            for goal, home, per_deg in zip(step.goal_deg, self._options.home_deg, self._options.counts_per_deg, strict=True)
        ]
        self._line.command(0x06, 0x02, *speeds, *_nibbles(counts[0], self._options.pan_nibbles), *_nibbles(counts[1], _TILT_NIBBLES))
        pan, tilt = (
            sign * speed * full / top
            for sign, speed, full, top in zip(signs, speeds, self._options.speed_deg_s, self._options.top_speed, strict=True)
        )
        return pan, tilt

    def _speeds(self, rates: Pair) -> list[int]:
        """Return the speeds of the protocol: no faster than asked for, but never so slow that nothing would come of it."""
        steps = [rate * top / full for rate, full, top in zip(rates, self._options.speed_deg_s, self._options.top_speed, strict=True)]
        return [
            max(-top, min(top, int(step) if abs(step) >= 1 else round(step)))
            for step, top in zip(steps, self._options.top_speed, strict=True)
        ]


def _nibbles(count: int, places: int) -> list[int]:
    """Return a count in two's complement, one half byte a byte, the highest first."""
    return [count >> 4 * place & 0xF for place in reversed(range(places))]


def _count(nibbles: Sequence[int]) -> int:
    """Return the count that these half bytes tell."""
    count = 0
    for nibble in nibbles:
        count = count << 4 | nibble & 0xF
    return count - (1 << 4 * len(nibbles)) if nibbles[0] & 0x8 else count


_TILT_NIBBLES = 4
_STOP = 0x03
_WAYS = ((0x02, 0x01), (0x01, 0x02))
"""The codes (pan, tilt) of right and left, of up and down."""
