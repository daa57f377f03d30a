"""The order of class names: sorted, as scikit-learn takes for granted."""

from collections.abc import Sequence
from pathlib import Path

from sentiment.errors import ArtefactError


def require_sorted(classes: Sequence[str], path: str | Path) -> None:
    """Refuse classes in another order.

    Raises:
        ArtefactError: ``path`` was made by an earlier version, which kept the order of the profile.
    """
    if list(classes) != sorted(classes):
        raise ArtefactError(
            f"{path}: expected sorted classes, received {', '.join(classes)[:100]}: it is of an earlier version; "
            "run `make clean` and `make train`"
        )
