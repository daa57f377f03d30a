"""Compare the forms of one model before any of them is written."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.shared.artefacts import read_part
from sentiment.errors import ArtefactError

TOLERANCE = 1e-5
_ROWS = 2000


def rows_to_compare(processed: Path) -> np.ndarray:
    """Return the padded ids, int32 ``(rows, max_tokens)``, of the validation tweets that forms are compared on.

    Raises:
        ArtefactError: they are missing or damaged.
    """
    return read_part(processed, "validation").ids[:_ROWS].astype(np.int32)


def require_agreement(answers: Mapping[str, np.ndarray], expected: np.ndarray, standard: str) -> float:
    """Return the largest difference between ``answers`` and ``expected``, each ``(rows, classes)``.

    Args:
        answers: probabilities by the name of the form.
        expected: probabilities of the ``standard`` for the same rows.
        standard: its name, for the message.

    Raises:
        ArtefactError: a form differs by more than the tolerance.
    """
    differences = {name: float(np.abs(answer - expected).max()) for name, answer in answers.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ArtefactError(f"the {name} differs from the {standard} by {difference:.2g}: nothing is written")
    return max(differences.values())
