"""The classifier for use from Python: it takes raw tweets, returns labels and probabilities, and needs only NumPy."""

import math
import sys
from collections.abc import Callable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.errors import ArtefactError, InputError
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.answers import Answers, labels_of
from sentiment.text.inputs import as_sequence, encode_all, is_arrow, is_missing
from sentiment.text.lexicon import known_shares
from sentiment.text.preprocessor import Preprocessor

if TYPE_CHECKING:
    from sentiment.predict.explanation import Explanation

# The last digits of an answer depend on the other texts in its block. The division into blocks therefore depends on the
# number of texts alone, not on the number of cores or their load.
_ROWS_PER_BLOCK = 16_384  # each distinct token of a block is looked up once, so long blocks need fewer look-ups
_ROWS_ALONE = 1536  # up to this number of texts, sharing the work between cores costs more than it saves


class SentimentClassifier:
    """A trained model with the interface of a scikit-learn classifier. It never changes, so threads can share it.

    It works in scikit-learn's pipelines, scorers and wrappers, and does not import scikit-learn.

    Attributes:
        classes_: class names, str ``(n_classes,)``, sorted; the order of the columns of probabilities.
        preprocessor: the text preprocessing.
        network: the network, whose layers before the recurrence are replaced by a table of their outputs per token.
    """

    _estimator_type = "classifier"

    def __init__(self, preprocessor: Preprocessor, network: FoldedNetwork, classes: Sequence[str]) -> None:
        self.classes_ = np.array(classes, dtype=np.str_)
        self.preprocessor = preprocessor
        self.network = network

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Return class probabilities, float32 ``(n, n_classes)``.

        Args:
            texts: ``n`` strings in a list, NumPy array, pandas Series or Arrow array. The probabilities of a text are
                meaningless if the model knows none of its tokens. :meth:`answer` returns the share that it knows.

        Raises:
            InputError: ``texts`` is a single string, or contains a value that is not a string or has no UTF-8 form.
            ArtefactError: a probability is not a finite number, so the model is damaged.
        """
        return self._by_blocks(lambda block: (self.network.probabilities(self.preprocessor.encode(block)),), texts)[0]

    def answer(self, texts: Any) -> Answers:
        """Return for each text the probabilities, the share of tokens that the model knows, and if its end was cut off.

        Arguments and errors are as for :meth:`predict_proba`. A text without tokens (blank, or stop words only) has a
        share of 0. :func:`sentiment.predict.answers.labels_of` turns answers into labels, including ``unknown``.
        """
        return Answers(*self._by_blocks(self._all_answers, texts))

    def predict(self, texts: Any) -> np.ndarray:
        """Return the most probable class of each text, str ``(n,)``. Arguments are as for :meth:`predict_proba`."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def labels(self, texts: Any, threshold: float = 0.0, force: bool = False) -> np.ndarray:
        """Return each text's label, as `sentiment predict` does, str ``(n,)``: a class, ``unknown`` or ``uncertain``.

        ``texts`` are as for :meth:`predict_proba`, ``threshold`` and ``force`` as for
        :func:`sentiment.predict.answers.labels_of`.

        Raises:
            InputError: a text is not valid, or ``threshold`` is not between 0 and 1.
        """
        if not isinstance(threshold, Real) or not 0 <= threshold <= 1:
            raise InputError(f"threshold: expected a probability from 0 to 1, received {threshold!r:.100}")
        return labels_of(self.classes_, *self.answer(texts)[:2], threshold, force)

    def explain(self, text: str) -> "Explanation":
        """Label ``text`` and measure how much each token contributed. Use ``print`` to show the result.

        Raises:
            InputError: ``text`` is not a string or has no UTF-8 form.
        """
        from sentiment.predict.explanation import explain

        return explain(self.preprocessor, self.network, self.classes_, text)

    def fit(self, texts: Any, labels: Any = None) -> Self:
        """Raise an `InputError`, because only the stages of the pipeline can train a model."""
        raise InputError(
            "this model is trained already and cannot be fitted here (`make train` trains one); "
            "where fit must be called, wrap it in sklearn.frozen.FrozenEstimator"
        )

    def score(self, texts: Any, labels: Any) -> float:
        """Return the accuracy: the share of ``texts`` ``(n,)`` whose predicted class is the one in ``labels`` ``(n,)``.

        Raises:
            InputError: a text is not valid, a label is missing, there are not ``n`` labels, or no label is a class.
        """
        texts = as_sequence(texts)
        wanted = self._true_labels(labels, len(texts))
        return float(np.mean(self.predict(texts) == wanted))

    def _true_labels(self, labels: Any, count: int) -> np.ndarray:
        if isinstance(labels, str | bytes):
            raise InputError("expected a list of labels, received a single one: put it in a list")
        given = as_sequence(labels)
        given = given.to_pylist() if is_arrow(given) else given
        if len(given) != count or not given:
            raise InputError(f"expected a label for each of {count} texts, one at least; received {len(given)} labels")
        missing = [i for i, label in enumerate(given) if is_missing(label)]
        if missing:
            raise InputError(f"label {missing[0]} is missing: leave its text out")
        classes = self.classes_.tolist()
        spellings = {name.strip().casefold(): name for name in classes}  # training compares labels in this way too
        names = [spellings.get(str(label).strip().casefold(), str(label)) for label in given]
        if not {*names} & {*classes}:
            received = ", ".join(sorted({*names}))[:100]
            raise InputError(f"expected labels among {', '.join(classes)}, received {received}: rename them")
        return np.array(names)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return an empty dict, because a trained model has no parameters."""
        return {}

    def set_params(self, **parameters: Any) -> Self:
        """Return the classifier itself. A classifier has no parameters, so any parameter raises an `InputError`."""
        if parameters:
            raise InputError(f"a trained model has no parameters, received {', '.join(parameters)}; train another")
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags for a classifier. Only scikit-learn calls this, so it is imported already."""
        kinds = sys.modules["sklearn.utils"]
        return kinds.Tags(
            estimator_type="classifier",
            target_tags=kinds.TargetTags(required=False),
            classifier_tags=kinds.ClassifierTags(),
            input_tags=kinds.InputTags(two_d_array=False, string=True),
        )

    def __repr__(self) -> str:
        words, cell = len(self.preprocessor.lexicon.vocabulary), self.network.cell
        return f"SentimentClassifier(classes={self.classes_.tolist()}, vocabulary={words:,}, cell={cell!r})"

    def _all_answers(self, texts: Any) -> tuple[np.ndarray, ...]:
        ids, cut = self.preprocessor.encode_and_compare(texts)
        return self.network.probabilities(ids), known_shares(ids, self.preprocessor.says_something), cut

    def _by_blocks(self, function: Callable[[Any], tuple[np.ndarray, ...]], texts: Any) -> Sequence[np.ndarray]:
        """Apply ``function`` to blocks of ``texts`` on all cores, and concatenate the arrays that it returns.

        The first array has the probabilities. If one is not finite, raise ArtefactError, as the model is damaged.
        """
        texts = as_sequence(texts)
        arrays: Sequence[np.ndarray]
        if len(texts) <= _ROWS_ALONE:
            arrays = function(texts)
        else:
            pairs = -(-len(texts) // (2 * _ROWS_PER_BLOCK))
            rows = -(-len(texts) // (2 * pairs))
            blocks = (texts[start : start + rows] for start in range(0, len(texts), rows))
            try:
                with one_matrix_thread():
                    arrays = [*map(np.concatenate, zip(*ordered_map(function, blocks), strict=True))]
            except InputError:
                if not is_arrow(texts):
                    encode_all(texts)  # raises an error that numbers the text among all texts
                raise
        if not math.isfinite(arrays[0].sum()):  # of all at once, because this takes half the time for one text
            raise ArtefactError("the model's weights are damaged: it gives probabilities that are not numbers")
        return arrays
