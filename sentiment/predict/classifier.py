"""The classifier for use from Python: it takes raw tweets, returns labels and probabilities, and needs only NumPy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.errors import ArtefactError, InputError
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.answers import Answers, labels_of
from sentiment.predict.estimator import FittedEstimator
from sentiment.text.inputs import as_sequence, encode_all, is_arrow
from sentiment.text.lexicon import known_shares
from sentiment.text.preprocessor import Preprocessor

if TYPE_CHECKING:
    from sentiment.predict.explanation import Explanation

# The last digits of an answer depend on the other texts in its block. The division into blocks therefore depends on the
# number of texts alone, not on the number of cores or their load.
_ROWS_PER_BLOCK = 16_384  # each distinct token of a block is looked up once, so long blocks need fewer look-ups
_ROWS_ALONE = 1536  # up to this number of texts, sharing the work between cores costs more than it saves


class SentimentClassifier(FittedEstimator):
    """A trained model with the interface of a scikit-learn classifier. It never changes, so threads can share it.

    Attributes:
        classes_: class names, str ``(n_classes,)``, sorted; the order of the columns of probabilities.
        preprocessor: the text preprocessing.
        network: the folded network.
    """

    def __init__(self, preprocessor: Preprocessor, network: FoldedNetwork, classes: Sequence[str]) -> None:
        self.classes_ = np.array(classes, dtype=np.str_)
        self.preprocessor = preprocessor
        self.network = network

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Return class probabilities, float32 ``(n, n_classes)``.

        Args:
            texts: ``n`` strings in a list, NumPy array, pandas Series or Arrow array. The probabilities of a text
                without a known word say nothing about it; :meth:`answer` also returns the share of known words.

        Raises:
            InputError: ``texts`` is a single string, or contains a value that is not a string or has no UTF-8 form.
            ArtefactError: the model is damaged, because its probabilities are not finite numbers.
        """
        return self.answer(texts).probabilities

    def answer(self, texts: Any) -> Answers:
        """Return the probabilities, the share of known tokens, and whether the end was cut off, for each text.

        Arguments and errors are as for :meth:`predict_proba`. A text without tokens (blank, or stop words only) has a
        share of 0. :func:`sentiment.predict.answers.labels_of` turns answers into labels, including ``unknown``.
        """
        texts = as_sequence(texts)
        if len(texts) <= _ROWS_ALONE:
            return self._checked(self._batch_answers(texts))
        pairs = -(-len(texts) // (2 * _ROWS_PER_BLOCK))
        rows = -(-len(texts) // (2 * pairs))
        blocks = (texts[start : start + rows] for start in range(0, len(texts), rows))
        try:
            with one_matrix_thread():
                parts = list(ordered_map(self._batch_answers, blocks))
        except InputError:
            if not is_arrow(texts):
                encode_all(texts)  # raises an error that numbers the text among all texts
            raise
        return self._checked(Answers(*map(np.concatenate, zip(*parts, strict=True))))

    def predict(self, texts: Any) -> np.ndarray:
        """Return the most probable class of each text, str ``(n,)``. Arguments are as for :meth:`predict_proba`."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def labels(self, texts: Any, threshold: float = 0.0, force: bool = False) -> np.ndarray:
        """Return the command line's label for each text, str ``(n,)``: a class, ``unknown`` or ``uncertain``.

        Args:
            texts: ``n`` strings, as for :meth:`predict_proba`.
            threshold: probability below which the label is ``uncertain``.
            force: label a text without a known token with its most probable class instead of ``unknown``.

        Raises:
            InputError: a text is not valid, as for :meth:`predict_proba`, or ``threshold`` is not between 0 and 1.
        """
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold: expected a probability from 0 to 1, received {threshold}")
        return labels_of(self.classes_, *self.answer(texts)[:2], threshold, force)

    def explain(self, text: str) -> "Explanation":
        """Label ``text`` and measure how much each token contributed. Use ``print`` to show the result.

        Raises:
            InputError: ``text`` is not a string or has no UTF-8 form.
        """
        from sentiment.predict.explanation import explain

        return explain(self, text)

    def __repr__(self) -> str:
        words, cell = len(self.preprocessor.lexicon.vocabulary), self.network.cell
        return f"SentimentClassifier(classes={self.classes_.tolist()}, vocabulary={words:,}, cell={cell!r})"

    def _batch_answers(self, texts: Any) -> Answers:
        ids, cut = self.preprocessor.encode_and_compare(texts)
        return Answers(self.network.probabilities(ids), known_shares(ids, self.preprocessor.says_something), cut)

    @staticmethod
    def _checked(answers: Answers) -> Answers:
        if not np.isfinite(answers.probabilities).all():
            raise ArtefactError("the model's weights are damaged: it gives probabilities that are not numbers")
        return answers
