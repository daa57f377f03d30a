"""Stage 4: train the network. `model.keras`, written last, marks success. A killed run resumes from a checkpoint."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.shared import profiles, publishing, stage, training_files
from pipelines.shared.base_model import KERAS_MODEL, load_network, require_base_model, settings_from_nothing
from pipelines.shared.stage import import_keras
from sentiment.data.splitting import SEEN
from sentiment.settings import Settings, still_falling

if TYPE_CHECKING:
    import keras

    from sentiment.training.candidates import Candidate, TrainingRows
    from sentiment.training.fitting import TrainingState

# Up to this number of training rows, several runs from the base model are averaged and compared with one from scratch.
_FEW_ROWS = 5_000
_AVERAGED_RUNS = 3  # six were no better (docs/history.md)
_SEEDS_APART = 100_000  # between averaged runs; so large that their seeds differ from those of the user's next run


def run(this: stage.Stage) -> None:
    """Train the candidates, choose the best, add n-gram scores, calibrate the temperature, and write the model."""
    import_keras()
    from sentiment.training.backend import describe
    from sentiment.training.candidates import BASE_MODEL, NOTHING, add_ngram_scores, apply_temperature, average, choose

    this = stage.settle(this, "network", "training")
    rows = training_files.read_rows(this)
    count = len(rows.parts["train"].labels)
    options = this.settings.training.for_rows(count)
    stage.log.info("%s", describe())
    starts = [NOTHING] if this.base_model is None else [BASE_MODEL, NOTHING] if count <= _FEW_ROWS else [BASE_MODEL]
    rows.parts["train"] = training_files.add_augmentation(this, rows.parts["train"], rows.classes)
    candidates = {start: average(_runs(this, rows, start, count <= _FEW_ROWS), rows) for start in starts}
    start, losses = choose(candidates, rows, options)
    last, told = candidates[start], dict[str, Any](start=start, start_losses=losses) if losses else {}
    if options.ngram_buckets:
        last, choice = add_ngram_scores(last, rows, options)
        stage.log.info("n-gram scores times %g: validation log loss %.4f, without them %.4f", *choice)
        told |= {"ngram_scores": choice.factor} if choice.factor else {}
    apply_temperature(last.model, last.temperature)
    made = training_files.record(this, rows.classes, last.state) | {"temperature": last.temperature} | told
    _publish(this, last.model, last.state, made)
    for checkpoint in this.places.model.glob(".checkpoint*.npz"):
        checkpoint.unlink()
    _report(last, rows, this.settings, losses)


def _runs(this: stage.Stage, rows: "TrainingRows", start: str, few: bool) -> "list[Candidate]":
    """Train one network from ``start``, which is random weights or the base model's.

    From a base model with ``few`` training rows, train several with different seeds; they are averaged later.
    Interrupted runs resume from their checkpoints.
    """
    from sentiment.training.candidates import BASE_MODEL, candidate
    from sentiment.training.fitting import train

    settings, weights, count, name, told = this.settings, None, 1, ".checkpoint", ""
    if start == BASE_MODEL:
        weights, count = _base_weights(this, rows), _AVERAGED_RUNS if few else 1
    elif this.base_model is not None:
        stage.log.info("training from nothing too; it is kept if its validation loss is clearly lower")
        settings = settings_from_nothing(settings, profiles.named_settings(this.profile, this.arguments.set))
        name, told = ".checkpoint-nothing", "from nothing: "
    made_from, runs = training_files.identity(this), []
    for run in range(count):
        path = this.places.model / f"{name}{f'-{run}' if run else ''}.npz"
        checkpoint = training_files.Checkpoint(path, made_from, f"run {run + 1} of {count}: " if count > 1 else told)
        seed = settings.training.seed + run * _SEEDS_APART
        own = replace(settings, training=replace(settings.training, seed=seed))
        model = _new_network(own, rows)
        if weights is not None:
            model.set_weights(weights)
        state = checkpoint.read()
        train(model, rows.parts, own, state, checkpoint.write, _callbacks(this), weights is not None)
        runs.append(candidate(model, own.network, state, rows))
    return runs


def _new_network(settings: Settings, rows: "TrainingRows") -> "keras.Model":
    from sentiment.network.keras_network import build_network
    from sentiment.training.backend import make_repeatable

    make_repeatable(settings.training.seed)
    return build_network(rows.matrix, settings.network, len(rows.classes), rows.seen)


def _base_weights(this: stage.Stage, rows: "TrainingRows") -> list[np.ndarray]:
    """Return the weights of the base model, with a new output layer if the classes differ."""
    from sentiment.training.base_model import fit_output_layer, take_over

    assert this.base_model is not None
    model, made = _new_network(this.settings, rows), require_base_model(this.base_model)
    same = take_over(model, load_network(this.base_model), rows.classes, made["classes"], made.get("temperature", 1.0))
    if not same:
        fit_output_layer(model, rows.parts["train"], rows.class_weights(this.settings.training))
    new = "" if same else f"; a new output layer for {', '.join(rows.classes)}, fitted to its states"
    left = "; its scores of n-grams are not taken over" if made.get("ngram_scores") else ""
    stage.log.info("starting from %s, of the classes %s%s%s", this.base_model, ", ".join(made["classes"]), new, left)
    return model.get_weights()


def _callbacks(this: stage.Stage) -> "list[keras.callbacks.Callback]":
    import keras

    if keras.backend.backend() != "tensorflow":  # the writer of TensorBoard's logs needs TensorFlow
        return []
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return [keras.callbacks.TensorBoard(this.places.model / "logs" / stamp, write_graph=False)]


def _publish(this: stage.Stage, model: "keras.Model", state: "TrainingState", made: Mapping[str, object]) -> None:
    with publishing.publish(this.places.model, last=KERAS_MODEL) as staging:
        model.save(staging / KERAS_MODEL)
        np.save(staging / SEEN, training_files.seen_tweets(this))
        publishing.write_text(staging / "history.csv", training_files.history_table(state.history))
        publishing.write_json(staging / "settings.json", this.settings.to_dict())
        publishing.write_json(staging / "training.json", made)


def _report(last: "Candidate", rows: "TrainingRows", settings: Settings, losses: Mapping[str, Any]) -> None:
    """Log the course of the training, and the validation metrics of the published network."""
    state, labels, options = last.state, rows.parts["validation"].labels, settings.training
    if losses:
        told = ", ".join(f"from {start} {loss:.4f}" for start, loss in losses.items())
        stage.log.info("validation log loss %s", told)
    stage.log.info(
        "best epoch %d of %d: validation loss %.4f, accuracy %.4f",
        *(state.best_epoch + 1, len(state.history), state.best["val_loss"], state.best["val_accuracy"]),
    )
    right = (last.probabilities.argmax(axis=1) == labels).mean()
    stage.log.info(
        "the model as published: validation log loss %.4f, accuracy %.4f; temperature %.3f",
        *(last.losses(rows, options).mean(), right, last.temperature),
    )
    if remark := still_falling(options.epochs, state.best_epoch + 1, state.last_fall):
        stage.log.warning("WARNING: %s", remark)


if __name__ == "__main__":
    stage.main(run, __doc__)
