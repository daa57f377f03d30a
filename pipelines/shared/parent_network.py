"""The network of the model that training starts from; apart, since it needs Keras and the rest of a parent does not."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared.parent import KERAS_MODEL, require_parent
from sentiment.errors import ArtefactError

if TYPE_CHECKING:
    import keras


def load_network(folder: Path) -> "keras.Model":
    """The parent's network.

    Raises:
        ArtefactError: it cannot be read.
    """
    import keras

    require_parent(folder)
    try:
        return keras.models.load_model(folder / KERAS_MODEL)
    except (ValueError, TypeError, OSError, KeyError) as error:
        line = " ".join(str(error).split())[:100]
        raise ArtefactError(
            f"{folder / KERAS_MODEL}: not a network of this version ({line}); train it again"
        ) from error
