"""The boards that give hobby servos their pulses, 50 a second."""

from typing import Protocol

PERIOD_US = 20_000.0
"""A servo takes a pulse every 20 ms."""


class Board(Protocol):
    """Gives pulses to a few servos, each known by its place from 0. No pulse is given before the first is asked for."""

    def pulse(self, place: int, width_us: float | None) -> None:
        """Give this servo pulses of a width, or None to release it. Raises `OSError` when the board does not answer."""
        ...

    def close(self) -> None:
        """Release every servo and give the board back."""
        ...
