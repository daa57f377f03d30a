"""Check that class names are sorted, as scikit-learn expects."""

from collections.abc import Sequence
from pathlib import Path

from sentiment.errors import ArtefactError


def require_sorted(classes: Sequence[str], path: str | Path) -> None:
    """Check that ``classes`` are sorted.

    Raises:
        ArtefactError: the classes are not sorted, because an earlier version wrote the file ``path``.
    """
    if list(classes) != sorted(classes):
        raise ArtefactError(
            f"{path}: expected sorted classes, received {', '.join(classes)[:100]}: it is of an earlier version; "
            "run `make clean` and `make train`"
        )
