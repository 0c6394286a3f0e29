"""K-weighting: what hearing makes of the energy of each channel (ITU-R BS.1770-5, annex 1), whole blocks of samples at a time.

A recursive filter is slow sample by sample in Python. So a block is cut into rows, each row is one product with the filter's response,
and what one row hands on to the next is a product too.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt, pi, tan

import numpy as np
from numpy.typing import NDArray

from triptych.media.ears import Samples

STATES = 4
LEAST = 1e-30
HIGHEST = 0.49

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StateSpace:
    """A filter as x' = A x + B u, y = C x + D u."""

    a: Matrix
    b: Matrix
    c: Matrix
    d: float

    def then(self, other: "StateSpace") -> "StateSpace":
        """Return this filter with another behind it."""
        top = np.hstack([self.a, np.zeros((len(self.a), len(other.a)))])
        below = np.hstack([np.outer(other.b, self.c), other.a])
        return StateSpace(
            np.vstack([top, below]),
            np.concatenate([self.b, other.b * self.d]),
            np.concatenate([other.d * self.c, other.c]),
            self.d * other.d,
        )


def k_filter(rate_hz: int) -> StateSpace:
    """Return both stages at any sample rate: the analogue filters behind the standard's coefficients for 48 kHz, by bilinear transform."""
    return _shelf(rate_hz).then(_high_pass(rate_hz))


def _shelf(rate_hz: int) -> StateSpace:
    k, q = tan(pi * min(1681.974450955533 / rate_hz, HIGHEST)), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    return _biquad(
        (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k),
        (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k),
    )


def _high_pass(rate_hz: int) -> StateSpace:
    k, q = tan(pi * min(38.13547087602444 / rate_hz, HIGHEST)), 0.5003270373238773
    scale = 1 + k / q + k * k
    return _biquad((scale, -2 * scale, scale), (scale, 2 * (k * k - 1), 1 - k / q + k * k))


def _biquad(forward: tuple[float, float, float], back: tuple[float, float, float]) -> StateSpace:
    b0, b1, b2 = (value / back[0] for value in forward)
    a1, a2 = back[1] / back[0], back[2] / back[0]
    return StateSpace(np.array([[-a1, 1.0], [-a2, 0.0]]), np.array([b1 - a1 * b0, b2 - a2 * b0]), np.array([1.0, 0.0]), b0)


@dataclass(frozen=True, slots=True)
class Rows:
    """The filter over rows of `side` samples, up to `count` rows in a block.

    `response` turns a row of input into output, `from_state` a row's first state into output, `to_state` a row of input into what it adds
    to the state after it; `onward` turns the first state and every row's addition into the state before each row. `powers` are A^n.
    """

    side: int
    count: int
    response: Matrix
    from_state: Matrix
    to_state: Matrix
    onward: Matrix
    powers: Matrix


@lru_cache(maxsize=4)
def rows_for(rate_hz: int, most: int) -> Rows:
    """Return the filter at `rate_hz` for blocks of up to `most` samples."""
    space = k_filter(rate_hz)
    side = isqrt(most) + 1
    count = -(-most // side)
    powers = _powers(space.a, side)
    pulse = np.concatenate([[space.d], powers[:-1] @ space.b @ space.c])
    lag = np.arange(side)[None, :] - np.arange(side)[:, None]
    response = np.where(lag >= 0, pulse[np.maximum(lag, 0)], 0.0)
    return Rows(side, count, response, (space.c @ powers[:-1]).T.copy(), powers[-2::-1] @ space.b, _onward(powers[-1], count), powers)


def _powers(a: Matrix, most: int) -> Matrix:
    powers = [np.eye(len(a))]
    for _ in range(most):
        powers.append(a @ powers[-1])
    return np.array(powers)


def _onward(step: Matrix, count: int) -> Matrix:
    """Return the matrix from (first state, additions of rows 0..count-2) to the states before rows 0..count-1."""
    powers = _powers(step, count)
    whole = np.zeros((count, STATES, count, STATES))
    for row in range(count):
        for source in range(row + 1):
            whole[row, :, source, :] = powers[row - source]
    return whole.reshape(count * STATES, count * STATES)


class KWeighting:
    """The filter of `channels` channels at `rate_hz`, fed with blocks of up to `most` samples that touch."""

    def __init__(self, rate_hz: int, channels: int, most: int) -> None:
        self._rows = rows_for(rate_hz, most)
        self._state = np.zeros((channels, STATES))
        self._padded = np.zeros((channels, self._rows.count * self._rows.side))

    def weigh(self, samples: Samples) -> Matrix:
        """Return the next (channels, n) samples after the filter; the array is the caller's."""
        rows, size = self._rows, samples.shape[1]
        self._padded[:, :size] = samples
        self._padded[:, size:] = 0
        parts = self._padded.reshape(len(samples), rows.count, rows.side)
        states = self._states(parts @ rows.to_state)
        heard = parts @ rows.response
        heard += states @ rows.from_state
        self._state = self._after(states, parts, size)
        return heard.reshape(len(samples), -1)[:, :size]

    def _states(self, added: Matrix) -> Matrix:
        """Return the states before each row, (channels, rows, states)."""
        given = np.concatenate([self._state[:, None, :], added[:, :-1]], axis=1)
        return (given.reshape(len(given), -1) @ self._rows.onward.T).reshape(given.shape)

    def _after(self, states: Matrix, parts: Matrix, size: int) -> Matrix:
        """Return the state after sample `size`; what is too small to matter becomes 0, as such numbers are slow."""
        rows = self._rows
        row, rest = divmod(size, rows.side)
        if rest == 0:
            row, rest = row - 1, rows.side
        state = states[:, row] @ rows.powers[rest].T + parts[:, row, :rest] @ rows.to_state[rows.side - rest :]
        return np.where(np.abs(state) < LEAST, 0.0, state)
