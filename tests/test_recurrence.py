"""The recurrence worked by hand, forward and back."""

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.folding import fold
from sentiment.network import build_network
from sentiment.recurrence import Direction, FoldedNetwork
from sentiment.settings import NetworkSettings
from sentiment.tokens import Ragged
from sentiment.typewise import TypewiseModel

# h, e, l, o are ids 2, 3, 4, 5; "hello" is h e l l o. Two units, two classes.
HELLO = [2, 3, 4, 4, 5]
W_X = [[0.5, -0.3], [0.1, 0.8], [-0.6, 0.2], [0.4, 0.7]]  # a row for each of h, e, l, o
W_H = [[0.2, -0.5], [0.9, 0.3]]
BIAS = [0.1, -0.2]
W_Y = [[1.5, -1.0], [-0.7, 0.6]]
BIAS_Y = [0.05, -0.05]
# The answer, from an earlier pencil-and-paper run: states after each letter, then the class probabilities.
STATES = [
    (0.5370495669980353, -0.46211715726000973),
    (-0.1079785, 0.1889566),
    (-0.3383, 0.1101),
]


def hello_by_hand() -> tuple[list[tuple[float, float]], list[float]]:
    """The states after each letter and the softmax of the last, in plain Python."""
    states, h = [], (0.0, 0.0)
    for letter in HELLO:
        x = [1.0 if letter - 2 == i else 0.0 for i in range(4)]
        h = tuple(
            math.tanh(sum(x[i] * W_X[i][j] for i in range(4)) + sum(h[i] * W_H[i][j] for i in range(2)) + BIAS[j])
            for j in range(2)
        )
        states.append(h)
    exponentials = [math.exp(sum(h[i] * W_Y[i][k] for i in range(2)) + BIAS_Y[k]) for k in range(2)]
    return states, [e / sum(exponentials) for e in exponentials]

if 1:
    print(hello_by_hand())
