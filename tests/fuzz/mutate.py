"""One small change after another, from one number: the same number always makes the same file."""

import struct
from collections.abc import Callable, Sequence

import numpy as np

Dice = np.random.Generator

EXTREMES = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
HEAD_BYTES = 2048
LONGEST_RUN = 512


def mutant(seeds: Sequence[tuple[str, bytes]], number: int) -> tuple[str, bytes]:
    """Return the name and content of mutant `number`: the seeds in turn, each changed in one to four ways."""
    dice = np.random.default_rng(number)
    name, data = seeds[number % len(seeds)]
    changed = bytearray(data)
    for _ in range(int(dice.integers(1, 5))):
        change = CHANGES[int(dice.integers(len(CHANGES)))]
        change(changed, dice)
    if dice.random() < 1 / 20:
        _, other = seeds[int(dice.integers(len(seeds)))]
        changed[int(dice.integers(len(changed) + 1)) :] = other[int(dice.integers(len(other))) :]
    return name, bytes(changed)


def _place(data: bytearray, dice: Dice) -> int:
    """Return a place, half of the time in the head, where the structure is."""
    end = min(len(data), HEAD_BYTES) if dice.random() < 1 / 2 else len(data)
    return int(dice.integers(max(1, end)))


def _flip(data: bytearray, dice: Dice) -> None:
    for _ in range(int(dice.integers(1, 40))):
        place = _place(data, dice)
        data[place : place + 1] = bytes([int(dice.integers(256))])


def _one_bit(data: bytearray, dice: Dice) -> None:
    if data:
        data[_place(data, dice) % len(data)] ^= 1 << int(dice.integers(8))


def _number(data: bytearray, dice: Dice) -> None:
    value = EXTREMES[int(dice.integers(len(EXTREMES)))]
    packed = struct.pack(">I" if dice.random() < 1 / 2 else "<I", value)
    place = _place(data, dice)
    data[place : place + 4] = packed


def _fill(data: bytearray, dice: Dice) -> None:
    place, size = _run(data, dice)
    data[place : place + size] = bytes([(0, 255)[int(dice.integers(2))]]) * size


def _noise(data: bytearray, dice: Dice) -> None:
    place, size = _run(data, dice)
    data[place : place + size] = dice.bytes(size)


def _cut_out(data: bytearray, dice: Dice) -> None:
    place, size = _run(data, dice)
    del data[place : place + size]


def _repeat(data: bytearray, dice: Dice) -> None:
    place, size = _run(data, dice)
    data[place:place] = data[place : place + size] * int(dice.integers(1, 5))


def _move(data: bytearray, dice: Dice) -> None:
    place, size = _run(data, dice)
    moved = data[place : place + size]
    del data[place : place + size]
    to = _place(data, dice)
    data[to:to] = moved


def _cut_off(data: bytearray, dice: Dice) -> None:
    del data[max(16, _place(data, dice)) :]


def _run(data: bytearray, dice: Dice) -> tuple[int, int]:
    return _place(data, dice), int(dice.integers(1, LONGEST_RUN))


CHANGES: tuple[Callable[[bytearray, Dice], None], ...] = (
    _flip,
    _one_bit,
    _one_bit,
    _number,
    _number,
    _fill,
    _noise,
    _cut_out,
    _repeat,
    _move,
    _cut_off,
)
