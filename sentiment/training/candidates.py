"""Make the final network from trained ones: average runs, choose a random or pretrained start, add n-gram scores."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import CLASSES, NGRAMS, fold, with_ngram_scores
from sentiment.settings import NetworkSettings, TrainingSettings
from sentiment.training.batches import class_weights
from sentiment.training.calibration import fit_temperature, logits_of, row_losses
from sentiment.training.fitting import TrainingState, copy_variables, mean_of, restore_variables
from sentiment.training.ngram_scores import NgramChoice, choose_factor, fit_ngram_scores
from sentiment.training.trainer import trainable

NOTHING, BASE_MODEL = "nothing", "base model"  # starting point: random weights or a base model's
# Standard errors by which a candidate must be better. With one, a network that was 16 points worse once won on 10
# validation rows.
_ERRORS = 2.0


class TrainingRows(NamedTuple):
    """The rows that a network is trained and validated on.

    Attributes:
        parts: encoded rows under the keys ``train`` and ``validation``.
        matrix: frozen GloVe vectors, float32 ``(vocabulary, dimension)``.
        classes: names of the classes in the order of the network's outputs.
        seen: ids below this number occur in the training rows.
    """

    parts: dict[str, EncodedPart]
    matrix: np.ndarray
    classes: list[str]
    seen: int

    def class_weights(self, options: TrainingSettings) -> np.ndarray:
        """Return the weight of each class in the loss, float32 ``(classes,)``."""
        return class_weights(self.parts["train"], len(self.classes), options)


class Candidate(NamedTuple):
    """A trained network that may become the final one.

    Attributes:
        model: the uncalibrated Keras network.
        network: the settings that ``model`` was built with.
        state: the training history; for the mean of several runs, the history of the first run.
        temperature: calibration temperature, fitted on the validation rows.
        probabilities: uncalibrated probabilities of the validation rows, float32 ``(n, classes)``.
    """

    model: keras.Model
    network: NetworkSettings
    state: TrainingState
    temperature: float
    probabilities: np.ndarray

    def losses(self, rows: TrainingRows, options: TrainingSettings) -> np.ndarray:
        """Return the log loss of each validation row after calibration, times the weight of its class, ``(n,)``."""
        labels = rows.parts["validation"].labels
        return row_losses(self.probabilities, labels, self.temperature, rows.class_weights(options))


def candidate(model: keras.Model, network: NetworkSettings, state: TrainingState, rows: TrainingRows) -> Candidate:
    """Return the trained ``model`` as a :class:`Candidate`, with a temperature fitted on the validation rows."""
    validation = rows.parts["validation"]
    probabilities = fold(model, network).of_padded(validation.ids)
    return Candidate(model, network, state, fit_temperature(probabilities, validation.labels), probabilities)


def average(runs: Sequence[Candidate], rows: TrainingRows) -> Candidate:
    """Return the network with the mean weights of ``runs``, which must have started from the same weights.

    The weights of such runs stay close to each other, so their mean is a good network too. On unseen tweets, the mean
    network is better than the network of any single run (Wortsman et al., *Model soups*, 2022).
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    restore_variables(trainable(first.model), mean_of([copy_variables(trainable(each.model)) for each in runs]))
    return candidate(first.model, first.network, first.state, rows)


def choose(
    candidates: Mapping[str, Candidate], rows: TrainingRows, options: TrainingSettings
) -> tuple[str, dict[str, float]]:
    """Choose a candidate: the first, unless a later one is clearly better on the validation rows.

    Returns:
        The name of the chosen candidate, and each candidate's mean validation log loss (empty for one candidate).
    """
    start, *others = candidates
    if not others:
        return start, {}
    losses = {name: each.losses(rows, options) for name, each in candidates.items()}
    for other in others:
        start = other if is_clearly_better(losses[other], losses[start]) else start
    return start, {name: float(each.mean()) for name, each in losses.items()}


def is_clearly_better(losses: np.ndarray, others: np.ndarray) -> bool:
    """Return whether a candidate's mean loss is lower than another network's by over two standard errors.

    ``losses`` of the candidate and ``others`` of the other network have one loss per row, ``(n,)``. Without the margin,
    a candidate that is better by chance would win (Breiman et al., *Classification and Regression Trees*, 1984).
    """
    gain = others - losses
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > _ERRORS * error)


def add_ngram_scores(kept: Candidate, rows: TrainingRows, options: TrainingSettings) -> tuple[Candidate, NgramChoice]:
    """Add scores of n-grams to the logits of the chosen network ``kept``, and calibrate the result again.

    The scores are fitted on the training rows, and multiplied by the factor with the lowest loss on the validation
    rows. If this factor is 0, the network stays unchanged.
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


def apply_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the logits of ``model`` by ``temperature``, by dividing the weights of the layers that produce logits."""
    for layer in model.layers:
        if layer.name in (CLASSES, NGRAMS):
            layer.set_weights([weight / temperature for weight in layer.get_weights()])
