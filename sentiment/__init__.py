"""Tweet sentiment: a recurrent network over frozen GloVe vectors, from raw text to probabilities.

>>> import sentiment
>>> model = sentiment.load("models/sample")                 # doctest: +SKIP
>>> model.predict(["I love this", "what a waste of time"])  # doctest: +SKIP
array(['positive', 'negative'], dtype='<U8')

Begin reading here. A tweet takes this way, and each step is one module:

1. `predict/classifier.py` takes raw texts and gives probabilities; all other forms of the model agree with it.
2. `text/preprocessor.py` turns a text into ids: rules of `text/normalisation.py`, then look-ups in `text/lexicon.py`.
3. `network/folded.py` turns ids into probabilities in NumPy, by the recurrence of `network/recurrence.py`.
4. `predict/answers.py` turns probabilities into a label, which may be "unknown" or "uncertain".

The rooms, in the order in which data passes through them:

- `data` reads tables and deals tweets out to training, validation and test; `prepare` does so for any number of rows.
- `text` and `embedding` make the vocabulary and its matrix of GloVe vectors.
- `augment` makes further training rows, `training` trains the network of `network`, `export` writes the model folder.
- `predict` reads that folder without TensorFlow; `score` applies it to many files, and `serve` answers over HTTP.
- `shares` adds up the answers to shares over time and by group, with intervals where some tweets are labelled.
- `evaluation` measures, and `report` shows the figures.
- `common` knows nothing about tweets. `settings.py` names every setting, `__main__.py` every command.

The stages that build a model with these rooms are in `pipelines`, and the Makefile says which stage needs which file.
"""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.errors import ArtefactError, InputError, SentimentError, SettingsError

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.shares.answer import ShareAnswer

__version__ = "0.1.0"
__all__ = ["ArtefactError", "InputError", "SentimentError", "SettingsError", "__version__", "load", "share"]


def load(path: str | Path | None = None) -> "SentimentClassifier":
    """Read a trained model, without TensorFlow and spaCy.

    Args:
        path: a folder that `make train` has made, for instance ``models/sample``, or an archive that `sentiment pack`
            has made of one. An archive is read in place and not unpacked. None is the model that is named by the
            environment variable ``SENTIMENT_MODEL``, or else ``models/latest``, a link to the last trained model.

    Returns:
        A classifier with ``classes_``, ``predict(texts)`` and ``predict_proba(texts)``.

    Raises:
        InputError: ``path`` is not a path.
        ArtefactError: there is no model, or the model is incomplete, damaged or made of files of several models.
    """
    from sentiment.common.command_line import default_model

    if not isinstance(path, str | PathLike | None):
        raise InputError(f"expected the path of a model folder, received {path!r:.100}: name one such as models/sample")
    from sentiment.predict.model_folder import read_classifier

    return read_classifier(path or default_model())


def share(
    source: str | Path,
    output: str | Path,
    *,
    model: str | Path | None = None,
    column: str = "text",
    date: str = "",
    by: tuple[str, ...] = (),
    labels: str | Path | None = None,
    also: tuple[str, ...] = (),
) -> "ShareAnswer":
    """Estimate the share of each class among many tweets, per period and group, like the command `sentiment share`.

    Args:
        source: a file, folder or pattern, or a folder that `sentiment score` wrote.
        output: folder for the answer, and for the scored tweets where ``source`` has none.
        model: as :func:`load` takes it.
        column: name of the column of the tweets.
        date: name of the column of the dates; needed with a period in ``by``.
        by: a period (``hour``, ``day``, ``week``, ``month``, ``quarter``, ``year``) and columns that make groups.
        labels: a file of `sentiment draw` that was filled in. With it there are 95% intervals, by the estimators of
            :mod:`sentiment.shares.estimators`.
        also: labels that the model does not have as classes.

    Returns:
        An answer with ``rows`` (as in ``shares.csv``), ``changes`` between periods and groups, and ``table()``, which
        returns an Arrow table with a ``to_pandas()``.

    Raises:
        SentimentError: an input, the model, the labels or the output folder is not usable.
    """
    from sentiment.shares.run import share_of

    return share_of(source, output, model, column, date, by, labels, also)
