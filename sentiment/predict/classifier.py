"""The classifier as Python code uses it: raw tweets in, labels and probabilities out, in NumPy alone."""

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

# A text's answer depends, in its last digits, on the texts that share its block, so blocks follow from the number of
# texts alone: not from the cores there are, nor from what else runs.
_ROWS_PER_BLOCK = 16_384  # a token that occurs in a block is looked up once, so long blocks have less to look up
_ROWS_ALONE = 1536  # up to so many, sharing the work between cores costs more than it saves


class SentimentClassifier(FittedEstimator):
    """A trained model, with scikit-learn's conventions. Stateless once made, so safe to share between threads.

    Attributes:
        classes_: class names, str ``(n_classes,)``, sorted as scikit-learn expects: the probabilities' columns.
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
            texts: ``n`` strings: a list, NumPy array, pandas Series or Arrow array. A text without a known word
                gets the model's answer to one unknown word; :meth:`answer` says which these are.

        Raises:
            InputError: ``texts`` is a single string, or one of them is not a string or has no UTF-8 form.
            ArtefactError: the model gives probabilities that are not numbers.
        """
        return self.answer(texts).probabilities

    def answer(self, texts: Any) -> Answers:
        """Return probabilities, the known share and whether the end was cut; arguments as :meth:`predict_proba`.

        The row of a text without a kept token (blank, stop words only) counts as unknown. To turn answers into
        labels that admit it, see :func:`sentiment.predict.answers.labels_of`.
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
                encode_all(texts)  # names the text by its place among all, not within its block
            raise
        return self._checked(Answers(*map(np.concatenate, zip(*parts, strict=True))))

    def predict(self, texts: Any) -> np.ndarray:
        """Return the most probable class of each text, str ``(n,)``; arguments and errors as :meth:`predict_proba`."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def labels(self, texts: Any, threshold: float = 0.0, force: bool = False) -> np.ndarray:
        """Return for each text what the command line prints: a class, ``unknown`` or ``uncertain``.

        Args:
            texts: as :meth:`predict_proba` takes them.
            threshold: an answer of lower probability is ``uncertain``.
            force: give a text without a known token the most probable class, not ``unknown``.

        Returns:
            str ``(n,)``.

        Raises:
            InputError: as :meth:`predict_proba`, or ``threshold`` is no probability.
        """
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold: expected a probability from 0 to 1, received {threshold}")
        return labels_of(self.classes_, *self.answer(texts)[:2], threshold, force)

    def explain(self, text: str) -> "Explanation":
        """Label ``text`` and measure what each token contributed; ``print`` of the result shows it.

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
