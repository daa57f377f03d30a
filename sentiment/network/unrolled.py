"""The recurrence unrolled over a fixed number of steps, for graphs without loops and for automatic differentiation.

The tokens of each row are reversed for the backward direction, so a step of both directions is one product of stacked
matrices. Padding follows the tokens in both directions, so only the pooling needs a mask.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.folded import FoldedNetwork
from sentiment.network.keras_network import BELOW_ALL_STATES
from sentiment.settings import NetworkSettings
from sentiment.text.lexicon import PADDING


def unrolled_states(projected: Any, positions: Any, directions: list[Direction], kinds: NetworkSettings) -> Any:
    """Run the unrolled recurrence; return pooled states ``(batch, kinds of pooling * directions * units)``.

    Args:
        projected: cell input x W_x + b of each distinct token, ``(distinct tokens, directions * gates * units)``;
            row 0 is padding.
        positions: index of each token in ``projected``, int32 ``(batch, time)``, padded at the start or the end;
            ``time`` is fixed.
        directions: recurrent weights of each direction, forward first.
        kinds: the network's settings.
    """
    rows = ops.reshape(projected, (-1, projected.shape[1] // len(directions)))
    offsets = ops.reshape(ops.arange(len(directions), dtype="int32"), (1, -1, 1))
    return unrolled_lookups(
        lambda each: ops.take(rows, each * len(directions) + offsets, axis=0), positions, directions, kinds
    )


def unrolled_lookups(
    lookup: Callable[[Any], Any], ids: Any, directions: list[Direction], kinds: NetworkSettings | FoldedNetwork
) -> Any:
    """Do the same as :func:`unrolled_states` for token ids, int32 ``(batch, time)``, with cell inputs from ``lookup``.

    ``lookup`` is a function from ids int32 ``(time, directions, batch)`` to the cell inputs x W_x + b, ``(time,
    directions, batch, gates * units)``. ``kinds`` may also be the network itself.
    """
    real = ops.cast(ops.not_equal(ids, PADDING), "int32")
    lengths = ops.sum(real, axis=1)
    order = _turned(ids, ops.argmax(real, axis=1), lengths, len(directions))
    states = ops.stack(_states(ops.unstack(lookup(order), ids.shape[1]), directions, kinds))
    return _pooled(states, ops.reshape(lengths, (1, 1, -1, 1)), kinds.pooling)


def _turned(ids: Any, first: Any, lengths: Any, directions: int) -> Any:
    """Return ids ``(time, directions, batch)`` in the reading order of each direction, with padding last.

    ``first`` is the index of each row's first token, and ``lengths`` the number of its tokens, both ``(batch,)``.
    """
    last = ids.shape[1] - 1
    time = ops.expand_dims(ops.arange(last + 1, dtype="int32"), 0)
    first, lengths = (ops.expand_dims(ops.cast(each, "int32"), 1) for each in (first, lengths))
    read = [first + time, first + lengths - 1 - time][:directions]
    # Keras's take_along_axis computes a shape in the graph, and some runtimes then keep the output at one row.
    turned = [tf.gather(ids, ops.clip(index, 0, last), batch_dims=1) for index in read]
    return ops.transpose(ops.stack(turned), (2, 0, 1))


def _states(steps: list[Any], directions: list[Direction], kinds: NetworkSettings | FoldedNetwork) -> list[Any]:
    kernel = ops.stack([ops.reshape(each.kernel, each.kernel.shape) for each in directions])
    biases = [ops.expand_dims(each.bias, 0) for each in directions if each.bias is not None]
    weights = Direction(kernel, ops.stack(biases) if biases else None)
    first = ops.zeros_like(steps[0][..., : kernel.shape[1]])
    states, hidden = (first,) * state_count(kinds.cell), []
    for projected in steps:
        states = STEPS[kinds.cell](ops, projected, states, weights, kinds.activation)
        hidden.append(states[0])
    return hidden


def _pooled(states: Any, lengths: Any, pooling: str) -> Any:
    """Pool ``states`` ``(time, directions, batch, units)`` over the first ``lengths`` steps of each row."""
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
