"""Tweet sentiment: a recurrent network over frozen GloVe vectors, from raw text to probabilities.

>>> import sentiment
>>> model = sentiment.load("models/sample")                 # doctest: +SKIP
>>> model.predict(["I love this", "what a waste of time"])  # doctest: +SKIP
array(['positive', 'negative'], dtype='<U8')

Start reading here. To predict a tweet, these modules work together:

1. `predict/classifier.py` takes raw texts and returns the same probabilities as exports in other formats.
2. `text/preprocessor.py` converts a text to ids, by the rules of `text/normalisation.py` and the table of
   `text/lexicon.py`.
3. `network/folded.py` computes probabilities from the ids in NumPy, with the recurrence of `network/recurrence.py`.
4. `predict/answers.py` turns probabilities into a label, which may be "unknown" or "uncertain".

Each subpackage's docstring says what it is for. `settings.py` lists all settings, and `__main__.py` all commands. The
stages that build a model are in `pipelines`.
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
    """Read a trained model. TensorFlow and spaCy are not needed.

    Args:
        path: a model folder, for example ``models/sample``, or an archive made by `sentiment pack`, which is not
            unpacked. None takes the model that the environment variable ``SENTIMENT_MODEL`` names, or else
            ``models/latest``, the last trained model.

    Returns:
        A classifier with ``classes_``, ``predict(texts)`` and ``predict_proba(texts)``.

    Raises:
        InputError: ``path`` is neither a string nor a path.
        ArtefactError: there is no model, or the model is incomplete, damaged or a mixture of several models.
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

    In a script, write the call below ``if __name__ == "__main__":``, because worker processes, which score several
    files or a large Parquet file, import the script.

    Args:
        source: a file, folder or pattern, or a folder that `sentiment score` wrote.
        output: the folder for the answer, and for the scored tweets if ``source`` is not scored yet.
        model: a model folder or archive; None takes the default of :func:`load`.
        column: the name of the column with the tweets.
        date: the name of the column with the dates, which is needed if ``by`` contains a period.
        by: a period (``hour``, ``day``, ``week``, ``month``, ``quarter``, ``year``), columns to group by, or both.
        labels: a file from `sentiment draw` with labels filled in. It is needed for 95% intervals, which
            :mod:`sentiment.shares.estimates` computes.
        also: further labels that the file ``labels`` may contain, although they are not classes of the model.

    Returns:
        An answer. Its ``rows`` are the estimated shares, and its ``changes`` compare periods and groups. Its method
        ``table`` returns the rows as an Arrow table.

    Raises:
        SentimentError: an input, the model, the labels or the output folder is not usable.
    """
    path = (str, PathLike)
    for name, given, types, expected in (
        ("source", source, path, "one file, folder or pattern"),
        ("output", output, path, "the path of a folder"),
        ("model", model, (*path, type(None)), "the path of a model folder"),
        ("labels", labels, (*path, type(None)), "the path of a file from `sentiment draw`"),
        ("column", column, str, "the name of a column"),
        ("date", date, str, "the name of a column"),
    ):
        if not isinstance(given, types) or (name == "output" and "://" in str(given)):
            raise InputError(f"{name}: expected {expected}, received {given!r:.100}")
    for name, names in (("by", by), ("also", also)):
        if not isinstance(names, tuple | list) or not all(isinstance(each, str) for each in names):
            raise InputError(f"{name}: expected a tuple of names, such as ('week',), received {names!r:.100}")
    from sentiment.common.command_line import default_model
    from sentiment.common.engines import LocalEngine
    from sentiment.common.parallel import available_cores
    from sentiment.data.reading import Reading
    from sentiment.shares import run
    from sentiment.shares.scored import share_columns

    columns, place = share_columns(column, date, by), Path(model or default_model())
    filled = Path(labels) if labels else None
    wanted = run.ShareRequest((str(source),), Path(output), place, Reading(column), columns, filled, tuple(also))
    with LocalEngine(available_cores()) as engine:
        return run.share(wanted, engine)
