"""Stage 4: the network is trained (`model.keras` is written last); an interrupted run goes on where it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pipelines.shared import publishing, stage
from pipelines.shared.checkpoint import Checkpoint, identity
from pipelines.shared.defaults import settle
from pipelines.shared.libraries import import_keras
from pipelines.shared.parent import from_nothing, require_parent
from pipelines.shared.parent_network import load_network
from pipelines.shared.training_record import history_table, record, seen_tweets
from pipelines.shared.training_rows import TrainingRows, add_augmentation, read_rows

if TYPE_CHECKING:
    import keras
    import numpy as np

    from sentiment.settings import NetworkSettings, Settings, TrainingSettings
    from sentiment.training.fitting import TrainingState

NOTHING, PARENT = "nothing", "parent"  # what weights may start from
# By how many standard errors the one from nothing must be better: by one, 10 rows preferred one 16 points worse.
_ERRORS = 2.0
_SEEDS_APART = 100_000  # of runs that are averaged: far from the seeds that people try one after another


class Fitted(NamedTuple):
    """A trained network.

    Attributes:
        model: its layers, not yet calibrated.
        network: the settings it is built by.
        state: how its training went.
        temperature: that calibrates it.
        probabilities: of the validation rows, uncalibrated.
    """

    model: "keras.Model"
    network: "NetworkSettings"
    state: "TrainingState"
    temperature: float
    probabilities: "np.ndarray"


def run(this: stage.Stage) -> None:
    """Build, fit, calibrate, write."""
    import_keras()
    from sentiment.training.calibration import apply_temperature
    from sentiment.training.devices import describe, share_batches

    this = settle(this, "network", "training")
    rows = read_rows(this)
    options = this.settings.training.for_rows(len(rows.parts["train"].labels))
    stage.log.info("%s", describe())
    share_batches(options.devices, options.batch_size)
    runs = _runs(this, len(rows.parts["train"].labels))
    checkpoints = {start: _checkpoints(this, start, count) for start, count in runs.items()}
    rows.parts["train"] = add_augmentation(this, rows.parts["train"], rows.classes)
    fitted = {start: _fit_all(this, rows, start, each) for start, each in checkpoints.items()}
    start, losses = _choose(fitted, rows, options)
    words, widened = _with_word_scores(fitted[start], rows, options)
    ngrams, last = _with_ngram_scores(widened, rows, options)
    model, network, state, temperature, _ = last
    this = replace(this, settings=replace(this.settings, network=network))
    apply_temperature(model, temperature)
    told = {"temperature": temperature} | ({"start": start, "start_losses": losses} if losses else {})
    told |= {name: share for name, share in {"word_scores": words, "ngram_scores": ngrams}.items() if share}
    _publish(this, model, state, record(this, rows.classes, state) | told)
    for checkpoint in chain.from_iterable(checkpoints.values()):
        checkpoint.path.unlink(missing_ok=True)
    _tell(last, len(checkpoints[start]), rows, options)
    if remark := this.settings.training.remark(state.best_epoch + 1, state.last_fall):
        stage.log.warning("WARNING: %s", remark)


def _tell(fitted: Fitted, runs: int, rows: TrainingRows, options: "TrainingSettings") -> None:
    """Log how training went, of several runs the first's, and the figures of the network that is published."""
    from sentiment.training.class_weights import class_weights
    from sentiment.training.rivals import row_losses

    state, labels = fitted.state, rows.parts["validation"].labels
    stage.log.info(
        "best epoch %d of %d%s: validation loss %.4f, accuracy %.4f",
        *(state.best_epoch + 1, len(state.history), f" in the first of {runs} runs" if runs > 1 else ""),
        *(state.best["val_loss"], state.best["val_accuracy"]),
    )
    weights = class_weights(rows.parts["train"], len(rows.classes), options)
    losses = row_losses(fitted.probabilities, labels, fitted.temperature, weights)
    right = (fitted.probabilities.argmax(axis=1) == labels).mean()
    stage.log.info(
        "the model as published: validation log loss %.4f, accuracy %.4f; temperature %.3f",
        *(losses.mean(), right, fitted.temperature),
    )


def _runs(this: stage.Stage, rows: int) -> dict[str, int]:
    """What to start from, and how often: nothing, or the parent, or each of them, where rows are so few."""
    options = this.settings.training
    if this.parent is None:
        return {NOTHING: 1}
    if rows > options.cold_rows:
        return {PARENT: 1}
    return {PARENT: options.averaged_runs if options.fitted_output else 1, NOTHING: 1}


def _checkpoints(this: stage.Stage, start: str, runs: int) -> list[Checkpoint]:
    beside = "-nothing" if this.parent is not None and start == NOTHING else ""
    names = {f".checkpoint{beside}{f'-{run}' if run else ''}.npz": run + 1 for run in range(runs)}
    which = "from nothing: " if beside else ""
    return [
        Checkpoint(this.places.model / name, identity(this), f"run {run} of {runs}: " if runs > 1 else which)
        for name, run in names.items()
    ]


def _fit_all(this: stage.Stage, rows: TrainingRows, start: str, checkpoints: Sequence[Checkpoint]) -> Fitted:
    """The network of the averaged weights of as many runs as there are checkpoints, each with a seed of its own.

    Runs that start from the same weights end so near to each other that the average is a network too, and a better one
    than each on other tweets (Wortsman et al., *Model soups*, 2022). What is told of its training is the first's.
    """
    from sentiment.training.fitting import leave_average

    weights = _weights_of_parent(this, rows) if start == PARENT else None
    first, *others = [_fit(this, rows, weights, checkpoint, run) for run, checkpoint in enumerate(checkpoints)]
    if not others:
        return first
    leave_average(first.model, [each.model for each in others])
    stage.log.info("the weights of %d runs averaged", len(checkpoints))
    return _calibrated(first.model, first.network, first.state, rows)


def _fit(
    this: stage.Stage, rows: TrainingRows, weights: "list[np.ndarray] | None", checkpoint: Checkpoint, run: int
) -> Fitted:
    """Train a network from ``weights`` (None: from nothing), or go on where that was interrupted."""
    from sentiment.training.fitting import train

    seed = this.settings.training.seed + run * _SEEDS_APART
    settings = replace(this.settings, training=replace(this.settings.training, seed=seed))
    if this.parent and weights is None:
        stage.log.info("training from nothing too; it is kept if its validation loss is clearly lower")
        settings = from_nothing(settings, stage.named_settings(this.profile, this.arguments.set))
    model = _new_network(settings, rows)
    if weights is not None:  # a resumed run needs them too: its state does not hold what stays frozen
        model.set_weights(weights)
    state = checkpoint.read()
    train(model, rows.parts, settings, state, checkpoint.write, _callbacks(this), weights is not None)
    return _calibrated(model, settings.network, state, rows)


def _new_network(settings: "Settings", rows: TrainingRows) -> "keras.Model":
    from sentiment.network.keras_network import build_network

    make_repeatable(settings.training.seed)
    return build_network(rows.matrix, settings.network, len(rows.classes), rows.seen)


def _calibrated(model: "keras.Model", network: "NetworkSettings", state: "TrainingState", rows: TrainingRows) -> Fitted:
    from sentiment.network.folding import fold
    from sentiment.training.calibration import fit_temperature

    validation = rows.parts["validation"]
    probabilities = fold(model, network).of_padded(validation.ids)
    return Fitted(model, network, state, fit_temperature(probabilities, validation.labels), probabilities)


def _choose(
    fitted: Mapping[str, Fitted], rows: TrainingRows, options: "TrainingSettings"
) -> tuple[str, dict[str, float]]:
    """The start that is kept: the first, unless another is clearly better; and each one's validation log loss.

    Losses, if there are several, are those after calibration, a row of each class weighing what it weighs in training.
    """
    from sentiment.training.class_weights import class_weights
    from sentiment.training.rivals import is_clearly_better, row_losses

    kept, *others = fitted
    if not others:
        return kept, {}
    labels = rows.parts["validation"].labels
    weights = class_weights(rows.parts["train"], len(rows.classes), options)
    losses = {s: row_losses(each.probabilities, labels, each.temperature, weights) for s, each in fitted.items()}
    for start in others:
        kept = start if is_clearly_better(losses[start], losses[kept], _ERRORS) else kept
    means = {start: float(each.mean()) for start, each in losses.items()}
    told = ", ".join(f"from {start} {loss:.4f}" for start, loss in means.items())
    stage.log.info("validation log loss %s: kept the one from %s", told, kept)
    return kept, means


def _with_word_scores(fitted: Fitted, rows: TrainingRows, options: "TrainingSettings") -> tuple[float, Fitted]:
    """The network with word scores beside it, where rows are few; and their share."""
    from sentiment.training.class_weights import class_weights
    from sentiment.training.word_scores import (
        EVEN,
        channel_words,
        choose_share,
        fit_word_scores,
        fits,
        with_word_scores,
    )

    part, validation = rows.parts["train"], rows.parts["validation"]
    if len(part.labels) > options.word_score_rows or not fits(fitted.network):
        return 0.0, fitted
    weights = class_weights(part, len(rows.classes), options)
    scores = fit_word_scores(part, weights, channel_words(fitted.model, rows.seen))
    logits = scores.logits(validation.ids)
    share, loss, without = choose_share(fitted.probabilities, logits, validation.labels, weights)
    why = "; one half, unless another share is better by over a standard error" if share == EVEN else ""
    stage.log.info(
        "word scores count for %.0f%%: validation log loss, before calibration, %.4f, without them %.4f%s",
        *(100 * share, loss, without, why),
    )
    if not share:
        return 0.0, fitted
    model, network = with_word_scores(fitted.model, fitted.network, scores, share, rows.seen)
    return share, _calibrated(model, network, fitted.state, rows)


def _with_ngram_scores(fitted: Fitted, rows: TrainingRows, options: "TrainingSettings") -> tuple[float, Fitted]:
    """The network with scores of n-grams beside it, where asked for; and what they are multiplied by."""
    from sentiment.network.folding import fold
    from sentiment.network.ngram_layers import with_ngram_scores
    from sentiment.training.calibration import logits_of
    from sentiment.training.class_weights import class_weights
    from sentiment.training.ngram_scores import choose_share, fit_ngram_scores

    if not options.ngram_buckets:
        return 0.0, fitted
    part, validation = rows.parts["train"], rows.parts["validation"]
    weights = class_weights(part, len(rows.classes), options)
    known = logits_of(fold(fitted.model, fitted.network).of_padded(part.ids)) / fitted.temperature
    scores = fit_ngram_scores(part, weights, options.ngram_buckets, known)
    logits = scores.logits(validation.ids)
    share, loss, without = choose_share(fitted.probabilities, logits, validation.labels, weights)
    stage.log.info("n-gram scores times %g: validation log loss %.4f, without them %.4f", share, loss, without)
    if not share:
        return 0.0, fitted
    model = with_ngram_scores(fitted.model, share * scores.values, share * scores.bias)
    return share, _calibrated(model, fitted.network, fitted.state, rows)


def _weights_of_parent(this: stage.Stage, rows: TrainingRows) -> "list[np.ndarray]":
    """The weights to start from: the parent's, and where the classes differ those of an output layer for them."""
    from sentiment.training.class_weights import class_weights
    from sentiment.training.output_layer import fit_output_layer
    from sentiment.training.parent import take_over

    assert this.parent is not None
    model, told = _new_network(this.settings, rows), require_parent(this.parent)
    same = take_over(model, load_network(this.parent), rows.classes, told["classes"], told.get("temperature", 1.0))
    fitted = not same and this.settings.training.fitted_output
    if fitted:
        part = rows.parts["train"]
        fit_output_layer(model, part, class_weights(part, len(rows.classes), this.settings.training))
    new = "" if same else f"; a new output layer for {', '.join(rows.classes)}" + ", fitted to its states" * fitted
    left = "; its scores of n-grams stay behind" if told.get("ngram_scores") else ""
    stage.log.info("starting from %s, of the classes %s%s%s", this.parent, ", ".join(told["classes"]), new, left)
    return model.get_weights()


def _callbacks(this: stage.Stage) -> "list[keras.callbacks.Callback]":
    import keras

    if keras.backend.backend() != "tensorflow":  # its writer is TensorFlow's
        return []
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return [keras.callbacks.TensorBoard(this.places.model / "logs" / stamp, write_graph=False)]


def make_repeatable(seed: int) -> None:
    """Seed everything, and have TensorFlow add up in a fixed order: with several threads it else does as they come."""
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # Its graph optimizer rewrites large sums of gradients so that they add up as they come; it saves no time here.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _publish(this: stage.Stage, model: "keras.Model", state: "TrainingState", told: Mapping[str, object]) -> None:
    """Write the model folder's part of this stage."""
    import numpy as np

    from sentiment.data.seen import SEEN

    with publishing.publish(this.places.model, last="model.keras") as staging:
        model.save(staging / "model.keras")
        np.save(staging / SEEN, seen_tweets(this))
        publishing.write_text(staging / "history.csv", history_table(state.history))
        publishing.write_json(staging / "settings.json", this.settings.to_dict())
        publishing.write_json(staging / "training.json", told)


if __name__ == "__main__":
    stage.main(run, __doc__)
