"""Check that the exported forms of a model give equal probabilities, before any form is written."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.shared.artefacts import read_part
from sentiment.errors import ArtefactError

TOLERANCE = 1e-5
_ROWS = 2000


def rows_to_compare(processed: Path) -> np.ndarray:
    """Return padded ids of validation tweets, int32 ``(rows, max_tokens)``, for comparing the forms of a model.

    Raises:
        ArtefactError: the file of ids is missing or damaged.
    """
    return read_part(processed, "validation").ids[:_ROWS].astype(np.int32)


def require_agreement(answers: Mapping[str, np.ndarray], expected: np.ndarray, standard: str) -> float:
    """Return the largest absolute difference between probabilities, which must not exceed ``TOLERANCE``.

    Args:
        answers: name of a form -> its probabilities ``(rows, classes)``.
        expected: the reference probabilities ``(rows, classes)`` for the same rows.
        standard: the name of the reference, used in the error message.

    Raises:
        ArtefactError: a form differs by more than ``TOLERANCE``.
    """
    differences = {name: float(np.abs(answer - expected).max()) for name, answer in answers.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ArtefactError(f"the {name} differs from the {standard} by {difference:.2g}: nothing is written")
    return max(differences.values())
