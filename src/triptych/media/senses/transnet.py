"""Finds shot transitions in a run of small pictures: TransNetV2 (Soucek, Lokoc 2020) in numpy, from the published weights.

Three stages of two blocks each. A block looks at 3 x 3 pixels and then at three pictures that lie 1, 2, 4 and 8 apart; a stage halves the
picture. How alike pictures are to their neighbours, by features and by colours, is put beside that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGH, WIDE = 27, 48
WINDOW, STEP = 100, 50
MARGIN = (WINDOW - STEP) // 2
STAGES, BLOCKS = 3, 2
APART = (1, 2, 4, 8)
EPSILON = 1e-3
REACH = 50
"""How far before and after itself a picture is compared."""

PICTURES_AT_ONCE = 10
"""Bounds what one product holds in memory."""

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Weights = Mapping[str, NDArray[Any]]


class TransNet:
    """The network, made from the arrays of its state."""

    def __init__(self, state: Weights) -> None:
        self._stages = [[_Block(state, f"SDDCNN.{stage}.DDCNN.{block}") for block in range(BLOCKS)] for stage in range(STAGES)]
        self._project = _Dense(state, "frame_sim_layer.projection")
        self._alike = _Dense(state, "frame_sim_layer.fc")
        self._colours = _Dense(state, "color_hist_layer.fc")
        self._top = _Dense(state, "fc1")
        self._verdict = _Dense(state, "cls_layer1")

    def likely(self, pictures: Picture) -> Floats:
        """Return (n,) likelihoods that a transition lies at each picture, the last one before a cut, of (n, 27, 48, 3) uint8 RGB."""
        here: Floats = pictures.astype(np.float32) / np.float32(255)
        means = []
        for first, second in self._stages:
            early = np.maximum(first.look(here), 0)
            here = _halved(np.maximum(second.look(early), 0) + early)
            means.append(here.mean(axis=(1, 2)))
        alike = _compared(_unit(self._project(np.concatenate(means, axis=1))))
        parts = [np.maximum(self._colours(_compared(colours(pictures))), 0), np.maximum(self._alike(alike), 0), here.reshape(len(here), -1)]
        verdict = self._verdict(np.maximum(self._top(np.concatenate(parts, axis=1)), 0))
        return (1 / (1 + np.exp(-verdict[:, 0]))).astype(np.float32)


class Transitions:
    """The same over a film of any length: windows of 100 pictures every 50, aligned to its first one."""

    def __init__(self, network: TransNet) -> None:
        self._network = network
        self._held: list[Picture] = []
        self._begun = False

    def add(self, picture: Picture) -> Floats:
        """Take the next (27, 48, 3) uint8 RGB picture; return the likelihoods that are known now, in order, often none."""
        if not self._begun:
            self._held = [picture] * MARGIN
            self._begun = True
        self._held.append(picture)
        return self._window() if len(self._held) == WINDOW else np.zeros(0, np.float32)

    def finish(self) -> Floats:
        """Return the likelihoods that are left, as if the last picture stood still, and begin anew."""
        left = max(0, len(self._held) - MARGIN)
        found = [np.zeros(0, np.float32)]
        while sum(map(len, found)) < left:
            self._held += [self._held[-1]] * (WINDOW - len(self._held))
            found.append(self._window())
        self._held, self._begun = [], False
        return np.concatenate(found)[:left]

    def _window(self) -> Floats:
        likely = self._network.likely(np.stack(self._held))
        self._held = self._held[STEP:]
        return likely[MARGIN : MARGIN + STEP]


class _Dense:
    """A layer in which everything meets everything."""

    def __init__(self, state: Weights, name: str) -> None:
        self._weights = np.ascontiguousarray(state[f"{name}.weight"].T, np.float32)
        self._bias = state[f"{name}.bias"].astype(np.float32)

    def __call__(self, values: Floats) -> Floats:
        return np.asarray(values @ self._weights + self._bias, np.float32)


class _Block:
    """Four branches that share what they look at, each with its own distance in time; their scale is folded into the weights."""

    def __init__(self, state: Weights, name: str) -> None:
        branches = [(state[f"{name}.Conv3D_{apart}.layers.0.weight"], state[f"{name}.Conv3D_{apart}.layers.1.weight"]) for apart in APART]
        spread = np.sqrt(state[f"{name}.bn.running_var"] + EPSILON)
        scale = (state[f"{name}.bn.weight"] / spread).reshape(len(APART), -1)
        self._bias = (state[f"{name}.bn.bias"] - state[f"{name}.bn.running_mean"] * scale.ravel()).astype(np.float32)
        spaces = [space[:, :, 0].transpose(2, 3, 1, 0).reshape(-1, space.shape[0]) for space, _ in branches]
        self._space = np.ascontiguousarray(np.concatenate(spaces, axis=1), np.float32)
        self._times = [
            np.ascontiguousarray(time[:, :, :, 0, 0].transpose(2, 1, 0) * each, np.float32)
            for (_, time), each in zip(branches, scale, strict=True)
        ]

    def look(self, pictures: Floats) -> Floats:
        """Return (n, H, W, 4 F) of (n, H, W, C)."""
        seen = np.concatenate([self._around(part) for part in _in_parts(pictures)])
        branches = np.split(seen, len(APART), axis=3)
        found = [_over_time(branch, time, apart) for branch, time, apart in zip(branches, self._times, APART, strict=True)]
        return np.concatenate(found, axis=3) + self._bias

    def _around(self, pictures: Floats) -> Floats:
        count, high, wide, depth = pictures.shape
        padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)))
        views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
        return (views.reshape(-1, 9 * depth) @ self._space).reshape(count, high, wide, -1)


def colours(pictures: Picture) -> Floats:
    """Return (n, 512): how often each of 8 x 8 x 8 colours occurs in each picture, as vectors of length 1."""
    coarse = pictures.astype(np.int64) >> 5
    bins = (coarse[..., 0] << 6) + (coarse[..., 1] << 3) + coarse[..., 2]
    counts = np.stack([np.bincount(one.ravel(), minlength=512) for one in bins])
    return _unit(counts.astype(np.float32))


def _in_parts(pictures: Floats) -> Iterator[Floats]:
    return (pictures[start : start + PICTURES_AT_ONCE] for start in range(0, len(pictures), PICTURES_AT_ONCE))


def _over_time(seen: Floats, weights: Floats, apart: int) -> Floats:
    """Return the weighted sum of each picture and those `apart` before and after it; beyond the ends there is nothing."""
    found = np.asarray(seen @ weights[1], np.float32)
    found[apart:] += seen[:-apart] @ weights[0]
    found[:-apart] += seen[apart:] @ weights[2]
    return found


def _halved(pictures: Floats) -> Floats:
    """Return means over 2 x 2 pixels, an odd row or column left out."""
    count, high, wide, depth = pictures.shape
    even = pictures[:, : high // 2 * 2, : wide // 2 * 2]
    means: Floats = even.reshape(count, high // 2, 2, wide // 2, 2, depth).mean(axis=(2, 4))
    return means


def _compared(vectors: Floats) -> Floats:
    """Return (n, 101): how alike each vector is to those from 50 before it to 50 after it, 0 beyond the ends."""
    alike = np.pad(vectors @ vectors.T, ((0, 0), (REACH, REACH)))
    return np.stack([row[place : place + 2 * REACH + 1] for place, row in enumerate(alike)])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
