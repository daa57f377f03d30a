"""The recurrence in NumPy, over rows of different lengths, in all directions at once and without padding.

Rows are sorted by decreasing length, so the rows that still have a token at a step come first. A step therefore updates
one contiguous block of memory in place. The cell inputs x W_x + b of a step are looked up just before the step, so the
processor still has them in its cache. The backward direction reads each row from its end, at the same steps.

Allocating new arrays would double the time of a batch. A step of the simple RNN therefore writes into a given buffer,
``room``. The buffer has the shape of the states, because NumPy is fastest with arrays of equal shape.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import absolute, add, divide, tanh

from sentiment.common.ragged import Ragged
from sentiment.network.cells import STEPS, Direction, state_count


class RowsByLength(NamedTuple):
    """Rows of at least one id, sorted by decreasing length; row i is ``values[starts[i] : starts[i] + lengths[i]]``."""

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def part(self, start: int, end: int) -> "RowsByLength":
        """Return a block of these rows of ids: those from index ``start`` to ``end - 1``."""
        return RowsByLength(self.values, self.starts[start:end], self.lengths[start:end])


def by_length(ids: Ragged) -> tuple[RowsByLength, np.ndarray]:
    """Return the rows of ``ids`` sorted by decreasing length, and the original index of each sorted row."""
    order = np.argsort(-ids.lengths, kind="stable")
    return RowsByLength(ids.values, ids.starts.take(order), ids.lengths.take(order)), order


def rows_at_steps(lengths: np.ndarray) -> np.ndarray:
    """Return the number of rows that have a token at each step, ``(lengths[0],)``; ``lengths`` must be decreasing."""
    return np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")


def hidden_states(
    table: np.ndarray, rows: RowsByLength, weights: Direction, cell: str, activation: str
) -> Iterator[np.ndarray]:
    """Yield the hidden states of each step, ``(directions, rows that have a token, units)``.

    An array may be overwritten two steps later, so a caller must use or copy the array before then.

    Args:
        table: cell input x W_x + b of each token, float32 ``(directions, vocabulary, gates * units)``.
        rows: at least one row.
        weights: stacked weights of all directions: kernel ``(directions, units, gates * units)``, and bias
            ``(directions, 1, gates * units)`` or None.
    """
    steps = _steps(table, rows)
    if cell == "simple_rnn":
        return simple_rnn_states(steps, weights.kernel, activation)
    return _gated(steps, weights, cell, activation)


def _steps(table: np.ndarray, rows: RowsByLength) -> Iterator[np.ndarray]:
    """Yield the cell inputs of each time step from ``table``: ``(directions, rows with a token, gates * units)``."""
    values, first, last = rows.values, rows.starts, rows.starts + rows.lengths - 1
    buffers = np.empty((2, len(table), len(first), table.shape[2]), table.dtype)
    for step, count in enumerate(rows_at_steps(rows.lengths).tolist()):
        into = buffers[step % 2, :, :count]
        at = (first[:count] + step, last[:count] - step)
        for part, where, projected in zip(table, at, into, strict=False):
            # All ids are within the table. Only the mode "clip" writes to ``out`` without a further copy.
            part.take(values.take(where), axis=0, out=projected, mode="clip")
        yield into


def simple_rnn_states(steps: Iterator[np.ndarray], kernel: np.ndarray, activation: str) -> Iterator[np.ndarray]:
    """Yield the hidden states h_t = f(x_t W_x + b + h_{t-1} W_h) of each time step, ``(directions, n, units)``.

    ``steps`` yields the cell inputs x_t W_x + b, which the states overwrite. ``n`` never rises from step to step.
    """
    state = room = np.empty(0)
    for first, step in enumerate(steps):
        n = step.shape[1]
        room = room[:, :n] if first else np.empty_like(step)
        if first:
            np.matmul(state[:, :n], kernel, out=room)
            np.add(step, room, out=step)
        activate_in_place(step, room, activation)
        state = step
        yield state


def _gated(steps: Iterator[np.ndarray], weights: Direction, cell: str, activation: str) -> Iterator[np.ndarray]:
    states: Any = None
    for step in steps:
        if states is None:
            states = (np.zeros((*step.shape[:2], weights.kernel.shape[1]), step.dtype),) * state_count(cell)
        before = tuple(state[:, : step.shape[1]] for state in states)
        states = STEPS[cell](np, step, before, weights, activation)
        yield states[0]


def pool(states: Iterator[np.ndarray], lengths: np.ndarray, pooling: str) -> np.ndarray:
    """Pool the ``states`` that :func:`hidden_states` yields; return ``(kinds of pooling, directions, n, units)``.

    ``lengths`` are the numbers of tokens of the rows, ``(n,)``. ``max_mean`` gives the maxima first, then the means.
    """
    kinds = pooling.split("_")
    first = next(states)
    pooled = np.empty((len(kinds), *first.shape), first.dtype)
    pooled[:] = first
    for state in states:
        for kind, part in zip(kinds, pooled, strict=True):
            upto = part[:, : state.shape[1]]
            _TAKE_IN[kind](upto, state, out=upto)
    if "mean" in kinds:
        pooled[kinds.index("mean")] /= lengths[:, None].astype(np.float32)
    return pooled


_TAKE_IN: dict[str, Any] = {"last": lambda before, state, out: np.copyto(out, state), "max": np.maximum, "mean": np.add}


def pooled_row(steps: np.ndarray, kernel: np.ndarray, activation: str, pooling: str) -> np.ndarray:
    """Return the pooled states of a single row in a simple RNN, ``(kinds of pooling * directions * units,)``.

    The functions for many rows make more NumPy calls. With them, the network would take over twice as long for one row.

    The states overwrite ``steps``, float32 ``(time, directions * units)``: the cell inputs in the reading order of each
    direction. ``kernel`` is the block-diagonal W_h of all directions, ``(directions * units, directions * units)``.
    """
    room, ones, state = np.empty_like(steps[0]), np.ones_like(steps[0]), None
    is_softsign = activation == "softsign"
    for step in steps:
        if state is not None:
            add(step, state.dot(kernel, room), step)  # np.dot takes half as long again for arrays of this size
        if is_softsign:  # with an array of ones, this is faster for a row than `activate_in_place`
            divide(step, add(absolute(step, room), ones, room), step)
        else:
            tanh(step, step)
        state = step
    return np.concatenate([_POOLED[kind](steps) for kind in pooling.split("_")])


def _mean(states: np.ndarray) -> np.ndarray:
    return np.add.reduce(states, 0) / np.float32(len(states))


_POOLED = {"last": lambda states: states[-1], "max": lambda states: np.maximum.reduce(states, 0), "mean": _mean}


def activate_in_place(x: np.ndarray, room: np.ndarray, activation: str) -> None:
    """Overwrite ``x`` with tanh(x) or softsign(x) = x / (1 + |x|); ``room`` is a buffer with the shape of ``x``."""
    if activation == "softsign":
        divide(x, add(absolute(x, room), 1, room), x)
    else:
        tanh(x, x)


def slope_of(state: np.ndarray, room: np.ndarray, activation: str) -> np.ndarray:
    """Return the activation's derivative, computed from the activation's output ``state`` and stored in ``room``."""
    if activation == "softsign":  # (1 - |h|)^2
        np.subtract(1, np.abs(state, out=room), out=room)
        return np.square(room, out=room)
    return np.subtract(1, np.square(state, out=room), out=room)
