"""The recurrence unrolled over a known number of steps, for graphs.

All that can be is done once for all steps and directions: the backward direction reads the tokens of each row turned
round, so that a step of both is one product of stacked matrices; and padding, which then follows the tokens in either
direction, needs no mask within the recurrence, only where the states are pooled.
"""

from typing import Any

from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.keras_network import BELOW_ALL_STATES
from sentiment.text.lexicon import PADDING


def unrolled_states(
    projected: Any, positions: Any, directions: list[Direction], cell: str, pooling: str, masking: bool
) -> Any:
    """Run the recurrence step by step in the graph and pool its states.

    Args:
        projected: x W_x + b of each type, ``(types, directions * gates * units)``; type 0 is padding.
        positions: indices of them, int32 ``(batch, time)``, padded on either side; ``time`` must be known.
        directions: recurrent weights, forward first.
        cell, pooling, masking: as in the network's settings.

    Returns:
        ``(batch, pooled)``, as the shipped network orders it.
    """
    count, width = len(directions), positions.shape[1]
    real = ops.not_equal(positions, PADDING) if masking else ops.ones_like(positions)
    real = ops.cast(real, "int32")
    lengths = ops.sum(real, axis=1)
    rows = ops.reshape(projected, (-1, count, projected.shape[1] // count))
    rows = ops.reshape(rows, (-1, projected.shape[1] // count))
    order = _turned(positions, ops.argmax(real, axis=1), lengths, count)  # (time, directions, batch)
    offsets = ops.reshape(ops.arange(count, dtype="int32"), (1, -1, 1))
    steps = ops.unstack(ops.take(rows, order * count + offsets, axis=0), width)
    states = ops.stack(_states(steps, directions, cell))
    return _pooled(states, ops.reshape(lengths, (1, 1, -1, 1)), pooling)


def _turned(positions: Any, first: Any, lengths: Any, directions: int) -> Any:
    """Positions as each direction reads them, its first token at the first step: ``(time, directions, batch)``."""
    last = positions.shape[1] - 1
    time = ops.expand_dims(ops.arange(last + 1, dtype="int32"), 0)
    first, lengths = (ops.expand_dims(ops.cast(each, "int32"), 1) for each in (first, lengths))
    read = [first + time, first + lengths - 1 - time][:directions]
    turned = [ops.take_along_axis(positions, ops.clip(index, 0, last), axis=1) for index in read]
    return ops.transpose(ops.stack(turned), (2, 0, 1))


def _states(steps: list[Any], directions: list[Direction], cell: str) -> list[Any]:
    """The hidden states after each step, ``(directions, batch, units)``."""
    kernel = ops.stack([ops.reshape(each.kernel, each.kernel.shape) for each in directions])
    biases = [ops.expand_dims(each.bias, 0) for each in directions if each.bias is not None]
    weights = Direction(kernel, ops.stack(biases) if biases else None)
    first = ops.zeros_like(steps[0][..., : kernel.shape[1]])
    states, hidden = (first,) * state_count(cell), []
    for projected in steps:
        states = STEPS[cell](ops, projected, states, weights)
        hidden.append(states[0])
    return hidden


def _pooled(states: Any, lengths: Any, pooling: str) -> Any:
    """``states`` ``(time, directions, batch, units)`` over the first ``lengths`` steps, as Keras orders them."""
    time = ops.reshape(ops.arange(states.shape[0], dtype="int32"), (-1, 1, 1, 1))
    real = ops.less(time, lengths)
    parts = []
    for kind in pooling.split("_"):
        if kind == "max":
            parts.append(ops.max(ops.where(real, states, BELOW_ALL_STATES), axis=0))
        elif kind == "mean":
            kept = ops.sum(ops.where(real, states, 0.0), axis=0)
            parts.append(kept / ops.cast(ops.maximum(lengths[0], 1), kept.dtype))
        else:
            parts.append(ops.sum(ops.where(ops.equal(time, lengths - 1), states, 0.0), axis=0))
    return ops.concatenate([part[i] for part in parts for i in range(states.shape[1])], axis=-1)
