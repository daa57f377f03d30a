"""Tables of 8 bits: each row is stored as int8 numbers and one float32 scale.

Every form of a model looks rows up in the same int8 table and multiplies them by the same scales, so all forms
calculate with the same numbers.
"""

from typing import NamedTuple

import numpy as np

_LARGEST = 127


class Quantised(NamedTuple):
    """Numbers in 8 bits.

    Attributes:
        values: int8.
        scales: float32, of the shape of ``values`` but with one scale instead of the axis that was quantised.
    """

    values: np.ndarray
    scales: np.ndarray


def quantise(numbers: np.ndarray, axis: int) -> Quantised:
    """Round finite float32 ``numbers`` to 255 levels; what differs along ``axis`` only shares a scale."""
    scales = (np.abs(numbers).max(axis=axis, keepdims=True) / _LARGEST).astype(np.float32)
    divisors = np.where(scales > 0, scales, np.float32(1))
    return Quantised(np.rint(numbers / divisors).astype(np.int8), scales.squeeze(axis))
