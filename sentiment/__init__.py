"""Tweet sentiment: a recurrent network over frozen GloVe vectors, from raw text to probabilities.

>>> import sentiment
>>> model = sentiment.load("models/sample")                 # doctest: +SKIP
>>> model.predict(["I love this", "what a waste of time"])  # doctest: +SKIP
array(['positive', 'negative'], dtype='<U8')
"""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.errors import ArtefactError, InputError, SentimentError, SettingsError

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier

__version__ = "0.1.0"
__all__ = ["ArtefactError", "InputError", "SentimentError", "SettingsError", "__version__", "load"]


def load(path: str | Path | None = None) -> "SentimentClassifier":
    """Read a trained model from its folder; needs neither TensorFlow nor spaCy.

    Args:
        path: a folder that `make train` has made, such as ``models/sample``. None is the one that the environment
            variable ``SENTIMENT_MODEL`` names, or else ``models/latest``, which follows the last training.

    Returns:
        An object with ``classes_``, ``predict(texts)`` and ``predict_proba(texts)``.

    Raises:
        InputError: ``path`` is no path.
        ArtefactError: there is no model, or it is incomplete, damaged or put together from different models.
    """
    from sentiment.common.command_line import default_model
    from sentiment.predict.digests import Digests

    if not isinstance(path, str | PathLike | None):
        raise InputError(f"expected the path of a model folder, received {path!r:.100}: name one such as models/sample")
    folder = Path(path or default_model())
    digests = Digests(folder)  # before NumPy is imported, which takes as long
    from sentiment.predict.model_folder import read_classifier

    return read_classifier(folder, digests)
