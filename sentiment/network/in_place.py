"""The simple cell's step and slope in NumPy, written into given memory: fresh arrays would double the time of a batch.

Each function takes ``room``, an array of the shape of the states whose content may be overwritten. Two arrays of one
shape are the fast case of NumPy's loops, so a constant is written into ``room`` first where a scalar would be slow.
"""

import numpy as np


def advance(projected: np.ndarray, before: np.ndarray, kernel: np.ndarray, room: np.ndarray, activation: str) -> None:
    """Overwrite x_t W_x + b with the state h_t = f(x_t W_x + b + h_{t-1} W_h).

    Args:
        projected: x_t W_x + b, float32 ``(directions, n, units)``.
        before: h_{t-1}, of the same shape.
        kernel: W_h, float32 ``(directions, units, units)``.
        room: memory, of the same shape as ``projected``.
        activation: ``tanh`` or ``softsign``.
    """
    np.matmul(before, kernel, out=room)
    np.add(projected, room, out=projected)
    activate_in_place(projected, room, activation)


def activate_in_place(x: np.ndarray, room: np.ndarray, activation: str, ones: np.ndarray | int = 1) -> None:
    """Overwrite ``x`` with its activation; ``ones`` of its shape save half a microsecond where ``x`` is one row."""
    if activation == "softsign":
        np.absolute(x, room)
        np.add(room, ones, room)
        np.divide(x, room, x)
    else:
        np.tanh(x, out=x)


def slope_of(state: np.ndarray, room: np.ndarray, activation: str) -> np.ndarray:
    """Return the activation's derivative, worked out from the states that it gave; the result is ``room``."""
    if activation == "softsign":  # (1 - |h|)^2
        np.subtract(1, np.abs(state, out=room), out=room)
        return np.square(room, out=room)
    return np.subtract(1, np.square(state, out=room), out=room)
