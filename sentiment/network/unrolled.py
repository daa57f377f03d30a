"""The recurrence unrolled over a known number of steps, for graphs."""

from typing import Any

from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.keras_network import (
    BELOW_ALL_STATES,
)
from sentiment.text.lexicon import PADDING


def unrolled_states(
    projected: Any, positions: Any, directions: list[Direction], cell: str, pooling: str, masking: bool
) -> Any:
    """Run the recurrence step by step in the graph and pool its states.

    Args:
        projected: x W_x + b of each type, ``(types, directions * gates * units)``; type 0 is padding.
        positions: indices of them, int32 ``(batch, time)``; ``time`` must be known.
        directions: recurrent weights, forward first.
        cell, pooling, masking: as in the network's settings.

    Returns:
        ``(batch, pooled)``, as the shipped network orders it.
    """
    width = positions.shape[1]
    steps = ops.transpose(positions)
    gathered = ops.unstack(ops.take(projected, steps, axis=0), width)
    real = ops.not_equal(steps, PADDING) if masking else ops.ones_like(steps)
    masks = ops.unstack(ops.cast(ops.expand_dims(real, -1), "float32"), width)
    pooled = []
    for i, weights in enumerate(directions):
        size = weights.kernel.shape[1]
        inputs = [step[:, i * size : (i + 1) * size] for step in gathered]
        order = range(width) if i == 0 else reversed(range(width))
        pooled.append(_run([(inputs[t], masks[t]) for t in order], weights, cell, pooling))
    return ops.concatenate([part for parts in zip(*pooled, strict=True) for part in parts], axis=-1)


def _run(steps: list[tuple[Any, Any]], weights: Direction, cell: str, pooling: str) -> list[Any]:
    """One direction: the pooled states, ``[last]``, ``[maximum]``, ``[mean]`` or ``[maximum, mean]``."""
    first = ops.zeros_like(steps[0][0][:, : weights.kernel.shape[0]])
    states = (first,) * state_count(cell)
    highest, total, count = first + BELOW_ALL_STATES, first, ops.zeros_like(steps[0][1])
    for projected, mask in steps:
        fresh = STEPS[cell](ops, projected, states, weights)
        states = tuple(mask * new + (1.0 - mask) * old for new, old in zip(fresh, states, strict=True))
        if pooling in ("max", "max_mean"):
            highest = ops.maximum(highest, mask * fresh[0] + (1.0 - mask) * BELOW_ALL_STATES)
        if pooling in ("mean", "max_mean"):
            total, count = total + mask * fresh[0], count + mask
    mean = total / ops.maximum(count, 1.0)
    return {"last": [states[0]], "max": [highest], "mean": [mean], "max_mean": [highest, mean]}[pooling]
