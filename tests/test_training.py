"""Fitting: it learns, it stops where it should, it resumes bit for bit, and it is calibrated."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from pipelines import train as train_stage
from pipelines.shared import stage
from pipelines.shared.training_files import Checkpoint
from sentiment.data.encoded import EncodedPart
from sentiment.network.folded import softmax
from sentiment.network.keras_network import GLOVE, build_network
from sentiment.settings import NetworkSettings, PreprocessingSettings, Settings, TrainingSettings
from sentiment.training import fitting as training
from sentiment.training.batches import Batches, class_weights
from sentiment.training.calibration import fit_temperature, uncalibrated
from sentiment.training.candidates import apply_temperature
from sentiment.training.fitting import TrainingState, make_batches, train
from sentiment.training.trainer import KerasTrainer, make_optimizer

# Tokens 2 and 3 mark class 0, 4 and 5 class 1; the others mean nothing.
VOCABULARY, MAX_TOKENS = 12, 4
NETWORK = NetworkSettings(
    trainable_dimension=2, projection=(), units=4, bidirectional=False, pooling="last", word_dropout=0.05
)


def make_settings(**options: Any) -> Settings:
    chosen = {"seed": 3, "epochs": 3, "batch_size": 16, "learning_rate": 0.1, "patience": 4} | options
    return Settings(
        preprocessing=PreprocessingSettings(max_tokens=MAX_TOKENS), network=NETWORK, training=TrainingSettings(**chosen)
    )


def toy_part(n: int, seed: int) -> EncodedPart:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    lengths = random.integers(1, MAX_TOKENS + 1, n)
    ids = np.where(np.arange(MAX_TOKENS) < lengths[:, None], random.integers(6, VOCABULARY, (n, MAX_TOKENS)), 0)
    ids[np.arange(n), random.integers(0, lengths)] = 2 + 2 * labels + random.integers(0, 2, n)
    return EncodedPart(ids.astype(np.uint8), labels)


PARTS = {"train": toy_part(400, 1), "validation": toy_part(60, 2)}


def make_model(seed: int = 3) -> keras.Model:
    keras.utils.set_random_seed(seed)
    matrix = np.random.default_rng(0).normal(size=(VOCABULARY, 3)).astype(np.float32)
    return build_network(matrix, NETWORK, 2)


class FinishedRun(NamedTuple):
    """A finished run: the weights left in the model, the state, and copies of the state from after each epoch."""

    weights: list[bytes]
    state: TrainingState
    states: list[TrainingState]


def weights_of(model: keras.Model) -> list[bytes]:
    """All variables but the dropout layers' random states, bit by bit."""
    return [variable.numpy().tobytes() for variable in model.weights]


def run(
    settings: Settings, parts: Any = None, state: TrainingState | None = None, seed: int = 3, keep_start: bool = False
) -> FinishedRun:
    model, state, states = make_model(seed), state or TrainingState(), []
    train(model, parts or PARTS, settings, state, lambda now: states.append(copy.deepcopy(now)), keep_start=keep_start)
    return FinishedRun(weights_of(model), state, states)


def model_with(weights: dict[str, np.ndarray]) -> list[bytes]:
    """The weights of a model whose trainable ones are ``weights``."""
    model = make_model()
    training.restore_variables(training.trainable(model), weights)
    return weights_of(model)


AVERAGING = make_settings(averaged_epochs=0.6)  # two of three


@pytest.fixture(scope="module")
def uninterrupted() -> FinishedRun:
    return run(AVERAGING)


def test_a_separable_toy_set_is_learned(uninterrupted: FinishedRun) -> None:
    history = uninterrupted.state.history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["val_accuracy"] > 0.95
    assert history[-1]["val_loss"] < history[0]["val_loss"]
    assert set(history[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_run_resumed_after_any_epoch_is_the_uninterrupted_run(
    tmp_path: Path, uninterrupted: FinishedRun, epoch: int
) -> None:
    checkpoint = Checkpoint(tmp_path / "current.npz", "toy")
    checkpoint.write(uninterrupted.states[epoch - 1])
    state = checkpoint.read()
    assert len(state.history) == epoch
    resumed = run(AVERAGING, state=state, seed=999)  # what the new process began with does not matter
    assert resumed.state.history == uninterrupted.state.history
    assert resumed.state.best_epoch == uninterrupted.state.best_epoch
    assert resumed.weights == uninterrupted.weights
    for name, value in uninterrupted.state.weights.items():
        assert value.tobytes() == resumed.state.weights[name].tobytes(), name


def test_the_state_holds_optimizer_and_dropout_seeds(uninterrupted: FinishedRun) -> None:
    model = make_model()
    trainer = KerasTrainer(model, make_settings(), 13)
    paths = [variable.path for variable in trainer.variables]
    assert len(paths) == len(uninterrupted.state.weights)
    for part in ("seed_generator_state", "iteration", "momentum", "velocity", "recurrent_kernel"):
        assert any(part in path for path in paths), part


def test_dropout_draws_in_every_training_step_and_not_in_validation(uninterrupted: FinishedRun) -> None:
    """Of the layers of the trainable embedding, its words and the pooled state, the second has the rate 0."""
    seeds = [
        f"v{i}" for i, each in enumerate(KerasTrainer(make_model(), AVERAGING, 13).variables) if "seed" in each.path
    ]
    draws = [[int(state.weights[name][1]) for name in seeds] for state in uninterrupted.states]
    assert draws == [[25, 0, 25], [50, 0, 50], [75, 0, 75]]


def test_another_seed_gives_another_order_and_other_dropped_words() -> None:
    first, same, other = (make_batches(PARTS, make_settings(seed=seed))[0][0] for seed in (3, 3, 4))
    assert first[0].types.tolist() == same[0].types.tolist()
    assert first[0].positions.tolist() == same[0].positions.tolist() != other[0].positions.tolist()


def test_the_glove_rows_are_bit_identical_after_training(uninterrupted: FinishedRun) -> None:
    fresh = make_model()
    assert not any(GLOVE in variable.path for variable in fresh.trainable_variables)
    for variable, after in zip(fresh.weights, uninterrupted.weights, strict=True):
        frozen = GLOVE in variable.path
        assert (variable.numpy().tobytes() == after) is frozen, variable.path
    assert sum(GLOVE in variable.path for variable in fresh.weights) == 1


def test_the_last_epochs_are_averaged(uninterrupted: FinishedRun) -> None:
    names = uninterrupted.state.best_weights
    last = [{name: state.weights[name] for name in names} for state in uninterrupted.states[1:]]
    assert any(last[0][name].tobytes() != last[1][name].tobytes() for name in names)
    averaged = model_with({name: (last[0][name] + last[1][name]) / 2 for name in names})
    for mine, theirs in zip(averaged, uninterrupted.weights, strict=True):
        np.testing.assert_allclose(np.frombuffer(mine, np.float32), np.frombuffer(theirs, np.float32), atol=1e-7)


def test_on_top_of_a_trained_model_epochs_are_not_averaged(uninterrupted: FinishedRun) -> None:
    found = run(AVERAGING, keep_start=True)
    assert found.weights == model_with(uninterrupted.state.best_weights) != uninterrupted.weights
    assert not found.state.recent


# Stopping


def test_early_stopping_leaves_the_best_weights() -> None:
    """With the validation labels turned round, learning can only make the validation loss worse."""
    contrary = {
        "train": PARTS["train"],
        "validation": PARTS["validation"]._replace(labels=1 - PARTS["validation"].labels),
    }
    stopped = run(make_settings(epochs=9, patience=2, learning_rate=0.1), contrary)
    losses = [row["val_loss"] for row in stopped.state.history]
    best = int(np.argmin(losses))
    assert stopped.state.best_epoch == best
    assert len(losses) == best + 3 < 9
    best_weights = stopped.states[best].best_weights
    assert stopped.weights == model_with(best_weights)
    assert any((best_weights[name] != stopped.state.weights[name]).any() for name in best_weights), "best is last"


@pytest.mark.parametrize(
    ("losses", "epochs", "patience", "best", "finished"),
    [
        ([], 3, 1, -1, False),
        ([3.0], 3, 1, 0, False),
        ([3.0, 2.0], 3, 1, 1, False),
        ([3.0, 3.0], 3, 1, 0, True),  # as good is not better
        ([3.0, 4.0], 5, 2, 0, False),
        ([3.0, 4.0, 5.0], 5, 2, 0, True),
        ([3.0, 4.0, 2.0], 5, 2, 2, False),
        ([3.0, 2.0, 1.0], 3, 9, 2, True),
    ],
)
def test_a_state_knows_its_best_epoch_and_when_to_stop(
    losses: list[float], epochs: int, patience: int, best: int, finished: bool
) -> None:
    state = TrainingState()
    for i, loss in enumerate(losses):
        state.add_epoch({"val_loss": loss}, {"v0": np.array(i)}, {"v0": np.array(i)})
    assert state.best_epoch == best
    assert state.is_finished(TrainingSettings(epochs=epochs, patience=patience)) is finished
    if losses:
        assert (state.weights["v0"], state.best_weights["v0"]) == (len(losses) - 1, best)


@pytest.mark.parametrize(("losses", "fall"), [([3.0], 1.0), ([3.0, 4.0, 3.0], 0.25), ([4.0, 5.0], -0.25)])
def test_a_state_knows_how_far_the_loss_fell_in_the_last_epoch(losses: list[float], fall: float) -> None:
    state = TrainingState(history=[{"val_loss": loss} for loss in losses])
    assert state.last_fall == fall


# Figures


@pytest.mark.parametrize("low", [1.0, 0.01])
def test_the_figures_of_a_pass_are_weighted_means_over_all_rows(low: float) -> None:
    """Two full batches and a partial one, of two widths; validation drops nothing."""
    random, n, max_tokens = np.random.default_rng(8), 83, 12
    lengths = random.integers(1, max_tokens + 1, n)
    ids = np.where(np.arange(max_tokens) < lengths[:, None], random.integers(1, VOCABULARY, (n, max_tokens)), 0)
    weights = np.where(np.arange(n) < 20, 1, low).astype(np.float32)
    part = EncodedPart(ids.astype(np.uint8), random.integers(0, 2, n), weights)
    settings, model = make_settings(label_smoothing=0.0, class_weights="none"), make_model()
    figures = training.trainer_class()(model, settings, 3).run(Batches(part, 2, 32), "", learn=False)
    answers = np.asarray(model(ids))
    losses, right = -np.log(answers[np.arange(n), part.labels]), answers.argmax(axis=1) == part.labels
    assert figures["loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-4)
    assert figures["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-4)


# Class weights and schedule


def balanced(labels: np.ndarray) -> np.ndarray:
    return class_weights(EncodedPart(labels[:, None], labels), 3, TrainingSettings())


def test_balanced_weights_by_hand() -> None:
    np.testing.assert_allclose(balanced(np.array([0, 0, 0, 2])), [4 / 9, 4 / 3, 4 / 3])


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.random.default_rng(0).choice(3, 500, p=[0.7, 0.2, 0.1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(balanced(labels), expected, rtol=1e-6)


@pytest.mark.parametrize(("choice", "rare", "frequent"), [("none", 1.0, 1.0), ("balanced", 2.5, 0.625)])
def test_class_weights_reach_the_batches_of_both_parts(choice: str, rare: float, frequent: float) -> None:
    part = EncodedPart(PARTS["train"].ids[:80], (np.arange(80) % 5 == 0).astype(np.int64))
    for batches in make_batches(
        {"train": part, "validation": part}, make_settings(class_weights=choice, batch_size=80)
    ):
        _, y_true, weights = batches[0]
        real = weights > 0
        assert real.sum() == 80
        relative = weights[real] / (len(weights) / 80)
        np.testing.assert_allclose(relative, np.where(y_true[real, 1] == 1, rare, frequent), rtol=1e-6)


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    optimizer = make_optimizer(TrainingSettings(learning_rate=0.5, epochs=10, clip_norm=0.25), steps=20)
    assert optimizer.global_clipnorm == 0.25
    for step, rate in {0: 0.0, 5: 0.25, 10: 0.5, 105: 0.25, 200: 0.0}.items():  # 10 is 5% of 200 steps
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-6)


# Checkpoint


def small_state() -> TrainingState:
    state = TrainingState()
    state.add_epoch({"val_loss": 0.1 + 0.2}, {"v0": np.arange(3.0), "v1": np.array(7)}, {"v0": np.zeros(2)})
    return state


def test_a_checkpoint_gives_back_the_state(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "c.npz", "me")
    checkpoint.write(small_state())
    state = checkpoint.read()
    assert (state.history, state.best_epoch) == ([{"epoch": 1, "val_loss": 0.1 + 0.2}], 0)
    np.testing.assert_array_equal(state.weights["v0"], [0, 1, 2])
    assert state.weights["v1"] == 7
    np.testing.assert_array_equal(state.best_weights["v0"], [0, 0])
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["c.npz"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 not really"),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: np.savez(path, other=np.zeros(1)),
    ],
    ids=["missing", "empty", "no zip", "short", "cut", "other arrays"],
)
def test_a_checkpoint_that_cannot_be_used_means_starting_anew(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    checkpoint = Checkpoint(tmp_path / "c.npz", "me")
    checkpoint.write(small_state())
    spoil(checkpoint.path)
    assert checkpoint.read() == TrainingState()


def test_a_checkpoint_of_other_inputs_is_not_used(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c.npz", "me").write(small_state())
    assert Checkpoint(tmp_path / "c.npz", "somebody else").read() == TrainingState()


def test_training_without_its_inputs_says_which_command_makes_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit, match="2"):
        stage.main(train_stage.run, "", argv=["--root", str(tmp_path)])
    assert "run `make preprocess` first" in caplog.records[-1].getMessage()


# Temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_synthetic_over_confident_rows_is_found(temperature: float) -> None:
    random = np.random.default_rng(4)
    honest = softmax(random.normal(scale=1.5, size=(40_000, 3)))
    labels = (honest.cumsum(axis=1) < random.random((len(honest), 1))).sum(axis=1)
    claimed = softmax(np.log(honest) * temperature)
    assert fit_temperature(claimed, labels) == pytest.approx(temperature, rel=0.05)


def test_the_fitted_temperature_has_the_least_log_loss() -> None:
    random = np.random.default_rng(5)
    claimed = softmax(random.normal(scale=3, size=(30_000, 2)))
    labels = (random.random(30_000) < softmax(np.log(claimed) / 2)[:, 1]).astype(int)

    def loss(t: float) -> float:
        p = softmax(np.log(np.clip(claimed, 1e-12, 1)) / t)
        return float(-np.log(p[np.arange(30_000), labels]).mean())

    found = fit_temperature(claimed, labels)
    assert loss(found) <= min(loss(t) for t in np.geomspace(0.2, 5, 21)) + 1e-5
    assert 1.8 < found < 2.2


def test_few_rows_leave_the_temperature_near_one() -> None:
    right, labels = np.tile([0.6, 0.4], (20, 1)), np.zeros(20, int)
    assert 0.7 < fit_temperature(right, labels) < 1.0
    assert 1.0 < fit_temperature(right, 1 - labels) < 1.4
    assert fit_temperature(np.tile(right, (100, 1)), np.tile(labels, 100)) < 0.3


def test_the_temperature_stays_within_its_bounds() -> None:
    certain, labels = np.tile([0.6, 0.4], (50_000, 1)), np.zeros(50_000, int)
    assert fit_temperature(certain, labels) == pytest.approx(0.2, rel=1e-3)
    assert fit_temperature(certain, 1 - labels) == pytest.approx(5.0, rel=1e-3)


def test_applying_a_temperature_divides_the_logits_and_uncalibrated_inverts_it() -> None:
    model, ids = make_model(), PARTS["train"].ids[:20].astype(np.int32)
    model.get_layer("classes").bias.assign([0.7, -0.4])
    before = np.asarray(model(ids), np.float64)
    apply_temperature(model, 1.7)
    after = np.asarray(model(ids))
    np.testing.assert_allclose(after, softmax(np.log(before) / 1.7), atol=1e-6)
    np.testing.assert_allclose(uncalibrated(after, 1.7), before, atol=1e-6)
    assert np.abs(after - before).max() > 0.01
