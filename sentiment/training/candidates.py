"""Make the published network out of those that were trained: average runs, choose between starts, add n-gram scores."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.folding import fold
from sentiment.network.ngram_layers import with_ngram_scores
from sentiment.settings import NetworkSettings, TrainingSettings
from sentiment.training.calibration import fit_temperature, logits_of, row_losses
from sentiment.training.class_weights import class_weights
from sentiment.training.fitting import TrainingState, leave_average
from sentiment.training.ngram_scores import NgramChoice, choose_factor, fit_ngram_scores

NOTHING, BASE_MODEL = "nothing", "base model"  # what a candidate's weights started from
# With one standard error, 10 validation rows once preferred a network that was 16 points worse.
_ERRORS = 2.0


class TrainingRows(NamedTuple):
    """The rows that a network is trained and validated on.

    Attributes:
        parts: ``train`` and ``validation`` rows.
        matrix: frozen vectors, float32 ``(vocabulary, dimension)``.
        classes: names in the order of the outputs.
        seen: number of ids that occur in training, which are the lowest ones.
    """

    parts: dict[str, EncodedPart]
    matrix: np.ndarray
    classes: list[str]
    seen: int

    def class_weights(self, options: TrainingSettings) -> np.ndarray:
        """Return the weight of each class, float32 ``(classes,)``."""
        return class_weights(self.parts["train"], len(self.classes), options)


class Candidate(NamedTuple):
    """A trained network.

    Attributes:
        model: its layers, not calibrated.
        network: the settings that it was built with.
        state: the history of its training. If several runs were averaged, it is the history of the first one.
        temperature: what calibrates it.
        probabilities: of the validation rows, not calibrated, float32 ``(n, classes)``.
    """

    model: keras.Model
    network: NetworkSettings
    state: TrainingState
    temperature: float
    probabilities: np.ndarray

    def losses(self, rows: TrainingRows, options: TrainingSettings) -> np.ndarray:
        """Return the calibrated log loss of each validation row, float64 ``(n,)``."""
        labels = rows.parts["validation"].labels
        return row_losses(self.probabilities, labels, self.temperature, rows.class_weights(options))


class Choice(NamedTuple):
    """Which candidate is kept, and the mean validation log loss of each; no losses where there was one candidate."""

    start: str
    losses: dict[str, float]


def candidate(model: keras.Model, network: NetworkSettings, state: TrainingState, rows: TrainingRows) -> Candidate:
    """Fit the temperature of a trained ``model`` on the validation rows."""
    validation = rows.parts["validation"]
    probabilities = fold(model, network).of_padded(validation.ids)
    return Candidate(model, network, state, fit_temperature(probabilities, validation.labels), probabilities)


def average(runs: Sequence[Candidate], rows: TrainingRows) -> Candidate:
    """Return the network with the averaged weights of ``runs``, which started from the same weights.

    Such runs end near to each other, so their average is a network too, and better than each of them on other tweets
    (Wortsman et al., *Model soups*, 2022).
    """
    first, *others = runs
    if not others:
        return first
    leave_average(first.model, [each.model for each in others])
    return candidate(first.model, first.network, first.state, rows)


def choose(candidates: Mapping[str, Candidate], rows: TrainingRows, options: TrainingSettings) -> Choice:
    """Choose the first candidate, unless another one is better by more than two standard errors."""
    start, *others = candidates
    if not others:
        return Choice(start, {})
    losses = {name: each.losses(rows, options) for name, each in candidates.items()}
    for other in others:
        start = other if is_clearly_better(losses[other], losses[start], _ERRORS) else start
    return Choice(start, {name: float(each.mean()) for name, each in losses.items()})


def is_clearly_better(losses: np.ndarray, others: np.ndarray, errors: float = 1.0) -> bool:
    """Return whether the mean of ``losses`` is lower than that of ``others`` by more than ``errors`` standard errors.

    This is the rule of Breiman et al. (*Classification and Regression Trees*, 1984): a candidate that chance alone may
    have put first does not replace the preferred one.

    Args:
        losses: of the candidate, one per row, ``(n,)``.
        others: of the preferred network on the same rows, ``(n,)``.
        errors: how many standard errors of the difference are needed.
    """
    gain = others - losses
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > errors * error)


def add_ngram_scores(kept: Candidate, rows: TrainingRows, options: TrainingSettings) -> tuple[Candidate, NgramChoice]:
    """Return ``kept`` with scores of n-grams added to its logits, calibrated again, and how they were chosen.

    The scores are fitted on the training rows and multiplied by the factor that the validation rows prefer. Where that
    is 0 the network stays as it is.

    Args:
        kept: the network.
        rows: what it was trained on.
        options: ``ngram_buckets``, over 0, and the class weights.
    """
    part, validation = rows.parts["train"], rows.parts["validation"]
    weights = rows.class_weights(options)
    logits = logits_of(fold(kept.model, kept.network).of_padded(part.ids)) / kept.temperature
    scores = fit_ngram_scores(part, weights, options.ngram_buckets, logits)
    choice = choose_factor(kept.probabilities, scores.logits(validation.ids), validation.labels, weights)
    if not choice.factor:
        return kept, choice
    model = with_ngram_scores(kept.model, choice.factor * scores.values, choice.factor * scores.bias)
    return candidate(model, kept.network, kept.state, rows), choice
