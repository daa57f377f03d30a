"""The recurrence in NumPy, over rows of different lengths, every direction at once and nothing padded.

Rows come sorted by falling length and are laid out step by step: first the first token of every row, then the second
of those rows that have one, and so on. A step is then a stretch of memory that is worked on in place. The backward
direction reads the same layout with the tokens of each row turned round, so that its steps go forward too.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.network.cells import STEPS, Direction, state_count


class Packed(NamedTuple):
    """Rows laid out step by step.

    Attributes:
        ids: of each direction, ``(directions, total)``: forward, then backward where there are two.
        active: rows that have a token at each step, falling, one a step.
    """

    ids: list[np.ndarray]
    active: list[int]


def pack(rows: Ragged, directions: int) -> Packed:
    """Lay out ``n`` rows of at least one id each, sorted by falling length."""
    if len(rows.lengths) == 1:
        return Packed([rows.values, rows.values[::-1]][:directions], [1] * len(rows.values))
    steps = np.arange(rows.lengths[0] if len(rows.lengths) else 0)
    active = np.searchsorted(-rows.lengths, -steps, side="left")
    step = np.repeat(steps, active)
    row = np.arange(len(step)) - np.repeat(np.cumsum(active) - active, active)
    starts = rows.starts
    ids = [rows.values[starts[row] + step]]
    if directions == 2:
        ids.append(rows.values[(starts + rows.lengths - 1)[row] - step])
    return Packed(ids, active.tolist())


def hidden_states(table: np.ndarray, packed: Packed, weights: Direction, cell: str) -> Iterator[np.ndarray]:
    """The hidden states of each step in turn, ``(directions, active, units)``; each step's stay as they are.

    Args:
        table: x W_x + b of each token, ``(directions, vocabulary, gates * units)``.
        packed: the rows.
        weights: of all directions, stacked: kernel ``(directions, units, gates * units)``, bias
            ``(directions, 1, gates * units)`` or None.
        cell: as in the network's settings.
    """
    projected = np.empty((len(table), len(packed.ids[0]), table.shape[2]), table.dtype)
    for part, ids, into in zip(table, packed.ids, projected, strict=True):
        part.take(ids, axis=0, out=into, mode="clip")  # ids are within the table; other modes copy once more
    run = _simple_rnn if cell == "simple_rnn" else _gated
    return run(_steps(projected, packed.active), weights, cell)


def _steps(projected: np.ndarray, active: list[int]) -> Iterator[np.ndarray]:
    start = 0
    for rows in active:
        yield projected[:, start : start + rows]
        start += rows


def _simple_rnn(steps: Iterator[np.ndarray], weights: Direction, cell: str) -> Iterator[np.ndarray]:
    """h_t = tanh(x_t + h_{t-1} W_h), written over x_t."""
    state = next(steps, None)
    if state is None:
        return
    yield np.tanh(state, out=state)
    recurrent = np.empty(state.shape, state.dtype)
    for step in steps:
        if len(step[0]) < len(state[0]):
            state, recurrent = state[:, : len(step[0])], recurrent[:, : len(step[0])]
        np.matmul(state, weights.kernel, out=recurrent)
        np.add(step, recurrent, out=step)
        state = np.tanh(step, out=step)
        yield state


def _gated(steps: Iterator[np.ndarray], weights: Direction, cell: str) -> Iterator[np.ndarray]:
    """Any cell, by its equations."""
    states: Any = None
    for step in steps:
        if states is None:
            states = (np.zeros((*step.shape[:2], weights.kernel.shape[1]), step.dtype),) * state_count(cell)
        states = STEPS[cell](np, step, tuple(state[:, : step.shape[1]] for state in states), weights)
        yield states[0]


def pool(states: Iterator[np.ndarray], lengths: np.ndarray, pooling: str) -> np.ndarray:
    """Hidden states pooled over time, in the order that Keras gives them: ``(n, pooled)``.

    Args:
        states: of each step, ``(directions, active, units)``; at least one.
        lengths: of the rows, ``(n,)``.
        pooling: ``last``, ``max``, ``mean`` or ``max_mean`` (all maxima first, then all means).
    """
    if len(lengths) == 1:
        return _pool_one(np.concatenate(list(states), axis=1), pooling)
    first = next(states)
    parts = {kind: first.copy() for kind in pooling.split("_")}
    for state in states:
        for kind, part in parts.items():
            upto = part[:, : state.shape[1]]
            _TAKE_IN[kind](upto, state, out=upto)
    if "mean" in parts:
        parts["mean"] /= lengths[:, None].astype(np.float32)
    return np.concatenate([direction for part in parts.values() for direction in part], axis=-1)


def _pool_one(states: np.ndarray, pooling: str) -> np.ndarray:
    """As :func:`pool`, of one row's states ``(directions, steps, units)`` at once."""
    parts = {"last": states[:, -1]}
    if "max" in pooling:
        parts["max"] = states.max(axis=1)
    if "mean" in pooling:
        parts["mean"] = np.add.reduce(states, 1) / np.float32(states.shape[1])
    return np.concatenate([parts[kind].reshape(1, -1) for kind in pooling.split("_")], axis=1)


def _keep_last(before: np.ndarray, state: np.ndarray, out: np.ndarray) -> None:
    out[:] = state


_TAKE_IN: dict[str, Any] = {"last": _keep_last, "max": np.maximum, "mean": np.add}
