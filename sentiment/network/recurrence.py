"""The recurrence in NumPy, over rows of different lengths, every direction at once and nothing padded.

Rows come sorted by falling length, so that those that have a token at a step are the first ones: a step is a stretch of
memory that is worked on in place. Each step's tokens are looked up when it comes, into one of two buffers, so that what
is at hand stays in the processor's cache. The backward direction reads each row from its end, so that its steps go
forward too.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.network.cells import STEPS, Direction, state_count


class Rows(NamedTuple):
    """Rows of at least one id each, by falling length: ``values`` from each of ``starts`` on, ``lengths`` of them."""

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def part(self, start: int, end: int) -> "Rows":
        """Those from ``start`` up to ``end``."""
        return Rows(self.values, self.starts[start:end], self.lengths[start:end])


def by_length(ids: Ragged) -> tuple[Rows, np.ndarray]:
    """``ids`` by falling length, and the index of each row in ``ids``."""
    order = np.argsort(-ids.lengths, kind="stable")
    return Rows(ids.values, ids.starts.take(order), ids.lengths.take(order)), order


def rows_at_steps(lengths: np.ndarray) -> np.ndarray:
    """How many of the rows, by falling length, have a token at each step, ``(lengths[0],)``: the first so many."""
    return np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")


def hidden_states(table: np.ndarray, rows: Rows, weights: Direction, cell: str) -> Iterator[np.ndarray]:
    """The hidden states of each step in turn, ``(directions, active, units)``.

    A step's are gone when the next but one is asked for.

    Args:
        table: x W_x + b of each token, ``(directions, vocabulary, gates * units)``.
        rows: ``n`` of them.
        weights: of all directions, stacked: kernel ``(directions, units, gates * units)``, bias
            ``(directions, 1, gates * units)`` or None.
        cell: as in the network's settings.
    """
    run = _simple_rnn if cell == "simple_rnn" else _gated
    return run(_steps(table, rows), weights, cell)


def _steps(table: np.ndarray, rows: Rows) -> Iterator[np.ndarray]:
    """What ``table`` says of the tokens of each step, ``(directions, active, gates * units)``."""
    values, first, last = rows.values, rows.starts, rows.starts + rows.lengths - 1
    buffers = np.empty((2, len(table), len(first), table.shape[2]), table.dtype)
    for step, count in enumerate(rows_at_steps(rows.lengths).tolist()):
        into = buffers[step % 2, :, :count]
        at = (first[:count] + step, last[:count] - step)
        for part, where, projected in zip(table, at, into, strict=False):
            # Ids are within the table; other modes than "clip" copy once more.
            part.take(values.take(where), axis=0, out=projected, mode="clip")
        yield into


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
    """Hidden states pooled over time, ``(kinds of pooling, directions, n, units)``.

    Args:
        states: of each step, ``(directions, active, units)``; at least one.
        lengths: of the rows, ``(n,)``.
        pooling: ``last``, ``max``, ``mean`` or ``max_mean`` (maxima first, then means).
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


def _keep_last(before: np.ndarray, state: np.ndarray, out: np.ndarray) -> None:
    out[:] = state


_TAKE_IN: dict[str, Any] = {"last": _keep_last, "max": np.maximum, "mean": np.add}
